"""The original bot's defects in handling orders, each named after it (TRADING section 4)."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from stopward.entry import scheduled_at
from stopward.errors import InvalidInput
from stopward.services.guard import Guard
from tests.builders.guard import AAPL, ADOPT_ALL, a_world
from tests.builders.simulator import Prices, a_simulator, at, flat

BREAKEVEN = ADOPT_ALL + '[rules.breakeven]\narm = "1 r"\n'
TIME_STOP = ADOPT_ALL + "[rules.time_stop]\nminutes = 2\n"
UP: list[Prices] = [(100, 101, 100, 101), (101, 102, 101, 102), *flat(102, 4)]


def test_breakeven_moved_only_a_database_row() -> None:
    """Here the stop at the broker moves, and the row follows what was seen resting there."""
    with a_world(*UP, rules=BREAKEVEN) as world:
        world.open(stop="98")
        world.run(1, 3)
        assert world.stop_prices() == [f"100@{world.position().stop.normalize():f}"]
        assert world.position().stop > 98


def test_a_move_that_the_broker_refused_does_not_move_the_row() -> None:
    with a_world(*UP, rules=BREAKEVEN) as world:
        world.open(stop="98")
        world.tick(1)
        stop = world.stops()[0]
        world.simulator.force_status(stop.id, "pending_replace")
        world.tick(2)
        assert world.position().stop == Decimal(98)


def test_risk_was_recomputed_from_the_moved_stop() -> None:
    with a_world(*UP, rules=BREAKEVEN) as world:
        world.open(stop="98")
        world.run(1, 4)
        assert world.position().stop > 100
        assert world.position().risk == Decimal(2)
        assert world.position().initial_stop == Decimal(98)


def test_naive_minus_aware_datetime_raised_after_the_close() -> None:
    """An event without a time zone is refused; a tick after the close ends the day quietly."""
    with pytest.raises(InvalidInput, match="time zone"):
        scheduled_at({"time": "2024-01-03T21:00:00"})
    assert scheduled_at({"time": "2024-01-03T21:00:07Z"}) == datetime(2024, 1, 3, 21, tzinfo=UTC)
    simulator = a_simulator(*flat(100, 395), start=at(385))
    with a_world(simulator=simulator) as world:
        world.open(stop="98")
        world.tick(389)
        world.simulator.hand_close(AAPL)
        summary = world.tick(391)
        assert summary.trades == 1
        assert world.failures == []


def test_a_refused_close_was_logged_as_executed() -> None:
    with a_world(*flat(100, 6), rules=TIME_STOP) as world:
        world.open(stop="98")
        world.tick(1)
        world.simulator.reject_next(AAPL, "not now")
        world.tick(2)
        assert world.trades() == []
        assert world.position().quantity == 100
        assert world.stop_prices() == ["100@98"]


def test_a_held_stop_leg_was_cancelled_as_a_fault() -> None:
    with a_world(*flat(100, 6)) as world:
        world.open(stop="98", target="110")
        world.run(1, 4)
        assert [order.status for order in world.stops()] == ["held"]
        assert world.sent("DELETE") == []
        assert world.sent() == []


def test_int_of_a_fractional_quantity_sold_nothing() -> None:
    with a_world(*flat(100, 6), rules=TIME_STOP) as world:
        world.open("0.75")
        world.run(1, 3)
        assert world.shares() == 0
        assert [trade.cause for trade in world.trades()] == ["time_stop"]


def test_state_in_memory_was_lost_on_restart() -> None:
    """A fresh guard, as after a cold start, goes on from the store."""
    with a_world(*UP, rules=BREAKEVEN) as world:
        world.open(stop="98")
        world.run(1, 2)
        before = world.position()
        old = world.guard
        world.guard = Guard(
            store=old.store,
            broker=old.broker,
            market_data=old.market_data,
            clock=old.clock,
            settings=old.settings,
            on_failure=old.on_failure,
        )
        world.tick(3)
        after = world.position()
        assert after.marks.age == before.marks.age + 1
        assert after.marks.best == before.marks.best
        assert after.initial_stop == before.initial_stop
