"""Positions of a file, replayed under the exits of freqtrade: how they map, and what they earn."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest

from stopward.domain.identity import PositionId
from stopward.domain.opening import PositionRow
from stopward.errors import InvalidInput
from stopward.replay.freqtrade import NO_SLIPPAGE, as_there, replay_freqtrade
from stopward.replay.results import Results
from stopward.replay.table import BarTable, bar_table
from stopward.replay.terms import Commission, Conditions
from stopward.rules.freqtrade import FreqtradeRules
from tests.builders.freqtrade import Prices, a_strategy, strategy
from tests.builders.kernel_random import dice
from tests.builders.replay import (
    MINUTES,
    OPENS,
    SYMBOLS,
    a_table,
    columns_from,
    some_positions,
    some_sessions,
)

FLAT: Prices = (100.0, 100.5, 99.5, 100.0)


def bars_of(*days: Sequence[Prices]) -> BarTable:
    """Return one symbol's minute bars, a list a session, from its open on."""
    rows = [
        (OPENS + timedelta(days=number, minutes=minute), *prices)
        for number, day in enumerate(days)
        for minute, prices in enumerate(day)
    ]
    return bar_table({SYMBOLS[0]: columns_from(rows)}, sessions=some_sessions(len(days)))


def a_position(at: datetime = OPENS, **changes: object) -> PositionRow:
    """Return 100 shares, long from 100.00 with a stop at 98.00."""
    known: dict[str, object] = {
        "id": PositionId("p"),
        "symbol": SYMBOLS[0],
        "side": "long",
        "quantity": Decimal(100),
        "entry_at": at,
        "entry_price": Decimal(100),
        "initial_stop": Decimal(98),
    }
    return PositionRow(**known | changes)  # type: ignore[arg-type]


def replayed(
    table: BarTable, rules: FreqtradeRules, position: PositionRow | None = None
) -> Results:
    return replay_freqtrade([position or a_position()], table, rules)


def left(results: Results) -> tuple[datetime, float, str]:
    """Return when, at what price and by which rule the only position left."""
    (sale,) = results.sales(0)
    return sale.at, sale.price, sale.rule


def minute(count: int) -> datetime:
    return OPENS + timedelta(minutes=count)


def test_a_position_of_a_bars_start_lives_in_that_bar():
    table = bars_of([(100, 106, 94, 100), FLAT, FLAT])
    assert left(replayed(table, strategy(-0.05))) == (OPENS, 95.0, "stop")


def test_a_position_from_inside_a_bar_lives_from_the_next_on():
    table = bars_of([(100, 106, 94, 100), FLAT, (100, 100, 94, 99)])
    inside = a_position(OPENS + timedelta(seconds=20))
    assert left(replayed(table, strategy(-0.05), inside)) == (minute(2), 95.0, "stop")


def test_what_is_open_at_the_end_leaves_at_the_last_open():
    results = replayed(bars_of([FLAT, FLAT, (101, 102, 100, 102)]), strategy())
    assert left(results) == (minute(2), 101.0, "open")
    assert results.is_open.tolist() == [True]
    assert results.rule(0) == "open"
    assert results.gross_r.tolist() == [0.5]


def test_minutes_of_the_night_count():
    table = bars_of([FLAT] * MINUTES, [(101, 101.5, 100.5, 101)] * MINUTES)
    results = replayed(table, strategy(roi={0: 0.2, 600: 0.005}))
    assert left(results) == (OPENS + timedelta(days=1), 100.5, "aged_target")


def test_the_positions_own_stop_and_target_do_nothing_but_measure_r():
    table = bars_of([FLAT, (100, 104, 97, 103), (103, 106, 102, 105), FLAT])
    position = a_position(target=Decimal(102))
    results = replayed(table, strategy(-0.05, roi={0: 0.05}), position)
    assert left(results) == (minute(2), 105.0, "aged_target")
    assert results.gross_r.tolist() == [2.5]
    assert results.mae_r.tolist() == [-1.5]


@pytest.mark.parametrize(("side", "price"), [("long", 95.0), ("short", 105.0)])
def test_without_a_stop_r_is_the_strategys(side: str, price: float):
    table = bars_of([FLAT, (100, 106, 94, 103), FLAT])
    results = replayed(table, strategy(-0.05), a_position(side=side, initial_stop=None))
    assert left(results) == (minute(1), price, "stop")
    assert results.gross_r.tolist() == [-1.0]
    assert results.is_estimated.tolist() == [False]
    assert results.positions[0].initial_stop is None


@pytest.mark.parametrize(("side", "sign"), [("long", 1.0), ("short", -1.0)])
def test_the_fee_is_paid_at_entry_and_at_exit(side: str, sign: float):
    table = bars_of([FLAT, (100, 106, 94, 103), FLAT])
    rules = strategy(-0.05, fee=0.001)
    results = replayed(table, rules, a_position(side=side))
    price = 100.0 - sign * 5.0
    there = sign * (price * (1.0 - sign * 0.001) / (100.0 * (1.0 + sign * 0.001)) - 1.0)
    assert results.net[0] / (100.0 * 100.0 * (1.0 + sign * 0.001)) == pytest.approx(there)


def test_slippage_and_commission_may_be_others():
    table = bars_of([FLAT, (100, 106, 94, 103), FLAT])
    conditions = Conditions(commission=Commission(per_share=0.01))
    assert conditions.slippage != NO_SLIPPAGE
    (results,) = [replay_freqtrade([a_position()], table, strategy(-0.05), conditions)]
    assert next(results.sales(0)).slipped == 94.99
    assert results.net.tolist() == pytest.approx([-501.0 - 2.0])
    assert as_there(strategy()).commission == Commission()


def test_shares_are_walked_alike_whatever_the_threads():
    rng = dice(3)
    table = a_table(rng)
    positions = some_positions(rng, table, count=60)
    rules = a_strategy(dice(8))._replace(stoploss=-0.004)
    told: list[int] = []
    alone = replay_freqtrade(positions, table, rules, progress=told.append)
    shared = replay_freqtrade(positions, table, rules, workers=2)
    for one, other in zip(alone.exits, shared.exits, strict=True):
        assert np.asarray(one).tobytes() == np.asarray(other).tobytes()
    assert sum(told) == len(positions)
    assert len({alone.rule(row) for row in range(len(positions))}) > 1


def test_a_position_without_a_bar_is_refused():
    with pytest.raises(InvalidInput, match="after the last bar"):
        replayed(bars_of([FLAT, FLAT]), strategy(), a_position(OPENS + timedelta(days=3)))


def test_bars_of_another_timeframe_are_refused():
    table = bars_of([FLAT, FLAT, FLAT])
    with pytest.raises(InvalidInput, match=r"span 1 minutes and the timeframe .* is 5: give bars"):
        replay_freqtrade([a_position()], table, strategy(), timeframe_minutes=5.0)
    same = replay_freqtrade([a_position()], table, strategy(), timeframe_minutes=1.0)
    assert left(same) == (minute(2), 100.0, "open")
