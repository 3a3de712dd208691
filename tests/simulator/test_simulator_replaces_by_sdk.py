"""The official SDK replaces and cancels: new ids, chains, refusals, and what may come first."""

from datetime import timedelta
from decimal import Decimal

import pytest
from alpaca.trading.enums import OrderClass, OrderStatus
from alpaca.trading.requests import (
    MarketOrderRequest,
    ReplaceOrderRequest,
    StopLossRequest,
    StopOrderRequest,
)

from stopward.local.simulator import Options, Settling
from tests.builders.sdk import BUY, SELL, clients_of, refused
from tests.builders.simulator import AAPL, a_simulator, at, flat, long_ten

D = Decimal


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


def test_all_orders_are_canceled_together():
    simulator = long_ten()
    with clients_of(simulator) as clients:
        for quantity in (4, 6):
            clients.trading.submit_order(StopOrderRequest(qty=quantity, stop_price=95, **SELL))
        answers = clients.trading.cancel_orders()
        assert [answer.status for answer in answers] == [200, 200]
        assert clients.trading.get_orders() == []
