"""Who keeps the journal's months gives way to ticks: no deadlock, and no long wait behind one."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from stopward.local.postgres import EmbeddedPostgres
from tests.builders.access import an_owner, ask, copy_of
from tests.builders.requests import REQUESTS, Stage
from tests.builders.waiting import Connection, behind, until_pausing

KEEPERS = ("detach_month", "drop_month", "file_late_rows", "keep_partitions")
READ = "select count(*) from stopward.accounts cross join stopward.positions"
WRITE = "update stopward.positions set bar_at = now() where closed_at is null"
LIST_OF_1999 = {"keep_months": 1, "today": "1999-03-01"}
"""January alone is old enough on that day."""
LIST_OF_ALL = {"keep_months": 1, "today": "2026-11-23"}
ONE_MORE_HOUR = """
insert into stopward.decisions select (jsonb_populate_record(d, jsonb_build_object(
    'tick_at', d.tick_at + interval '1 h', 'last_tick_at', d.tick_at + interval '1 h'
))).* from stopward.decisions_default as d
"""
HELD = """
select l.relation::regclass::text, l.mode from pg_locks as l
inner join pg_class as c on l.relation = c.oid
where
    l.pid = pg_backend_pid() and c.relnamespace = 'stopward'::regnamespace
    and c.relkind in ('r', 'p') and c.oid <= %(last)s
"""
WEAK = {"AccessShareLock", "RowShareLock", "RowExclusiveLock"}
"""What a tick takes: it is never in the way of another tick, nor of a keeper that has its own."""


@pytest.fixture(scope="module")
def url(postgres_server: EmbeddedPostgres, template_database: str) -> Iterator[str]:
    with copy_of(postgres_server, template_database, "journal_locks") as found:
        yield found


@pytest.fixture(scope="module")
def stage(url: str) -> Iterator[Stage]:
    with psycopg.connect(url, autocommit=True) as owner:
        yield Stage(account_id=an_owner(owner).account_id, connection=owner)


@contextmanager
def one_that_finds_deadlocks(url: str) -> Iterator[Connection]:
    """A transaction that would be the victim: it looks for a deadlock before anybody else does."""
    with psycopg.connect(url) as found:
        found.execute("set deadlock_timeout = '10ms'")
        yield found


def answer(url: str, function: str, request: Any) -> Any:
    with psycopg.connect(url, autocommit=True) as keeper:
        return ask(keeper, function, request)


@pytest.mark.parametrize("function", KEEPERS)
def test_a_tick_that_read_positions_may_write_them_whatever_a_keeper_waits_for(
    url: str, stage: Stage, function: str
) -> None:
    request = REQUESTS[function](stage)
    with one_that_finds_deadlocks(url) as tick:
        tick.execute(READ)
        keeper, pool = behind(tick, lambda: answer(url, function, request), eyes=stage.connection)
        tick.execute(WRITE)
        tick.commit()
    with pool:
        assert keeper.result()


@pytest.mark.parametrize("function", KEEPERS)
def test_the_list_of_old_months_reads_on_whatever_a_keeper_waits_for(
    url: str, stage: Stage, function: str
) -> None:
    # A keeper locks months in the order in which they were made; the list reads January first.
    for month in ("1999-02-01", "1999-01-01"):
        stage.ask("keep_partitions", {"from": month, "months": 1})
    request = REQUESTS[function](stage)
    with one_that_finds_deadlocks(url) as reader:
        first = ask(reader, "list_archivable", LIST_OF_1999)
        assert {each["month"] for each in first["months"]} == {"1999-01-01"}
        keeper, pool = behind(reader, lambda: answer(url, function, request), eyes=stage.connection)
        both = ask(reader, "list_archivable", LIST_OF_ALL)
        assert {"1999-01-01", "1999-02-01"} <= {each["month"] for each in both["months"]}
        reader.commit()
    with pool:
        assert keeper.result()


def test_a_tick_does_not_wait_behind_a_keeper_that_waits(url: str, stage: Stage) -> None:
    request = REQUESTS["keep_partitions"](stage)
    with (
        ThreadPoolExecutor(1) as pool,
        psycopg.connect(url) as reader,
        psycopg.connect(url) as tick,
        psycopg.connect(url, autocommit=True) as keeper,
    ):
        reader.execute("select count(*) from stopward.decisions")
        refused = pool.submit(ask, keeper, "keep_partitions", request)
        until_pausing(keeper, eyes=stage.connection)
        tick.execute("set lock_timeout = '1s'")
        tick.execute(READ)
        tick.execute(WRITE)
        tick.commit()
        error = refused.exception()
        assert isinstance(error, psycopg.errors.RaiseException)
        assert error.diag.constraint_name == "journal_busy"


@pytest.mark.parametrize("function", ["detach_month", "file_late_rows", "keep_partitions"])
def test_a_keeper_takes_every_lock_before_it_changes_anything(
    url: str, stage: Stage, function: str
) -> None:
    requests = [REQUESTS[function](stage)]
    if function == "file_late_rows":
        # The second call goes on with the month that the first one began.
        stage.run(ONE_MORE_HOUR)
        requests = [{"most": 1}, {"most": 1}]
    last = stage.find("select max(oid::bigint) from pg_class")
    with psycopg.connect(url) as keeper:
        keeper.execute("select stopward.lock_journal()")
        whole = {name for name, mode in locks(keeper, last) if mode == "AccessExclusiveLock"}
        assert {"stopward.accounts", "stopward.positions", "stopward.decisions"} <= whole
        answers = [ask(keeper, function, request) for request in requests]
        assert all(answers)
        late = {(name, mode) for name, mode in locks(keeper, last) if name not in whole}
        assert {mode for _, mode in late} <= WEAK, late
    if function == "file_late_rows":
        assert answers == [{"moved": 1, "left": 1}, {"moved": 1, "left": 0}]


def locks(session: Connection, last: int) -> list[tuple[str, str]]:
    """Return the tables that a session has locked, of those that were there before, and how."""
    return session.execute(HELD.encode(), {"last": last}).fetchall()
