"""The official SDK reads the simulator: account, positions, fills, hours, assets, keys, limits."""

from datetime import UTC, date, timedelta
from decimal import Decimal

import pytest
from alpaca.common.exceptions import APIError
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import ActivityType, AssetClass, PositionSide
from alpaca.trading.requests import (
    ClosePositionRequest,
    GetCalendarRequest,
    LimitOrderRequest,
    MarketOrderRequest,
)

from stopward.local.simulator import RateLimit
from tests.builders.sdk import clients_of
from tests.builders.simulator import (
    AAPL,
    CLOSE,
    MSFT,
    NEXT_OPEN,
    OPEN,
    a_bar,
    a_simulator,
    at,
    bars_of,
    flat,
)

D = Decimal


def test_the_account_adds_cash_and_shares_and_remembers_the_prior_close():
    simulator = a_simulator((100, 101, 100, 101), *flat(101, 5), cash="10000")
    simulator.open_position(AAPL, "long", D(10), D(100))
    simulator.advance_to(at(1))
    with clients_of(simulator) as clients:
        account = clients.trading.get_account()
    assert account.cash == "9000"
    assert account.equity == "10010"
    assert account.last_equity == "10000"
    assert account.long_market_value == "1010"
    assert account.trading_blocked is False
    assert account.shorting_enabled is True


def test_last_equity_becomes_that_of_the_close_when_the_next_session_opens():
    simulator = a_simulator(
        bars=[*bars_of((100, 101, 100, 101)), a_bar((90, 90, 90, 90), minute=24 * 60)], cash="10000"
    )
    simulator.open_position(AAPL, "long", D(10), D(100))
    with clients_of(simulator) as clients:
        simulator.advance_to(CLOSE)
        assert clients.trading.get_account().last_equity == "10000"
        simulator.advance_to(NEXT_OPEN)
        account = clients.trading.get_account()
    assert account.last_equity == "10010"
    assert account.equity == "9900"


def test_day_trading_fields_that_alpaca_removed_are_absent():
    with clients_of(a_simulator()) as clients:
        raw = clients.trading.get("/account")
    assert not {"pattern_day_trader", "daytrade_count", "daytrading_buying_power"} & raw.keys()


def test_a_long_position_reads_as_alpaca_gives_it():
    simulator = a_simulator((100, 104, 100, 104), *flat(104, 5))
    simulator.open_position(AAPL, "long", D("10.5"), D(100))
    simulator.advance_to(at(1))
    with clients_of(simulator) as clients:
        position = clients.trading.get_open_position("AAPL")
        listed = clients.trading.get_all_positions()
    assert [p.symbol for p in listed] == ["AAPL"]
    assert position.side == PositionSide.LONG
    assert position.asset_class == AssetClass.US_EQUITY
    assert (position.qty, position.qty_available) == ("10.5", "10.5")
    assert (position.avg_entry_price, position.current_price) == ("100", "104")
    assert (position.cost_basis, position.market_value) == ("1050", "1092")
    assert position.unrealized_pl == "42"
    assert position.unrealized_plpc == "0.04"  # a fraction, not a percent


def test_a_short_position_has_negative_shares():
    simulator = a_simulator()
    simulator.open_position(AAPL, "short", D(10), D(101), stop=D(105))
    with clients_of(simulator) as clients:
        position = clients.trading.get_open_position("AAPL")
    assert position.side == PositionSide.SHORT
    assert (position.qty, position.qty_available) == ("-10", "0")
    assert (position.market_value, position.cost_basis) == ("-1000", "-1010")
    assert position.unrealized_pl == "10"


def test_a_flat_symbol_has_no_position():
    with clients_of(a_simulator()) as clients, pytest.raises(APIError) as caught:
        clients.trading.get_open_position("AAPL")
    assert (caught.value.status_code, caught.value.code) == (404, 40410000)


def test_a_position_is_closed_by_the_broker_with_a_market_order():
    simulator = a_simulator()
    simulator.open_position(AAPL, "long", D(10), D(100))
    with clients_of(simulator) as clients:
        half = clients.trading.close_position("AAPL", ClosePositionRequest(percentage="50"))
        assert (half.qty, half.side.value) == ("5", "sell")
        clients.trading.close_position("AAPL", ClosePositionRequest(qty="2"))
        assert clients.trading.get_open_position("AAPL").qty == "3"
        clients.trading.close_position("AAPL")
        assert clients.trading.get_all_positions() == []


def test_closing_a_position_whose_shares_are_held_is_forbidden():
    simulator = a_simulator()
    simulator.open_position(AAPL, "long", D(10), D(100), stop=D(95))
    with clients_of(simulator) as clients, pytest.raises(APIError) as caught:
        clients.trading.close_position("AAPL")
    assert (caught.value.status_code, caught.value.code) == (403, 40310000)


def test_closing_everything_answers_for_each_position():
    simulator = a_simulator(bars=[*bars_of(*flat(100, 5)), *bars_of(*flat(50, 5), symbol=MSFT)])
    simulator.open_position(AAPL, "long", D(10), D(100), stop=D(95))
    simulator.open_position(MSFT, "short", D(4), D(50))
    with clients_of(simulator) as clients:
        kept = {r.symbol: r.status for r in clients.trading.close_all_positions()}
        assert kept == {"AAPL": 403, "MSFT": 200}
        done = clients.trading.close_all_positions(cancel_orders=True)
        assert [r.symbol for r in done] == ["AAPL"]
        assert clients.trading.get_all_positions() == []
        assert clients.trading.get_orders() == []


def test_fills_are_activities_newest_first_with_ids_in_new_york_time():
    simulator = a_simulator()
    opened = simulator.open_position(AAPL, "long", D(10), D("99.5"))
    with clients_of(simulator) as clients:
        clients.trading.submit_order(
            MarketOrderRequest(symbol="AAPL", qty=4, side="sell", time_in_force="day")
        )
        simulator.advance_to(at(1))
        rows = clients.trading.get("/account/activities/FILL")
        same = clients.trading.get("/account/activities", {"activity_types": "FILL"})
        none = clients.trading.get("/account/activities", {"activity_types": "DIV"})
    assert rows == same
    assert none == []
    assert [(r["side"], r["qty"], r["price"], r["leaves_qty"]) for r in rows] == [
        ("sell", "4", "100", "0"),
        ("buy", "10", "99.5", "0"),
    ]
    assert rows[1]["order_id"] == opened.entry
    assert rows[1]["id"].startswith("20240103093000000::")
    assert rows[0]["activity_type"] == ActivityType.FILL.value


def test_activities_page_by_the_last_id_seen():
    simulator = a_simulator()
    for index in range(5):
        simulator.open_position(AAPL, "long", D(1), D(100), at=OPEN + timedelta(seconds=index))
    seen: list[str] = []
    with clients_of(simulator) as clients:
        token = ""
        while True:
            query = {"page_size": 2, "direction": "asc"} | ({"page_token": token} if token else {})
            rows = clients.trading.get("/account/activities/FILL", query)
            if not rows:
                break
            seen += [row["transaction_time"] for row in rows]
            token = rows[-1]["id"]
        since = {"after": "2024-01-03T14:30:02Z", "direction": "asc"}
        later = clients.trading.get("/account/activities/FILL", since)
    assert len(seen) == 5
    assert seen == sorted(seen)
    assert [row["transaction_time"] for row in later] == seen[3:]


def test_the_clock_knows_the_session():
    simulator = a_simulator()
    with clients_of(simulator) as clients:
        during = clients.trading.get_clock()
        simulator.advance_to(CLOSE)
        after = clients.trading.get_clock()
    assert during.is_open is True
    assert during.timestamp == OPEN
    assert (during.next_open, during.next_close) == (NEXT_OPEN, CLOSE)
    assert after.is_open is False
    assert after.next_open == NEXT_OPEN
    assert during.timestamp.astimezone(UTC).hour == 14


def test_the_calendar_is_in_new_york_wall_time():
    with clients_of(a_simulator()) as clients:
        days = clients.trading.get_calendar()
        one = clients.trading.get_calendar(
            GetCalendarRequest(start=date(2024, 1, 4), end=date(2024, 1, 31))
        )
    assert [str(day.date) for day in days] == ["2024-01-03", "2024-01-04"]
    assert [str(day.date) for day in one] == ["2024-01-04"]
    assert (days[0].open.hour, days[0].open.minute, days[0].close.hour) == (9, 30, 16)


def test_assets_say_whether_fractions_trade():
    with clients_of(a_simulator()) as clients:
        asset = clients.trading.get_asset("AAPL")
        assert asset.fractionable is True
        assert [a.symbol for a in clients.trading.get_all_assets()] == ["AAPL"]
        with pytest.raises(APIError) as caught:
            clients.trading.get_asset("NOPE")
    assert caught.value.status_code == 404


@pytest.mark.parametrize(("key", "secret"), [("wrong", "simulated-secret"), ("simulated-key", "x")])
def test_wrong_keys_are_forbidden(key, secret):
    simulator = a_simulator()
    with simulator.serve() as url:
        client = TradingClient(key, secret, url_override=url)
        with pytest.raises(APIError) as caught:
            client.get_account()
        client._session.close()
    assert caught.value.status_code == 403
    assert simulator.log[0].status == 403


def test_a_request_without_keys_is_unauthorised():
    simulator = a_simulator()
    with simulator.serve() as url:
        client = TradingClient(oauth_token="no-keys", url_override=url)
        with pytest.raises(APIError) as caught:
            client.get_account()
        client._session.close()
    assert (caught.value.status_code, caught.value.code) == (401, 40110000)


def test_requests_over_the_limit_are_answered_429_until_the_minute_turns():
    simulator = a_simulator(rate_limit=RateLimit(per_minute=3))
    with clients_of(simulator) as clients:
        clients.trading._retry = 0
        for _ in range(3):
            clients.trading.get_clock()
        with pytest.raises(APIError) as caught:
            clients.trading.get_clock()
        headers = caught.value.response.headers
        assert caught.value.status_code == 429
        assert (headers["X-RateLimit-Limit"], headers["X-RateLimit-Remaining"]) == ("3", "0")
        assert int(headers["X-RateLimit-Reset"]) == int(at(1).timestamp())
        simulator.advance_to(at(1))
        assert clients.trading.get_clock().is_open is True


def test_the_limit_may_count_another_time_than_the_simulated_one():
    seconds = iter([0.0, 10.0, 59.0, 60.0])
    simulator = a_simulator(rate_limit=RateLimit(per_minute=2, seconds=lambda: next(seconds)))
    with clients_of(simulator) as clients:
        clients.trading._retry = 0
        clients.trading.get_clock()
        clients.trading.get_clock()
        with pytest.raises(APIError):
            clients.trading.get_clock()
        assert clients.trading.get_clock().is_open is True


def test_every_request_is_logged_with_what_it_changed():
    simulator = a_simulator()
    with clients_of(simulator) as clients:
        clients.trading.get_account()
        order = LimitOrderRequest(
            symbol="AAPL", qty=1, side="buy", time_in_force="day", limit_price=90.5
        )
        clients.trading.submit_order(order)
    read, post = simulator.log
    assert (read.number, read.request.method, read.request.path) == (1, "GET", "/v2/account")
    assert read.events == ()
    assert post.request.body is not None
    assert post.request.body["limit_price"] == D("90.5")
    assert [event.kind for event in post.events] == ["pending_new"]


def test_an_unknown_path_is_404_and_a_wrong_method_405():
    with clients_of(a_simulator()) as clients:
        for method, path, status in [("GET", "/nothing", 404), ("PATCH", "/account", 405)]:
            with pytest.raises(APIError) as caught:
                clients.trading._request(method, path, {})
            assert caught.value.status_code == status
