"""Apply the migrations of supabase/ to any Postgres, as the Supabase CLI does, in its order.

What is applied is noted in the CLI's own table, so that either tool continues the other's work.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from stopward.adapters.postgres_url import read_database_url
from stopward.errors import DatabaseRejected, DatabaseUnavailable, InvalidInput

PROJECT = Path(__file__).resolve().parents[5]
"""The repository: this file lies at layers/core/python/stopward/local."""
SUPABASE = PROJECT / "supabase"

Connection = psycopg.Connection[tuple[object, ...]]

FILE_NAME = re.compile(r"(?P<version>\d{14})_(?P<name>[a-z0-9_]+)\.sql")
NOT_CODE = re.compile(r"[\s;]+")
LOCK_KEY = 7_786_842
"""Advisory lock of a migration under way; any number that nobody else uses."""

LOCK_SECONDS = 10
"""How long a migration waits for a lock; then nothing of it is left, and it may be tried again."""

TURN_SECONDS = 600
"""How long a migration waits for another that is under way; the longest index is built in less."""

LEDGER = """
create schema if not exists supabase_migrations;
create table if not exists supabase_migrations.schema_migrations (
    version text not null primary key
);
alter table supabase_migrations.schema_migrations add column if not exists statements text[];
alter table supabase_migrations.schema_migrations add column if not exists name text;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One file of supabase/migrations: VERSION_name.sql, the version being its time (14 digits)."""

    version: str
    name: str
    text: str


def read_migrations(folder: Path) -> tuple[Migration, ...]:
    """Return the migrations of a folder in order of version.

    Raises InvalidInput for a file that is not named VERSION_name.sql, and for a version used twice.
    """
    found: dict[str, Migration] = {}
    for path in sorted(folder.glob("*.sql")):
        named = FILE_NAME.fullmatch(path.name)
        if named is None:
            raise InvalidInput(
                f"{path}: the name was {path.name}, allowed is YYYYMMDDHHMMSS_name.sql"
            )
        version = named["version"]
        if version in found:
            raise InvalidInput(f"{path}: version {version} is also that of {found[version].name}")
        found[version] = Migration(
            version=version, name=named["name"], text=path.read_text(encoding="utf-8")
        )
    if not found:
        raise InvalidInput(f"{folder}: no migration was found")
    return tuple(found.values())


def prepare_platform(url: str, *, supabase: Path = SUPABASE) -> bool:
    """Create what a Supabase project has and plain Postgres lacks; False when it is there."""
    with _open(url) as connection:
        found = connection.execute(
            "select to_regprocedure('auth.uid()') is not null"
            " and exists (select from pg_roles where rolname = 'service_role')"
        ).fetchone()
        if found == (True,):
            return False
        with connection.transaction():
            connection.execute((supabase / "local" / "platform.sql").read_bytes())
        return True


def migrate(
    url: str, *, supabase: Path = SUPABASE, waiting: Callable[[], None] = lambda: None
) -> tuple[str, ...]:
    """Apply what is not yet applied and return those versions; each file is one transaction.

    waiting: called once when another migration is under way, which is waited for TURN_SECONDS.
    Raises InvalidInput when an applied file changed or is gone, DatabaseRejected when SQL fails
    (nothing of that file is left behind), DatabaseUnavailable when the database does not answer,
    or somebody holds what a file must lock.
    """
    migrations = read_migrations(supabase / "migrations")
    with _open(url) as connection:
        _take_turn(connection, waiting)
        connection.execute(LEDGER)
        applied = _applied(connection)
        _check(migrations, applied)
        pending = [each for each in migrations if each.version not in applied]
        for migration in pending:
            _apply(connection, migration)
        return tuple(migration.version for migration in pending)


def seed(url: str, *, supabase: Path = SUPABASE) -> None:
    """Run supabase/seed.sql; it may be run again."""
    with _open(url) as connection, connection.transaction():
        connection.execute((supabase / "seed.sql").read_bytes())


@contextmanager
def _open(url: str) -> Iterator[Connection]:
    read = read_database_url(url)
    try:
        with psycopg.connect(
            read.text, autocommit=True, connect_timeout=10, application_name="stopward migrate"
        ) as connection:
            yield connection
    except psycopg.errors.LockNotAvailable as error:
        raise DatabaseUnavailable(
            f"{_place(error)}: what it must lock was in use for more than {LOCK_SECONDS} s, "
            f"nothing of it is left; try again, best outside of the session: {error}"
        ) from None
    except psycopg.OperationalError as error:
        # libpq may repeat the URL, in the chained traceback too.
        raise DatabaseUnavailable(
            f"{_place(error)}: the database gave no answer: {read.scrub(str(error))}"
        ) from None
    except psycopg.Error as error:
        rule = error.diag.constraint_name or error.sqlstate or "unknown"
        raise DatabaseRejected(f"{_place(error)}: {error}", rule=rule) from error


def _take_turn(connection: Connection, waiting: Callable[[], None]) -> None:
    took = connection.execute("select pg_try_advisory_lock(%s)", (LOCK_KEY,)).fetchone()
    if took == (True,):
        return
    waiting()
    try:
        with connection.transaction():
            connection.execute(f"set local lock_timeout = '{TURN_SECONDS * 1000:.0f}ms'")
            connection.execute("select pg_advisory_lock(%s)", (LOCK_KEY,))
    except psycopg.errors.LockNotAvailable as error:
        raise DatabaseUnavailable(
            f"another migration is under way for more than {TURN_SECONDS} s; let it end, or look "
            "in pg_stat_activity for application_name 'stopward migrate'"
        ) from error


def _place(error: psycopg.Error) -> str:
    # The file that was under way.
    return "; ".join(getattr(error, "__notes__", ())) or "migrate"


def _applied(connection: Connection) -> dict[str, str]:
    rows = connection.execute(
        "select version, array_to_string(statements, '') from supabase_migrations.schema_migrations"
    )
    return {str(version): str(text or "") for version, text in rows}


def _check(migrations: Sequence[Migration], applied: Mapping[str, str]) -> None:
    by_version = {migration.version: migration for migration in migrations}
    for version, text in sorted(applied.items()):
        migration = by_version.get(version)
        if migration is None:
            raise InvalidInput(f"migration {version} is applied, but its file is gone: restore it")
        if _code(migration.text) != _code(text):
            raise InvalidInput(
                f"migration {version}_{migration.name} was changed after it was applied: "
                "restore the file and write a new migration"
            )


def _code(text: str) -> str:
    # The CLI stores statements split at semicolons and trimmed: what is left of both is compared.
    return NOT_CODE.sub("", text)


def _apply(connection: Connection, migration: Migration) -> None:
    try:
        with connection.transaction():
            # Ticks queue behind a migration that waits for its lock: it gives up before they do.
            connection.execute(f"set local lock_timeout = '{LOCK_SECONDS * 1000:.0f}ms'")
            connection.execute(migration.text.encode())
            connection.execute(
                "insert into supabase_migrations.schema_migrations (version, statements, name)"
                " values (%s, %s, %s)",
                (migration.version, [migration.text], migration.name),
            )
    except psycopg.Error as error:
        error.add_note(f"{migration.version}_{migration.name}")
        raise
