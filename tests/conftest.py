"""Scratch PostgreSQL servers, one a version and test process, started when a test needs them.

Tests run on PostgreSQL 18, which ships with Stopward; those of tests/db and the contract suites
run on 17, which hosted Supabase runs (tests/db/conftest.py says which on both).
"""

import gc
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from stopward.local.migrate import migrate, prepare_platform
from stopward.local.postgres import EmbeddedPostgres, servers_under
from tests.builders import kept_connections
from tests.builders.own_server import keep_in_memory, remove
from tests.builders.postgres_17 import postgres_17_binaries
from tests.times import Times, read_budget

# Where a script runs the tests in the background, Ctrl-C is ignored, here and in what they start.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parents[1]
SCRATCH = ROOT / ".stopward" / "tests"
MACHINE_CODE = ROOT / ".stopward" / "machine-code"
"""Compiled rules, kept between tests and runs."""
TEMPLATE = "stopward_template"
EMBEDDED = "18"
HOSTED = "17"
POSTGRES_VERSIONS = (EMBEDDED, HOSTED)
BUDGET = read_budget()

MakeDatabase = Callable[..., str]
"""Called as `make_database(template=...)`; returns the URL of a new database."""


def pytest_configure(config: pytest.Config) -> None:
    """Measure what files take."""
    config.pluginmanager.register(Times(ROOT / ".stopward" / "test_times.json", BUDGET), "times")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Bring the longest files to the front; the order within a file stays."""
    rank = {ROOT / name: number for number, name in enumerate(BUDGET.files)}
    items.sort(key=lambda item: rank.get(item.path, len(rank)))


def pytest_collection_finish() -> None:
    """Keep the thousands of tests that were collected out of every look for garbage."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


class Cluster:
    """A server without fsync of one major version, and the databases that tests share."""

    def __init__(self, home: Path, version: str) -> None:
        self._home = home
        self.version = version

    @cached_property
    def server(self) -> EmbeddedPostgres:
        self._home.mkdir(parents=True, exist_ok=True)
        found = EmbeddedPostgres(
            home=self._home,
            durable=False,
            binaries=None if self.version == EMBEDDED else postgres_17_binaries(),
        )
        keep_in_memory(found)
        with psycopg.connect(found.start()) as connection:
            assert connection.info.server_version // 10_000 == int(self.version)
        return found

    @cached_property
    def template(self) -> str:
        _create(self.server, TEMPLATE)
        url = self.server.url(TEMPLATE)
        prepare_platform(url)
        migrate(url)
        return TEMPLATE

    @cached_property
    def database_url(self) -> str:
        _create(self.server, "stopward", template=self.template)
        url = self.server.url("stopward")
        kept_connections.LASTING.add(url)
        return url


def _sweep() -> None:
    # A run that was killed leaves its servers behind: their folder is named after its process.
    for home in SCRATCH.glob("*"):
        try:
            os.kill(int(home.name), 0)
        except PermissionError:
            continue  # somebody else's run, and alive
        except ProcessLookupError:
            _remove(home)


def _remove(home: Path) -> None:
    for server in servers_under(home):
        remove(server)
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def cluster_of() -> Iterator[Callable[[str], Cluster]]:
    """Return the cluster of a version of PostgreSQL; each xdist worker has its own."""
    _sweep()
    home = SCRATCH / str(os.getpid())
    found: dict[str, Cluster] = {}

    def of(version: str) -> Cluster:
        if version not in found:
            found[version] = Cluster(home / version, version)
        return found[version]

    yield of
    kept_connections.DATABASES.close()
    kept_connections.STORES.close()
    _remove(home)


@pytest.fixture(scope="session")
def postgres_version(request: pytest.FixtureRequest) -> str:
    """Major version of the server under test; tests/db/conftest.py asks for each."""
    version: str = getattr(request, "param", EMBEDDED)
    return version


@pytest.fixture(scope="session")
def cluster(cluster_of: Callable[[str], Cluster], postgres_version: str) -> Cluster:
    """The cluster under test."""
    return cluster_of(postgres_version)


@pytest.fixture(scope="session")
def postgres_server(cluster: Cluster) -> EmbeddedPostgres:
    """A running server without fsync."""
    return cluster.server


@pytest.fixture(scope="session")
def template_database(cluster: Cluster) -> str:
    """Name of a migrated database to copy; nobody writes or stays connected to it."""
    return cluster.template


@pytest.fixture(scope="session")
def database_url(cluster: Cluster) -> str:
    """URL of one migrated database for the whole run; a test keeps to an account of its own."""
    return cluster.database_url


@pytest.fixture(scope="session")
def hosted_url(cluster_of: Callable[[str], Cluster]) -> str:
    """As database_url, on the version that Supabase hosts."""
    return cluster_of(HOSTED).database_url


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
        statement += sql.SQL(" template {} strategy file_copy").format(sql.Identifier(template))
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(statement)


def _drop(server: EmbeddedPostgres, name: str) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(
            sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
        )
