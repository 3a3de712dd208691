"""The course of one position in replay: its state, what its fills add up to, and its next bar."""

from typing import Final, NamedTuple

from stopward.rules.columns import Courses, Entries, Exits, Outcomes
from stopward.rules.geometry import profit, ratio, tighter
from stopward.rules.kernel import slipped
from stopward.rules.types import NAN, Bar, Fill, Slippage, State

MOST_EXITS: Final = 4
"""Fills of one position: three partial exits at most, and the one that closes it."""


class Tally(NamedTuple):
    """What the fills of one position add up to so far.

    price, rule, bar, ambiguous, other_price: of the last fill. result_r, slipped_r: as in
    `Outcomes`. best_fill, worst_fill: the excursions with the last fill. sold: how many fills.
    parts: how many of them left shares open.
    """

    price: float
    rule: float
    bar: float
    result_r: float
    slipped_r: float
    best_fill: float
    worst_fill: float
    sold: float
    parts: float
    ambiguous: float
    other_price: float


class Course(NamedTuple):
    """One position on its way; `at` is the next bar."""

    state: State
    tally: Tally
    at: int


def opened(entries: Entries, row: int) -> Course:
    """Return a position at its entry."""
    entry = entries.entry[row]
    start = entries.start[row]
    state = State(
        entries.side[row],
        entry,
        entries.risk[row],
        entries.quantity[row],
        entries.quantity[row],
        entries.lot[row],
        entries.per_unit[row],
        entries.stop[row],
        entries.target[row],
        entry,
        entry,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
        entries.fees[row],
        NAN,
        0.0,
        0.0,
    )
    tally = Tally(entry, 0.0, float(start), 0.0, 0.0, entry, entry, 0.0, 0.0, 0.0, NAN)
    return Course(state, tally, start)


def resumed(courses: Courses, entries: Entries, row: int) -> Course:
    """Return a position where an earlier walk left it."""
    state = State(
        entries.side[row],
        entries.entry[row],
        entries.risk[row],
        courses.quantity[row],
        entries.quantity[row],
        entries.lot[row],
        entries.per_unit[row],
        courses.stop[row],
        entries.target[row],
        courses.best[row],
        courses.worst[row],
        courses.age[row],
        courses.quiet[row],
        courses.reversed[row],
        courses.partials[row],
        courses.hits[row],
        entries.fees[row],
        courses.entry_volume[row],
        courses.pending[row],
        courses.pending_rule[row],
    )
    tally = Tally(
        courses.price[row],
        courses.rule[row],
        courses.bar[row],
        courses.result_r[row],
        courses.slipped_r[row],
        courses.best_fill[row],
        courses.worst_fill[row],
        courses.sold[row],
        courses.parts[row],
        courses.ambiguous[row],
        courses.other_price[row],
    )
    return Course(state, tally, courses.at[row])


def keep(courses: Courses, row: int, course: Course) -> None:
    """Write how far a position has come."""
    state = course.state
    tally = course.tally
    courses.at[row] = course.at
    courses.quantity[row] = state.quantity
    courses.stop[row] = state.stop
    courses.best[row] = state.best
    courses.worst[row] = state.worst
    courses.age[row] = state.age
    courses.quiet[row] = state.quiet
    courses.reversed[row] = state.reversed
    courses.partials[row] = state.partials
    courses.hits[row] = state.hits
    courses.entry_volume[row] = state.entry_volume
    courses.pending[row] = state.pending
    courses.pending_rule[row] = state.pending_rule
    courses.price[row] = tally.price
    courses.rule[row] = tally.rule
    courses.bar[row] = tally.bar
    courses.result_r[row] = tally.result_r
    courses.slipped_r[row] = tally.slipped_r
    courses.best_fill[row] = tally.best_fill
    courses.worst_fill[row] = tally.worst_fill
    courses.sold[row] = tally.sold
    courses.parts[row] = tally.parts
    courses.ambiguous[row] = tally.ambiguous
    courses.other_price[row] = tally.other_price


def count(  # noqa: PLR0917  a kernel function has no keyword-only arguments
    tally: Tally,
    state: State,
    bar: Bar,
    filled: Fill,
    at: int,
    slippage: Slippage,
    exits: Exits | None,
    row: int,
) -> Tally:
    """Return the tally after one more fill of `state`; it is also written down when asked for."""
    share = ratio(filled.quantity, state.risk * state.initial_quantity)
    after = slipped(state, bar, filled, slippage)
    part = 1.0 if filled.quantity < state.quantity else 0.0
    if exits is not None:
        slot = row * MOST_EXITS + int(tally.sold)
        exits.quantity[slot] = filled.quantity
        exits.price[slot] = filled.price
        exits.slipped[slot] = after
        exits.rule[slot] = filled.rule
        exits.bar[slot] = float(at)
    return Tally(
        filled.price,
        filled.rule,
        float(at),
        tally.result_r + profit(state, filled.price) * share,
        tally.slipped_r + profit(state, after) * share,
        tighter(state.side, filled.price, state.best),
        tighter(-state.side, filled.price, state.worst),
        tally.sold + 1.0,
        tally.parts + part,
        filled.ambiguous,
        filled.other_price,
    )


def write(outcomes: Outcomes, row: int, course: Course) -> None:
    """Write one position's row; excursions in R, the last fill included."""
    state = course.state
    tally = course.tally
    best = tighter(state.side, state.best, tally.best_fill)
    worst = tighter(-state.side, state.worst, tally.worst_fill)
    outcomes.price[row] = tally.price
    outcomes.rule[row] = tally.rule
    outcomes.bar[row] = tally.bar
    outcomes.result_r[row] = tally.result_r
    outcomes.slipped_r[row] = tally.slipped_r
    outcomes.best_r[row] = ratio(profit(state, best), state.risk)
    outcomes.worst_r[row] = ratio(profit(state, worst), state.risk)
    outcomes.partials[row] = tally.parts
    outcomes.ambiguous[row] = tally.ambiguous
    outcomes.other_price[row] = tally.other_price
