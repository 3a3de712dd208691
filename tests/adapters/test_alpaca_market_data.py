"""The adapter `MarketData`: batches, pages, closed bars only."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from stopward.domain.market import ClosedBar, Quote
from stopward.errors import BrokerRejected, BrokerUnavailable
from tests.builders.alpaca import market_data
from tests.builders.http import Says, scripted

D = Decimal
OPEN = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)


def minute(index):
    return OPEN + timedelta(minutes=index)


def bar_json(at, **changes):
    return {
        "t": at.isoformat(),
        "o": 100,
        "h": 101.5,
        "l": 99.25,
        "c": 101,
        "v": 1200,
        "n": 7,
        "vw": 100.3,
    } | changes


def quote_json(**changes):
    return {
        "t": "2026-03-02T14:30:05.123456789Z",
        "ax": "V",
        "ap": 100.03,
        "as": 2,
        "bx": "V",
        "bp": 100.01,
        "bs": 1,
        "c": ["R"],
    } | changes


def test_quotes_are_exact_and_name_their_feed():
    body = b'{"quotes": {"BRK.B": {"t": "2026-03-02T14:30:05.1Z", "ap": 0.30, "bp": 0.1}}}'
    with (
        scripted(lambda asked: Says(body=body)) as server,
        market_data(server.url, feed="sip") as prices,
    ):
        assert prices.quotes(["BRK.B"]) == {
            "BRK.B": Quote(
                symbol="BRK.B",
                at=datetime(2026, 3, 2, 14, 30, 5, 100000, tzinfo=UTC),
                bid=D("0.1"),
                ask=D("0.30"),
                feed="sip",
            )
        }
        assert server.asked[0].query == {"symbols": "BRK.B", "feed": "sip"}


def test_symbols_without_a_quote_are_absent_and_one_sided_quotes_are_empty():
    quotes = {"A": quote_json(bp=0), "B": None, "C": quote_json(ap=None)}
    with (
        scripted(lambda asked: Says(body={"quotes": quotes})) as server,
        market_data(server.url) as prices,
    ):
        read = prices.quotes(["A", "B", "C", "D"])
    assert read.keys() == {"A", "C"}
    now = datetime(2026, 3, 2, 14, 30, 6, tzinfo=UTC)
    assert {q.fault(now=now, max_age=timedelta(seconds=5)) for q in read.values()} == {"empty"}


@pytest.mark.parametrize(
    ("quote", "told"),
    [
        (quote_json(bp="abc"), r"quotes\.A\.bp: was 'abc'"),
        (quote_json(t=None), r"quotes\.A\.t: was None"),
        ([1], r"quotes\.A: was \[1\]"),
    ],
)
def test_a_quote_that_cannot_be_read_is_no_answer(quote, told):
    with (
        scripted(lambda asked: Says(body={"quotes": {"A": quote}})) as server,
        market_data(server.url) as prices,
        pytest.raises(BrokerUnavailable, match=told),
    ):
        prices.quotes(["A"])


def test_thousands_of_symbols_are_asked_for_once_each_in_urls_of_bounded_length():
    symbols = [f"SYM{index}.{index % 7}" for index in range(2_500)]

    def answer(asked):
        return Says(body={"quotes": {s: quote_json() for s in asked.query["symbols"].split(",")}})

    with scripted(answer) as server, market_data(server.url) as prices:
        read = prices.quotes([*symbols, *symbols[:10]])
        asked = [symbol for a in server.asked for symbol in a.query["symbols"].split(",")]
        assert list(read) == symbols == asked
        assert len(server.asked) == 6
        assert max(len(a.query["symbols"]) for a in server.asked) <= 4_000


def test_no_symbols_is_no_request():
    with scripted(lambda asked: Says()) as server, market_data(server.url) as prices:
        assert prices.quotes([]) == {}
        assert prices.bars([], since=OPEN, until=minute(5)) == {}
        assert server.asked == []


@pytest.mark.parametrize("bad", [["B/AD"], ["B/AD", "WOR$E"], []])
def test_a_refused_symbol_does_not_cost_the_others_their_quote(bad):
    good = [f"S{index}" for index in range(40)]

    def answer(asked):
        symbols = asked.query["symbols"].split(",")
        if set(symbols) & set(bad):
            return Says(status=400, body={"message": "invalid symbol"})
        return Says(body={"quotes": {symbol: quote_json() for symbol in symbols}})

    with scripted(answer) as server, market_data(server.url) as prices:
        assert list(prices.quotes([*good[:9], *bad, *good[9:]])) == good
        assert len(server.asked) <= 1 + 12 * len(bad)


def test_a_refused_subscription_is_not_a_refused_symbol():
    no = Says(status=403, body={"message": "subscription does not permit querying recent SIP data"})
    with (
        scripted(lambda asked: no) as server,
        market_data(server.url) as prices,
        pytest.raises(BrokerRejected, match="subscription"),
    ):
        prices.quotes(["A", "B"])
    assert len(server.asked) == 1


def test_bars_are_closed_ones_only_oldest_first_as_floats():
    rows = [bar_json(minute(index)) for index in (2, 0, 1, 3, 4)] + [bar_json(minute(-1))]
    with (
        scripted(lambda asked: Says(body={"bars": {"A": rows}})) as server,
        market_data(server.url) as prices,
    ):
        read = prices.bars(["A", "B"], since=OPEN, until=minute(4) - timedelta(seconds=1))
    assert [bar.at for bar in read["A"]] == [minute(0), minute(1), minute(2)]
    assert read.keys() == {"A"}
    assert read["A"][0] == ClosedBar(
        symbol="A", at=OPEN, open=100.0, high=101.5, low=99.25, close=101.0, volume=1200.0
    )
    assert type(read["A"][0].open) is float
    assert server.asked[0].query == {
        "symbols": "A,B",
        "timeframe": "1Min",
        "start": "2026-03-02T14:30:00.000000Z",
        "end": "2026-03-02T14:32:59.000000Z",
        "limit": "10000",
        "adjustment": "split",
        "feed": "iex",
        "sort": "asc",
    }


def test_a_bar_that_ends_at_until_is_closed():
    rows = [bar_json(minute(0)), bar_json(minute(1))]
    with (
        scripted(lambda asked: Says(body={"bars": {"A": rows}})) as server,
        market_data(server.url, adjustment="raw") as prices,
    ):
        read = prices.bars(["A"], since=OPEN, until=minute(1))
        assert [bar.at for bar in read["A"]] == [OPEN]
        assert server.asked[0].query["adjustment"] == "raw"


def test_less_than_a_minute_is_no_request():
    with scripted(lambda asked: Says()) as server, market_data(server.url) as prices:
        assert prices.bars(["A"], since=OPEN, until=OPEN + timedelta(seconds=59)) == {}
        assert server.asked == []


def test_pages_of_bars_join_within_and_between_symbols():
    pages = {
        None: ({"A": [bar_json(minute(0)), bar_json(minute(1))]}, "p1"),
        "p1": ({"A": [bar_json(minute(2))], "B": [bar_json(minute(0))]}, "p2"),
        "p2": (None, None),
    }

    def answer(asked):
        bars, token = pages[asked.query.get("page_token")]
        return Says(body={"bars": bars, "next_page_token": token})

    with scripted(answer) as server, market_data(server.url) as prices:
        read = prices.bars(["A", "B"], since=OPEN, until=minute(9))
        assert {symbol: len(bars) for symbol, bars in read.items()} == {"A": 3, "B": 1}
        assert len(server.asked) == 3


def test_a_page_token_that_repeats_is_no_answer():
    body = {"bars": {"A": [bar_json(OPEN)]}, "next_page_token": "same"}
    with (
        scripted(lambda asked: Says(body=body)) as server,
        market_data(server.url) as prices,
        pytest.raises(BrokerUnavailable, match="paging does not end"),
    ):
        prices.bars(["A"], since=OPEN, until=minute(9))
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("row", "told"),
    [
        ({"o": None}, r"bars\.A\[0\]\.o"),
        ({"c": "x"}, r"bars\.A\[0\]\.c"),
        ({"v": True}, r"bars\.A\[0\]\.v"),
        ({"t": "today"}, r"bars\.A\[0\]\.t"),
    ],
)
def test_a_bar_that_cannot_be_read_is_no_answer(row, told):
    body = {"bars": {"A": [bar_json(OPEN, **row)]}}
    with (
        scripted(lambda asked: Says(body=body)) as server,
        market_data(server.url) as prices,
        pytest.raises(BrokerUnavailable, match=told),
    ):
        prices.bars(["A"], since=OPEN, until=minute(9))


@pytest.mark.parametrize("body", [b'{"bars": {"A": [', b'{"bars": {"A": [{"o": NaN}]}}'])
def test_bars_that_are_no_json_are_no_answer(body):
    with (
        scripted(lambda asked: Says(body=body)) as server,
        market_data(server.url) as prices,
        pytest.raises(BrokerUnavailable, match=r"GET /v2/stocks/bars|bars\.A"),
    ):
        prices.bars(["A"], since=OPEN, until=minute(9))


def test_today_s_daily_bar_is_left_out_until_its_session_is_over():
    days = [datetime(2026, 3, day, 5, tzinfo=UTC) for day in (2, 3, 4)]
    body = {"bars": {"A": [bar_json(day) for day in days]}}
    with scripted(lambda asked: Says(body=body)) as server, market_data(server.url) as prices:
        during = prices.daily_bars(["A"], since=days[0], until=datetime(2026, 3, 4, 20, tzinfo=UTC))
        after = prices.daily_bars(["A"], since=days[0], until=datetime(2026, 3, 4, 21, tzinfo=UTC))
        assert [bar.at for bar in during["A"]] == days[:2]
        assert [bar.at for bar in after["A"]] == days
        assert server.asked[0].query["adjustment"] == "split"
        assert server.asked[0].query["timeframe"] == "1Day"
