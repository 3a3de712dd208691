"""Random bars over several sessions and positions in them, for replays."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random

import numpy as np

from stopward.domain.identity import PositionId, Symbol
from stopward.domain.market import Session
from stopward.domain.opening import PositionRow
from stopward.replay.table import BarTable, Columns, bar_table, microseconds

MINUTES = 40
"""Of a session here: short, so that much happens at its end."""
OPENS = datetime(2026, 11, 2, 14, 30, tzinfo=UTC)
SYMBOLS = (Symbol("ACME"), Symbol("BOLT"), Symbol("CORK"))


def some_sessions(count: int, *, minutes: int = MINUTES) -> tuple[Session, ...]:
    """Return sessions on days in a row."""
    return tuple(
        Session(
            exchange="XNYS",
            day=f"2026-11-{2 + number:02}",
            opens_at=OPENS + timedelta(days=number),
            closes_at=OPENS + timedelta(days=number, minutes=minutes),
        )
        for number in range(count)
    )


def columns_from(rows: Sequence[tuple[datetime, float, float, float, float]]) -> Columns:
    """Return bars from start, open, high, low and close; volume 1,000, spread unknown."""
    at = np.array([microseconds(row[0]) for row in rows], np.int64)
    prices = np.array([row[1:] for row in rows], np.float64).reshape(len(rows), 4).T.copy()
    return Columns(
        at=at,
        open=prices[0],
        high=prices[1],
        low=prices[2],
        close=prices[3],
        volume=np.full(len(rows), 1000.0),
        spread=np.full(len(rows), np.nan),
    )


def a_table(rng: Random, *, sessions: int = 3, gaps: float = 0.05) -> BarTable:
    """Return random walks in cents for SYMBOLS. gaps: share of bars that are missing."""
    days = some_sessions(sessions)
    found = {}
    for symbol in SYMBOLS:
        price, rows = 100.0, []
        for session in days:
            price = round(price * (1.0 + rng.gauss(0.0, 0.004)), 2)
            for minute in range(MINUTES):
                opened = price
                price = round(opened + rng.gauss(0.0, 0.12), 2)
                high = round(max(opened, price) + abs(rng.gauss(0.0, 0.04)), 2)
                low = round(min(opened, price) - abs(rng.gauss(0.0, 0.04)), 2)
                if rng.random() >= gaps:
                    start = session.opens_at + timedelta(minutes=minute)
                    rows.append((start, opened, high, low, price))
        found[symbol] = columns_from(rows)
    return bar_table(found, sessions=days)


def some_positions(rng: Random, table: BarTable, *, count: int) -> tuple[PositionRow, ...]:
    """Return positions entered near the price, at and inside bars, with and without stops."""
    rows = []
    for number in range(count):
        symbol = rng.choice(table.symbols)
        begin, end = table.span(symbol)
        bar = rng.randrange(begin, end - 1)
        at = datetime.fromtimestamp(int(table.bars.at[bar]) / 1e6, tz=UTC)
        side = rng.choice(("long", "short"))
        entry = Decimal(repr(float(table.bars.open[bar])))
        risk = Decimal(rng.randint(15, 80)) / 100
        stop = entry - risk if side == "long" else entry + risk
        inside = rng.random() < 0.3
        rows.append(
            PositionRow(
                id=PositionId(f"p{number}"),
                symbol=symbol,
                side="long" if side == "long" else "short",
                quantity=Decimal(rng.choice(("100", "7", "40", "12.5"))),
                entry_at=at + timedelta(seconds=20 if inside else 0),
                entry_price=entry,
                initial_stop=None if rng.random() < 0.1 else stop,
                tags=rng.choice(((), (), ("day",))),
            )
        )
    return tuple(rows)
