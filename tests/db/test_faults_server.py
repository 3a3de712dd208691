"""The server itself says no for now: it is to be tried again, nothing is left, and trying works."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql

from stopward.adapters.postgres import PostgresStore
from stopward.domain.snapshot import Snapshot, TickRecord
from stopward.errors import DatabaseRejected, DatabaseUnavailable
from tests.builders.state import changed, read_state
from tests.builders.store import NOON, D, a_position, a_record, an_acknowledgement, an_order, ids
from tests.builders.store_world import PostgresWorld, begin
from tests.builders.waiting import Connection, behind


@pytest.fixture
def world(database_url: str) -> Iterator[PostgresWorld]:
    found = PostgresWorld(database_url)
    yield found
    found.close()


@pytest.fixture
def eyes(database_url: str) -> Iterator[Connection]:
    with psycopg.connect(database_url, autocommit=True) as found:
        yield found


@pytest.fixture
def record(world: PostgresWorld) -> TickRecord:
    """A tick under way: one position that is stored already, tightened, and an order."""
    position = a_position(account_id=world.account_id)
    fence = begin(world).fence
    world.store.record_tick(a_record(fence, account_id=world.account_id, positions=(position,)))
    return a_record(
        fence,
        tick=1,
        account_id=world.account_id,
        positions=(replace(position, stop=D("99")),),
        orders=(an_order(position, tick=1),),
    )


def a_store(url: str, *settings: str) -> PostgresStore:
    """Return a store whose session runs with these settings."""
    options = " ".join(f"-c {setting.replace(' ', chr(92) + ' ')}" for setting in settings)
    return PostgresStore(f"{url}?options={quote(options)}", timeout_seconds=5)


def insist_on_a_repeat(
    world: PostgresWorld,
    eyes: Connection,
    record: TickRecord,
    ask: Callable[[], object],
    words: str,
) -> None:
    """Refused for now, with these words, leaving nothing; told again, it is written once."""
    before = read_state(eyes, account_id=world.account_id)
    with pytest.raises(DatabaseUnavailable, match=words):
        ask()
    assert changed(before, read_state(eyes, account_id=world.account_id)) == set()
    assert world.store.record_tick(record) == ids(*record.orders)
    assert world.store.record_tick(record) == frozenset()


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_a_write_that_cannot_be_serialized_is_told_again(
    world: PostgresWorld, eyes: Connection, database_url: str, record: TickRecord, level: str
) -> None:
    store = a_store(database_url, f"default_transaction_isolation={level}")
    with psycopg.connect(database_url) as other:
        other.execute(
            "update stopward.leases set until = until where account_id = %s", (world.account_id,)
        )
        told, pool = behind(other, lambda: store.record_tick(record), eyes=eyes)
        other.commit()
        pool.shutdown()
    words = r"^record_tick: could not serialize access due to concurrent update$"
    insist_on_a_repeat(world, eyes, record, told.result, words)
    store.close()


@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
def test_a_begin_that_cannot_be_serialized_is_told_again(
    world: PostgresWorld, eyes: Connection, database_url: str, record: TickRecord, level: str
) -> None:
    store = a_store(database_url, f"default_transaction_isolation={level}")
    with psycopg.connect(database_url) as other:
        other.execute(
            "update stopward.leases set until = until where account_id = %s", (world.account_id,)
        )
        told, pool = behind(other, lambda: begin_on(store, world), eyes=eyes)
        other.commit()
        pool.shutdown()
    with pytest.raises(DatabaseUnavailable, match=r"^begin_tick: could not serialize access"):
        told.result()
    assert begin_on(store, world).fence == record.fence
    store.close()


@pytest.mark.parametrize("call", ["record_tick", "acknowledge"])
def test_the_victim_of_a_deadlock_is_told_again(
    world: PostgresWorld, eyes: Connection, database_url: str, record: TickRecord, call: str
) -> None:
    store = a_store(database_url, "deadlock_timeout=300ms")
    told = an_acknowledgement(
        record.fence, tick=1, account_id=world.account_id, positions=record.positions
    )
    with psycopg.connect(database_url) as other:
        # The guard holds the lease and waits for a position; the other the other way round.
        other.execute("set deadlock_timeout = '10s'")
        other.execute(
            "select from stopward.positions where account_id = %s for update", (world.account_id,)
        )
        answer, pool = behind(
            other,
            lambda: store.record_tick(record) if call == "record_tick" else store.acknowledge(told),
            eyes=eyes,
        )
        other.execute(
            "select from stopward.leases where account_id = %s for update", (world.account_id,)
        )
        other.rollback()
        pool.shutdown()
    insist_on_a_repeat(world, eyes, record, answer.result, rf"^{call}: deadlock detected$")
    store.close()


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("statement_timeout=20ms", "canceling statement due to statement timeout"),
        ("lock_timeout=20ms", "canceling statement due to lock timeout"),
        ("transaction_timeout=20ms", "terminating connection due to transaction timeout"),
    ],
)
def test_a_limit_of_the_server_on_waiting_is_told_again(
    world: PostgresWorld,
    eyes: Connection,
    database_url: str,
    record: TickRecord,
    *,
    setting: str,
    words: str,
) -> None:
    if setting.startswith("statement_timeout"):
        store = PostgresStore(database_url, timeout_seconds=0.02)
    else:
        store = a_store(database_url, setting)

    def ask() -> None:
        with psycopg.connect(database_url) as other:
            other.execute(
                "select from stopward.leases where account_id = %s for update", (world.account_id,)
            )
            store.record_tick(record)

    insist_on_a_repeat(world, eyes, record, ask, words)
    store.close()


def test_a_server_that_only_reads_is_to_be_tried_again(
    world: PostgresWorld, eyes: Connection, database_url: str, record: TickRecord
) -> None:
    """A standby, or a primary that is being replaced: the next one writes."""
    store = a_store(database_url, "default_transaction_read_only=on")
    insist_on_a_repeat(
        world,
        eyes,
        record,
        lambda: store.record_tick(record),
        r"^record_tick: cannot execute .* in a read-only transaction$",
    )
    store.close()


def test_a_session_ended_for_its_idleness_is_opened_anew(
    world: PostgresWorld, eyes: Connection, database_url: str, record: TickRecord
) -> None:
    store = a_store(database_url, "idle_session_timeout=250ms")
    assert begin_on(store, world).fence == record.fence
    for _ in range(1000):
        row = eyes.execute(
            "select count(*), pg_sleep(0.002) from pg_stat_activity"
            " where application_name = 'stopward' and query like 'select api.begin_tick%'"
        ).fetchone()
        if row is not None and row[0] == 0:
            break
    assert store.record_tick(record) == ids(*record.orders)
    store.close()


def test_an_administrator_who_ends_a_call_under_way_leaves_nothing_of_it(
    world: PostgresWorld, eyes: Connection, database_url: str, record: TickRecord
) -> None:
    store = a_store(database_url)
    with psycopg.connect(database_url) as other:
        other.execute(
            "select from stopward.positions where account_id = %s for update", (world.account_id,)
        )
        told, pool = behind(other, lambda: store.record_tick(record), eyes=eyes)
        eyes.execute(
            "select pg_terminate_backend(pid, 2000) from pg_stat_activity"
            " where %s = any(pg_blocking_pids(pid))",
            (other.info.backend_pid,),
        )
        pool.shutdown()
    words = r"^record_tick: terminating connection due to administrator command$"
    insist_on_a_repeat(world, eyes, record, told.result, words)
    store.close()


def test_too_many_connections_are_to_be_tried_again(
    world: PostgresWorld, eyes: Connection, database_url: str, record: TickRecord
) -> None:
    role = sql.Identifier("one_at_a_time")
    eyes.execute(sql.SQL("drop role if exists {}").format(role))
    eyes.execute(
        sql.SQL(
            "create role {} login password 'one' connection limit 1 in role stopward_worker"
        ).format(role)
    )
    url = f"postgresql://one_at_a_time:one@{database_url.rpartition('@')[2]}"
    store = PostgresStore(url)
    with psycopg.connect(url):
        insist_on_a_repeat(
            world,
            eyes,
            record,
            lambda: store.record_tick(record),
            r"^record_tick: .*too many connections for role",
        )
    for _ in range(1000):
        try:
            assert begin_on(store, world).fence == record.fence
            break
        except DatabaseUnavailable:
            eyes.execute("select pg_sleep(0.002)")  # the other session is still closing
    store.close()
    eyes.execute(
        "select pg_terminate_backend(pid, 2000) from pg_stat_activity where usename = %s",
        ("one_at_a_time",),
    )
    eyes.execute(sql.SQL("drop role {}").format(role))


def test_what_is_refused_for_good_is_not_for_now(world: PostgresWorld, record: TickRecord) -> None:
    """The other way round: a broken rule must not be tried again and again."""
    world.store.record_tick(record)
    with pytest.raises(DatabaseRejected) as caught:
        world.store.record_tick(replace(record, fence=record.fence + 1))
    assert caught.value.rule == "stale_fence"


def begin_on(store: PostgresStore, world: PostgresWorld) -> Snapshot:
    snapshot = store.begin_tick(world.account_id, tick_at=NOON, holder="one", lease_seconds=30)
    assert isinstance(snapshot, Snapshot)
    return snapshot
