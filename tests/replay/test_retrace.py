"""Walked again, a stop is where it was: fills and traces agree, with limits and without."""

from decimal import Decimal

import numpy as np
import pytest

from stopward.domain.freqtrade import parse_freqtrade
from stopward.domain.opening import PositionRow
from stopward.domain.rulebook import RuleBook, parse
from stopward.replay.freqtrade import replay_freqtrade
from stopward.replay.results import Results
from stopward.replay.retrace import Trace, retrace, retrace_freqtrade
from stopward.replay.run import replay
from stopward.replay.table import BarTable, microseconds
from stopward.replay.terms import Conditions
from tests.builders.kernel_random import dice
from tests.builders.replay import a_table, some_positions

RULES = """
[account]
adopt = "all"
[rules.breakeven]
arm = "0.5 r"
[rules.percent_trail]
arm = "0.8 r"
distance = "0.1 %"
distance_2 = "0.1 %"
[rules.session_flat]
minutes = 5
[rules.target]
distance = "1.5 r"
resting = true
"""
NO_PROFIT = "[limits.day_profit]\narm_r = 1000\n"
"""Out of reach: the machine code for both limits is what others here use too."""
LIMITS = {
    "none": "",
    "cuts": "[limits.day_loss]\nloss_r = 1\nloss_fraction = 0.5\n" + NO_PROFIT,
    "tightens": '[limits.day_loss]\nloss_r = 1\nloss_fraction = 0.5\nact = "tighten"\n'
    'tighten = "0.4 r"\n' + NO_PROFIT,
}
CONDITIONS = Conditions(equity=Decimal(100_000))


def a_book(limit: str) -> RuleBook:
    return parse(RULES + LIMITS[limit], source="test")


def a_replay(seed: int, book: RuleBook) -> tuple[Results, BarTable]:
    rng = dice(seed)
    table = a_table(rng)
    return replay(some_positions(rng, table, count=40), table, book, CONDITIONS), table


def held(position: PositionRow) -> int:
    return 1 if position.side == "long" else -1


def rows_of(results: Results) -> list[int]:
    return list(range(len(results)))


def traced(limit: str, seed: int) -> tuple[Results, BarTable, tuple[Trace, ...]]:
    book = a_book(limit)
    results, table = a_replay(seed, book)
    return results, table, retrace(rows_of(results), results, table, book, CONDITIONS)


@pytest.mark.parametrize("limit", LIMITS)
def test_every_stop_that_was_filled_is_the_last_one_of_its_trace(limit: str) -> None:
    """A stop is filled where it rested, or at the open of a bar that opened beyond it."""
    seen = 0
    for seed in range(3):
        results, table, traces = traced(limit, seed)
        for trace in traces:
            *_, sale = results.sales(trace.row)
            bar = int(results.outcomes.bar[trace.row])
            assert len(trace.stops) == bar - trace.first + 1
            assert table.bars.at[bar] == microseconds(sale.at)
            if sale.rule == "stop":
                stop, opened = float(trace.stops[-1]), float(table.bars.open[bar])
                farther = min if held(results.positions[trace.row]) > 0 else max
                assert sale.price == farther(stop, opened)
                seen += 1
    assert seen > 10


@pytest.mark.parametrize("limit", LIMITS)
def test_a_trace_begins_at_the_initial_stop_and_never_widens(limit: str) -> None:
    results, _, traces = traced(limit, 7)
    moved = 0
    for trace in traces:
        position = results.positions[trace.row]
        assert not np.isnan(trace.stops).any()
        if position.initial_stop is not None:
            assert trace.stops[0] == float(position.initial_stop)
        assert (np.diff(trace.stops) * held(position) >= 0).all()
        moved += int((np.diff(trace.stops) != 0).any())
    assert moved > 2


@pytest.mark.parametrize("limit", LIMITS)
def test_a_few_are_traced_as_all_are(limit: str) -> None:
    results, table, traces = traced(limit, 5)
    few = [31, 2, 17]
    again = retrace(few, results, table, a_book(limit), CONDITIONS)
    assert [trace.row for trace in again] == few
    for trace in again:
        assert trace.first == traces[trace.row].first
        assert trace.stops.tobytes() == traces[trace.row].stops.tobytes()
        assert str(trace.target) == str(traces[trace.row].target)


def test_a_limit_cuts_a_trace_short() -> None:
    """Walked alone, without the account's day, some would have been held for longer."""
    results, table, traces = traced("cuts", 7)
    alone = retrace(rows_of(results), replay(results.positions, table, a_book("none"), CONDITIONS),
                    table, a_book("none"), CONDITIONS)  # fmt: skip
    cut = [row for row in rows_of(results) if results.rule(row) == "day_loss"]
    assert cut
    assert all(len(traces[row].stops) <= len(alone[row].stops) for row in cut)
    assert any(len(traces[row].stops) < len(alone[row].stops) for row in cut)


def test_no_rows_are_no_traces() -> None:
    results, table = a_replay(0, a_book("none"))
    assert retrace([], results, table, a_book("none"), CONDITIONS) == ()


def test_the_stop_of_a_strategy_of_that_peer_is_its_own() -> None:
    """It begins at its share of the entry, whatever stop came with the position, and trails."""
    strategy = parse_freqtrade(
        '{"minimal_roi": {"0": 0.02}, "stoploss": -0.004, "trailing_stop": true}', source="test"
    )
    rng = dice(2)
    table = a_table(rng)
    positions = some_positions(rng, table, count=30)
    results = replay_freqtrade(positions, table, strategy.rules)
    traces = retrace_freqtrade(rows_of(results), results, table, strategy.rules)
    for trace in traces:
        position = positions[trace.row]
        side, entry = held(position), float(position.entry_price)
        assert trace.stops[0] == pytest.approx(entry * (1 - side * 0.004), abs=0.01)
        assert (np.diff(trace.stops) * side >= 0).all()
        assert trace.first + len(trace.stops) - 1 == int(results.outcomes.bar[trace.row])
        assert np.isnan(trace.target)
    assert any(len(set(trace.stops)) > 3 for trace in traces)
    again = retrace_freqtrade([9, 4], results, table, strategy.rules)
    assert [trace.stops.tobytes() for trace in again] == [
        traces[row].stops.tobytes() for row in (9, 4)
    ]
