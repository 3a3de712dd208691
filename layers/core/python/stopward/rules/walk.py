"""Position-major replay: each position walks its own bars, under one constant `Account`.

Limits across positions need the other order (all positions a bar), which is not this walk.
"""

from typing import Final, NamedTuple

from stopward.rules.codes import STOP
from stopward.rules.columns import Bars, Entries, Outcomes
from stopward.rules.geometry import profit, ratio, tighter
from stopward.rules.kernel import book, fill, observe, propose, settle, slipped
from stopward.rules.parameters import Rules
from stopward.rules.types import NAN, Account, Bar, Fill, Proposal, State

EXECUTABLE: Final = 0.0
"""What live can do: a raised stop the close crossed, like any exit, fills at the next open."""
IDEALISED: Final = 1.0
"""For comparison: a raised stop that the close crossed fills at its price, in the same bar."""


def bar_of(bars: Bars, at: int, at_entry: float) -> Bar:
    """Return one closed bar of the columns."""
    return Bar(
        bars.open[at],
        bars.high[at],
        bars.low[at],
        bars.close[at],
        bars.volume[at],
        bars.minutes[at],
        bars.to_close[at],
        bars.spread[at],
        bars.atr[at],
        bars.rsi[at],
        bars.macd[at],
        bars.signal[at],
        bars.macd_before[at],
        bars.signal_before[at],
        bars.vwap[at],
        bars.relative_volume[at],
        bars.average[at],
        bars.highest[at],
        bars.lowest[at],
        bars.trail_high[at],
        bars.trail_low[at],
        1.0,
        at_entry,
    )


def opened(entries: Entries, row: int) -> State:
    """Return the state of a position at its entry."""
    return State(
        entries.side[row],
        entries.entry[row],
        entries.risk[row],
        entries.quantity[row],
        entries.quantity[row],
        entries.lot[row],
        entries.per_unit[row],
        entries.stop[row],
        entries.target[row],
        entries.entry[row],
        entries.entry[row],
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


class Tally(NamedTuple):
    """What the fills of one position add up to so far; the fields are those of `Outcomes`."""

    price: float
    rule: float
    bar: float
    result_r: float
    slipped_r: float
    best: float
    worst: float
    partials: float
    ambiguous: float
    other_price: float


def count(tally: Tally, state: State, bar: Bar, filled: Fill, at: float) -> Tally:
    """Return the tally after one more fill of `state`."""
    share = ratio(filled.quantity, state.risk * state.initial_quantity)
    after = slipped(state, bar, filled.price) if filled.rule == STOP else filled.price
    part = 1.0 if filled.quantity < state.quantity else 0.0
    return Tally(
        filled.price,
        filled.rule,
        at,
        tally.result_r + profit(state, filled.price) * share,
        tally.slipped_r + profit(state, after) * share,
        tighter(state.side, filled.price, state.best),
        tighter(-state.side, filled.price, state.worst),
        tally.partials + part,
        filled.ambiguous,
        filled.other_price,
    )


def idealised_fill(bar: Bar, proposal: Proposal) -> Fill:
    """Return the fill of a raised stop that the close crossed: at its price, if traded there.

    Outside the bar's range nothing fills; then it is the close. Quantity 0 when no stop was
    crossed.
    """
    price = proposal.crossed
    if not proposal.exit_quantity > 0.0 or price != price:
        return Fill(0.0, NAN, 0.0, 0.0, NAN)
    if price > bar.high or price < bar.low:
        price = bar.close
    return Fill(proposal.exit_quantity, price, proposal.exit_rule, 0.0, NAN)


def walk(  # noqa: PLR0917  numba has no keyword-only arguments
    entries: Entries,
    bars: Bars,
    account: Account,
    rules: Rules,
    timing: float,
    gap: float,
    outcomes: Outcomes,
) -> None:
    """Walk every position through its bars and write what became of it into `outcomes`.

    timing: EXECUTABLE or IDEALISED. gap: BOOKS_TARGET or BOOKS_OPEN (see `fill`). An exit decided
    on
    the last bar has no next open: it is booked at the last close, under its rule.
    """
    for row in range(len(entries.entry)):
        state = opened(entries, row)
        start = entries.start[row]
        tally = Tally(
            state.entry, 0.0, float(start), 0.0, 0.0, state.entry, state.entry, 0.0, 0.0, NAN
        )
        last = bar_of(bars, start, 0.0)
        last_at = float(start)
        for at in range(start, entries.end[row]):
            at_entry = 0.0
            if at == start:
                at_entry = entries.at_open[row]
            bar = bar_of(bars, at, at_entry)
            last = bar
            last_at = float(at)
            if at == start and not at_entry > 0.0:
                continue
            filled = fill(state, bar, gap)
            if filled.quantity > 0.0:
                tally = count(tally, state, bar, filled, last_at)
                state = book(state, filled)
                filled = fill(state, bar, gap)
                if filled.quantity > 0.0:
                    tally = count(tally, state, bar, filled, last_at)
                    state = book(state, filled)
            if not state.quantity > 0.0:
                break
            state = observe(state, bar, rules)
            proposal = propose(state, bar, account, rules)
            price = NAN
            if timing == IDEALISED:
                filled = idealised_fill(bar, proposal)
                if filled.quantity > 0.0:
                    price = filled.price
                    tally = count(tally, state, bar, filled, last_at)
            state = settle(state, proposal, price)
            if not state.quantity > 0.0:
                break
        if state.quantity > 0.0:
            filled = Fill(state.quantity, last.close, state.pending_rule, 0.0, NAN)
            tally = count(tally, state, last, filled, last_at)
        write(outcomes, row, state, tally)


def write(outcomes: Outcomes, row: int, state: State, tally: Tally) -> None:
    """Write one position's row; excursions in R, the last fill included."""
    best = tighter(state.side, state.best, tally.best)
    worst = tighter(-state.side, state.worst, tally.worst)
    outcomes.price[row] = tally.price
    outcomes.rule[row] = tally.rule
    outcomes.bar[row] = tally.bar
    outcomes.result_r[row] = tally.result_r
    outcomes.slipped_r[row] = tally.slipped_r
    outcomes.best_r[row] = ratio(profit(state, best), state.risk)
    outcomes.worst_r[row] = ratio(profit(state, worst), state.risk)
    outcomes.partials[row] = tally.partials
    outcomes.ambiguous[row] = tally.ambiguous
    outcomes.other_price[row] = tally.other_price
