"""Vectors of open positions are made again each night: of each trade the one it teaches by."""

import struct
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from stopward.adapters.memory_features import MemoryFeatures
from stopward.domain.features import names, schema_hash
from stopward.domain.features.open_position import OpenPage, OpenPosition, held_vector
from stopward.domain.features.past_trade import StoredVector
from stopward.domain.features.teaching import taught_from
from stopward.domain.identity import Symbol
from stopward.domain.position import Position
from stopward.services.features import FeatureChecker, FeatureSummary
from tests.builders.feature_nights import EVENING, MINUTES, History
from tests.builders.past_features import FRIDAY, INDEX, traded
from tests.builders.store import A_SESSION, NOON, D, pulse
from tests.builders.store_world import MemoryWorld

OPEN = schema_hash("open")
MINUTE = timedelta(minutes=1)


@pytest.fixture
def world() -> MemoryWorld:
    found = MemoryWorld()
    found.people.put_sessions([FRIDAY])
    return found


def held(position: Position, at: datetime, *, stop: str = "98.5") -> StoredVector:
    """Return the vector that was served of a position at a minute, with the stop of that time."""
    told = OpenPosition(
        position_id=position.id, symbol=position.symbol, side=position.side,
        average_entry=position.average_entry, initial_stop=position.initial_stop, stop=D(stop),
        target=position.target, opened_at=position.opened_at, adopted_at=position.adopted_at,
    )  # fmt: skip
    page = OpenPage(positions=(told,), sessions=(FRIDAY, A_SESSION))
    bars, market = MINUTES[position.symbol], MINUTES[INDEX]
    found = held_vector(told, page, at=at, bars=bars, market_bars=market)
    assert isinstance(found, StoredVector)
    return found


def long_ago(world: MemoryWorld, symbol: str = "AAPL") -> Position:
    """Play a position that is held for two hours and closes after noon."""
    return traded(world, symbol, tick=6, opened_at=NOON - 120 * MINUTE)


def put(world: MemoryWorld, *vectors: StoredVector) -> None:
    book = MemoryFeatures(world.store)
    book.put_schema(OPEN, names("open"))
    book.put_vectors(world.account_id, vectors)


def check(world: MemoryWorld, bars: History | None = None) -> FeatureSummary:
    checker = FeatureChecker(
        book=MemoryFeatures(world.store, page_trades=2),
        bars=bars or History(),
        account_id=world.account_id,
        index=INDEX,
        kind="open",
    )
    return checker.run(now=EVENING, remaining_seconds=lambda: 900.0)


def as_it_opened(world: MemoryWorld, symbol: str = "AAPL") -> Position:
    """Return a position as it was adopted: at its entry."""
    position = long_ago(world, symbol)
    book = world.store.book(world.account_id)
    adopted = replace(book.positions[position.id], adopted_at=position.opened_at)
    book.positions[position.id] = adopted
    return adopted


@pytest.mark.parametrize("stop", ["98", "98.5", "99.37", "100.0001"])
def test_whatever_stop_rested_it_comes_out_to_the_bit(world: MemoryWorld, stop: str) -> None:
    position = as_it_opened(world)
    put(world, held(position, taught_from(position.id, position.opened_at), stop=stop))
    summary = check(world)
    assert (summary.compared, summary.skewed, summary.failures) == (1, 0, [])
    # Nothing of it is ever made later.
    assert (summary.trades, summary.written) == (0, 0)


@pytest.mark.parametrize("name", sorted({*names("open")} - {"stop_distance_r"}))
def test_a_bit_of_any_feature_is_noticed(world: MemoryWorld, name: str) -> None:
    position = as_it_opened(world)
    vector = held(position, taught_from(position.id, position.opened_at))
    place = names("open").index(name)
    number = vector.vector[place]
    changed = 0.25 if number is None else _next(number)
    put(
        world,
        replace(vector, vector=(*vector.vector[:place], changed, *vector.vector[place + 1 :])),
    )
    summary = check(world)
    assert (summary.compared, summary.skewed) == (1, 1)
    assert name in summary.differing


def _next(number: float) -> float:
    """Return the float32 after a number."""
    (bits,) = struct.unpack("<i", struct.pack("<f", number))
    (found,) = struct.unpack("<f", struct.pack("<i", bits + 1))
    return float(found)


@pytest.mark.parametrize("is_odd", [True, False])
def test_of_a_trade_only_the_one_that_it_teaches_by_is_compared(
    world: MemoryWorld, *, is_odd: bool
) -> None:
    position = as_it_opened(world)
    since = taught_from(position.id, position.opened_at)
    good = [held(position, since + number * MINUTE) for number in range(-2, 7)]
    put(
        world,
        *(
            replace(each, vector=(9.0, *each.vector[1:])) if (each.at == since) == is_odd else each
            for each in good
        ),
    )
    summary = check(world)
    assert (summary.compared, summary.skewed) == (1, int(is_odd))


def test_what_was_looked_at_when_it_had_closed_is_none(world: MemoryWorld) -> None:
    position = as_it_opened(world)
    (closed_at,) = {each.closed_at for each in world.store.book(world.account_id).trades.values()}
    assert closed_at == pulse(7)
    put(world, replace(held(position, taught_from(position.id, position.opened_at)), at=closed_at))
    assert check(world).compared == 0


def test_without_bars_nothing_is_said_of_it(world: MemoryWorld) -> None:
    position = as_it_opened(world)
    put(world, held(position, taught_from(position.id, position.opened_at)))
    bars = History(minutes={Symbol("MSFT"): MINUTES[Symbol("MSFT")]})
    summary = check(world, bars)
    assert (summary.compared, summary.skewed, summary.failures) == (0, 0, [])
    assert bars.asked_days == []
