"""A position as it is opened at the broker, before Stopward has seen it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from stopward.domain.identity import PositionId, Symbol
from stopward.domain.money import Side


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionRow:
    """One position as a file tells it.

    quantity: shares, > 0; a fraction is allowed. initial_stop: the stop that rests with the entry;
    None when the trader placed none. target: a bracket's take-profit leg; None without a bracket.
    tags: what the trader marked it with.
    """

    id: PositionId
    symbol: Symbol
    side: Side
    quantity: Decimal
    entry_at: datetime
    entry_price: Decimal
    initial_stop: Decimal | None
    target: Decimal | None = None
    tags: tuple[str, ...] = ()

    @property
    def is_fractional(self) -> bool:
        """Whether the quantity is not a whole number of shares."""
        return self.quantity != self.quantity.to_integral_value()

    @property
    def risk_dollars(self) -> Decimal | None:
        """What is lost at the initial stop, in dollars; None without one."""
        if self.initial_stop is None:
            return None
        return abs(self.entry_price - self.initial_stop) * self.quantity
