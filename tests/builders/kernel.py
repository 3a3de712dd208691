"""Builders for the rule kernel: a long from 100, stop 98 (R is 2 dollars), and its mirror.

`mirrored_*` reflect about the entry price, so that one case serves both sides.
"""

from collections.abc import Sequence
from typing import NamedTuple

import pytest

from stopward.rules.columns import Bars, Courses, Day, Entries, Log, Market, Outcomes
from stopward.rules.kernel import BOOKS_TARGET, propose
from stopward.rules.parameters import ATR, PERCENT, PRICE, TICKS, Distance, R, Rules
from stopward.rules.types import NAN, Account, Bar, Proposal, Slippage, State
from stopward.rules.walk import EXECUTABLE, Terms, begin, finish, walk

ENTRY = 100.0
OFF = Distance(NAN, R)
NOTHING = Distance(0.0, R)
LONG, SHORT = 1.0, -1.0
both_sides = pytest.mark.parametrize("side", [LONG, SHORT], ids=["long", "short"])


def r(value: float) -> Distance:
    """Return a distance in R."""
    return Distance(float(value), R)


def percent(value: float) -> Distance:
    """Return a distance in percent of entry."""
    return Distance(float(value), PERCENT)


def atr(value: float) -> Distance:
    """Return a distance in ATR."""
    return Distance(float(value), ATR)


def ticks(value: float) -> Distance:
    """Return a distance in ticks."""
    return Distance(float(value), TICKS)


def dollars(value: float) -> Distance:
    """Return a distance in dollars."""
    return Distance(float(value), PRICE)


def a_state(**changes: float) -> State:
    """Return a long of 100 whole shares from 100.00, stop 98.00, in cents, just opened."""
    entry = changes.get("entry", ENTRY)
    quantity = changes.get("quantity", 100.0)
    state = State(
        side=1.0,
        entry=entry,
        risk=2.0,
        quantity=quantity,
        initial_quantity=quantity,
        lot=1.0,
        per_unit=100.0,
        stop=entry - 2.0,
        target=NAN,
        best=entry,
        worst=entry,
        age=0.0,
        quiet=0.0,
        reversed=0.0,
        partials=0.0,
        hits=0.0,
        fees=0.0,
        entry_volume=NAN,
        pending=0.0,
        pending_rule=0.0,
    )
    return state._replace(**changes)


def a_bar(close: float = ENTRY, **changes: float) -> Bar:
    """Return a closed one-minute bar of the single price `close`, nothing else known."""
    bar = Bar(
        open=close,
        high=close,
        low=close,
        close=close,
        volume=1000.0,
        minutes=1.0,
        to_close=NAN,
        spread=NAN,
        atr=NAN,
        rsi=NAN,
        macd=NAN,
        signal=NAN,
        macd_before=NAN,
        signal_before=NAN,
        vwap=NAN,
        relative_volume=NAN,
        average=NAN,
        highest=NAN,
        lowest=NAN,
        trail_high=NAN,
        trail_low=NAN,
        closed=1.0,
        at_entry=0.0,
    )
    return bar._replace(**changes)


def a_range(open_: float, high: float, low: float, close: float, **changes: float) -> Bar:
    """Return a closed one-minute bar."""
    return a_bar(close, open=open_, high=high, low=low, **changes)


def a_pulse(price: float, **changes: float) -> Bar:
    """Return a quote inside a bar."""
    return a_bar(price, closed=0.0, minutes=0.0, **changes)


def an_account(**changes: float) -> Account:
    """Return a day without results, limits or halts."""
    return Account(
        day_r=0.0, day_fraction=0.0, peak_r=0.0, losses=0.0, locked=0.0, halted=0.0
    )._replace(**changes)


def mirrored_price(price: float, entry: float = ENTRY) -> float:
    """Return the price as far on the other side of `entry`; rounded, so that cents stay cents."""
    return round(entry + (entry - price), 9)


def mirrored_state(state: State) -> State:
    """Return the same position on the other side."""
    entry = state.entry
    return state._replace(
        side=-state.side,
        stop=mirrored_price(state.stop, entry),
        target=mirrored_price(state.target, entry),
        best=mirrored_price(state.best, entry),
        worst=mirrored_price(state.worst, entry),
    )


def mirrored_bar(bar: Bar, entry: float = ENTRY) -> Bar:
    """Return the bar as the other side sees it."""
    return bar._replace(
        open=mirrored_price(bar.open, entry),
        high=mirrored_price(bar.low, entry),
        low=mirrored_price(bar.high, entry),
        close=mirrored_price(bar.close, entry),
        rsi=100.0 - bar.rsi,
        macd=-bar.macd,
        signal=-bar.signal,
        macd_before=-bar.macd_before,
        signal_before=-bar.signal_before,
        vwap=mirrored_price(bar.vwap, entry),
        average=mirrored_price(bar.average, entry),
        highest=mirrored_price(bar.lowest, entry),
        lowest=mirrored_price(bar.highest, entry),
        trail_high=mirrored_price(bar.trail_low, entry),
        trail_low=mirrored_price(bar.trail_high, entry),
    )


class Wanted(NamedTuple):
    """What a long should be told: the stop and who set it, the quantity to sell and who said so."""

    stop: float = 98.0
    stop_rule: float = 0.0
    exit_quantity: float = 0.0
    exit_rule: float = 0.0


class Case(NamedTuple):
    """A long's state and bar, and what the rules should want; the short is its mirror."""

    name: str
    state: State
    bar: Bar
    wanted: Wanted
    account: Account = an_account()


def proposed(case: Case, rules: Rules, side: float) -> Proposal:
    """Return what the rules want in the case, on that side, told as for a long."""
    if side > 0.0:
        return propose(case.state, case.bar, case.account, rules)
    entry = case.state.entry
    short = propose(mirrored_state(case.state), mirrored_bar(case.bar, entry), case.account, rules)
    return short._replace(
        stop=mirrored_price(short.stop, entry), crossed=mirrored_price(short.crossed, entry)
    )


def wanted_of(proposal: Proposal) -> Wanted:
    """Return the part of a proposal that a case states."""
    return Wanted(proposal.stop, proposal.stop_rule, proposal.exit_quantity, proposal.exit_rule)


class Outcome(NamedTuple):
    """What became of one walked position: a row of `Outcomes`."""

    price: float
    rule: float
    bar: float
    result_r: float
    slipped_r: float
    best_r: float
    worst_r: float
    partials: float
    ambiguous: float
    other_price: float


ONE_TICK = Slippage(1.0, 0.5, 0.0, 0.0)
"""Half the spread or one tick, on stops alone: what is taken unless asked otherwise."""
SILENT = Log(None, None)


def blank_courses(rows: int) -> Courses:
    """Return courses to be begun, in lists."""
    return Courses([0] * rows, *([NAN] * rows for _ in Courses._fields[1:]))


def walk_through(  # noqa: PLR0917  as the kernel takes them
    rows: Sequence[int],
    entries: Entries,
    market: Market,
    account: Account,
    rules: Rules,
    terms: Terms,
    outcomes: Outcomes,
    log: Log = SILENT,
    day: Day | None = None,
) -> Courses:
    """Walk positions from entry to end, interpreted; return their courses."""
    courses = blank_courses(len(entries.entry))
    begin(rows, courses, entries)
    until = [entries.end[row] for row in rows]
    walk(rows, until, courses, entries, market, account, rules, terms, log, day)
    finish(rows, courses, entries, market, terms, log, outcomes)
    return courses


def columns_of(bars: Sequence[Bar]) -> Bars:
    """Return bars as columns, in lists."""
    return Bars(*([getattr(bar, name) for bar in bars] for name in Bars._fields))


def blank_outcomes(rows: int) -> Outcomes:
    """Return outcomes to be written, in lists."""
    return Outcomes(*([NAN] * rows for _ in Outcomes._fields))


def walked(
    bars: Sequence[Bar],
    rules: Rules = Rules(),  # noqa: B008  a tuple
    *,
    side: float = 1.0,
    state: State | None = None,
    at_open: float = 1.0,
    timing: float = EXECUTABLE,
    gap: float = BOOKS_TARGET,
    account: Account | None = None,
) -> Outcome:
    """Return what becomes of a position in bars told as for a long; the answer is told so too."""
    start = a_state() if state is None else state
    entry = start.entry
    if side < 0.0:
        start = mirrored_state(start)
        bars = [mirrored_bar(bar, entry) for bar in bars]
    entries = Entries(
        side=[start.side],
        entry=[start.entry],
        risk=[start.risk],
        quantity=[start.quantity],
        lot=[start.lot],
        per_unit=[start.per_unit],
        stop=[start.stop],
        target=[start.target],
        fees=[start.fees],
        start=[0],
        end=[len(bars)],
        at_open=[at_open],
    )
    outcomes = blank_outcomes(1)
    day = an_account() if account is None else account
    market, terms = Market(columns_of(bars), None), Terms(timing, gap, ONE_TICK)
    walk_through([0], entries, market, day, rules, terms, outcomes)
    outcome = Outcome(*(column[0] for column in outcomes))
    if side < 0.0:
        return outcome._replace(
            price=mirrored_price(outcome.price, entry),
            other_price=mirrored_price(outcome.other_price, entry),
        )
    return outcome
