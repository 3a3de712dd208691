"""Each fault by script: what the client sees, and whether the request took effect."""

import json
from decimal import Decimal

import pytest
import urllib3
from alpaca.common.exceptions import APIError
from alpaca.data.requests import StockLatestQuoteRequest
from alpaca.trading.requests import ReplaceOrderRequest, StopOrderRequest

from stopward.local.simulator import Fault, FaultKind, Simulator
from tests.builders.sdk import clients_of
from tests.builders.simulator import AAPL, OPEN, a_simulator, at

D = Decimal
STOP = {"symbol": "AAPL", "qty": "10", "side": "sell", "type": "stop", "time_in_force": "day",
        "stop_price": "95", "client_order_id": "sw-arm-1-a"}  # fmt: skip
QUOTE = StockLatestQuoteRequest(symbol_or_symbols="AAPL")


def long_ten(*faults: Fault) -> Simulator:
    """Ten shares of AAPL without an order, and faults in force."""
    simulator = a_simulator()
    simulator.open_position(AAPL, "long", D(10), D(100))
    simulator.fault(*faults)
    return simulator


def send(simulator, url, method, path, body=None, *, pool=None, timeout=1.0):
    """One request without retries, as our adapter sends them."""
    headers = {
        "APCA-API-KEY-ID": simulator.key,
        "APCA-API-SECRET-KEY": simulator.secret,
        "Content-Type": "application/json",
    }
    own = pool or urllib3.PoolManager()
    try:
        return own.request(
            method,
            f"{url}{path}",
            body=None if body is None else json.dumps(body),
            headers=headers,
            retries=False,
            timeout=timeout,
        )
    finally:
        if pool is None:
            own.clear()


@pytest.mark.parametrize(
    ("kind", "status", "took_effect"),
    [
        ("rate_limited", 429, False),
        ("server_error", 500, False),
        ("timeout_before", 504, False),
        ("timeout_after", 504, True),
    ],
)
def test_a_failure_is_answered_before_or_after_the_effect(kind: FaultKind, status, took_effect):
    simulator = long_ten(Fault(kind=kind, method="POST", path="/v2/orders"))
    with simulator.serve() as url:
        answer = send(simulator, url, "POST", "/v2/orders", STOP)
        assert answer.status == status
        read = send(
            simulator, url, "GET", "/v2/orders:by_client_order_id?client_order_id=sw-arm-1-a"
        )
    assert read.status == (200 if took_effect else 404)
    assert simulator.log[0].fault == kind
    assert bool(simulator.log[0].events) is took_effect
    assert simulator.log[1].fault is None


@pytest.mark.parametrize("kind", ["lost_answer", "half_answer"])
def test_an_answer_that_is_lost_or_torn_took_effect_all_the_same(kind: FaultKind):
    simulator = long_ten(Fault(kind=kind, method="POST"))
    with simulator.serve() as url:
        with pytest.raises(urllib3.exceptions.HTTPError):
            send(simulator, url, "POST", "/v2/orders", STOP)
        assert simulator.book.by_client_id("sw-arm-1-a") is not None
        again = send(simulator, url, "POST", "/v2/orders", STOP)
    assert (again.status, again.json()["code"]) == (422, 40010001)
    assert len(simulator.open_orders(AAPL)) == 1


def test_a_request_that_arrives_twice_takes_effect_once():
    simulator = long_ten(Fault(kind="duplicate_request", method="POST"))
    with simulator.serve() as url:
        answer = send(simulator, url, "POST", "/v2/orders", STOP)
    assert (answer.status, answer.json()["message"]) == (422, "client_order_id must be unique")
    assert len(simulator.open_orders(AAPL)) == 1


def test_an_answer_that_arrives_twice_does_not_answer_the_next_request():
    simulator = long_ten(Fault(kind="duplicate_answer", path="/v2/account"))
    with simulator.serve() as url:
        pool = urllib3.PoolManager()
        first = send(simulator, url, "GET", "/v2/account", pool=pool)
        second = send(simulator, url, "GET", "/v2/clock", pool=pool)
        pool.clear()
    assert first.json()["account_number"] == "SIM000001"
    assert "is_open" in second.json()


def test_a_slow_request_moves_the_clock_before_it_is_served():
    simulator = long_ten(Fault(kind="slow", path="/v2/clock", seconds=61))
    with clients_of(simulator) as clients:
        assert clients.trading.get_clock().timestamp == at(1 + 1 / 60)
        assert clients.trading.get_clock().timestamp == at(1 + 1 / 60)


def test_an_answer_may_be_held_back_longer_than_a_client_waits():
    simulator = long_ten(Fault(kind="slow", path="/v2/clock", hold_milliseconds=60))
    with simulator.serve() as url:
        with pytest.raises(urllib3.exceptions.ReadTimeoutError):
            send(simulator, url, "GET", "/v2/clock", timeout=0.02)
        assert send(simulator, url, "GET", "/v2/clock").status == 200


def test_quotes_go_stale_and_crossed_by_script():
    simulator = long_ten(
        Fault(kind="stale_quote", path="/v2/stocks/quotes/latest", seconds=90),
        Fault(kind="crossed_quote", path="/v2/stocks/quotes/latest", nth=2),
    )
    with clients_of(simulator) as clients:
        stale = clients.data.get_stock_latest_quote(QUOTE)["AAPL"]
        crossed = clients.data.get_stock_latest_quote(QUOTE)["AAPL"]
        good = clients.data.get_stock_latest_quote(QUOTE)["AAPL"]
    assert (OPEN - stale.timestamp).total_seconds() == 90
    assert crossed.bid_price > crossed.ask_price
    assert good.bid_price <= good.ask_price
    assert good.timestamp == OPEN


def test_a_list_may_come_back_empty_although_there_is_something():
    simulator = long_ten(
        Fault(kind="empty_list", path="/v2/positions"), Fault(kind="empty_list", path="*/quotes/*")
    )
    with clients_of(simulator) as clients:
        assert clients.trading.get_all_positions() == []
        assert len(clients.trading.get_all_positions()) == 1
        assert clients.data.get_stock_latest_quote(QUOTE) == {}


def test_rules_count_their_own_requests_and_may_look_inside():
    only_moves = Fault(
        kind="server_error",
        method="PATCH",
        nth=2,
        times=None,
        when=lambda request: request.body is not None and "stop_price" in request.body,
    )
    simulator = long_ten(only_moves)
    with clients_of(simulator) as clients:
        order = clients.trading.submit_order(
            StopOrderRequest(symbol="AAPL", qty=10, side="sell", time_in_force="day", stop_price=90)
        )
        first = clients.trading.replace_order_by_id(order.id, ReplaceOrderRequest(stop_price=91))
        shrunk = clients.trading.replace_order_by_id(first.id, ReplaceOrderRequest(qty=9))
        for _ in range(2):
            with pytest.raises(APIError) as caught:
                clients.trading.replace_order_by_id(shrunk.id, ReplaceOrderRequest(stop_price=92))
            assert caught.value.status_code == 500
        simulator.clear_faults()
        clients.trading.replace_order_by_id(shrunk.id, ReplaceOrderRequest(stop_price=92))
    assert [h.fault for h in simulator.log].count("server_error") == 2


def test_the_sdk_repeats_a_post_blindly_and_the_unique_id_saves_it():
    """TRADING section 3: the SDK retries a POST after a 504; ours must not."""
    simulator = long_ten(Fault(kind="timeout_after", method="POST"))
    order = StopOrderRequest(
        symbol="AAPL", qty=4, side="sell", time_in_force="day", stop_price=90, client_order_id="a"
    )
    with clients_of(simulator) as clients, pytest.raises(APIError) as caught:
        clients.trading.submit_order(order)
    assert caught.value.code == 40010001
    assert [h.request.method for h in simulator.log] == ["POST", "POST"]
    assert len(simulator.open_orders(AAPL)) == 1
