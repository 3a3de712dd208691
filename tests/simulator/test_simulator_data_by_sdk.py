"""The official SDK reads market data: quotes, bars with the unfinished one, pages, snapshots."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from alpaca.common.exceptions import APIError
from alpaca.data.enums import Adjustment
from alpaca.data.requests import (
    StockBarsRequest,
    StockLatestBarRequest,
    StockLatestQuoteRequest,
    StockLatestTradeRequest,
    StockSnapshotRequest,
)
from alpaca.data.timeframe import TimeFrame

from stopward.domain.identity import Symbol
from stopward.domain.market import ClosedBar
from tests.builders.sdk import clients_of
from tests.builders.simulator import AAPL, MSFT, OPEN, a_simulator, at, bars_of, flat

D = Decimal
RISING = (100.0, 104.0, 99.0, 103.0)
"""Makes its low at second 20 and its high at second 40."""


def a_day(day: str, close: float, *, symbol: Symbol = AAPL) -> ClosedBar:
    """A daily bar, at midnight UTC plus five hours: midnight in New York."""
    start = datetime.fromisoformat(day).replace(hour=5, tzinfo=UTC)
    return ClosedBar(
        symbol=symbol, at=start, open=close, high=close + 1, low=close - 1, close=close, volume=1e6
    )


def test_quotes_lie_around_the_price_and_unknown_symbols_are_absent():
    simulator = a_simulator(RISING, *flat(103, 2), spread_ticks=3)
    with clients_of(simulator) as clients:
        request = StockLatestQuoteRequest(symbol_or_symbols=["AAPL", "ZZZZ"])
        quotes = clients.data.get_stock_latest_quote(request)
        simulator.advance_to(at(0.5))  # half way from the low, 99, to the high, 104
        later = clients.data.get_stock_latest_quote(request)["AAPL"]
    assert list(quotes) == ["AAPL"]
    assert (quotes["AAPL"].bid_price, quotes["AAPL"].ask_price) == (99.99, 100.02)
    assert (later.bid_price, later.ask_price) == (101.49, 101.52)
    assert later.timestamp == at(0.5)


def test_a_quote_grows_stale_where_bars_are_missing():
    simulator = a_simulator(RISING)
    simulator.advance_to(at(9))
    with clients_of(simulator) as clients:
        request = StockLatestQuoteRequest(symbol_or_symbols="AAPL")
        quote = clients.data.get_stock_latest_quote(request)["AAPL"]
    assert quote.timestamp == at(1)
    assert quote.bid_price == 103


def test_minute_bars_end_with_the_unfinished_one():
    simulator = a_simulator(RISING, (103, 110, 103, 110), *flat(110, 3))
    simulator.advance_to(at(1) + timedelta(seconds=30))
    request = StockBarsRequest(
        symbol_or_symbols="AAPL", timeframe=TimeFrame.Minute, start=OPEN, end=at(10)
    )
    with clients_of(simulator) as clients:
        bars = clients.data.get_stock_bars(request)["AAPL"]
    assert [bar.timestamp for bar in bars] == [OPEN, at(1)]
    assert (bars[0].open, bars[0].high, bars[0].low, bars[0].close) == RISING
    assert bars[0].volume == 6000
    partial = bars[1]
    assert (partial.open, partial.low) == (103, 103)
    assert partial.high == partial.close == 106.5  # on its way from 103 to 110
    assert partial.volume == 3000


def test_bars_page_over_symbols_and_the_sdk_puts_them_together():
    simulator = a_simulator(bars=[*bars_of(*flat(100, 7)), *bars_of(*flat(50, 7), symbol=MSFT)])
    simulator.advance_to(at(7))
    query = {"symbols": "AAPL,MSFT", "timeframe": "1Min", "limit": 4, "start": OPEN.isoformat()}
    with clients_of(simulator) as clients:
        pages = [clients.data.get("/stocks/bars", query)]
        while pages[-1]["next_page_token"]:
            token = {"page_token": pages[-1]["next_page_token"]}
            pages.append(clients.data.get("/stocks/bars", query | token))
        request = StockBarsRequest(
            symbol_or_symbols=["AAPL", "MSFT"], timeframe=TimeFrame.Minute, start=OPEN
        )
        whole = clients.data.get_stock_bars(request)
    sizes = [{symbol: len(rows) for symbol, rows in page["bars"].items()} for page in pages]
    assert sizes == [{"AAPL": 4}, {"AAPL": 3, "MSFT": 1}, {"MSFT": 4}, {"MSFT": 2}]
    assert (len(whole["AAPL"]), len(whole["MSFT"])) == (7, 7)


def test_daily_bars_are_those_given_then_today_as_it_is_by_now():
    simulator = a_simulator(
        RISING, *flat(103, 2), daily_bars=[a_day("2024-01-01", 90), a_day("2024-01-02", 95)]
    )
    simulator.advance_to(at(1))
    request = StockBarsRequest(
        symbol_or_symbols="AAPL", timeframe=TimeFrame.Day, start=datetime(2024, 1, 2, tzinfo=UTC)
    )
    with clients_of(simulator) as clients:
        bars = clients.data.get_stock_bars(request)["AAPL"]
    assert [bar.timestamp.isoformat() for bar in bars] == [
        "2024-01-02T05:00:00+00:00",
        "2024-01-03T05:00:00+00:00",
    ]
    assert (bars[0].close, bars[1].close, bars[1].high, bars[1].low) == (95, 103, 104, 99)


def test_a_snapshot_has_trade_quote_minute_and_days():
    simulator = a_simulator(RISING, *flat(103, 3), daily_bars=[a_day("2024-01-02", 95)])
    simulator.advance_to(at(2))
    request = StockSnapshotRequest(symbol_or_symbols="AAPL")
    with clients_of(simulator) as clients:
        snapshot = clients.data.get_stock_snapshot(request)["AAPL"]
        change = clients.trading.get_all_positions()
    assert snapshot.latest_trade.price == 103
    assert snapshot.latest_quote.bid_price == 103
    assert snapshot.minute_bar.timestamp == at(2)
    assert snapshot.daily_bar.high == 104
    assert snapshot.previous_daily_bar.close == 95
    assert change == []


def test_the_latest_trade_and_bar_are_of_now():
    simulator = a_simulator(RISING, *flat(103, 2))
    simulator.advance_to(at(1))
    with clients_of(simulator) as clients:
        trade = clients.data.get_stock_latest_trade(
            StockLatestTradeRequest(symbol_or_symbols="AAPL")
        )["AAPL"]
        bar = clients.data.get_stock_latest_bar(StockLatestBarRequest(symbol_or_symbols="AAPL"))
    assert (trade.price, trade.timestamp) == (103, at(1))
    assert bar["AAPL"].timestamp == at(1)


def test_after_a_split_raw_bars_keep_their_price_and_adjusted_ones_do_not():
    simulator = a_simulator(*flat(100, 4))
    simulator.open_position(AAPL, "long", D(10), D(100), stop=D(90))
    simulator.advance_to(at(2))
    simulator.hand_split(AAPL, D(2))
    simulator.advance_to(at(3))
    with clients_of(simulator) as clients:
        closes = {}
        for adjustment in (Adjustment.RAW, Adjustment.SPLIT):
            request = StockBarsRequest(
                symbol_or_symbols="AAPL",
                timeframe=TimeFrame.Minute,
                start=OPEN,
                adjustment=adjustment,
            )
            bars = clients.data.get_stock_bars(request)["AAPL"]
            closes[adjustment.value] = [bar.close for bar in bars]
        position = clients.trading.get_open_position("AAPL")
        orders = clients.trading.get_orders()
    assert closes == {"raw": [100, 100, 50, 50], "split": [50, 50, 50, 50]}
    assert (position.qty, position.avg_entry_price, position.market_value) == ("20", "50", "1000")
    assert orders == []


@pytest.mark.parametrize(
    "query",
    [
        {"symbols": "AAPL", "timeframe": "7Min"},
        {"symbols": "", "timeframe": "1Min"},
        {"symbols": "AAPL", "timeframe": "1Min", "start": "yesterday"},
        {"symbols": "AAPL", "timeframe": "1Min", "limit": "10001"},
        {"symbols": "AAPL", "timeframe": "1Min", "page_token": "???"},
    ],
)
def test_a_question_that_cannot_be_read_is_400_without_a_code(query):
    with clients_of(a_simulator()) as clients, pytest.raises(APIError) as caught:
        clients.data.get("/stocks/bars", query)
    assert caught.value.status_code == 400
    assert list(caught.value.response.json()) == ["message"]


def test_a_symbol_with_a_tick_of_its_own_is_quoted_on_it():
    es = Symbol("ES")
    simulator = a_simulator(
        bars=bars_of((1640.0, 1642.0, 1639.0, 1641.0), symbol=es),
        ticks={es: D("0.25")},
        spread_ticks=1,
    )
    simulator.advance_to(OPEN + timedelta(seconds=7))
    with clients_of(simulator) as clients:
        request = StockLatestQuoteRequest(symbol_or_symbols="ES")
        quote = clients.data.get_stock_latest_quote(request)["ES"]
    assert quote.bid_price % 0.25 == 0
    assert quote.ask_price - quote.bid_price == 0.25
