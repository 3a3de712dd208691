"""Remember averages that the broker tells otherwise than we do: fills are not read for ever.

Alpaca averages what was traded within the day, and takes the oldest shares of former days first:
what was added to and then sold in part after a night has another average there than here, for as
long as it is held. Source: Alpaca, "Position Average Entry Price Calculation".
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from stopward.domain.holding import Holding
from stopward.domain.identity import PositionId
from stopward.domain.position import Position
from stopward.domain.reconcile import has_other_entry, has_other_quantity

PATIENCE = 15
"""Looks after which no fill explains such an average any more: fills may lag minutes."""

Key = tuple[PositionId, Decimal, Decimal, Decimal]


@dataclass(slots=True)
class Averages:
    """Counts the looks by position, its quantity, our average and theirs. A cold start begins anew.

    A new difference is asked for again: any of the four has changed with it.
    """

    _looks: Counter[Key] = field(default_factory=Counter)

    def ask_for_fills(self, held: Sequence[tuple[Position, Holding]]) -> bool:
        """Return whether fills must be read for any of our positions, and count the look.

        Another quantity always asks; another average alone does so PATIENCE times.
        """
        differ = [_key(*each) for each in held if has_other_entry(*each)]
        self._looks = Counter({key: self._looks[key] + 1 for key in differ})
        return any(has_other_quantity(*each) for each in held) or any(
            self._looks[key] <= PATIENCE for key in differ
        )


def _key(position: Position, holding: Holding) -> Key:
    theirs = Decimal(0) if holding.position is None else holding.position.average_entry
    return position.id, position.quantity, position.average_entry, theirs
