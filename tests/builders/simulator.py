"""A simulated broker for tests: two sessions, short bars, prices read off the page."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from stopward.domain.identity import Symbol
from stopward.domain.market import ClosedBar, Session
from stopward.local.simulator import Execution, Options, RateLimit, Simulator, Ticket

OPEN = datetime(2024, 1, 3, 14, 30, tzinfo=UTC)
"""09:30 New York of the first session, a Wednesday."""
CLOSE = datetime(2024, 1, 3, 21, 0, tzinfo=UTC)
NEXT_OPEN = OPEN + timedelta(days=1)
NEXT_CLOSE = CLOSE + timedelta(days=1)
SESSIONS = (
    Session(exchange="XNYS", day="2024-01-03", opens_at=OPEN, closes_at=CLOSE),
    Session(exchange="XNYS", day="2024-01-04", opens_at=NEXT_OPEN, closes_at=NEXT_CLOSE),
)
AAPL = Symbol("AAPL")
MSFT = Symbol("MSFT")

Prices = tuple[float, float, float, float]


def at(minutes: float) -> datetime:
    """Return a moment by minutes from the first open."""
    return OPEN + timedelta(minutes=minutes)


def a_bar(
    prices: Prices, *, minute: float = 0, symbol: Symbol = AAPL, volume: float = 6000
) -> ClosedBar:
    """Return a bar of (open, high, low, close) at a minute from the first open."""
    opened, high, low, close = prices
    return ClosedBar(
        symbol=symbol, at=at(minute), open=opened, high=high, low=low, close=close, volume=volume
    )


def bars_of(
    *rows: Prices, symbol: Symbol = AAPL, start: float = 0, volume: float = 6000
) -> list[ClosedBar]:
    """Return bars minute after minute."""
    return [
        a_bar(row, minute=start + index, symbol=symbol, volume=volume)
        for index, row in enumerate(rows)
    ]


def flat(price: float, minutes: int) -> list[Prices]:
    """Return bars in which nothing moves."""
    return [(price, price, price, price)] * minutes


def climb(*closes: float) -> list[Prices]:
    """Return bars from 100 whose close becomes the next open, with no wicks."""
    opens = (100.0, *closes[:-1])
    return [(o, max(o, c), min(o, c), c) for o, c in zip(opens, closes, strict=True)]


def a_simulator(
    *rows: Prices,
    bars: Sequence[ClosedBar] | None = None,
    daily_bars: Sequence[ClosedBar] = (),
    start: datetime = OPEN,
    cash: str = "100000",
    spread_ticks: int = 0,
    ticks: dict[Symbol, Decimal] | None = None,
    options: Options | None = None,
    rate_limit: RateLimit | None = None,
) -> Simulator:
    """Return a simulator at the first open; AAPL walks `rows`, one bar a minute (flat at 100)."""
    chosen = list(bars) if bars is not None else bars_of(*(rows or tuple(flat(100, 10))))
    return Simulator(
        bars=_by_symbol(chosen),
        daily_bars=_by_symbol(daily_bars),
        sessions=SESSIONS,
        start=start,
        cash=Decimal(cash),
        spread_ticks=spread_ticks,
        ticks=ticks,
        options=options,
        rate_limit=rate_limit,
    )


def long_ten(*rows: Prices, **settings: Any) -> Simulator:
    """Return a simulator with ten shares of AAPL from 100, and no orders."""
    simulator = a_simulator(*rows, **settings)
    simulator.open_position(AAPL, "long", Decimal(10), Decimal(100))
    return simulator


def sell(quantity: str = "10", **fields: Any) -> Ticket:
    """Return a sell of AAPL, market unless `fields` say otherwise."""
    given: dict[str, Any] = {"symbol": AAPL, "side": "sell", "kind": "market"}
    return Ticket(quantity=Decimal(quantity), **given | fields)


def buy(quantity: str = "10", **fields: Any) -> Ticket:
    """Return a buy of AAPL, market unless `fields` say otherwise."""
    return sell(quantity, **{"side": "buy"} | fields)


def only_fill(simulator: Simulator) -> Execution:
    """Return the one fill of AAPL after its entry."""
    fills = simulator.ledger.fills(AAPL)[1:]
    assert len(fills) == 1, fills
    return fills[0]


def _by_symbol(bars: Sequence[ClosedBar]) -> dict[Symbol, list[ClosedBar]]:
    grouped: dict[Symbol, list[ClosedBar]] = {}
    for bar in bars:
        grouped.setdefault(bar.symbol, []).append(bar)
    return grouped
