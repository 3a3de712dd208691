"""Read quotes and new closed bars: a handful of batched calls, whatever the number of positions."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from stopward.domain.identity import Symbol
from stopward.domain.market import ClosedBar, Quote, Session
from stopward.domain.snapshot import SymbolState
from stopward.ports import MarketData
from stopward.services.guard.subject import Market

MINUTE = timedelta(minutes=1)
MAX_SPREAD_FRACTION = 0.05
"""A wider quote is no price to decide on. [judgement]"""


def look_at_market(
    market_data: MarketData,
    symbols: Sequence[Symbol],
    *,
    states: Mapping[Symbol, SymbolState],
    session: Session | None,
    tick_at: datetime,
    now: datetime,
    max_quote_age: timedelta,
    quoted: Sequence[Symbol] = (),
) -> Market:
    """Return quotes and the closed bars not folded in yet; outside the session nothing is read.

    quoted: symbols that need a price for the account's day, and no bars.
    """
    wanted = (*symbols, *quoted)
    if not wanted or session is None or not session.opens_at <= tick_at <= session.closes_at:
        return Market()
    quotes = market_data.quotes(wanted)
    faults = {
        symbol: fault
        for symbol in wanted
        if (fault := _fault(quotes.get(symbol), now=now, max_age=max_quote_age)) is not None
    }
    return Market(
        quotes=quotes,
        faults=faults,
        bars=_new_bars(market_data, symbols, states=states, session=session, until=tick_at),
    )


def _fault(quote: Quote | None, *, now: datetime, max_age: timedelta) -> str | None:
    if quote is None:
        return "missing"
    fault = quote.fault(now=now, max_age=max_age)
    if fault is None and float((quote.ask - quote.bid) / quote.ask) > MAX_SPREAD_FRACTION:
        return "wide"
    return fault


def _new_bars(
    market_data: MarketData,
    symbols: Sequence[Symbol],
    *,
    states: Mapping[Symbol, SymbolState],
    session: Session,
    until: datetime,
) -> Mapping[Symbol, tuple[ClosedBar, ...]]:
    """Read bars in at most two calls: the symbols that are a bar behind, and those further behind.

    Without the split one symbol that does not trade would make every call read the whole session.
    """
    last_closed = until - timedelta(microseconds=until.microsecond, seconds=until.second) - MINUTE
    recent: list[Symbol] = []
    behind: list[Symbol] = []
    since = last_closed
    for symbol in symbols:
        state = states.get(symbol)
        start = session.opens_at
        if state is not None and state.bar_at is not None:
            start = max(start, state.bar_at + MINUTE)
        if start > last_closed:
            continue
        if start == last_closed:
            recent.append(symbol)
        else:
            behind.append(symbol)
            since = min(since, start)
    bars: dict[Symbol, tuple[ClosedBar, ...]] = {}
    if recent:
        bars.update(market_data.bars(recent, since=last_closed, until=until))
    if behind:
        bars.update(market_data.bars(behind, since=since, until=until))
    return bars
