"""What became of positions in a replay: in R and in dollars, before and after costs."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stopward.domain.opening import PositionRow
from stopward.replay.entries import Opened
from stopward.replay.holes import over_holes
from stopward.replay.table import BarTable, Floats, Integers, moment_of
from stopward.replay.terms import Commission, Conditions
from stopward.rules.codes import RULE_NAMES
from stopward.rules.columns import Courses, Exits, Outcomes
from stopward.rules.course import MOST_EXITS

STILL_OPEN = "open"
"""The rule of what the end of the bars closed, not a rule."""


class Walked(Protocol):
    """Positions that were walked, under whichever policy."""

    @property
    def opened(self) -> Opened:
        """The positions."""

    @property
    def table(self) -> BarTable:
        """The bars."""

    @property
    def conditions(self) -> Conditions:
        """What fills cost."""

    @property
    def courses(self) -> Courses:
        """How far each position came."""

    @property
    def exits(self) -> Exits:
        """Every fill."""

    def outcomes(self) -> Outcomes:
        """Book what is still open, and return what became of every position."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sale:
    """One fill of a position. at: start of its bar. slipped: the price after slippage, dollars."""

    at: datetime
    quantity: float
    price: float
    slipped: float
    rule: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """Every position's result, an element each, in the order of `positions`.

    gross_r, slipped_r, net_r: in R before costs, after slippage, and after commission too; gross,
    net: in dollars. other_r: `gross_r` had the target come first where the last bar held stop and
    target both; else nan. mae_r, mfe_r: the most adverse (0 or less) and most favourable excursion.
    is_open: the bars ended first, and the last close was booked. is_estimated: R was estimated,
    for no stop was given. entered: microseconds since 1970 UTC; start: its first bar in `table`.
    """

    positions: tuple[PositionRow, ...]
    table: BarTable
    entered: Integers
    start: Integers
    outcomes: Outcomes
    exits: Exits
    sold: Integers
    gross_r: Floats
    slipped_r: Floats
    net_r: Floats
    gross: Floats
    net: Floats
    other_r: Floats
    mae_r: Floats
    mfe_r: Floats
    is_open: NDArray[np.bool_]
    is_ambiguous: NDArray[np.bool_]
    is_estimated: NDArray[np.bool_]

    def __len__(self) -> int:
        """Return the number of positions."""
        return len(self.positions)

    @property
    def bar_at(self) -> Integers:
        """When each bar begins, microseconds since 1970 UTC."""
        return self.table.bars.at

    def misses_bars(self) -> NDArray[np.bool_]:
        """Return which positions were held over a hole in their bars (`holes.over_holes`)."""
        return over_holes(
            self.table,
            entered=self.entered,
            start=self.start,
            last=np.asarray(self.outcomes.bar).astype(np.int64),
        )

    def rule(self, row: int) -> str:
        """Return the name of the rule that closed a position; `open` where the bars ended first."""
        code = int(self.outcomes.rule[row])
        return STILL_OPEN if self.is_open[row] and code == 0 else RULE_NAMES[code]

    def sales(self, row: int) -> Iterator[Sale]:
        """Yield the fills of a position, oldest first."""
        for slot in range(row * MOST_EXITS, row * MOST_EXITS + int(self.sold[row])):
            code = int(self.exits.rule[slot])
            yield Sale(
                at=moment_of(int(self.bar_at[int(self.exits.bar[slot])])),
                quantity=float(self.exits.quantity[slot]),
                price=float(self.exits.price[slot]),
                slipped=float(self.exits.slipped[slot]),
                rule=STILL_OPEN if code == 0 else RULE_NAMES[code],
            )


def results_of(walking: Walked) -> Results:
    """Return the results of positions that were walked; what is open is booked at its end."""
    count = len(walking.opened)
    is_open = np.asarray(walking.courses.quantity)[:count] > 0
    outcomes = walking.outcomes()
    sold = np.asarray(walking.courses.sold)[:count].astype(np.int64) + is_open
    entries, exits = walking.opened.entries, walking.exits
    side, entry = np.asarray(entries.side), np.asarray(entries.entry)
    risk, quantity = np.asarray(entries.risk), np.asarray(entries.quantity)
    whole = risk * quantity
    gross_r, slipped_r = np.asarray(outcomes.result_r), np.asarray(outcomes.slipped_r)
    taken = _commission(walking.conditions.commission, exits, sold, quantity, entry)
    is_ambiguous = np.asarray(outcomes.ambiguous) > 0
    last = np.arange(count) * MOST_EXITS + np.maximum(sold - 1, 0)
    share = np.asarray(exits.quantity)[last] / whole
    instead = np.asarray(outcomes.other_price) - np.asarray(outcomes.price)
    return Results(
        positions=walking.opened.positions,
        table=walking.table,
        entered=walking.opened.entered,
        start=np.asarray(entries.start),
        outcomes=outcomes,
        exits=exits,
        sold=sold,
        gross_r=gross_r,
        slipped_r=slipped_r,
        net_r=slipped_r - taken / whole,
        gross=gross_r * whole,
        net=slipped_r * whole - taken,
        other_r=np.where(is_ambiguous, gross_r + side * instead * share, np.nan),
        mae_r=np.minimum(np.asarray(outcomes.worst_r), 0.0),
        mfe_r=np.maximum(np.asarray(outcomes.best_r), 0.0),
        is_open=is_open,
        is_ambiguous=is_ambiguous,
        is_estimated=walking.opened.is_estimated,
    )


def _commission(
    commission: Commission,
    exits: Exits,
    sold: NDArray[np.int64],
    quantity: Floats,
    entry: Floats,
) -> Floats:
    """Return the dollars that the orders of each position cost, its entry included."""
    if commission == Commission():
        return np.zeros(len(sold))
    used = np.arange(MOST_EXITS) < sold[:, np.newaxis]
    shares = np.where(used, np.asarray(exits.quantity).reshape(-1, MOST_EXITS), 0.0)
    prices = np.where(used, np.asarray(exits.slipped).reshape(-1, MOST_EXITS), 0.0)
    sales = np.where(used, _order_cost(commission, shares, prices), 0.0).sum(axis=1)
    total: Floats = sales + _order_cost(commission, quantity, entry)
    return total


def _order_cost(commission: Commission, shares: Floats, price: Floats) -> Floats:
    cost = (
        commission.per_order + commission.per_share * shares + commission.fraction * shares * price
    )
    least: Floats = np.maximum(cost, commission.least)
    return least
