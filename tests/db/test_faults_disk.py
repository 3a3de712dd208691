"""The disk is full, or the server crashes: said clearly, nothing half written, and it goes on.

A full disk without root or a mount: the file of an empty table is replaced by a link to /dev/full,
of which the kernel says at each write what it says of a full disk. (A full disk under the log of
PostgreSQL itself ends in the crash that is here too: it recovers once there is space.)
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import sleep

import psycopg
import pytest

from stopward.adapters.postgres import PostgresStore
from stopward.adapters.supabase import SupabaseStore
from stopward.domain.snapshot import Alarm, Observation, TickRecord
from stopward.errors import DatabaseUnavailable
from stopward.local.postgres import EmbeddedPostgres
from stopward.ports import Store
from tests.builders.gateway import a_gateway, url_of_login
from tests.builders.state import changed, read_state
from tests.builders.store import a_decision, a_position, a_record, a_view, an_order, ids
from tests.builders.store_world import PostgresWorld, begin
from tests.builders.waiting import Connection, behind
from tests.conftest import MakeDatabase

FULL = Path("/dev/full")
FILLED = ("observations", "positions", "order_events", "alarms", "protection_gaps")
"""Tables from the first to the last that a tick writes, empty before it."""
SAYS_FULL = (
    r"^record_tick: the disk of the database is full \(could not extend file .*"
    r"No space left on device\)$"
)


@pytest.fixture
def url(make_database: MakeDatabase, template_database: str) -> str:
    return make_database(template=template_database)


@pytest.fixture
def world(url: str) -> Iterator[PostgresWorld]:
    found = PostgresWorld(url)
    yield found
    found.close()


@pytest.fixture
def eyes(url: str) -> Iterator[Connection]:
    with psycopg.connect(url, autocommit=True) as found:
        yield found


def a_tick(world: PostgresWorld) -> TickRecord:
    """Begin, and return a record with something for each table of FILLED."""
    position = a_position(account_id=world.account_id)
    return a_record(
        begin(world).fence,
        account_id=world.account_id,
        positions=(position,),
        decisions=(a_decision(position),),
        views=(a_view(),),
        orders=(an_order(position),),
        observations=(
            Observation(
                position_id=position.id, symbol=position.symbol, kind="adopted", cause="market"
            ),
        ),
        alarms=(Alarm(key="k", kind="k", symbol=None, message="m"),),
        unprotected_seconds={position.symbol: 0.5},
    )


@contextmanager
def no_space_for(eyes: Connection, table: str) -> Iterator[None]:
    """Let no page be added to an empty table, for sessions that are opened meanwhile."""
    found = eyes.execute(
        "select current_setting('data_directory'), pg_relation_filepath(%s)", (f"stopward.{table}",)
    ).fetchone()
    assert found is not None
    place = Path(found[0]) / found[1]
    kept = place.with_name(f"{place.name}.kept")
    assert place.stat().st_size == 0, f"{table} is not empty"
    place.rename(kept)
    place.symlink_to(FULL)
    try:
        yield
    finally:
        kept.replace(place)


def insist_on_a_full_disk(
    store: Store, world: PostgresWorld, eyes: Connection, table: str
) -> TickRecord:
    record = a_tick(world)
    before = read_state(eyes, account_id=world.account_id)
    with no_space_for(eyes, table):
        for _ in range(2):
            with pytest.raises(DatabaseUnavailable, match=SAYS_FULL):
                store.record_tick(record)
    assert changed(before, read_state(eyes, account_id=world.account_id)) == set()
    return record


@pytest.mark.parametrize("table", FILLED)
def test_a_full_disk_is_said_and_leaves_nothing_and_the_guard_goes_on(
    world: PostgresWorld, eyes: Connection, url: str, table: str
) -> None:
    store = PostgresStore(url)
    record = insist_on_a_full_disk(store, world, eyes, table)
    # Somebody made space.
    assert store.record_tick(record) == ids(*record.orders)
    assert store.record_tick(record) == frozenset()
    assert read_state(eyes, account_id=world.account_id)[table][0] == 1
    store.close()


def test_a_full_disk_is_said_over_supabase_py_too(
    postgres_server: EmbeddedPostgres, world: PostgresWorld, eyes: Connection, url: str
) -> None:
    with a_gateway(url_of_login(postgres_server, url)) as gateway:
        store = SupabaseStore(gateway.url, key=gateway.keys.secret)
        insist_on_a_full_disk(store, world, eyes, "alarms")
        store.close()


def test_a_server_that_crashes_in_the_middle_of_a_tick_comes_back_without_it(
    world: PostgresWorld, eyes: Connection, url: str
) -> None:
    record = a_tick(world)
    world.store.record_tick(
        a_record(record.fence, account_id=world.account_id, positions=record.positions)
    )
    before = read_state(eyes, account_id=world.account_id)
    # The server of the tests commits without waiting for its log: a crash would lose the last ones.
    eyes.execute("checkpoint")
    store = PostgresStore(url)
    with psycopg.connect(url) as other:
        other.execute("lock table stopward.protection_gaps in exclusive mode")
        told, pool = behind(other, lambda: store.record_tick(record), eyes=eyes)
        found = eyes.execute(
            "select pid from pg_stat_activity where %s = any(pg_blocking_pids(pid))",
            (other.info.backend_pid,),
        ).fetchone()
        assert found is not None
        os.kill(found[0], signal.SIGKILL)
        pool.shutdown()
        with pytest.raises(DatabaseUnavailable, match=r"^record_tick: "):
            told.result()
        other.close()
    with wait_for(url, eyes) as back:
        assert changed(before, read_state(back, account_id=world.account_id)) == set()
        assert store.record_tick(record) == ids(*record.orders)
        assert begin(world).fence == record.fence
        store.close()


def wait_for(url: str, eyes: Connection) -> Connection:
    """Return a connection once the server ended every session, and has read its log."""
    for _ in range(2000):
        try:
            eyes.execute("select pg_sleep(0.002)")
        except psycopg.OperationalError:
            break
    for _ in range(2000):
        try:
            return psycopg.connect(url, autocommit=True, connect_timeout=2)
        except psycopg.OperationalError as error:
            said = str(error)
            sleep(0.005)
    raise AssertionError(said)
