"""The market data endpoints. Paths are below /v2/stocks; `symbols` is a comma-separated list."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from stopward.domain.identity import Symbol
from stopward.domain.market import ClosedBar, Quote
from stopward.errors import BrokerRejected
from stopward.local.simulator import wire
from stopward.local.simulator.daily import Daily, day_of, midnight
from stopward.local.simulator.faults import Fault
from stopward.local.simulator.state import State

Json = wire.Json
Query = Mapping[str, str]
MOST_BARS = 10_000
TIMEFRAMES = ("1Min", "1T", "1Day", "1D")


def quotes(state: State, query: Query, fault: Fault | None) -> Json:
    """Return GET /quotes/latest; symbols without data are absent."""
    found = {}
    for symbol in _symbols(query):
        quote = spoiled(state, state.tape.quote(symbol, state.now), fault)
        if quote is not None:
            found[symbol] = wire.quote_json(quote)
    return {"quotes": found}


def trades(state: State, query: Query) -> Json:
    """Return GET /trades/latest."""
    found = {}
    for symbol in _symbols(query):
        quote, price = state.tape.quote(symbol, state.now), state.price(symbol)
        if quote is not None and price is not None:
            found[symbol] = wire.trade_json(quote.at, price)
    return {"trades": found}


def latest_bars(state: State, query: Query) -> Json:
    """Return GET /bars/latest: the bar of the running minute, or the last one there was."""
    found = {}
    for symbol in _symbols(query):
        minute = _latest_bar(state, symbol)
        if minute is not None:
            found[symbol] = wire.bar_json(minute)
    return {"bars": found}


def snapshots(state: State, daily: Daily, query: Query, fault: Fault | None) -> Json:
    """Return GET /snapshots: trade, quote, minute bar, today's bar and the previous day's."""
    found: Json = {}
    today = midnight(day_of(state.now))
    for symbol in _symbols(query):
        quote, price = (
            spoiled(state, state.tape.quote(symbol, state.now), fault),
            state.price(symbol),
        )
        minute = _latest_bar(state, symbol)
        if quote is None or price is None or minute is None:
            continue
        days = daily.bars(
            symbol, since=today - timedelta(days=14), until=today, now=state.now, adjusted=True
        )
        running = [bar for bar in days if bar.at == today]
        earlier = [bar for bar in days if bar.at < today]
        found[symbol] = {
            "latestTrade": wire.trade_json(quote.at, price),
            "latestQuote": wire.quote_json(quote),
            "minuteBar": wire.bar_json(minute),
            "dailyBar": wire.bar_json(running[-1]) if running else None,
            "prevDailyBar": wire.bar_json(earlier[-1]) if earlier else None,
        }
    return found


def bars(state: State, daily: Daily, query: Query) -> Json:
    """Return GET /bars: by symbol, then by time, with the unfinished bar of now at the end.

    timeframe: 1Min or 1Day. start, end: inclusive, by the bar's start; by default today and now.
    limit: bars a page over all symbols, 1,000 by default, 10,000 at most. page_token: where to
    go on.
    """
    timeframe = query.get("timeframe", "")
    if timeframe not in TIMEFRAMES:
        raise _bad(f"invalid timeframe: {timeframe}")
    limit = int(query.get("limit") or 1000)
    if not 0 < limit <= MOST_BARS:
        raise _bad(f"invalid limit: {limit}")
    since = _moment(query, "start") or midnight(day_of(state.now))
    until = _moment(query, "end") or state.now
    adjusted = query.get("adjustment", "raw") in {"split", "all"}
    source = state.tape.bars if timeframe in {"1Min", "1T"} else daily.bars
    rows: list[ClosedBar] = []
    for symbol in sorted(_symbols(query)):
        found = source(symbol, since=since, until=until, now=state.now, adjusted=adjusted)
        rows.extend(reversed(found) if query.get("sort") == "desc" else found)
    offset = _offset(query.get("page_token"))
    page, rest = rows[offset : offset + limit], len(rows) - offset - limit
    grouped: dict[str, list[Json]] = {}
    for bar in page:
        grouped.setdefault(bar.symbol, []).append(wire.bar_json(bar))
    token = urlsafe_b64encode(str(offset + limit).encode()).decode() if rest > 0 else None
    return {"bars": grouped, "next_page_token": token}


def spoiled(state: State, quote: Quote | None, fault: Fault | None) -> Quote | None:
    """Return a quote as a fault makes it: older, or crossed by a tick."""
    if quote is None or fault is None:
        return quote
    if fault.kind == "stale_quote":
        at = quote.at - timedelta(seconds=fault.seconds)
        return Quote(symbol=quote.symbol, at=at, bid=quote.bid, ask=quote.ask, feed=quote.feed)
    if fault.kind == "crossed_quote":
        tick = state.tape.tick(quote.symbol, quote.bid)
        bid = max(quote.ask, quote.bid) + tick
        return Quote(symbol=quote.symbol, at=quote.at, bid=bid, ask=quote.bid, feed=quote.feed)
    return quote


def _latest_bar(state: State, symbol: Symbol) -> ClosedBar | None:
    minute = state.tape.minute(symbol, state.now)
    if minute is None:
        return None
    return state.tape.bars(symbol, since=minute.at, until=minute.at, now=state.now, adjusted=True)[
        0
    ]


def _symbols(query: Query) -> list[Symbol]:
    names = [name for name in query.get("symbols", "").split(",") if name]
    if not names:
        raise _bad("symbols is required")
    return [Symbol(name) for name in names]


def _moment(query: Query, name: str) -> datetime | None:
    text = query.get(name)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise _bad(f"invalid {name}: {text}") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _offset(token: str | None) -> int:
    if not token:
        return 0
    try:
        return int(urlsafe_b64decode(token.encode()).decode())
    except (ValueError, binascii.Error):
        raise _bad("invalid page_token") from None


def _bad(message: str) -> BrokerRejected:
    # Market data answers 400, with a message and no code.
    return BrokerRejected(message, status=400)
