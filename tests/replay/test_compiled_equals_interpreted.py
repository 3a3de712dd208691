"""The compiled rules give the interpreted ones' numbers, to the bit, on random markets."""

import functools
from itertools import combinations
from typing import NamedTuple

import numpy as np
import pytest

from stopward.replay.compiled import compiled
from stopward.rules.columns import Bars, Entries, Market, Outcomes
from stopward.rules.indicators import Periods
from stopward.rules.kernel import BOOKS_OPEN, BOOKS_TARGET
from stopward.rules.parameters import Rules
from stopward.rules.series import (
    IndicatorColumns,
    Series,
    indicate,
    rolling_highest,
    rolling_lowest,
)
from stopward.rules.types import NAN, Account
from stopward.rules.walk import EXECUTABLE, IDEALISED, Terms
from tests.builders.compiled_walk import walk_compiled
from tests.builders.kernel import ONE_TICK, an_account, blank_outcomes, walk_through
from tests.builders.kernel_random import a_market, all_rules, dice, only, some_entries

SYMBOLS, LENGTH, ROWS = 4, 90, 48
ALONE = [frozenset({name}) for name in Rules._fields]
PAIRS = [frozenset(pair) for pair in combinations(Rules._fields, 2)]


def subset(seed: int) -> frozenset[str]:
    """Return a random set of two or more rules, the same for the same seed."""
    rng = dice(seed)
    return frozenset(rng.sample(Rules._fields, rng.randint(2, len(Rules._fields) - 1)))


SUBSETS = [subset(seed) for seed in range(30)]


class Setting(NamedTuple):
    """How one comparison is run."""

    seed: int
    timing: float
    gap: float
    account: Account


SETTINGS = [
    Setting(1, EXECUTABLE, BOOKS_TARGET, an_account()),
    Setting(2, IDEALISED, BOOKS_OPEN, an_account()),
    Setting(3, EXECUTABLE, BOOKS_OPEN, an_account(day_r=-3.5, peak_r=1.0)),
    Setting(4, IDEALISED, BOOKS_TARGET, an_account(day_r=1.0, peak_r=4.0)),
]
MARKET = a_market(dice(0), symbols=SYMBOLS, length=LENGTH)
MARKET_ARRAYS = Bars(*(np.array(column, dtype=np.float64) for column in MARKET))
INDICES = {"start", "end"}


def arrays(entries: Entries) -> Entries:
    """Return the entries as arrays, as compiled code reads them."""
    return Entries(
        **{
            name: np.array(column, dtype=np.int64 if name in INDICES else np.float64)
            for name, column in entries._asdict().items()
        }
    )


def bits(outcomes: Outcomes) -> list[list[int]]:
    """Return the outcomes as bit patterns; one nan is like another, whatever its sign bit."""
    columns = np.array([list(column) for column in outcomes], dtype=np.float64)
    columns[np.isnan(columns)] = np.nan
    return columns.view(np.int64).tolist()


def interpreted_and_compiled(names: frozenset[str], setting: Setting) -> tuple[Outcomes, Outcomes]:
    """Walk both ways."""
    rng = dice(setting.seed)
    rules = only(all_rules(rng), names)
    entries = some_entries(rng, MARKET, symbols=SYMBOLS, length=LENGTH, rows=ROWS)
    slow = blank_outcomes(ROWS)
    terms = Terms(setting.timing, setting.gap, ONE_TICK)
    market, arrayed = Market(MARKET, None), Market(MARKET_ARRAYS, None)
    walk_through(range(ROWS), entries, market, setting.account, rules, terms, slow)
    fast = walk_compiled(arrays(entries), arrayed, setting.account, rules, terms)
    return slow, fast


@functools.cache
def without_rules(setting: Setting) -> list[list[int]]:
    return bits(interpreted_and_compiled(frozenset(), setting)[0])


def assert_equal(names: frozenset[str]) -> int:
    """Compare in every setting; return in how many the rules made a difference."""
    acted = 0
    for setting in SETTINGS:
        slow, fast = interpreted_and_compiled(names, setting)
        assert bits(slow) == bits(fast), setting
        acted += bits(slow) != without_rules(setting)
    return acted


def test_no_rule_on() -> None:
    assert assert_equal(frozenset()) == 0


@pytest.mark.parametrize("names", ALONE, ids=lambda names: next(iter(names)))
def test_each_rule_alone(names: frozenset[str]) -> None:
    assert assert_equal(names) > 0, "the rule never acted, so nothing was compared"


def test_all_rules_on() -> None:
    assert assert_equal(frozenset(Rules._fields)) == len(SETTINGS)


@pytest.mark.parametrize("names", SUBSETS, ids=range(len(SUBSETS)))
def test_a_random_subset(names: frozenset[str]) -> None:
    assert assert_equal(names) > 0


@pytest.mark.parametrize("names", PAIRS, ids=lambda names: "-".join(sorted(names)))
def test_a_pair(names: frozenset[str]) -> None:
    assert assert_equal(names) > 0


def test_indicators_over_a_series() -> None:
    usual = [NAN if volume > 5000.0 else 4000.0 for volume in MARKET.volume]
    sessions = [float(at // LENGTH) for at in range(len(MARKET.close))]
    series = Series(MARKET.high, MARKET.low, MARKET.close, MARKET.volume, usual, sessions)
    length = len(series.close)
    slow = IndicatorColumns(*([NAN] * length for _ in IndicatorColumns._fields))
    indicate(series, Periods(), slow)
    fast = IndicatorColumns(*(np.full(length, np.nan) for _ in IndicatorColumns._fields))
    compiled(indicate)(Series(*(np.array(column) for column in series)), Periods(), fast)
    for name, one, other in zip(IndicatorColumns._fields, slow, fast, strict=True):
        assert np.array(one).tobytes() == other.tobytes(), name


@pytest.mark.parametrize("function", [rolling_highest, rolling_lowest])
def test_extremes_over_a_series(function) -> None:
    slow = [NAN] * len(MARKET.high)
    function(MARKET.high, 22, slow)
    fast = np.full(len(slow), np.nan)
    compiled(function)(np.array(MARKET.high), 22, fast)
    assert np.array(slow).tobytes() == fast.tobytes()
