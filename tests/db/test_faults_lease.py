"""The holder of a lease dies, or is late: the next goes on, and fencing refuses the late word."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from stopward.adapters import rows
from stopward.adapters.postgres import PostgresStore
from stopward.domain.snapshot import (
    Acknowledgement,
    Alarm,
    Busy,
    DayRow,
    Observation,
    Snapshot,
    TickRecord,
)
from stopward.errors import DatabaseRejected
from tests.builders.state import changed, read_state
from tests.builders.store import (
    A_SESSION,
    NOON,
    D,
    a_decision,
    a_position,
    a_record,
    a_symbol_state,
    a_trade,
    a_view,
    an_acknowledgement,
    an_order,
    ids,
)
from tests.builders.store_world import PostgresWorld, begin
from tests.builders.waiting import Connection, behind


@pytest.fixture
def world(database_url: str) -> Iterator[PostgresWorld]:
    found = PostgresWorld(database_url)
    yield found
    found.close()


@pytest.fixture
def other(database_url: str) -> Iterator[PostgresStore]:
    """The store of a second guard, with a session of its own."""
    found = PostgresStore(database_url)
    yield found
    found.close()


@pytest.fixture
def eyes(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url, autocommit=True) as found:
        yield found


def take(store: PostgresStore, world: PostgresWorld, holder: str) -> Snapshot | Busy:
    return store.begin_tick(world.account_id, tick_at=NOON, holder=holder, lease_seconds=30)


def a_full_record(world: PostgresWorld, fence: int) -> TickRecord:
    """Return a record with something for every table that a tick writes."""
    position = a_position(account_id=world.account_id)
    closed = a_position("MSFT", account_id=world.account_id)
    return a_record(
        fence,
        account_id=world.account_id,
        positions=(position, closed),
        trades=(a_trade(closed),),
        symbols=(a_symbol_state(),),
        decisions=(a_decision(position),),
        views=(a_view(),),
        orders=(an_order(position),),
        observations=(
            Observation(
                position_id=position.id, symbol=position.symbol, kind="adopted", cause="market"
            ),
        ),
        alarms=(Alarm(key="k", kind="k", symbol=None, message="m"),),
        day=DayRow(session_day=A_SESSION.day, losses=1),
        unprotected_seconds={position.symbol: 0.5},
        halted_symbols=(position.symbol,),
    )


def an_answer(world: PostgresWorld, record: TickRecord) -> Acknowledgement:
    """Return what came of the order: it was filled, and the position is closed."""
    position, order = record.positions[0], record.orders[0]
    filled = replace(
        order,
        status="filled",
        broker_order_id="b-1",
        filled_quantity=order.quantity,
        filled_price=D("101"),
    )
    return an_acknowledgement(
        record.fence,
        account_id=world.account_id,
        orders=(filled,),
        positions=(replace(position, quantity=D("0"), closed_quantity=D("100")),),
        trades=(a_trade(position),),
    )


def a_session_in_a_call(
    url: str, function: str, argument: Any
) -> psycopg.Connection[tuple[Any, ...]]:
    """Return a session that called a function and has not committed."""
    session = psycopg.connect(url)
    session.execute(f"select api.{function}(%s)".encode(), (Jsonb(rows.write(argument)),))
    return session


def test_a_late_record_is_refused_and_leaves_nothing(
    world: PostgresWorld, other: PostgresStore, eyes: Connection
) -> None:
    fence = begin(world, holder="dead").fence
    world.advance(31)
    assert isinstance(take(other, world, "next"), Snapshot)
    before = read_state(eyes, account_id=world.account_id)
    with pytest.raises(DatabaseRejected) as caught:
        world.store.record_tick(a_full_record(world, fence))
    assert caught.value.rule == "stale_fence"
    assert f"fence {fence} of account {world.account_id} was passed by {fence + 1}" in str(
        caught.value
    )
    assert changed(before, read_state(eyes, account_id=world.account_id)) == set()


def test_a_late_acknowledgement_is_refused_and_the_next_settles_the_order(
    world: PostgresWorld, other: PostgresStore, eyes: Connection
) -> None:
    record = a_full_record(world, begin(world, holder="dead").fence)
    world.store.record_tick(record)
    world.advance(31)
    snapshot = take(other, world, "next")
    assert isinstance(snapshot, Snapshot)
    # What was recorded is known to the next: it asks the broker what became of it.
    assert ids(*snapshot.orders) == ids(*record.orders)
    before = read_state(eyes, account_id=world.account_id)
    late = an_answer(world, record)
    with pytest.raises(DatabaseRejected) as caught:
        world.store.acknowledge(late)
    assert caught.value.rule == "stale_fence"
    assert changed(before, read_state(eyes, account_id=world.account_id)) == set()
    other.acknowledge(replace(late, fence=snapshot.fence))
    assert [status for _, status in world.events()] == ["recorded", "filled"]


@pytest.mark.parametrize("commits", [True, False])
@pytest.mark.parametrize("call", ["record_tick", "acknowledge"])
def test_who_begins_waits_for_a_write_under_way_and_then_sees_it(
    world: PostgresWorld,
    other: PostgresStore,
    eyes: Connection,
    database_url: str,
    *,
    call: str,
    commits: bool,
) -> None:
    record = a_full_record(world, begin(world, holder="slow").fence)
    if call == "acknowledge":
        world.store.record_tick(record)
    world.advance(31)
    told = record if call == "record_tick" else an_answer(world, record)
    slow = a_session_in_a_call(database_url, call, told)
    answer, pool = behind(slow, lambda: take(other, world, "next"), eyes=eyes)
    if commits:
        slow.commit()
    slow.close()  # its process ended: what was not committed never was
    snapshot = answer.result()
    pool.shutdown()
    assert isinstance(snapshot, Snapshot)
    assert snapshot.fence == record.fence + 1
    wrote = commits or call == "acknowledge"
    order_is_open = wrote if call == "record_tick" else not commits
    assert bool(snapshot.orders) is order_is_open
    assert bool(snapshot.positions) is order_is_open
    with pytest.raises(DatabaseRejected) as caught:
        world.store.record_tick(replace(record, fence=record.fence))
    assert caught.value.rule == "stale_fence"


def test_a_late_write_waits_for_who_takes_over_and_is_then_refused(
    world: PostgresWorld, eyes: Connection, database_url: str
) -> None:
    record = a_full_record(world, begin(world, holder="late").fence)
    world.advance(31)
    request = {
        "account_id": world.account_id,
        "tick_at": NOON.isoformat(),
        "holder": "next",
        "lease_seconds": 30,
    }
    with psycopg.connect(database_url) as taking:
        taking.execute("select api.begin_tick(%s)", (Jsonb(request),))
        answer, pool = behind(taking, lambda: world.store.record_tick(record), eyes=eyes)
        taking.commit()
    with pytest.raises(DatabaseRejected) as caught:
        answer.result()
    pool.shutdown()
    assert caught.value.rule == "stale_fence"
    assert read_state(eyes, account_id=world.account_id)["orders"][0] == 0


def test_who_took_over_and_died_before_its_commit_took_nothing_over(
    world: PostgresWorld, eyes: Connection, database_url: str
) -> None:
    record = a_full_record(world, begin(world, holder="late").fence)
    world.advance(31)
    request = {
        "account_id": world.account_id,
        "tick_at": NOON.isoformat(),
        "holder": "next",
        "lease_seconds": 30,
    }
    taking = psycopg.connect(database_url)
    taking.execute("select api.begin_tick(%s)", (Jsonb(request),))
    answer, pool = behind(taking, lambda: world.store.record_tick(record), eyes=eyes)
    taking.close()
    assert answer.result() == ids(*record.orders)
    pool.shutdown()


def test_the_same_holder_begins_again_and_keeps_its_token(
    world: PostgresWorld, other: PostgresStore
) -> None:
    record = a_full_record(world, begin(world, holder="same").fence)
    again = take(other, world, "same")
    assert isinstance(again, Snapshot)
    assert again.fence == record.fence
    # The first word of before the restart still counts, once.
    assert world.store.record_tick(record) == ids(*record.orders)
    assert other.record_tick(record) == frozenset()
    assert isinstance(take(other, world, "another"), Busy)


def test_the_clock_of_the_database_counts_and_no_other(
    world: PostgresWorld, other: PostgresStore
) -> None:
    begin(world, holder="one")
    for lie in (timedelta(days=365), timedelta(days=-365)):
        answer = other.begin_tick(
            world.account_id, tick_at=NOON + lie, holder="two", lease_seconds=30
        )
        assert isinstance(answer, Busy)
    world.advance(29)
    assert isinstance(take(other, world, "two"), Busy)
    world.advance(1.5)
    assert isinstance(take(other, world, "two"), Snapshot)


def test_a_lease_that_was_given_back_is_free_at_once_and_its_token_is_not_used_again(
    world: PostgresWorld, other: PostgresStore
) -> None:
    first = begin(world, holder="one").fence
    world.store.acknowledge(an_acknowledgement(first, account_id=world.account_id))
    second = take(other, world, "two")
    assert isinstance(second, Snapshot)
    assert second.fence == first + 1
    other.acknowledge(an_acknowledgement(second.fence, account_id=world.account_id))
    third = begin(world, holder="one")
    assert third.fence == second.fence + 1
