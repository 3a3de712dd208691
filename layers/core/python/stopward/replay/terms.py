"""On which terms a replay fills orders, and what they cost."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final, Literal

from stopward.rules.booking import EXECUTABLE, HALF_SPREAD_OR_TICK, IDEALISED, Terms
from stopward.rules.kernel import BOOKS_OPEN, BOOKS_TARGET
from stopward.rules.types import Slippage

Timing = Literal["executable", "idealised"]
Gap = Literal["target", "open"]
TIMINGS: Final[dict[Timing, float]] = {"executable": EXECUTABLE, "idealised": IDEALISED}
GAPS: Final[dict[Gap, float]] = {"target": BOOKS_TARGET, "open": BOOKS_OPEN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Commission:
    """What the broker takes an order, in dollars: the entry is one, each exit another.

    per_share: for each share; per_order: for each order; fraction: of its value; least: but never
    less than this.
    """

    per_share: float = 0.0
    per_order: float = 0.0
    fraction: float = 0.0
    least: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """How fills are booked and what they cost.

    timing: `executable` is what live can do; `idealised` is for comparison. gap: what a favourable
    gap over a resting target books. equity: dollars at the start, for limits that are a fraction
    of it; None leaves those quiet.
    """

    timing: Timing = "executable"
    gap: Gap = "target"
    slippage: Slippage = HALF_SPREAD_OR_TICK
    commission: Commission = field(default_factory=Commission)
    equity: Decimal | None = None

    def terms(self) -> Terms:
        """Return what the kernel is told."""
        return Terms(TIMINGS[self.timing], GAPS[self.gap], self.slippage)
