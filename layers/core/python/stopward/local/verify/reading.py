"""Facts about reading: lists and their pages, rates, quotes, bars, keys."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from stopward.adapters.alpaca import Keys, Transport
from stopward.adapters.alpaca.parse import Row, rows_of
from stopward.adapters.alpaca.reads import FILLS, ORDERS
from stopward.adapters.alpaca.transport import Answer
from stopward.adapters.alpaca.wire import NEW_YORK, just_before, stamp
from stopward.domain.identity import Symbol
from stopward.errors import BrokerRejected
from stopward.local.verify.check import Check, FactFails, NotCheckable, require
from stopward.local.verify.venue import Venue

UNKNOWN = Symbol("ZZZZZ")
WEEK = timedelta(days=7)


def _account(venue: Venue) -> str:
    read = venue.broker.account()
    require(not read.trading_blocked, "trading is blocked")
    known = [
        n for n in ("equity", "last_equity", "shorting_enabled") if getattr(read, n) is not None
    ]
    return f"its number, and {', '.join(known)}"


def _pages_of_orders(venue: Venue) -> str:
    sent = [venue.far_buy() for _ in range(3)]
    start = venue.read_order(sent[0].id).submitted_at
    if start is None:
        raise FactFails("an order has no submitted_at")
    query = {"status": "open", "direction": "asc", "limit": "1", "symbols": venue.symbol}
    seen: list[str] = []
    after = just_before(start)
    for _ in sent:
        page = venue.read_list(ORDERS, **query, after=after)
        require(len(page) == 1, f"a page of 1 had {len(page)}")
        seen.append(page[0].text("id"))
        after = page[0].text("submitted_at")
    require(seen == [order.id for order in sent], "pages by time lose or double orders")
    require(venue.read_list(ORDERS, **query, after=after) == [], "`after` is not exclusive")
    by_id = venue.read_list(ORDERS, **query, after_order_id=seen[0])
    knows = bool(by_id) and by_id[0].text("id") == seen[1]
    return f"`after` is exclusive; after_order_id is {'known' if knows else 'ignored'}"


def _pages_of_fills(venue: Venue) -> str:
    since = just_before(venue.clock.now() - WEEK)
    query = {"direction": "asc", "page_size": "1", "after": since}
    first = venue.read_list(FILLS, **query)
    if not first:
        raise NotCheckable("there are no fills of the last week")
    second = venue.read_list(FILLS, **query, page_token=first[0].text("id"))
    if not second:
        raise NotCheckable("there is one fill of the last week only")
    ids = [first[0].text("id"), second[0].text("id")]
    require(ids[0] != ids[1], "the second page repeats the first")
    require(first[0].moment("transaction_time") <= second[0].moment("transaction_time"), "unsorted")
    return "a page goes on after the token's fill"


def _rate_headers(venue: Venue) -> str:
    window = venue.ask("GET", "/v2/clock").window
    require(window.limit is not None, "X-RateLimit-Limit is absent")
    require(window.remaining is not None, "X-RateLimit-Remaining is absent")
    if window.resets_at is None:
        raise FactFails("X-RateLimit-Reset is absent")
    wait = (window.resets_at - venue.clock.now()).total_seconds()
    require(-5 <= wait <= 65, f"X-RateLimit-Reset is {wait:.0f} s away")
    return f"{window.remaining} of {window.limit} left"


def _batch_of_quotes(venue: Venue) -> str:
    quotes = venue.market.quotes([venue.symbol, venue.other_symbol, UNKNOWN])
    require(venue.symbol in quotes, f"no quote of {venue.symbol}")
    require(venue.other_symbol in quotes, f"no quote of {venue.other_symbol}")
    require(UNKNOWN not in quotes, f"a quote of {UNKNOWN}")
    return "two symbols in one request; an unknown one is absent"


def _bars(venue: Venue, timeframe: str, **query: str) -> list[Row]:
    def read(answer: Answer) -> list[Row]:
        bars = Row(answer.json(), answer.what).get("bars") or {}
        found = Row(bars, "bars").get(venue.symbol)
        return [] if found is None else list(rows_of(found, f"bars.{venue.symbol}"))

    asked = {"symbols": venue.symbol, "timeframe": timeframe, "feed": "iex", "sort": "asc"}
    return venue.data.get("/v2/stocks/bars", query=asked | query, read=read)


def _minute_bars(venue: Venue) -> str:
    now = venue.clock.now()
    bars = _bars(venue, "1Min", start=stamp(now - WEEK), end=stamp(now - timedelta(minutes=20)))
    if len(bars) < 2:
        raise NotCheckable("there are no minute bars of the last week")
    first, second = bars[0].moment("t"), bars[1].moment("t")
    require(first.second == 0 and first < second, f"bars start at {first} and {second}")
    for name in "ohlcv":
        bars[0].number(name)
    again = _bars(venue, "1Min", start=stamp(first), end=stamp(second))
    require(
        [bar.moment("t") for bar in again] == [first, second], "start and end are not inclusive"
    )
    return "t is the start; o, h, l, c, v are numbers; start and end are inclusive"


def _daily_bars(venue: Venue) -> str:
    now = venue.clock.now()
    bars = _bars(venue, "1Day", start=stamp(now - 2 * WEEK), end=stamp(now), adjustment="split")
    if not bars:
        raise NotCheckable("there are no daily bars of the last two weeks")
    local = bars[-1].moment("t").astimezone(ZoneInfo(NEW_YORK))
    require((local.hour, local.minute) == (0, 0), f"the last one starts at {local}")
    return "a day starts at New York's midnight"


def _calendar(venue: Venue) -> str:
    now = venue.clock.now()
    first, last = (now - WEEK).date().isoformat(), (now + WEEK).date().isoformat()
    sessions = venue.broker.sessions(first=first, last=last)
    require(len(sessions) > 0, "no session in two weeks")
    require(all(s.opens_at < s.closes_at for s in sessions), "a session ends before it starts")
    is_open = any(s.contains(now) for s in sessions)
    require(is_open == venue.is_open(), f"the clock says open: {venue.is_open()}, the days do not")
    return f"{len(sessions)} sessions, in step with the clock"


def _wrong_keys(venue: Venue) -> str:
    wrong = Keys(key_id="PKWRONG", secret="wrong")  # noqa: S106 (wrong on purpose)
    transport = Transport(venue.raw.base_url, keys=wrong, clock=venue.clock)
    try:
        transport.get("/v2/account", read=lambda answer: answer.status)
    except BrokerRejected as refusal:
        require(refusal.status in {401, 403}, f"was {refusal.status}")
        return f"{refusal.status}"
    finally:
        transport.close()
    raise FactFails("wrong keys were let in")


def _day_orders_end(venue: Venue) -> str:
    venue.flatten()
    resting = venue.far_buy()
    venue.working(resting.id)
    closes: datetime = venue.read("/v2/clock", lambda row: row.moment("next_close"))
    venue.wait_until(closes + timedelta(minutes=1))
    ended = venue.settle(resting.id, "expired", "canceled", "done_for_day")
    queued = venue.far_buy()
    require(queued.status in {"accepted", "pending_new", "new"}, f"was {queued.status}")
    seen = venue.patch(queued.id, limit_price=venue.at("0.51"))
    require(not seen.is_success, "an order queued for the open could be replaced")
    return f"it ended in {ended.status}; the next waits in {queued.status}, unreplaceable"


CHECKS = (
    Check(name="account", fact="the account has a number and may trade", run=_account),
    Check(
        name="order_pages",
        fact="open orders are paged oldest first by an exclusive `after`",
        run=_pages_of_orders,
    ),
    Check(
        name="rate_headers",
        fact="answers carry the rate limit, what is left and its reset",
        run=_rate_headers,
    ),
    Check(name="quotes", fact="quotes come for many symbols at once", run=_batch_of_quotes),
    Check(
        name="minute_bars",
        fact="a bar carries its start; asking is inclusive at both ends",
        run=_minute_bars,
    ),
    Check(name="daily_bars", fact="a daily bar starts at New York's midnight", run=_daily_bars),
    Check(name="calendar", fact="sessions come by day, in New York's time", run=_calendar),
    Check(name="wrong_keys", fact="wrong keys are refused with 401 or 403", run=_wrong_keys),
)
LAST = (
    Check(name="fill_pages", fact="fills are paged by the last one's id", run=_pages_of_fills),
    Check(
        name="day_order",
        fact="a day order ends at the close; a new one waits for the open",
        run=_day_orders_end,
    ),
)
