"""Orders and time without HTTP: sessions, nights, extended hours, expiry, pending changes."""

from datetime import timedelta
from decimal import Decimal

import pytest

from stopward.errors import InvalidInput
from stopward.local.simulator import Options, Settling
from tests.builders.simulator import (
    AAPL,
    CLOSE,
    NEXT_CLOSE,
    NEXT_OPEN,
    OPEN,
    SESSIONS,
    a_bar,
    a_simulator,
    at,
    bars_of,
    flat,
    only_fill,
    sell,
)

D = Decimal


def test_stops_sleep_outside_the_session_and_day_limits_for_extended_hours_do_not():
    after_hours = bars_of((100, 100, 90, 90), *flat(90, 3), start=390)
    simulator = a_simulator(bars=[*bars_of(*flat(100, 2)), *after_hours])
    opened = simulator.open_position(AAPL, "long", D(10), D(100), stop=D(95))
    simulator.hand_cancel(AAPL)
    stop = simulator.hand_stop(AAPL, D(95), quantity=D(6))
    simulator.advance_to(CLOSE)
    exit_order = simulator.submit(
        sell("4", kind="limit", limit_price=D(95), extended_hours=True, time_in_force="day")
    )
    simulator.advance_to(CLOSE + timedelta(seconds=1))
    assert opened.stop != stop.id
    assert simulator.book[exit_order.id].status == "filled"
    simulator.advance_to(CLOSE + timedelta(minutes=2))
    assert (simulator.book[stop.id].status, simulator.shares(AAPL)) == ("accepted", 6)


def test_an_extended_hours_order_lives_until_eight_in_the_evening():
    simulator = a_simulator()
    simulator.open_position(AAPL, "long", D(10), D(100))
    order = simulator.submit(
        sell(kind="limit", limit_price=D(150), extended_hours=True, time_in_force="day")
    )
    simulator.advance_to(CLOSE + timedelta(hours=3, minutes=59))
    assert simulator.book[order.id].is_open
    simulator.advance_to(CLOSE + timedelta(hours=4))
    assert simulator.book[order.id].status == "expired"


def test_a_market_order_of_the_night_fills_at_the_next_open():
    simulator = a_simulator(bars=[*bars_of(*flat(100, 2)), a_bar((93, 94, 92, 94), minute=24 * 60)])
    simulator.open_position(AAPL, "long", D(10), D(100))
    simulator.advance_to(CLOSE + timedelta(hours=1))
    order = simulator.submit(sell())
    assert order.status == "accepted"
    simulator.advance_to(NEXT_OPEN)
    assert (only_fill(simulator).price, only_fill(simulator).at) == (93, NEXT_OPEN)


def test_a_good_till_canceled_stop_is_accepted_overnight_and_new_again_at_the_open():
    simulator = a_simulator(bars=[*bars_of(*flat(100, 2)), a_bar((94, 95, 93, 95), minute=24 * 60)])
    opened = simulator.open_position(AAPL, "long", D(10), D(100), stop=D(95))
    simulator.advance_to(CLOSE)
    assert simulator.book[opened.stop].status == "accepted"
    assert simulator.unprotected_seconds(AAPL) == 0
    simulator.advance_to(NEXT_OPEN)
    assert only_fill(simulator).price == 94


def test_an_order_expires_with_its_own_session():
    simulator = a_simulator()
    simulator.open_position(AAPL, "long", D(10), D(100))
    order = simulator.submit(sell(kind="stop", stop_price=D(95), time_in_force="day"))
    assert order.expires_at == CLOSE
    simulator.advance_to(CLOSE)
    late = simulator.submit(sell(kind="stop", stop_price=D(95), time_in_force="day"))
    assert late.expires_at == NEXT_CLOSE
    simulator.advance_to(NEXT_CLOSE)
    assert simulator.book[late.id].status == "expired"


def test_a_pending_change_settles_at_its_time_between_two_prices():
    slow = Options(settling=Settling(calls=None, after=timedelta(seconds=10)))
    simulator = a_simulator((100, 100, 99, 100), options=slow)
    simulator.open_position(AAPL, "long", D(10), D(100))
    order = simulator.submit(sell(kind="stop", stop_price=D(99)))
    simulator.advance_to(OPEN + timedelta(seconds=9))
    assert simulator.book[order.id].status == "pending_new"
    simulator.cancel(order.id)
    simulator.advance_to(OPEN + timedelta(seconds=18))
    assert simulator.book[order.id].status == "pending_cancel"
    simulator.advance_to(OPEN + timedelta(seconds=19))
    assert simulator.book[order.id].status == "canceled"
    assert simulator.shares(AAPL) == 10


def test_time_only_moves_forward_and_a_start_needs_a_zone():
    simulator = a_simulator()
    simulator.advance_to(at(1))
    with pytest.raises(InvalidInput, match="only moves forward"):
        simulator.advance_to(OPEN)
    with pytest.raises(InvalidInput, match="time zone"):
        a_simulator(start=OPEN.replace(tzinfo=None))


def test_half_days_close_early():
    early = SESSIONS[0].closes_at - timedelta(hours=3)
    simulator = a_simulator()
    assert simulator.state.hours.session_at(early) is not None
    assert simulator.state.hours.session_at(CLOSE) is None
    assert simulator.state.hours.is_extended(CLOSE)
    assert simulator.state.hours.is_extended(OPEN - timedelta(hours=5))
    assert not simulator.state.hours.is_extended(OPEN - timedelta(hours=6))
