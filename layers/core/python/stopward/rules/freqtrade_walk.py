"""Walk positions from entry to end under the exits of `freqtrade`, over the columns of `walk`.

A position entered at the start of a bar is a trade that a signal of the bar before opened; one
entered inside a bar is a trade that a signal of that bar opened, so its first bar is the next.
"""

from typing import NamedTuple

from stopward.rules.booking import bar_of
from stopward.rules.codes import AGED_TARGET, NO_RULE, PERCENT_TRAIL
from stopward.rules.columns import Column, Courses, Entries, Indices, Log, Market, Outcomes
from stopward.rules.course import Course, count, keep, opened, resumed, write
from stopward.rules.freqtrade import FreqtradeRules, first_stop, meet
from stopward.rules.kernel import book, observe, settle
from stopward.rules.parameters import Rules
from stopward.rules.stretch import mark_stop
from stopward.rules.types import NAN, Fill, Proposal, Slippage, State


class Clock(NamedTuple):
    """When bars begin, in minutes of any one clock that runs day and night; how long a bar is."""

    starts: Column
    bar_minutes: float


def slippage_of(filled: Fill, slippage: Slippage) -> Slippage:
    """Return what a fill pays: a profit by age nothing, a trail what a stop pays."""
    if filled.rule == AGED_TARGET:
        return Slippage(0.0, 0.0, 0.0, 0.0)
    if filled.rule == PERCENT_TRAIL:
        return Slippage(slippage.ticks, slippage.spread, slippage.fraction, 1.0)
    return slippage


def stop_at(state: State, stop: float) -> State:
    """Return the state with its stop moved there; it never moves back."""
    moved = Proposal(stop, PERCENT_TRAIL, 0.0, NO_RULE, 0.0, state.hits, state.partials, NAN)
    return settle(state, moved, NAN)


def run_freqtrade(  # noqa: PLR0917  a kernel function has no keyword-only arguments
    course: Course,
    row: int,
    entries: Entries,
    market: Market,
    clock: Clock,
    rules: FreqtradeRules,
    unset: Rules,
    slippage: Slippage,
    log: Log,
) -> Course:
    """Return the course at its end, or after the last bar where it is still open."""
    state = stop_at_entry(course.state, rules)
    start = entries.start[row]
    began = NAN
    for at in range(start, entries.end[row]):
        if at == start and not entries.at_open[row] > 0.0:
            mark_stop(log.path, state, at - start, row)
            continue
        if began != began:
            began = clock.starts[at]
        bar = bar_of(market.bars, at, 0.0)
        met = meet(state, bar, clock.starts[at] - began, rules, clock.bar_minutes)
        if met.fill.quantity > 0.0:
            paid = slippage_of(met.fill, slippage)
            tally = count(course.tally, state, bar, met.fill, at, paid, log.exits, row)
            return Course(book(state, met.fill), tally, at + 1)
        state = stop_at(observe(state, bar, unset), met.stop)
        mark_stop(log.path, state, at - start, row)
    return Course(state, course.tally, entries.end[row])


def walk_freqtrade(  # noqa: PLR0917  a kernel function has no keyword-only arguments
    rows: Indices,
    courses: Courses,
    entries: Entries,
    market: Market,
    clock: Clock,
    rules: FreqtradeRules,
    unset: Rules,
    slippage: Slippage,
    log: Log,
) -> None:
    """Walk the positions of `rows` to their ends, and write where they are then.

    unset: `Rules()`; no rule of the other policy acts here. What the columns say of stops and
    targets is not read, nor what is known inside a bar.
    """
    for number in range(len(rows)):
        row = rows[number]
        course = run_freqtrade(
            opened(entries, row), row, entries, market, clock, rules, unset, slippage, log
        )
        keep(courses, row, course)


def stop_at_entry(state: State, rules: FreqtradeRules) -> State:
    """Return the state with the stop of these rules, whatever stop the position came with."""
    return State(
        state.side,
        state.entry,
        state.risk,
        state.quantity,
        state.initial_quantity,
        state.lot,
        state.per_unit,
        first_stop(state, rules),
        NAN,
        state.best,
        state.worst,
        state.age,
        state.quiet,
        state.reversed,
        state.partials,
        state.hits,
        state.fees,
        state.entry_volume,
        0.0,
        0.0,
    )


def finish_freqtrade(  # noqa: PLR0917  a kernel function has no keyword-only arguments
    rows: Indices,
    courses: Courses,
    entries: Entries,
    market: Market,
    slippage: Slippage,
    log: Log,
    outcomes: Outcomes,
) -> None:
    """Book what is still open at the OPEN of its last bar, and write what became of `rows`.

    That bar was walked before. A position that was entered inside it is booked at its close.
    """
    for number in range(len(rows)):
        row = rows[number]
        course = resumed(courses, entries, row)
        state = course.state
        tally = course.tally
        if state.quantity > 0.0:
            at = entries.end[row] - 1
            last = bar_of(market.bars, at, 0.0)
            price = last.open
            if at == entries.start[row] and not entries.at_open[row] > 0.0:
                price = last.close
            filled = Fill(state.quantity, price, NO_RULE, 0.0, NAN)
            tally = count(tally, state, last, filled, at, slippage, log.exits, row)
        write(outcomes, row, Course(state, tally, course.at))
