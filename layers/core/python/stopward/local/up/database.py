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

from stopward.errors import DatabaseUnavailable
from stopward.local.migrate import migrate, prepare_platform
from stopward.local.postgres import EmbeddedPostgres
from stopward.local.up.home import KEPT_RUNS, Home, RunRecord

WORKER = "stopward_worker"


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
    """Reach the database of an earlier run, starting the server for so long if need be."""
    server = EmbeddedPostgres(home=home.folder)
    with server_lock(home):
        was_running = server.is_running()
        server.start()
    owner = server.url(record.database)
    try:
        yield RunDatabase(owner_url=owner, worker_url=worker_url(owner))
    finally:
        if not was_running:
            stop_server(home, but=None)


def stop_server(home: Home, *, but: str | None) -> bool:
    """Stop the server unless another run than `but` lives; return whether it was stopped."""
    with server_lock(home):
        others = [run.name for run in home.runs() if run.name != but and home.is_alive(run.name)]
        if others:
            return False
        EmbeddedPostgres(home=home.folder).stop()
        return True


def _drop_old(home: Home, maintenance: str) -> None:
    for old in home.runs()[KEPT_RUNS:]:
        if not home.is_alive(old.name):
            _execute(maintenance, "drop database if exists {} with (force)", old.database)
            home.forget(old.name)


def _execute(url: str, statement: LiteralString, name: str) -> None:
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
            connection.execute(sql.SQL(statement).format(sql.Identifier(name)))
    except psycopg.Error as error:
        raise DatabaseUnavailable(f"{statement.format(name)}: {error}") from error
