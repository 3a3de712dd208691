"""How many trades training needs, and how many are missing."""

from dataclasses import dataclass
from math import ceil
from typing import Final

from stopward.training.dataset import Dataset
from stopward.training.weights import effective_n

LEAST_TRADES: Final = 100
LEAST_EFFECTIVE_N: Final = 60.0
LEAST_OF_A_CLASS: Final = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Minimum:
    """What there is: closed trades, their effective number, winners and losers among them."""

    trades: int
    effective_n: float
    winners: int
    losers: int

    @property
    def missing_trades(self) -> int:
        """How many trades there are too few; 0 when there are enough."""
        return max(LEAST_TRADES - self.trades, 0)

    @property
    def missing_effective_n(self) -> int:
        """How many separate trades there are too few, rounded up."""
        return max(ceil(LEAST_EFFECTIVE_N - self.effective_n), 0)

    @property
    def missing_of_the_rarer_class(self) -> int:
        """How many winners, or losers, there are too few of the rarer kind."""
        return max(LEAST_OF_A_CLASS - min(self.winners, self.losers), 0)

    @property
    def is_reached(self) -> bool:
        """Whether there is enough to train on."""
        return not (
            self.missing_trades or self.missing_effective_n or self.missing_of_the_rarer_class
        )

    def sentence(self) -> str:
        """Return what is missing of each, for a person; what is there when nothing is."""
        rarer = "winners" if self.winners < self.losers else "losers"
        parts = (
            (self.missing_trades, f"trades ({self.trades} of {LEAST_TRADES})"),
            (
                self.missing_effective_n,
                f"of the effective number ({self.effective_n:.1f} of {LEAST_EFFECTIVE_N:.0f})",
            ),
            (
                self.missing_of_the_rarer_class,
                f"{rarer} ({min(self.winners, self.losers)} of {LEAST_OF_A_CLASS})",
            ),
        )
        missing = [f"{count} {words}" for count, words in parts if count]
        if not missing:
            return f"{self.trades} trades, effective number {self.effective_n:.1f}: enough"
        return f"missing: {', '.join(missing)}"


def minimum(trades: Dataset) -> Minimum:
    """Return how far trades reach."""
    winners = int(trades.won.sum())
    return Minimum(
        trades=len(trades),
        effective_n=effective_n(trades),
        winners=winners,
        losers=len(trades) - winners,
    )
