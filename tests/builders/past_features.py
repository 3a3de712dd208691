"""An account whose trades wait for their entry vector, and the bars that it is made from."""

from dataclasses import replace
from datetime import timedelta
from functools import cache
from random import Random
from typing import Any

from stopward.adapters.features import FunctionFeatures
from stopward.adapters.memory import MemoryStore
from stopward.adapters.memory_features import MemoryFeatures
from stopward.domain.features import names, schema_hash
from stopward.domain.features.past_trade import StoredVector
from stopward.domain.identity import Symbol
from stopward.domain.market import ClosedBar, Session
from stopward.domain.position import Position
from stopward.services.feature_book import FeatureBook
from tests.builders.features import minutes_of, walked
from tests.builders.store import A_SESSION, D, a_position, pulse
from tests.builders.store_world import PostgresWorld, World
from tests.builders.trades import Event, play

ENTRY = schema_hash("entry")
FRIDAY = Session(
    exchange="XNYS",
    day="2026-11-20",
    opens_at=A_SESSION.opens_at - timedelta(days=3),
    closes_at=A_SESSION.closes_at - timedelta(days=3),
)
"""The session before A_SESSION."""
INDEX = Symbol("SPY")
DAYS = tuple(A_SESSION.opens_at - timedelta(days=100 - n, hours=9, minutes=30) for n in range(110))


@cache
def minutes(symbol: str) -> tuple[ClosedBar, ...]:
    """Return two sessions of a symbol's bars, Friday's and A_SESSION's; the same each time."""
    times = [*minutes_of(FRIDAY), *minutes_of(A_SESSION)]
    return walked(Random(symbol), times, symbol=Symbol(symbol))  # noqa: S311


@cache
def days(symbol: str) -> tuple[ClosedBar, ...]:
    """Return a symbol's bars of 110 days around A_SESSION."""
    return walked(Random(symbol), DAYS, symbol=Symbol(symbol))  # noqa: S311


def feature_book(world: World, *, page_trades: int = 100) -> FeatureBook:
    """Return the FeatureBook of a world's store."""
    if isinstance(world.store, MemoryStore):
        return MemoryFeatures(world.store, page_trades=page_trades)
    assert isinstance(world, PostgresWorld)
    return FunctionFeatures(world._database, page_trades=page_trades)


def traded(
    world: World, symbol: str = "AAPL", *, tick: int = 0, price: str = "101", **changes: Any
) -> Position:
    """Play 100 shares long from 100.00 that were adopted at once and sold a pulse later."""
    given = {"opened_at": pulse(tick), **changes}
    position = a_position(symbol, account_id=world.account_id, **given)
    sale = Event(kind="sell", quantity=D("100"), price=D(price), rule="time_stop")
    play(world, position, [sale], tick=tick)
    return replace(position, adopted_at=pulse(tick))


def a_vector(position: Position, **changes: Any) -> StoredVector:
    """Return an entry vector of 1.5, then nothing, as it was rebuilt."""
    told: dict[str, Any] = {
        "position_id": position.id,
        "kind": "entry",
        "at": position.opened_at,
        "schema_hash": ENTRY,
        "vector": (1.5, *[None] * (len(names("entry")) - 1)),
        "rebuilt": True,
    }
    return StoredVector(**{**told, **changes})
