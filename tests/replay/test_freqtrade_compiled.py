"""The compiled exits of freqtrade give the interpreted ones' numbers, to the bit."""

import numpy as np
import pytest

from stopward.replay.arrays import blank_courses, blank_exits, blank_outcomes
from stopward.replay.compiled import compiled
from stopward.rules.codes import AGED_TARGET, NO_RULE, PERCENT_TRAIL, STOP
from stopward.rules.columns import Bars, Courses, Entries, Exits, Log, Market, Outcomes, StopPath
from stopward.rules.course import MOST_EXITS
from stopward.rules.freqtrade import FreqtradeRules
from stopward.rules.freqtrade_walk import Clock, finish_freqtrade, walk_freqtrade
from stopward.rules.parameters import Rules
from stopward.rules.types import NAN
from tests.builders import kernel
from tests.builders.freqtrade import a_strategy
from tests.builders.kernel import ONE_TICK
from tests.builders.kernel_random import a_market, dice, some_entries

SYMBOLS, LENGTH, ROWS = 4, 90, 60
MARKET = a_market(dice(5), symbols=SYMBOLS, length=LENGTH)
STARTS = [float(at % LENGTH) + (960.0 if at % LENGTH > LENGTH // 2 else 0.0)
          for at in range(SYMBOLS * LENGTH)]  # fmt: skip
"""Two sessions with a night between them."""
INDICES = {"start", "end"}


def written(entries: Entries, rules: FreqtradeRules, *, by_machine: bool) -> list[np.ndarray]:
    """Walk, interpreted over lists or compiled over arrays; return every column written."""
    width = ROWS * LENGTH
    if by_machine:
        bars = Bars(*(np.array(column, np.float64) for column in MARKET))
        entries = Entries(
            **{
                name: np.array(column, np.int64 if name in INDICES else np.float64)
                for name, column in entries._asdict().items()
            }
        )
        courses, exits, outcomes = blank_courses(ROWS), blank_exits(ROWS), blank_outcomes(ROWS)
        path = StopPath(np.arange(0, width, LENGTH), np.full(width, NAN))
        walk, finish = compiled(walk_freqtrade), compiled(finish_freqtrade)
        rows, starts = np.arange(ROWS), np.array(STARTS)
    else:
        bars, walk, finish, rows, starts = MARKET, walk_freqtrade, finish_freqtrade, None, STARTS
        courses, outcomes = kernel.blank_courses(ROWS), kernel.blank_outcomes(ROWS)
        slots = ROWS * MOST_EXITS
        exits = Exits([0.0] * slots, *([NAN] * slots for _ in Exits._fields[1:]))
        path = StopPath([LENGTH * row for row in range(ROWS)], [NAN] * width)
        rows = range(ROWS)
    market, log, clock = Market(bars, None), Log(exits, path), Clock(starts, 1.0)
    walk(rows, courses, entries, market, clock, rules, Rules(), ONE_TICK, log)
    finish(rows, courses, entries, market, ONE_TICK, log, outcomes)
    return [
        np.array(list(column), np.float64) for column in _columns(courses, exits, outcomes, path)
    ]


def _columns(courses: Courses, exits: Exits, outcomes: Outcomes, path: StopPath) -> list[object]:
    return [*outcomes, *exits, *courses, path.stop]


def bits(column: np.ndarray) -> bytes:
    """Return bit patterns; one nan is like another."""
    column = column.copy()
    column[np.isnan(column)] = np.nan
    return column.tobytes()


def both(seed: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    rng = dice(seed)
    rules = a_strategy(rng)
    entries = some_entries(rng, MARKET, symbols=SYMBOLS, length=LENGTH, rows=ROWS)
    return written(entries, rules, by_machine=False), written(entries, rules, by_machine=True)


@pytest.mark.parametrize("seed", range(30))
def test_equal_to_the_bit(seed: int) -> None:
    slow, fast = both(seed)
    assert [bits(column) for column in slow] == [bits(column) for column in fast]


def test_every_way_to_leave_was_compared() -> None:
    place = Outcomes._fields.index("rule")
    seen = {code for seed in range(20) for code in both(seed)[0][place]}
    assert seen == {STOP, AGED_TARGET, PERCENT_TRAIL, NO_RULE}
