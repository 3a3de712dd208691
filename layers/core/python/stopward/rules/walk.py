"""Position-major replay: each position walks its own bars, as far as it is asked to.

What other positions do to it, through the limits of the day, comes in as the `Day` that a walk
assumes: `stopward.replay.limits` walks a session again where the assumption was wrong.
"""

from typing import Final

from stopward.rules.booking import (
    EXECUTABLE,
    IDEALISED,
    Terms,
    bar_of,
    idealised_fill,
    settled_inside,
)
from stopward.rules.calm import calm_of
from stopward.rules.columns import Courses, Day, Entries, Indices, Log, Market, Outcomes
from stopward.rules.course import Course, count, keep, opened, resumed, write
from stopward.rules.day import account_at, tell, tell_limits
from stopward.rules.kernel import book, fill, observe, propose, settle
from stopward.rules.parameters import Rules
from stopward.rules.stretch import mark_stop, passed
from stopward.rules.types import NAN, Account, Bar, Fill

__all__ = ["EXECUTABLE", "IDEALISED", "Terms", "begin", "finish", "walk"]


FILLS_IN_A_BAR: Final = 2
"""A part that was pending fills at the open, and what is left may fill in the same bar."""


def run(  # noqa: PLR0917  a kernel function has no keyword-only arguments
    course: Course,
    row: int,
    until: int,
    entries: Entries,
    market: Market,
    account: Account,
    rules: Rules,
    terms: Terms,
    log: Log,
    day: Day | None,
) -> Course:
    """Return the course after the bars up to `until`, or up to the one in which it is closed.

    With the last bar of a session it is closing time: nothing is decided before the next session.
    """
    start = entries.start[row]
    while course.at < until and course.state.quantity > 0.0:
        at = course.at
        at_entry = 0.0
        if at == start:
            at_entry = entries.at_open[row]
        if at > start or at_entry > 0.0:
            bar = bar_of(market.bars, at, at_entry)
            course = step(course, bar, row, until, market, account, rules, terms, log, day)
            if course.state.quantity > 0.0:
                mark_stop(log.path, course.state, at - start, row)
                calm = calm_of(course.state, bar, rules)
                course = passed(
                    course, calm, row, until, start, market, market.layers, account, rules, log, day
                )
        else:
            tell(day, market, course.state, course.tally, at, until, row)
            mark_stop(log.path, course.state, at - start, row)
            course = Course(course.state, course.tally, at + 1)
    return course


def step(  # noqa: PLR0917  a kernel function has no keyword-only arguments
    course: Course,
    bar: Bar,
    row: int,
    until: int,
    market: Market,
    account: Account,
    rules: Rules,
    terms: Terms,
    log: Log,
    day: Day | None,
) -> Course:
    """Return the course after one bar: fills, then what the rules want at its close."""
    state = course.state
    tally = course.tally
    at = course.at
    for _ in range(FILLS_IN_A_BAR):
        filled = fill(state, bar, terms.gap)
        if not filled.quantity > 0.0:
            break
        filled = settled_inside(state, market.finer, at, terms.gap, filled)
        tally = count(tally, state, bar, filled, at, terms.slippage, log.exits, row)
        state = book(state, filled)
    if not state.quantity > 0.0:
        tell(day, market, state, tally, at, until, row)
        return Course(state, tally, at + 1)
    state = observe(state, bar, rules)
    tell(day, market, state, tally, at, until, row)
    if not bar.to_close <= 0.0:
        now = account_at(day, account, at)
        tell_limits(day, state, bar, now, rules, at)
        proposal = propose(state, bar, now, rules)
        price = NAN
        if terms.timing == IDEALISED:
            filled = idealised_fill(bar, proposal)
            if filled.quantity > 0.0:
                price = filled.price
                tally = count(tally, state, bar, filled, at, terms.slippage, log.exits, row)
        state = settle(state, proposal, price)
    return Course(state, tally, at + 1)


def ended(  # noqa: PLR0917  a kernel function has no keyword-only arguments
    course: Course, row: int, entries: Entries, market: Market, terms: Terms, log: Log
) -> Course:
    """Return the course at its end: what is still open is booked at the last close.

    An exit decided on the last bar has no next open: the booking is under its rule, else under 0.
    """
    state = course.state
    if not state.quantity > 0.0:
        return course
    at = entries.end[row] - 1
    last = bar_of(market.bars, at, 0.0)
    filled = Fill(state.quantity, last.close, state.pending_rule, 0.0, NAN)
    tally = count(course.tally, state, last, filled, at, terms.slippage, log.exits, row)
    return Course(state, tally, course.at)


def begin(rows: Indices, courses: Courses, entries: Entries) -> None:
    """Put the positions of `rows` at their entries."""
    for number in range(len(rows)):
        row = rows[number]
        keep(courses, row, opened(entries, row))


def walk(  # noqa: PLR0917  a kernel function has no keyword-only arguments
    rows: Indices,
    until: Indices,
    courses: Courses,
    entries: Entries,
    market: Market,
    account: Account,
    rules: Rules,
    terms: Terms,
    log: Log,
    day: Day | None,
) -> None:
    """Walk the positions of `rows` on from where they are to their bar `until`, exclusive.

    `until` has an entry for each of `rows`. What is closed stays closed.
    """
    for number in range(len(rows)):
        row = rows[number]
        if courses.quantity[row] > 0.0:
            course = resumed(courses, entries, row)
            course = run(
                course, row, until[number], entries, market, account, rules, terms, log, day
            )
            keep(courses, row, course)


def finish(  # noqa: PLR0917  a kernel function has no keyword-only arguments
    rows: Indices,
    courses: Courses,
    entries: Entries,
    market: Market,
    terms: Terms,
    log: Log,
    outcomes: Outcomes,
) -> None:
    """Book what is still open at its last close, and write what became of each of `rows`."""
    for number in range(len(rows)):
        row = rows[number]
        course = resumed(courses, entries, row)
        course = ended(course, row, entries, market, terms, log)
        write(outcomes, row, course)
