"""Many begin a tick at once: one gets the lease, and a late one never writes."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import psycopg
import pytest

from stopward.adapters import rows
from stopward.adapters.postgres import PostgresStore
from stopward.domain.identity import OrderId
from stopward.domain.snapshot import Busy, Snapshot
from stopward.errors import DatabaseRejected
from tests.builders.store import NOON, a_position, a_record, an_order
from tests.builders.store_world import PostgresWorld, begin
from tests.builders.waiting import until_blocked

WRITERS = 6


@pytest.fixture
def world(database_url: str) -> Iterator[PostgresWorld]:
    found = PostgresWorld(database_url)
    yield found
    found.close()


@pytest.fixture
def stores(database_url: str) -> Iterator[list[PostgresStore]]:
    found = [PostgresStore(database_url) for _ in range(WRITERS)]
    yield found
    for store in found:
        store.close()


def test_of_many_that_begin_at_once_one_gets_the_lease(
    world: PostgresWorld, stores: list[PostgresStore]
) -> None:
    for number in range(10):
        start = Barrier(WRITERS)

        def take(store: PostgresStore, start: Barrier = start, number: int = number) -> object:
            start.wait()
            return store.begin_tick(
                world.account_id, tick_at=NOON, holder=f"{number}-{id(store)}", lease_seconds=30
            )

        with ThreadPoolExecutor(WRITERS) as pool:
            answers = list(pool.map(take, stores))
        winners = [answer for answer in answers if isinstance(answer, Snapshot)]
        assert [winner.fence for winner in winners] == [number + 1]
        assert sum(isinstance(answer, Busy) for answer in answers) == WRITERS - 1
        world.advance(31)


def test_one_intent_told_by_many_is_new_to_one(
    world: PostgresWorld, stores: list[PostgresStore]
) -> None:
    position = a_position(account_id=world.account_id)
    fence = begin(world).fence
    world.store.record_tick(a_record(fence, account_id=world.account_id, positions=(position,)))
    record = a_record(fence, tick=1, account_id=world.account_id, orders=(an_order(position),))
    start = Barrier(WRITERS)

    def tell(store: PostgresStore) -> frozenset[OrderId]:
        start.wait()
        return store.record_tick(record)

    with ThreadPoolExecutor(WRITERS) as pool:
        new = [len(answer) for answer in pool.map(tell, stores)]
    assert sorted(new) == [0] * (WRITERS - 1) + [1]
    assert len(world.events()) == 1


def test_a_writer_that_lost_its_lease_meanwhile_is_refused(
    world: PostgresWorld, stores: list[PostgresStore]
) -> None:
    late = begin(world, holder="late").fence
    world.advance(31)
    start = Barrier(2)

    def take_over() -> object:
        start.wait()
        return stores[0].begin_tick(world.account_id, tick_at=NOON, holder="next", lease_seconds=30)

    def write() -> str | None:
        start.wait()
        try:
            stores[1].record_tick(a_record(late, account_id=world.account_id))
        except DatabaseRejected as error:
            return error.rule
        return None

    with ThreadPoolExecutor(2) as pool:
        taken, written = pool.submit(take_over), pool.submit(write)
        taking, refusal = taken.result(), written.result()
    # A writer that came first holds the lease up to then; whoever began to take it over before then
    # is told so, and comes again.
    if isinstance(taking, Busy):
        assert (taking.holder, refusal) == ("late", None)
        taking = begin(world, holder="next")
    assert refusal in (None, "stale_fence")
    assert isinstance(taking, Snapshot)
    assert taking.fence == late + 1
    with pytest.raises(DatabaseRejected) as caught:
        world.store.record_tick(a_record(late, account_id=world.account_id))
    assert caught.value.rule == "stale_fence"


@pytest.mark.parametrize("has_begun_before", [True, False])
def test_a_tick_waits_for_positions_that_are_being_declared_and_sees_them(
    world: PostgresWorld, database_url: str, has_begun_before: bool
) -> None:
    if has_begun_before:
        begin(world)
        world.advance(31)
    position = a_position(account_id=world.account_id)
    request = {"account_id": world.account_id, "positions": [rows.write(position)]}
    with psycopg.connect(database_url) as person, ThreadPoolExecutor(1) as pool:
        person.execute("select api.put_positions(%s)", (json.dumps(request),))
        tick = pool.submit(begin, world, holder="two")
        until_blocked(person, eyes=world._eyes)
        person.commit()
        assert tick.result().positions == (position,)
