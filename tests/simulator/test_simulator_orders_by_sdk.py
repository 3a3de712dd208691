"""The official SDK sends orders: what fills, what is held, what is refused and with which code."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from alpaca.trading.enums import OrderStatus
from alpaca.trading.requests import (
    LimitOrderRequest,
    MarketOrderRequest,
    ReplaceOrderRequest,
    StopLimitOrderRequest,
    StopLossRequest,
    StopOrderRequest,
    TakeProfitRequest,
)

from stopward.local.simulator import Options
from tests.builders.sdk import BUY, SELL, clients_of, refused
from tests.builders.simulator import AAPL, CLOSE, OPEN, a_simulator, at, flat, long_ten

D = Decimal


def test_a_market_order_is_pending_in_its_answer_and_filled_in_the_next_read():
    simulator = long_ten(spread_ticks=2)
    with clients_of(simulator) as clients:
        answer = clients.trading.submit_order(MarketOrderRequest(qty=10, **SELL))
        assert answer.status == OrderStatus.PENDING_NEW
        assert answer.filled_qty == "0"
        read = clients.trading.get_order_by_id(answer.id)
    assert read.status == OrderStatus.FILLED
    assert (read.filled_qty, read.filled_avg_price) == ("10", "100")  # kept inside the flat bar
    assert read.filled_at == OPEN


def test_a_limit_order_rests_and_fills_at_its_price_once_traded_through():
    simulator = long_ten((100, 101, 99.5, 100.5), (100.5, 102, 100.5, 102), *flat(102, 3))
    with clients_of(simulator) as clients:
        order = clients.trading.submit_order(LimitOrderRequest(qty=10, limit_price=101, **SELL))
        simulator.advance_to(at(1))
        assert clients.trading.get_order_by_id(order.id).status == OrderStatus.NEW  # only touched
        simulator.advance_to(at(2))
        read = clients.trading.get_order_by_id(order.id)
    assert read.status == OrderStatus.FILLED
    assert read.filled_avg_price == "101"


def test_a_stop_rests_and_fills_at_its_price_on_touch():
    simulator = long_ten((100, 100.5, 99, 100), *flat(100, 3))
    with clients_of(simulator) as clients:
        order = clients.trading.submit_order(StopOrderRequest(qty=10, stop_price=99, **SELL))
        simulator.advance_to(at(0.5))
        read = clients.trading.get_order_by_id(order.id)
    assert (read.status, read.filled_avg_price) == (OrderStatus.FILLED, "99")
    assert read.filled_at == OPEN + timedelta(seconds=20)


def test_a_stop_that_is_jumped_over_fills_at_the_open():
    simulator = long_ten((100, 100, 100, 100), (97, 100, 96, 100), *flat(100, 3))
    with clients_of(simulator) as clients:
        order = clients.trading.submit_order(StopOrderRequest(qty=10, stop_price=99, **SELL))
        simulator.advance_to(at(1))
        read = clients.trading.get_order_by_id(order.id)
    assert read.filled_avg_price == "97"


def test_a_stop_holds_its_shares_and_an_exit_is_forbidden():
    simulator = long_ten()
    with clients_of(simulator) as clients:
        stop = clients.trading.submit_order(StopOrderRequest(qty=7, stop_price=95, **SELL))
        position = clients.trading.get_open_position("AAPL")
        assert (position.qty, position.qty_available) == ("10", "3")
        error = refused(clients.trading.submit_order, MarketOrderRequest(qty=10, **SELL))
    assert (error.status_code, error.code) == (403, 40310000)
    body = error.response.json()
    assert (body["available"], body["held_for_orders"], body["existing_qty"]) == ("3", "7", "10")
    assert body["related_orders"] == [str(stop.id)]
    assert "insufficient qty available for order (requested: 10, available: 3)" in error.message


def test_a_sell_beyond_the_position_never_turns_it_round():
    simulator = long_ten()
    with clients_of(simulator) as clients:
        error = refused(clients.trading.submit_order, MarketOrderRequest(qty=11, **SELL))
    assert (error.status_code, error.code) == (403, 40310000)
    assert simulator.shares(AAPL) == 10


def test_selling_from_flat_opens_a_short_where_that_is_allowed():
    simulator = a_simulator()
    with clients_of(simulator) as clients:
        order = clients.trading.submit_order(MarketOrderRequest(qty=5, **SELL))
        assert order.position_intent.value == "sell_to_open"
        assert clients.trading.get_open_position("AAPL").qty == "-5"
    forbidden = a_simulator(options=Options(shorting_enabled=False))
    with clients_of(forbidden) as clients:
        error = refused(clients.trading.submit_order, MarketOrderRequest(qty=5, **SELL))
    assert error.status_code == 403


@pytest.mark.parametrize(
    ("shares", "side", "intent", "inferred"),
    [
        (10, "sell", "sell_to_open", "sell_to_close"),
        (10, "buy", "buy_to_close", "buy_to_open"),
        (0, "sell", "sell_to_close", "sell_to_open"),
        (-10, "buy", "buy_to_open", "buy_to_close"),
    ],
)
def test_a_position_intent_that_does_not_fit_is_refused(shares, side, intent, inferred):
    simulator = a_simulator()
    if shares:
        simulator.open_position(AAPL, "long" if shares > 0 else "short", D(abs(shares)), D(100))
    order = MarketOrderRequest(
        symbol="AAPL", qty=1, side=side, time_in_force="day", position_intent=intent
    )
    with clients_of(simulator) as clients:
        error = refused(clients.trading.submit_order, order)
    assert (error.status_code, error.code) == (422, 42210000)
    assert error.message == f"position intent mismatch, inferred: {inferred}, specified: {intent}"


def test_an_unknown_order_is_404():
    with clients_of(long_ten()) as clients:
        by_id = refused(clients.trading.get_order_by_id, uuid4())
        by_client_id = refused(clients.trading.get_order_by_client_id, "sw-none")
        canceled = refused(clients.trading.cancel_order_by_id, uuid4())
    assert {e.status_code for e in (by_id, by_client_id, canceled)} == {404}
    assert by_id.code == 40410000


def test_a_fractional_order_keeps_its_quantity_but_not_its_price():
    simulator = a_simulator()
    simulator.open_position(AAPL, "long", D("10.5"), D(100))
    with clients_of(simulator) as clients:
        order = clients.trading.submit_order(StopOrderRequest(qty=10.5, stop_price=95, **SELL))
        change = ReplaceOrderRequest(qty=10)
        error = refused(clients.trading.replace_order_by_id, order.id, change)
        moved = clients.trading.replace_order_by_id(order.id, ReplaceOrderRequest(stop_price=96))
    assert error.status_code == 422
    assert (moved.qty, moved.stop_price) == ("10.5", "96")


@pytest.mark.parametrize(
    ("order", "message"),
    [
        (
            StopOrderRequest(
                symbol="AAPL", qty=1.5, side="sell", time_in_force="gtc", stop_price=95
            ),
            "fractional orders must be DAY orders",
        ),
        (
            LimitOrderRequest(
                symbol="AAPL", qty=1.5, side="buy", time_in_force="day", limit_price=99,
                order_class="bracket", take_profit=TakeProfitRequest(limit_price=110),
                stop_loss=StopLossRequest(stop_price=95),
            ),
            "fractional orders must be simple orders",
        ),
        (
            MarketOrderRequest(qty=1, extended_hours=True, **SELL),
            "extended hours order must be DAY limit orders",
        ),
        (
            LimitOrderRequest(
                symbol="AAPL", qty=1, side="sell", time_in_force="gtc", limit_price=105,
                extended_hours=True,
            ),
            "extended hours order must be DAY limit orders",
        ),
        (
            LimitOrderRequest(qty=1, limit_price=105.005, **SELL),
            "invalid limit_price 105.005. "
            "sub-penny increment does not fulfill minimum pricing criteria",
        ),
        (
            StopOrderRequest(qty=1, stop_price=100, **SELL),
            "stop price must be less than current price",
        ),
        (
            StopLimitOrderRequest(qty=1, stop_price=100.5, limit_price=99, **SELL),
            "stop price must be less than current price",
        ),
        (
            MarketOrderRequest(symbol="ZZZZ", qty=1, side="buy", time_in_force="day"),
            'asset "ZZZZ" not found',
        ),
        (
            MarketOrderRequest(qty=1, client_order_id="x" * 129, **SELL),
            "client_order_id must be no more than 128 characters",
        ),
    ],
)  # fmt: skip
def test_an_order_that_breaks_a_rule_is_422_and_leaves_no_trace(order, message):
    simulator = long_ten()
    with clients_of(simulator) as clients:
        error = refused(clients.trading.submit_order, order)
        assert clients.trading.get_orders() == []
    assert (error.status_code, error.code, error.message) == (422, 42210000, message)


def test_a_sell_stop_must_lie_at_least_a_cent_under_the_price():
    simulator = long_ten()
    with clients_of(simulator) as clients:
        error = refused(
            clients.trading.submit_order, StopOrderRequest(qty=1, stop_price=100, **SELL)
        )
        body = error.response.json()
        assert (body["market_price"], body["stop_price"]) == ("100", "100")
        taken = clients.trading.submit_order(StopOrderRequest(qty=1, stop_price=99.99, **SELL))
    assert taken.stop_price == "99.99"


def test_an_opposite_order_beside_a_resting_stop_is_a_wash_trade():
    simulator = long_ten()
    with clients_of(simulator) as clients:
        stop = clients.trading.submit_order(StopOrderRequest(qty=10, stop_price=95, **SELL))
        error = refused(clients.trading.submit_order, MarketOrderRequest(qty=1, **BUY))
    assert (error.status_code, error.code) == (403, 40310000)
    assert error.response.json()["existing_order_id"] == str(stop.id)


def test_more_than_the_buying_power_is_forbidden():
    simulator = a_simulator(cash="1000")
    with clients_of(simulator) as clients:
        error = refused(clients.trading.submit_order, MarketOrderRequest(qty=41, **BUY))
    assert (error.status_code, error.message) == (403, "insufficient buying power")


def test_a_day_order_expires_at_the_close_and_one_for_tomorrow_waits():
    simulator = long_ten()
    with clients_of(simulator) as clients:
        day = clients.trading.submit_order(StopOrderRequest(qty=4, stop_price=95, **SELL))
        simulator.advance_to(CLOSE)
        assert clients.trading.get_order_by_id(day.id).status == OrderStatus.EXPIRED
        queued = clients.trading.submit_order(StopOrderRequest(qty=4, stop_price=95, **SELL))
        assert queued.status == OrderStatus.ACCEPTED
        assert clients.trading.get_open_position("AAPL").qty_available == "6"
        error = refused(
            clients.trading.replace_order_by_id, queued.id, ReplaceOrderRequest(stop_price=96)
        )
    assert error.message == "cannot replace order in accepted status"


def test_a_rejected_order_says_so_only_in_a_later_read():
    simulator = long_ten()
    simulator.reject_next(AAPL, "halted")
    with clients_of(simulator) as clients:
        order = clients.trading.submit_order(MarketOrderRequest(qty=10, **SELL))
        read = clients.trading.get_order_by_id(order.id)
    assert read.status == OrderStatus.REJECTED
    assert read.failed_at == OPEN
    assert simulator.shares(AAPL) == 10
