"""One holding from flat to flat."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from stopward.domain.identity import Symbol
from stopward.domain.money import Side

ZERO = Decimal(0)


@dataclass(slots=True, kw_only=True)
class Episode:
    """One holding from flat to flat, as executions tell it.

    tightest: the tightest stop of ours that rested, or the trader's looser one since. steps: for
    each execution its time, the shares held after it, and the dollars it realised.
    """

    symbol: Symbol
    began_at: datetime
    shares: Decimal = ZERO
    tightest: Decimal | None = None
    has_split: bool = False
    steps: list[tuple[datetime, Decimal, Decimal]] = field(default_factory=list)

    @property
    def side(self) -> Side:
        """The side of the holding."""
        return "long" if self.shares > 0 else "short"

    def last_with(self, shares: Decimal, *, by: datetime) -> int | None:
        """Return the last execution until then that left so many shares, negative of a short."""
        found = (n for n, (at, held, _) in enumerate(self.steps) if held == shares and at <= by)
        return max(found, default=None)
