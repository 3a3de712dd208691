"""The database of a run: the embedded server, one database a run, the newest few kept.

Each run has a database of its own, for instruments, sessions and usual volumes are shared by all
accounts of one; two runs at once, or one after an upgrade, never meet.
"""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import LiteralString
from urllib.parse import quote

import psycopg
from psycopg import sql

from stopward.errors import DatabaseUnavailable, InvalidInput
from stopward.local.migrate import migrate, prepare_platform
from stopward.local.postgres import EmbeddedPostgres
from stopward.local.up.home import KEPT_RUNS, Home, RunRecord

WORKER = "stopward_worker"
READERS = "readers"
"""File that commands share a lock of while they read, so that none stops the server of another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDatabase:
    """Where a run's state lives; both URLs hold the password. owner_url may change the schema."""

    owner_url: str
    worker_url: str


def worker_url(owner_url: str) -> str:
    """Return the URL of the guard's own role, which may call the api and read, and nothing else."""
    return f"{owner_url}?options={quote(f'-c role={WORKER}')}"


@contextmanager
def server_lock(home: Home) -> Iterator[None]:
    """Keep other runs of this folder from starting or stopping the server meanwhile."""
    home.folder.mkdir(parents=True, exist_ok=True)
    with (home.folder / "lock").open("w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def create_database(home: Home, record: RunRecord) -> RunDatabase:
    """Start the server, make the run's database and apply the migrations.

    Databases and records of runs older than the newest KEPT_RUNS are dropped, unless they live.
    """
    with server_lock(home):
        server = EmbeddedPostgres(home=home.folder)
        maintenance = server.start()
        _drop_old(home, maintenance)
        _execute(maintenance, "create database {}", record.database)
    owner = server.url(record.database)
    prepare_platform(owner)
    migrate(owner)
    return RunDatabase(owner_url=owner, worker_url=worker_url(owner))


@contextmanager
def opened_again(home: Home, record: RunRecord) -> Iterator[RunDatabase]:
    """Reach the database of an earlier run, starting the server for so long if need be.

    Raises InvalidInput when there is none.
    """
    server = EmbeddedPostgres(home=home.folder)
    gone = InvalidInput(
        f"run {record.name} has no database here: it ended before one was made, it was removed, "
        "or another user started it; play another with `stopward up`"
    )
    if not server.has_data:
        raise gone
    try:
        with _reading(home):
            with server_lock(home):
                maintenance = server.start()
            if not _exists(maintenance, record.database):
                raise gone
            owner = server.url(record.database)
            yield RunDatabase(owner_url=owner, worker_url=worker_url(owner))
    finally:
        stop_server(home, but=None)


def stop_server(home: Home, *, but: str | None) -> bool:
    """Stop the server unless another run than `but` or a reader lives; return whether it was."""
    with server_lock(home):
        others = [run.name for run in home.runs() if run.name != but and home.is_alive(run.name)]
        if others:
            return False
        with (home.folder / READERS).open("w", encoding="ascii") as readers:
            try:
                fcntl.flock(readers, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return False  # the last of them stops it
            EmbeddedPostgres(home=home.folder).stop()
        return True


@contextmanager
def _reading(home: Home) -> Iterator[None]:
    with (home.folder / READERS).open("w", encoding="ascii") as readers:
        fcntl.flock(readers, fcntl.LOCK_SH)
        yield


def _drop_old(home: Home, maintenance: str) -> None:
    for old in home.runs()[KEPT_RUNS:]:
        if not home.is_alive(old.name):
            _execute(maintenance, "drop database if exists {} with (force)", old.database)
            home.forget(old.name)


def _exists(maintenance: str, database: str) -> bool:
    try:
        with psycopg.connect(maintenance, autocommit=True, connect_timeout=10) as connection:
            found = connection.execute("select from pg_database where datname = %s", (database,))
            return found.rowcount > 0
    except psycopg.Error as error:
        raise DatabaseUnavailable(f"the server of the run does not answer: {error}") from error


def _execute(url: str, statement: LiteralString, name: str) -> None:
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
            connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
    except psycopg.Error as error:
        raise DatabaseUnavailable(f"{statement.format(name)}: {error}") from error
