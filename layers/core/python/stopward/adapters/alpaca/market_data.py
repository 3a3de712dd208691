"""The port `MarketData` over Alpaca's market data API (REST v2)."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from json import loads
from typing import Literal, TypeVar
from urllib.parse import quote as escape

from stopward.adapters.alpaca.parse import Row, complain, rows_of
from stopward.adapters.alpaca.transport import Answer, Transport
from stopward.adapters.alpaca.wire import stamp
from stopward.domain.identity import Symbol
from stopward.domain.market import ClosedBar, Quote
from stopward.domain.money import as_kept
from stopward.errors import BrokerRejected, BrokerUnavailable

Feed = Literal["iex", "sip", "delayed_sip", "otc", "boats", "overnight"]
Adjustment = Literal["raw", "split", "dividend", "all"]
Read = TypeVar("Read")

MINUTE = timedelta(minutes=1)
REGULAR_DAY = timedelta(hours=16)
"""A daily bar starts at New York's midnight; its session is over 16 hours later at the latest."""
URL_SYMBOLS = 4_000
"""Characters of symbols in one URL: some 700 symbols, well under the 8 kB that gateways allow."""
BARS_PAGE = 10_000
BARS_PAGES = 1_000
ZERO = Decimal(0)
MALFORMED = frozenset({400, 422})


class AlpacaMarketData:
    """Quotes and closed bars of one feed, batched over symbols.

    adjustment: of minute bars; daily bars are always split-adjusted.
    """

    def __init__(
        self, transport: Transport, *, feed: Feed = "iex", adjustment: Adjustment = "split"
    ) -> None:
        self._transport = transport
        self._feed = feed
        self._adjustment = adjustment

    def __repr__(self) -> str:
        return f"AlpacaMarketData({self._transport!r}, feed={self._feed!r})"

    @property
    def remaining(self) -> int | None:
        """Requests left in the data API's rate window; None before the first answer that said."""
        return self._transport.remaining

    def quotes(self, symbols: Sequence[Symbol]) -> Mapping[Symbol, Quote]:
        """Return the latest quote of each symbol; symbols without one, or unknown, are absent."""
        found: dict[Symbol, Quote] = {}
        for batch in _batches(symbols):
            for part in _tolerating(self._read_quotes, batch):
                found |= part
        return found

    def bars(
        self, symbols: Sequence[Symbol], *, since: datetime, until: datetime
    ) -> Mapping[Symbol, tuple[ClosedBar, ...]]:
        """Return one-minute bars with since <= at and at + 1 min <= until, oldest first."""
        return self._bars(
            symbols, "1Min", length=MINUTE, since=since, until=until, adjustment=self._adjustment
        )

    def daily_bars(
        self, symbols: Sequence[Symbol], *, since: datetime, until: datetime
    ) -> Mapping[Symbol, tuple[ClosedBar, ...]]:
        """Return daily bars of finished sessions, split-adjusted, oldest first."""
        return self._bars(
            symbols, "1Day", length=REGULAR_DAY, since=since, until=until, adjustment="split"
        )

    def _read_quotes(self, batch: Sequence[Symbol]) -> dict[Symbol, Quote]:
        return self._transport.get(
            "/v2/stocks/quotes/latest",
            query={"symbols": ",".join(batch), "feed": self._feed},
            read=self._quotes_of,
        )

    def _quotes_of(self, answer: Answer) -> dict[Symbol, Quote]:
        quotes = Row(answer.json(), answer.what).get("quotes")
        return {
            Symbol(symbol): _quote(row, Symbol(symbol), self._feed)
            for symbol, row in _named(quotes, f"{answer.what}.quotes")
        }

    def _bars(
        self,
        symbols: Sequence[Symbol],
        timeframe: str,
        *,
        length: timedelta,
        since: datetime,
        until: datetime,
        adjustment: Adjustment,
    ) -> dict[Symbol, tuple[ClosedBar, ...]]:
        latest = until - length
        if latest < since:
            return {}
        query = {
            "timeframe": timeframe,
            "start": stamp(since),
            "end": stamp(latest),
            "limit": str(BARS_PAGE),
            "adjustment": adjustment,
            "feed": self._feed,
            "sort": "asc",
        }
        found: dict[Symbol, dict[datetime, ClosedBar]] = {}
        for batch in _batches(symbols):
            for bars in _tolerating(lambda part: self._read_bars(part, query), batch):
                for bar in bars:
                    if since <= bar.at <= latest:
                        found.setdefault(bar.symbol, {})[bar.at] = bar
        return {symbol: tuple(bars[at] for at in sorted(bars)) for symbol, bars in found.items()}

    def _read_bars(self, batch: Sequence[Symbol], query: Mapping[str, str]) -> list[ClosedBar]:
        asked = {**query, "symbols": ",".join(batch)}
        bars: list[ClosedBar] = []
        for _ in range(BARS_PAGES):
            page, token = self._transport.get("/v2/stocks/bars", query=asked, read=_bars_of)
            bars += page
            if token is None:
                return bars
            if token == asked.get("page_token"):
                break
            asked["page_token"] = token
        raise BrokerUnavailable(
            f"GET /v2/stocks/bars: {len(bars)} bars read, and paging does not end"
        )


def _batches(symbols: Sequence[Symbol]) -> Iterator[list[Symbol]]:
    # Each symbol once, in the order given, as many to a URL as fit.
    batch: list[Symbol] = []
    length = 0
    for symbol in dict.fromkeys(symbols):
        size = len(escape(symbol)) + 1
        if batch and length + size > URL_SYMBOLS:
            yield batch
            batch, length = [], 0
        batch.append(symbol)
        length += size
    if batch:
        yield batch


def _tolerating(
    read: Callable[[Sequence[Symbol]], Read], batch: Sequence[Symbol]
) -> Iterator[Read]:
    # A symbol that the data API refuses spoils its batch: halve until it stands alone, and drop it.
    try:
        yield read(batch)
    except BrokerRejected as refusal:
        if refusal.status not in MALFORMED:
            raise
        if len(batch) > 1:
            middle = len(batch) // 2
            yield from _tolerating(read, batch[:middle])
            yield from _tolerating(read, batch[middle:])


def _named(value: object, path: str) -> Iterator[tuple[str, object]]:
    if value is None:
        return iter(())
    if not isinstance(value, Mapping):
        complain(path, value, "an object by symbol")
    return ((str(name), item) for name, item in value.items() if item is not None)


def _quote(value: object, symbol: Symbol, feed: str) -> Quote:
    # A side that nobody quotes is absent or 0; Quote.fault calls it empty.
    row = Row(value, f"quotes.{symbol}")
    return Quote(
        symbol=symbol,
        at=row.moment("t"),
        # What is decided on is what the journal keeps.
        bid=as_kept(row.optional_decimal("bp") or ZERO),
        ask=as_kept(row.optional_decimal("ap") or ZERO),
        feed=feed,
    )


def _bars_of(answer: Answer) -> tuple[list[ClosedBar], str | None]:
    try:
        body = loads(answer.body)
    except ValueError as error:
        raise BrokerUnavailable(
            f"{answer.what}: the answer of {len(answer.body)} bytes was cut short or is no JSON"
        ) from error
    page = Row(body, answer.what)
    bars = [
        _bar(row, Symbol(symbol))
        for symbol, value in _named(page.get("bars"), f"{answer.what}.bars")
        for row in rows_of(value, f"bars.{symbol}")
    ]
    return bars, page.optional_text("next_page_token")


def _bar(row: Row, symbol: Symbol) -> ClosedBar:
    return ClosedBar(
        symbol=symbol,
        at=row.moment("t"),
        open=row.number("o"),
        high=row.number("h"),
        low=row.number("l"),
        close=row.number("c"),
        volume=row.number("v"),
    )
