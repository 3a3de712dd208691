"""Builders for market data: small CSV files, bars and daily bars."""

import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from stopward.domain.identity import Symbol
from stopward.domain.market import ClosedBar, Session
from stopward.local.data.stocks import midnight

BARS_HEADER = "symbol,at,open,high,low,close,volume"
POSITIONS_HEADER = "position_id,symbol,side,quantity,entry_at,entry_price,initial_stop"
OPENS_AT = datetime(2013, 9, 3, 13, 30, tzinfo=UTC)

DATA = Path(sys.prefix) / "data"
"""Where `make` unpacks the data packages."""


def a_bar(minute: int = 0, *, symbol: str = "AAPL", price: float = 100.0) -> ClosedBar:
    """Return a one-minute bar of the session of 2013-09-03, a tenth around a price."""
    return ClosedBar(
        symbol=Symbol(symbol),
        at=OPENS_AT + timedelta(minutes=minute),
        open=price,
        high=price + 0.1,
        low=price - 0.1,
        close=price,
        volume=1000.0,
    )


def a_day(
    *,
    symbol: str = "AAPL",
    day: str = "2013-01-02",
    prices: tuple[float, float, float, float] = (100.0, 104.0, 98.0, 101.5),
    volume: float = 1_000_000.0,
) -> ClosedBar:
    """Return a daily bar; `prices` are open, high, low, close."""
    first, high, low, last = prices
    return ClosedBar(
        symbol=Symbol(symbol),
        at=midnight(date.fromisoformat(day)),
        open=first,
        high=high,
        low=low,
        close=last,
        volume=volume,
    )


def a_session(day: str, opens: str, closes: str) -> Session:
    """Return a session from UTC clock times, `opens` and `closes` as HH:MM."""
    return Session(
        exchange="XNYS",
        day=day,
        opens_at=datetime.fromisoformat(f"{day}T{opens}:00Z"),
        closes_at=datetime.fromisoformat(f"{day}T{closes}:00Z"),
    )


def a_file(folder: Path, *lines: str, name: str = "input.csv") -> Path:
    """Write lines as a UTF-8 file and return its path."""
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
