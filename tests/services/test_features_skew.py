"""What was served is made again each night: one bit is a difference, and it is named."""

import struct
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from stopward.adapters.memory_features import MemoryFeatures
from stopward.domain.features import (
    names,
)
from stopward.domain.features.past_trade import StoredVector, rebuilt
from stopward.domain.position import Position
from stopward.services.features import (
    PUT_AT_ONCE,
    FeatureSummary,
)
from tests.builders.feature_nights import (
    DAILY,
    EVENING,
    MINUTES,
    kept,
    run,
)
from tests.builders.past_features import (
    ENTRY,
    FRIDAY,
    INDEX,
    a_vector,
    traded,
)
from tests.builders.store import NOON, pulse
from tests.builders.store_world import MemoryWorld


@pytest.fixture
def world() -> MemoryWorld:
    found = MemoryWorld()
    found.people.put_sessions([FRIDAY])
    return found


def test_what_was_served_is_left_as_it_is(world: MemoryWorld) -> None:
    position = traded(world)
    served = a_vector(position, rebuilt=False)
    book = MemoryFeatures(world.store)
    book.put_schema(ENTRY, names("entry"))
    book.put_vectors(world.account_id, (served,))
    summary = run(world)
    assert (summary.trades, summary.written) == (0, 0)
    assert kept(world, position) == served
    assert PUT_AT_ONCE <= 1_000


def served(world: MemoryWorld, position: Position, *, at: datetime) -> StoredVector:
    """Store the vector of a position as it was served at a time, and return it."""
    book = MemoryFeatures(world.store)
    book.put_schema(ENTRY, names("entry"))
    book.put_vectors(world.account_id, (a_vector(position, at=at, rebuilt=False),))
    page = book.read_entries(
        world.account_id, schema_hash=ENTRY, at=EVENING, since=NOON, results=200, lag_seconds=60,
        stored=True,
    )  # fmt: skip
    trade = next(each for each in page.trades if each.position_id == position.id)
    again = rebuilt(
        trade,
        page,
        bars=MINUTES[trade.symbol],
        daily_bars=DAILY[trade.symbol],
        market_bars=MINUTES[INDEX],
    )
    assert isinstance(again, StoredVector)
    right = replace(again, rebuilt=False)
    world.store.book(world.account_id).vectors[position.id, "entry", ENTRY, None] = right
    return right


def test_a_served_vector_is_made_again_as_of_the_time_when_it_was_served(
    world: MemoryWorld,
) -> None:
    position = traded(world, opened_at=NOON - timedelta(seconds=100), tick=10)
    served(world, position, at=NOON + timedelta(seconds=45))
    summary = run(world)
    assert (summary.compared, summary.skewed, summary.is_skewed) == (1, 0, False)


def one_ulp_up(stored: StoredVector, name: str) -> StoredVector:
    """Return a vector with the next float32 in place of one number."""
    place = names("entry").index(name)
    number = stored.vector[place]
    assert number is not None
    (bits,) = struct.unpack("<i", struct.pack("<f", number))
    (above,) = struct.unpack("<f", struct.pack("<i", bits + 1))
    return replace(stored, vector=(*stored.vector[:place], above, *stored.vector[place + 1 :]))


def test_one_bit_is_skew_and_its_feature_is_named(world: MemoryWorld) -> None:
    position, good = traded(world, "AAPL"), traded(world, "MSFT", tick=10)
    right = served(world, position, at=pulse(0))
    served(world, good, at=pulse(10))
    vectors = world.store.book(world.account_id).vectors
    vectors[position.id, "entry", ENTRY, None] = one_ulp_up(right, "rsi")
    summary = run(world)
    assert (summary.compared, summary.skewed, summary.is_skewed) == (2, 1, True)
    assert summary.differing == {"rsi": 1}
    assert summary.counts()["features_skew"] == 1
    assert vectors[position.id, "entry", ENTRY, None] != right, "what was served stays"


def test_a_number_that_was_missing_is_skew_too(world: MemoryWorld) -> None:
    position = traded(world)
    right = served(world, position, at=pulse(0))
    empty = replace(right, vector=(None, *right.vector[1:]))
    world.store.book(world.account_id).vectors[position.id, "entry", ENTRY, None] = empty
    assert run(world).differing == {names("entry")[0]: 1}


@pytest.mark.parametrize(
    ("skewed", "compared", "expected"),
    [(0, 0, False), (0, 10, False), (1, 999, True), (1, 1_000, False), (2, 1_000, True)],
)
def test_more_than_one_in_a_thousand_is_too_many(
    skewed: int, compared: int, expected: bool
) -> None:
    assert FeatureSummary(skewed=skewed, compared=compared).is_skewed is expected
