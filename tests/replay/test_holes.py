"""Bars that are missing while a position is held: found as the account's own trades have it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise

import pytest

from stopward.domain.attribution.track import HOLE_MINUTES
from stopward.domain.identity import PositionId, Symbol
from stopward.domain.opening import PositionRow
from stopward.domain.rulebook import RuleBook, parse
from stopward.domain.sessions import session_minutes
from stopward.replay.attribution import attribute
from stopward.replay.compare import compare
from stopward.replay.freqtrade import NO_SLIPPAGE
from stopward.replay.results import Results
from stopward.replay.run import replay
from stopward.replay.table import BarTable, bar_table, moment_of
from stopward.replay.terms import Conditions
from tests.builders.kernel_random import dice
from tests.builders.replay import OPENS, columns_from, some_positions, some_sessions

D = Decimal
ADOPT = '[account]\nadopt = "all"\n'
TARGET = parse(f'{ADOPT}[rules.target]\ndistance = "1 r"\nresting = true\n', source="test")
PLAIN = parse(ADOPT, source="test")
ACME, BOLT = Symbol("ACME"), Symbol("BOLT")
MINUTE = timedelta(minutes=1)


def a_table(*minutes: int, sessions: int = 1, length: int = 120) -> BarTable:
    """Return bars that rise by a cent, at minutes from the first open, nights counted."""
    days = some_sessions(sessions, minutes=length)
    rows = [
        (OPENS + n * MINUTE, 100 + n / 100, 100.5 + n / 100, 99.5, 100 + n / 100) for n in minutes
    ]
    return bar_table({ACME: columns_from(rows)}, sessions=days)


def held(table: BarTable, *, entered: int = 0) -> Results:
    """Return one position, open to the end of the bars."""
    row = PositionRow(
        id=PositionId("p"),
        symbol=ACME,
        side="long",
        quantity=D(100),
        entry_at=OPENS + entered * MINUTE,
        entry_price=D(100),
        initial_stop=D(90),
    )
    return replay([row], table, PLAIN, Conditions())


DAY = 24 * 60


@pytest.mark.parametrize(
    ("minutes", "entered", "missing"),
    [
        (range(60), 0, False),
        ([0, 31, 32], 0, False),  # thirty minutes without a bar
        ([0, 32, 33], 0, True),
        ([0, 1, 33, 34], 33, False),  # before the entry
        ([31, 32], 0, True),  # from the entry to the first bar
        ([30, 31], 0, False),
        ([118, 119, DAY, DAY + 1], 118, False),  # the night is no hole
        ([100, 101, DAY + 12, DAY + 13], 100, False),  # 18 of one session, 12 of the next
        ([100, 101, DAY + 13, DAY + 14], 100, True),
        ([100, 101, 2 * DAY, 2 * DAY + 1], 100, True),  # a whole session
        ([DAY, DAY + 1], 119, False),
        ([2 * DAY, 2 * DAY + 1], 119, True),
    ],
)
def test_a_hole_is_more_than_half_an_hour_of_session(
    minutes: Sequence[int], entered: int, missing: bool
) -> None:
    found = held(a_table(*minutes, sessions=3), entered=entered)
    assert found.misses_bars().tolist() == [missing]


def test_bars_of_an_hour_are_no_holes() -> None:
    assert held(a_table(0, 60)).misses_bars().tolist() == [False]


@pytest.mark.parametrize("seed", range(20))
def test_it_is_what_the_session_says_minute_by_minute(seed: int) -> None:
    rng = dice(seed)
    days = some_sessions(3)
    columns = {}
    for symbol in (ACME, BOLT):
        rows = [
            (day.opens_at + n * MINUTE, 100.0, 101.0, 99.0, 100.0)
            for day in days
            for n in range(40)
            if n // 8 not in rng.sample(range(5), k=rng.randint(0, 4))
        ]
        columns[symbol] = columns_from(rows)
    table = bar_table(columns, sessions=days)
    positions = [
        replace(row, entry_at=row.entry_at + rng.randint(-90, 0) * MINUTE)
        for row in some_positions(rng, table, count=30)
    ]
    found = replay(positions, table, PLAIN, Conditions())
    assert found.misses_bars().tolist() == [
        any(
            session_minutes(end, begin, sessions=days) > HOLE_MINUTES
            for end, begin in silences(found, row)
        )
        for row in range(len(found))
    ]


def silences(found: Results, row: int) -> list[tuple[datetime, datetime]]:
    """Return the times without a bar, from its entry to its last bar."""
    at = [moment_of(int(each)) for each in found.bar_at]
    first, last = int(found.start[row]), int(found.outcomes.bar[row])
    inside = [(one + MINUTE, other) for one, other in pairwise(at[first : last + 1])]
    entered = found.positions[row].entry_at
    return [(entered, max(entered, at[first])), *inside]


@pytest.mark.parametrize(("risen_at", "unknown"), [(10, 0), (60, 1)], ids=["whole", "a hole"])
def test_what_a_rule_did_over_a_hole_is_unknown_and_in_no_sum(risen_at: int, unknown: int) -> None:
    """Behind it the target is reached, and where there is none, the stop."""
    rows = [(OPENS + n * MINUTE, 100.0, 100.4, 99.9, 100.0) for n in range(10)]
    rows.append((OPENS + risen_at * MINUTE, 100.0, 101.5, 99.9, 101.0))
    rows.append((OPENS + (risen_at + 1) * MINUTE, 98.0, 98.5, 97.5, 98.0))
    table = bar_table({ACME: columns_from(rows)}, sessions=some_sessions(1, minutes=120))
    row = replace(held(a_table(0)).positions[0], initial_stop=D(99))

    def replayed(book: RuleBook) -> Results:
        return replay([row], table, book, Conditions(slippage=NO_SLIPPAGE))

    found = attribute(TARGET, replayed)
    (worth,) = found.worth
    assert (found.results.rule(0), worth.fired, worth.unknown) == ("target", 1, unknown)
    assert worth.saved == (0.0 if unknown else 3.0)
    added = compare(replayed(PLAIN), found.results)
    assert (added.changed, added.unknown, added.better) == (1, unknown, 1 - unknown)
