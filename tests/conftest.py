"""One scratch PostgreSQL per test process, shared by every test that needs a database."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from stopward.local.migrate import migrate, prepare_platform
from stopward.local.postgres import EmbeddedPostgres

ROOT = Path(__file__).resolve().parents[1]
SCRATCH = ROOT / ".stopward" / "tests"
TEMPLATE = "stopward_template"
BINARIES = "STOPWARD_TEST_POSTGRES"
"""Bin folder of another PostgreSQL to test with: the one that a host runs."""

MakeDatabase = Callable[..., str]
"""Called as `make_database(template=...)`; returns the URL of a new database."""


def _sweep() -> None:
    # A run that was killed leaves its server behind: its folder is named after its process.
    for home in SCRATCH.glob("*"):
        try:
            os.kill(int(home.name), 0)
        except PermissionError:
            continue  # somebody else's run, and alive
        except ProcessLookupError:
            EmbeddedPostgres(home=home).remove()
            shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[EmbeddedPostgres]:
    """A running server without fsync; each xdist worker has its own."""
    _sweep()
    home = SCRATCH / str(os.getpid())
    home.mkdir(parents=True, exist_ok=True)
    other = os.environ.get(BINARIES)
    server = EmbeddedPostgres(
        home=home, durable=False, binaries=None if other is None else Path(other)
    )
    server.start()
    yield server
    server.remove()
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def template_database(postgres_server: EmbeddedPostgres) -> str:
    """Name of a migrated database to copy; nobody writes or stays connected to it."""
    _create(postgres_server, TEMPLATE)
    url = postgres_server.url(TEMPLATE)
    prepare_platform(url)
    migrate(url)
    return TEMPLATE


@pytest.fixture(scope="session")
def database_url(postgres_server: EmbeddedPostgres, template_database: str) -> str:
    """URL of one migrated database for the whole run; a test keeps to an account of its own."""
    _create(postgres_server, "stopward", template=template_database)
    return postgres_server.url("stopward")


@pytest.fixture
def make_database(
    postgres_server: EmbeddedPostgres,
) -> Iterator[MakeDatabase]:
    """Make databases of this test's own, empty unless a template is named; dropped at its end."""
    made: list[str] = []

    def make(*, template: str | None = None) -> str:
        name = f"scratch_{len(made)}"
        _drop(postgres_server, name)
        _create(postgres_server, name, template=template)
        made.append(name)
        return postgres_server.url(name)

    yield make
    for name in made:
        _drop(postgres_server, name)


def _create(server: EmbeddedPostgres, name: str, *, template: str | None = None) -> None:
    statement = sql.SQL("create database {}").format(sql.Identifier(name))
    if template is not None:
        statement += sql.SQL(" template {}").format(sql.Identifier(template))
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(statement)


def _drop(server: EmbeddedPostgres, name: str) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(
            sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
        )
