"""The official SDK sends brackets, ocos and otos, and reads the open orders page by page."""

from decimal import Decimal

from alpaca.trading.enums import OrderClass, OrderStatus, QueryOrderStatus
from alpaca.trading.requests import (
    GetOrdersRequest,
    LimitOrderRequest,
    MarketOrderRequest,
    ReplaceOrderRequest,
    StopLossRequest,
    StopOrderRequest,
    TakeProfitRequest,
    TrailingStopOrderRequest,
)

from tests.builders.sdk import BUY, SELL, clients_of, refused
from tests.builders.simulator import AAPL, a_simulator, at, flat, long_ten

D = Decimal


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
