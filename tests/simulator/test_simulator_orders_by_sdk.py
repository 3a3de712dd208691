"""The official SDK sends, replaces and cancels orders; every fact that the guard relies on."""

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.enums import OrderClass, OrderStatus, QueryOrderStatus
from alpaca.trading.requests import (
    GetOrdersRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    ReplaceOrderRequest,
    StopLimitOrderRequest,
    StopLossRequest,
    StopOrderRequest,
    TakeProfitRequest,
    TrailingStopOrderRequest,
)

from stopward.local.simulator import Options, Settling
from tests.builders.sdk import clients_of
from tests.builders.simulator import AAPL, CLOSE, OPEN, a_simulator, at, flat

D = Decimal
SELL = {"symbol": "AAPL", "side": "sell", "time_in_force": "day"}
BUY = {"symbol": "AAPL", "side": "buy", "time_in_force": "day"}


def refused(call, *arguments) -> APIError:
    """The refusal that a call must meet."""
    with pytest.raises(APIError) as caught:
        call(*arguments)
    return caught.value


def long_ten(*rows, **settings):
    """A simulator with ten shares of AAPL from 100, and no orders."""
    simulator = a_simulator(*rows, **settings)
    simulator.open_position(AAPL, "long", D(10), D(100))
    return simulator


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


def test_a_client_order_id_is_unique_for_ever_also_after_a_cancel():
    simulator = long_ten()
    order = StopOrderRequest(qty=10, stop_price=95, client_order_id="sw-arm-1-abc", **SELL)
    with clients_of(simulator) as clients:
        first = clients.trading.submit_order(order)
        clients.trading.cancel_order_by_id(first.id)
        found = clients.trading.get_order_by_client_id("sw-arm-1-abc")
        assert (found.id, found.status) == (first.id, OrderStatus.CANCELED)
        error = refused(clients.trading.submit_order, order)
    assert (error.status_code, error.code) == (422, 40010001)
    assert error.message == "client_order_id must be unique"


def test_an_unknown_order_is_404():
    with clients_of(long_ten()) as clients:
        by_id = refused(clients.trading.get_order_by_id, uuid4())
        by_client_id = refused(clients.trading.get_order_by_client_id, "sw-none")
        canceled = refused(clients.trading.cancel_order_by_id, uuid4())
    assert {e.status_code for e in (by_id, by_client_id, canceled)} == {404}
    assert by_id.code == 40410000


def test_a_cancel_is_a_request_and_takes_effect_later():
    simulator = long_ten(options=Options(settling=Settling(calls=2)))
    with clients_of(simulator) as clients:
        order = clients.trading.submit_order(StopOrderRequest(qty=10, stop_price=95, **SELL))
        simulator.settle()
        clients.trading.cancel_order_by_id(order.id)
        assert clients.trading.get_order_by_id(order.id).status == OrderStatus.PENDING_CANCEL
        assert clients.trading.get_order_by_id(order.id).status == OrderStatus.CANCELED
        assert clients.trading.get_open_position("AAPL").qty_available == "10"
        error = refused(clients.trading.cancel_order_by_id, order.id)
    assert (error.status_code, error.code) == (422, 42210000)
    assert error.message == 'order is already in "canceled" state'


def test_a_replace_gets_a_new_id_and_the_chain_is_kept():
    simulator = long_ten()
    with clients_of(simulator) as clients:
        old = clients.trading.submit_order(StopOrderRequest(qty=10, stop_price=95, **SELL))
        new = clients.trading.replace_order_by_id(
            old.id, ReplaceOrderRequest(stop_price=96.5, client_order_id="sw-move-1-x")
        )
        assert new.id != old.id
        assert new.replaces == old.id
        assert (new.status, new.stop_price) == (OrderStatus.PENDING_NEW, "96.5")
        before = clients.trading.get_order_by_id(old.id)
        after = clients.trading.get_order_by_client_id("sw-move-1-x")
        listed = clients.trading.get_orders()
    assert (before.status, before.replaced_by) == (OrderStatus.REPLACED, new.id)
    assert (after.id, after.status, after.qty) == (new.id, OrderStatus.NEW, "10")
    assert [order.id for order in listed] == [new.id]


def test_a_replace_may_shrink_the_quantity_and_frees_the_rest():
    simulator = long_ten()
    with clients_of(simulator) as clients:
        old = clients.trading.submit_order(StopOrderRequest(qty=10, stop_price=95, **SELL))
        clients.trading.replace_order_by_id(old.id, ReplaceOrderRequest(qty=6))
        assert clients.trading.get_open_position("AAPL").qty_available == "4"
        sold = clients.trading.submit_order(MarketOrderRequest(qty=4, **SELL))
        assert clients.trading.get_order_by_id(sold.id).status == OrderStatus.FILLED
        assert clients.trading.get_open_position("AAPL").qty_available == "0"


def test_the_old_order_may_fill_before_the_replace_takes_effect():
    slow = Options(settling=Settling(calls=None, after=timedelta(seconds=45)))
    simulator = long_ten((100, 100.5, 99, 100), *flat(100, 3), options=slow)
    with clients_of(simulator) as clients:
        old = clients.trading.submit_order(StopOrderRequest(qty=10, stop_price=99, **SELL))
        simulator.settle()
        new = clients.trading.replace_order_by_id(old.id, ReplaceOrderRequest(stop_price=99.5))
        assert clients.trading.get_order_by_id(old.id).status == OrderStatus.PENDING_REPLACE
        simulator.advance_to(at(1))
        before = clients.trading.get_order_by_id(old.id)
        after = clients.trading.get_order_by_id(new.id)
    assert (before.status, before.filled_avg_price) == (OrderStatus.FILLED, "99")
    assert before.replaced_by is None
    assert (after.status, after.filled_qty) == (OrderStatus.REJECTED, "0")
    assert simulator.shares(AAPL) == 0


@pytest.mark.parametrize("status", ["accepted", "pending_new", "pending_cancel", "pending_replace"])
def test_a_replace_is_refused_while_the_order_is_in_transition(status):
    simulator = long_ten()
    with clients_of(simulator) as clients:
        order = clients.trading.submit_order(StopOrderRequest(qty=10, stop_price=95, **SELL))
        simulator.settle()
        simulator.force_status(str(order.id), status)
        change = ReplaceOrderRequest(stop_price=96)
        error = refused(clients.trading.replace_order_by_id, order.id, change)
    assert (error.status_code, error.code) == (422, 42210000)
    assert error.message == f"cannot replace order in {status} status"


def test_a_replace_that_changes_nothing_is_an_error():
    simulator = long_ten()
    with clients_of(simulator) as clients:
        order = clients.trading.submit_order(StopOrderRequest(qty=10, stop_price=95, **SELL))
        change = ReplaceOrderRequest(stop_price=95, qty=10)
        error = refused(clients.trading.replace_order_by_id, order.id, change)
        still = clients.trading.get_order_by_id(order.id)
    assert (error.status_code, error.message) == (422, "order parameters are not changed")
    assert still.status == OrderStatus.NEW


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


def test_a_bracket_shows_its_legs_nested_and_holds_the_stop_beside_the_target():
    simulator = a_simulator(*flat(100, 10))
    bracket = MarketOrderRequest(
        qty=10, order_class=OrderClass.BRACKET, take_profit=TakeProfitRequest(limit_price=110),
        stop_loss=StopLossRequest(stop_price=95), **BUY,
    )  # fmt: skip
    with clients_of(simulator) as clients:
        answer = clients.trading.submit_order(bracket)
        assert [leg.status.value for leg in answer.legs] == ["held", "held"]
        flat_list = clients.trading.get_orders()
        nested = clients.trading.get_orders(GetOrdersRequest(nested=True))
    assert [order.type.value for order in flat_list] == ["limit"]
    assert [(o.status.value, len(o.legs)) for o in nested] == [("filled", 2)]
    legs = {leg.type.value: leg for leg in nested[0].legs}
    assert (legs["limit"].status.value, legs["stop"].status.value) == ("new", "held")
    assert legs["stop"].order_class == OrderClass.BRACKET
    assert legs["stop"].legs is None


def test_bracket_legs_take_a_new_price_and_no_new_quantity():
    simulator = a_simulator()
    opened = simulator.open_position(AAPL, "long", D(10), D(100), stop=D(95), target=D(110))
    with clients_of(simulator) as clients:
        error = refused(
            clients.trading.replace_order_by_id, opened.stop, ReplaceOrderRequest(qty=5)
        )
        assert (error.status_code, error.message) == (
            422,
            "qty cannot be changed for advanced orders",
        )
        moved = clients.trading.replace_order_by_id(opened.stop, ReplaceOrderRequest(stop_price=97))
        nested = clients.trading.get_orders(GetOrdersRequest(nested=True))
    stops = [leg for leg in nested[0].legs if leg.type.value == "stop"]
    assert [(leg.id, leg.status.value, leg.stop_price) for leg in stops] == [
        (moved.id, "held", "97")
    ]


def test_an_oco_exit_is_a_limit_with_a_held_stop_below_it():
    simulator = long_ten((100, 100.5, 95, 96), *flat(96, 3))
    order = LimitOrderRequest(
        qty=10, order_class=OrderClass.OCO, take_profit=TakeProfitRequest(limit_price=110),
        stop_loss=StopLossRequest(stop_price=95), **SELL,
    )  # fmt: skip
    with clients_of(simulator) as clients:
        parent = clients.trading.submit_order(order)
        assert (parent.type.value, parent.limit_price) == ("limit", "110")
        assert clients.trading.get_open_position("AAPL").qty_available == "0"
        simulator.advance_to(at(1))
        read = clients.trading.get_order_by_id(parent.id)
    assert read.status == OrderStatus.CANCELED
    assert [(leg.status.value, leg.filled_avg_price) for leg in read.legs] == [("filled", "95")]


def test_an_oto_leg_cannot_be_replaced():
    simulator = a_simulator()
    order = MarketOrderRequest(
        qty=10, order_class=OrderClass.OTO, stop_loss=StopLossRequest(stop_price=95), **BUY
    )
    with clients_of(simulator) as clients:
        parent = clients.trading.submit_order(order)
        leg = clients.trading.get_order_by_id(parent.id).legs[0]
        assert leg.status == OrderStatus.NEW
        error = refused(
            clients.trading.replace_order_by_id, leg.id, ReplaceOrderRequest(stop_price=96)
        )
    assert (error.status_code, error.code) == (422, 42210000)


def test_a_trailing_stop_follows_the_best_price_and_never_back():
    simulator = long_ten((100, 104, 100, 104), (104, 104, 103, 103), (103, 103, 101, 101))
    with clients_of(simulator) as clients:
        order = clients.trading.submit_order(
            TrailingStopOrderRequest(qty=10, trail_price=2, **SELL)
        )
        assert order.stop_price == "98"
        simulator.advance_to(at(2))
        moved = clients.trading.get_order_by_id(order.id)
        assert (moved.hwm, moved.stop_price, moved.status.value) == ("104", "102", "new")
        simulator.advance_to(at(2.5))
        assert clients.trading.get_order_by_id(order.id).filled_avg_price == "102"


def test_open_orders_page_by_submission_time_without_loss():
    simulator = a_simulator(cash="1000000")
    simulator.open_position(AAPL, "long", D(1200), D(100))
    for _ in range(1200):
        simulator.hand_stop(AAPL, D(95), quantity=D(1))
    seen: list[str] = []
    with clients_of(simulator) as clients:
        after = None
        while True:
            page = clients.trading.get_orders(
                GetOrdersRequest(limit=500, after=after, direction="asc")
            )
            if not page:
                break
            seen += [str(order.id) for order in page]
            after = page[-1].submitted_at
        error = refused(clients.trading.get_orders, GetOrdersRequest(limit=501))
    assert len(seen) == len(set(seen)) == 1200
    assert error.status_code == 422
    assert len(simulator.log) == 5


def test_orders_are_listed_by_status_symbol_side_and_direction():
    simulator = long_ten()
    with clients_of(simulator) as clients:
        first = clients.trading.submit_order(StopOrderRequest(qty=4, stop_price=95, **SELL))
        second = clients.trading.submit_order(StopOrderRequest(qty=6, stop_price=94, **SELL))
        clients.trading.cancel_order_by_id(first.id)

        def ids(**query):
            return [o.id for o in clients.trading.get_orders(GetOrdersRequest(**query))]

        assert ids() == [second.id]
        assert ids(status=QueryOrderStatus.CLOSED, side="sell") == [first.id]
        assert ids(status=QueryOrderStatus.ALL, side="sell") == [second.id, first.id]
        assert ids(status=QueryOrderStatus.ALL, side="sell", direction="asc") == [
            first.id,
            second.id,
        ]
        assert ids(symbols=["MSFT"]) == []
        assert ids(until=first.submitted_at, status=QueryOrderStatus.ALL, side="sell") == []


def test_all_orders_are_canceled_together():
    simulator = long_ten()
    with clients_of(simulator) as clients:
        for quantity in (4, 6):
            clients.trading.submit_order(StopOrderRequest(qty=quantity, stop_price=95, **SELL))
        answers = clients.trading.cancel_orders()
        assert [answer.status for answer in answers] == [200, 200]
        assert clients.trading.get_orders() == []


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
