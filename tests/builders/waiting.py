"""Other sessions of a server, watched: a test goes on once one of them waits for a lock."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import psycopg

Connection = psycopg.Connection[Any]
Answer = TypeVar("Answer")

BLOCKED = "select count(*) from pg_stat_activity where %s = any(pg_blocking_pids(pid))"
WAITING = (
    "select count(*) from pg_stat_activity"
    " where datname = current_database() and cardinality(pg_blocking_pids(pid)) > 0"
)
PAUSING = (
    "select from pg_stat_activity"
    " where pid = %s and (wait_event_type = 'Lock' or wait_event = 'PgSleep')"
)
LOOKS = 2000
PAUSE = "select pg_sleep(0.002)"


def behind(
    holder: Connection, ask: Callable[[], Answer], *, eyes: Connection, waiters: int = 1
) -> tuple[Future[Answer], ThreadPoolExecutor]:
    """Ask in a thread, and return once it waits for a lock that `holder` has.

    Whoever calls shuts the executor down.
    """
    pool = ThreadPoolExecutor(1)
    future = pool.submit(ask)
    until_blocked(holder, eyes=eyes, waiters=waiters)
    return future, pool


def until_blocked(holder: Connection, *, eyes: Connection, waiters: int = 1) -> None:
    """Return once so many sessions wait for a lock of `holder`, four seconds at most."""
    for _ in range(LOOKS):
        row = eyes.execute(BLOCKED, (holder.info.backend_pid,)).fetchone()
        if row is not None and row[0] >= waiters:
            return
        eyes.execute(PAUSE)
    raise AssertionError(f"nobody waits for session {holder.info.backend_pid}")


def until_waiting(waiters: int, *, eyes: Connection) -> None:
    """Return once so many sessions of the database wait for a lock, whoever has it."""
    for _ in range(LOOKS):
        row = eyes.execute(WAITING).fetchone()
        if row is not None and next(iter(row.values())) >= waiters:
            return
        eyes.execute(PAUSE)
    raise AssertionError(f"not {waiters} sessions wait for a lock")


def until_pausing(session: Connection, *, eyes: Connection) -> None:
    """Return once a session sleeps between two attempts, or waits for a lock."""
    for _ in range(LOOKS):
        row = eyes.execute(PAUSING, (session.info.backend_pid,)).fetchone()
        if row is not None:
            return
        eyes.execute(PAUSE)
    raise AssertionError(f"session {session.info.backend_pid} never paused")
