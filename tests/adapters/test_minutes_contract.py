"""Minutes of closed positions: every store completes the same, and removes and refuses the same."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from stopward.domain.features.past_trade import StoredVector
from stopward.domain.features.teaching import WITHIN, taught_from
from stopward.domain.position import Position
from stopward.errors import DatabaseRejected
from tests.builders.minutes import minute_book
from tests.builders.past_features import a_vector, feature_book
from tests.builders.store import a_position, a_record, a_trade
from tests.builders.store_world import World, begin

ENTERED = datetime(2024, 3, 1, 15, 0, tzinfo=UTC)
CLOSED = ENTERED + timedelta(hours=3)
MINUTE = timedelta(minutes=1)
SCHEMA = "minutes of one feature"


def held(world: World, *symbols: str) -> list[Position]:
    """Put positions under guard that were entered long ago."""
    found = [
        a_position(each, account_id=world.account_id, opened_at=ENTERED, adopted_at=ENTERED)
        for each in symbols
    ]
    fence = begin(world).fence
    record = a_record(fence, account_id=world.account_id, positions=tuple(found))
    world.store.record_tick(record)
    return found


def closed(world: World, *positions: Position, at: datetime = CLOSED) -> None:
    trades = tuple(a_trade(each, closed_at=at) for each in positions)
    fence = begin(world).fence
    world.store.record_tick(a_record(fence, tick=1, account_id=world.account_id, trades=trades))


def around(position: Position) -> tuple[datetime, ...]:
    """Return minutes at the edges of those that a trade teaches by, and at its close."""
    since = taught_from(position.id, ENTERED)
    return (since - MINUTE, since, since + 4 * MINUTE, since + WITHIN, CLOSED)


def put(world: World, position: Position, times: Sequence[datetime], kind: str = "open") -> None:
    book = feature_book(world)
    book.put_schema(SCHEMA, ["one"])
    vectors = [
        a_vector(position, kind=kind, at=at, schema_hash=SCHEMA, vector=(1.5,), rebuilt=False)
        for at in times
    ]
    assert book.put_vectors(world.account_id, vectors) == len(times)


def taught(world: World) -> dict[str, StoredVector]:
    """Return the vector that each trade teaches by, as the check of features reads it."""
    page = feature_book(world).read_entries(
        world.account_id, schema_hash=SCHEMA, at=CLOSED, since=ENTERED, results=0,
        lag_seconds=0, stored=True, kind="open",
    )  # fmt: skip
    return {str(position_id): vector for position_id, vector in page.vectors.items()}


def test_minutes_are_completed_in_portions_until_all_know(world: World) -> None:
    gone, still = held(world, "AAPL", "MSFT")
    put(world, gone, around(gone))
    put(world, gone, [ENTERED], kind="entry")
    put(world, still, around(still))
    book = minute_book(world, portion=2)
    assert book.complete(world.account_id) == 0, "nothing has closed"
    closed(world, gone)
    assert [book.complete(world.account_id) for _ in range(4)] == [2, 2, 1, 0]
    closed(world, still)
    assert [book.complete(world.account_id) for _ in range(4)] == [2, 2, 1, 0]


def test_what_comes_after_the_close_knows_it_at_once(world: World) -> None:
    (gone,) = held(world, "AAPL")
    closed(world, gone)
    put(world, gone, around(gone))
    assert minute_book(world).complete(world.account_id) == 0


def test_old_minutes_go_in_portions_but_those_that_teach(world: World) -> None:
    gone, still = held(world, "AAPL", "MSFT")
    for each in (gone, still):
        put(world, each, around(each))
        put(world, each, [ENTERED], kind="entry")
    closed(world, gone)
    before = taught(world)
    assert [vector.at for vector in before.values()] == [around(gone)[1]]
    book = minute_book(world, portion=2)
    assert book.trim(world.account_id, keep_days=30) == 0, "they must be complete first"
    while book.complete(world.account_id):
        pass
    assert book.trim(world.account_id, keep_days=36_500) == 0, "they must be old enough"
    assert [book.trim(world.account_id, keep_days=30) for _ in range(3)] == [2, 1, 0]
    assert taught(world) == before, "what is checked and learned from is there"


def test_what_is_removed_is_one_account_s(world: World) -> None:
    (gone,) = held(world, "AAPL")
    put(world, gone, around(gone))
    closed(world, gone)
    book = minute_book(world)
    assert book.complete(world.account_id) == 5
    with pytest.raises(DatabaseRejected) as caught:
        book.trim(type(world.account_id)("nobody"), keep_days=30)
    assert caught.value.rule == "unknown_account"
    assert book.trim(world.account_id, keep_days=30) == 3


@pytest.mark.parametrize("keep_days", [29, 0, -1, 36_501])
def test_a_bound_that_is_none_is_refused(world: World, keep_days: int) -> None:
    with pytest.raises(DatabaseRejected) as caught:
        minute_book(world).trim(world.account_id, keep_days=keep_days)
    assert caught.value.rule == "trim_minutes_bounds"
