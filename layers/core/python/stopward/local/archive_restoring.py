"""Load an archived month back, bit for bit, into a schema beside the journal."""

import json
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

import psycopg
from psycopg import sql

from stopward.adapters.postgres_url import read_database_url
from stopward.domain.journal import FORMAT, FORMAT_VERSION, JournalDigest, manifest_key
from stopward.errors import DatabaseRejected, DatabaseUnavailable, InvalidInput
from stopward.ports import Archive
from stopward.services.journal_archive import lines_of

SCHEMA: Final = "stopward_archive"
TABLES: Final = ("decisions", "market_views")
BATCH_ROWS: Final = 2000

Connection = psycopg.Connection[tuple[Any, ...]]

MAKE_SCHEMA = """
create schema if not exists stopward_archive;
comment on schema stopward_archive is 'Months of the journal that were loaded back, to be read.';
grant usage on schema stopward_archive to service_role, stopward_worker;
"""
MAKE_TABLE = """
create table {relation} (
    like {journal} including defaults including constraints including storage including indexes
    including comments
);
comment on table {relation} is 'Archived rows, loaded back to be read.';
alter table {relation} enable row level security;
create policy {policy} on {relation} for select to stopward_worker using (true);
grant select on {relation} to service_role, stopward_worker;
"""
COLUMNS = """
select a.attname::text, format_type(a.atttypid, a.atttypmod), a.atttypid = 'jsonb'::regtype
from pg_attribute as a
where a.attrelid = to_regclass(%s) and a.attnum > 0 and not a.attisdropped
order by a.attnum
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What was loaded. rows: in the archive; added: those that were not there already."""

    relation: str
    month: str
    rows: int
    added: int


def restore_month(url: str, *, archive: Archive, key: str) -> Restored:
    """Load an archive in one transaction: all of it, or nothing when it is not whole.

    url: of the owner of the database. Rows that are there already stay as they are.
    Raises InvalidInput for a manifest of no known kind, ArchiveRejected when the object is missing
    or damaged, DatabaseRejected and DatabaseUnavailable.
    """
    said = read_manifest(archive, key)
    table, name = said["table"], archive.location(key)
    relation = f"{SCHEMA}.{table}"
    digest = JournalDigest()
    added = 0
    with _transaction(url) as connection, closing(archive.open(key)) as source:
        _make_table(connection, table)
        load = _load(connection, table, said["columns"], name=name)
        for batch in _batches(_digested(lines_of(source, name=name), digest)):
            added += connection.execute(load, (batch,)).rowcount
        if (digest.hexdigest(), digest.rows) != (said["digest"], said["rows"]):
            raise InvalidInput(
                f"{name} has {digest.rows} rows of digest {digest.hexdigest()}, its manifest tells "
                f"{said['rows']} of {said['digest']}: nothing was loaded"
            )
    return Restored(relation=relation, month=str(said["month"]), rows=digest.rows, added=added)


def read_manifest(archive: Archive, key: str) -> dict[str, Any]:
    """Return what lies beside an archive, checked. Raises InvalidInput when it is not of a kind."""
    if not key.endswith(f".{FORMAT}"):
        raise InvalidInput(f"{archive.location(key)}: allowed is a name that ends in .{FORMAT}")
    beside = manifest_key(key)
    with closing(archive.open(beside)) as source:
        try:
            said = json.loads(source.read())
        except ValueError:
            said = None
    if (
        not isinstance(said, dict)
        or (said.get("format"), said.get("format_version")) != (FORMAT, FORMAT_VERSION)
        or said.get("table") not in TABLES
        or not isinstance(said.get("columns"), dict)
        or not {"digest", "rows", "month"} <= set(said)
    ):
        raise InvalidInput(
            f"{archive.location(beside)} is no manifest of format {FORMAT}, version"
            f" {FORMAT_VERSION}"
        )
    return said


@contextmanager
def _transaction(url: str) -> Iterator[Connection]:
    read = read_database_url(url)
    try:
        with psycopg.connect(
            read.text, connect_timeout=10, application_name="stopward restore"
        ) as connection:
            yield connection
    except psycopg.OperationalError as error:
        # libpq may repeat the URL, in the chained traceback too.
        raise DatabaseUnavailable(
            f"the database gave no answer: {read.scrub(str(error))}"
        ) from None
    except psycopg.Error as error:
        rule = error.diag.constraint_name or error.sqlstate or "unknown"
        raise DatabaseRejected(f"restore: {error}", rule=rule) from error


def _make_table(connection: Connection, table: str) -> None:
    connection.execute(MAKE_SCHEMA)
    found = connection.execute("select to_regclass(%s)", (f"{SCHEMA}.{table}",)).fetchone()
    if found == (None,):
        connection.execute(
            sql.SQL(MAKE_TABLE).format(
                relation=sql.Identifier(SCHEMA, table),
                journal=sql.Identifier("stopward", table),
                policy=sql.Identifier(f"{table}_select_worker"),
            )
        )


def _load(
    connection: Connection, table: str, archived: dict[str, str], *, name: str
) -> sql.Composed:
    # What the archive has, and the table does not, would be lost without a word.
    rows = connection.execute(COLUMNS, (f"{SCHEMA}.{table}",)).fetchall()
    lacking = sorted(set(archived) - {column for column, _, _ in rows})
    if lacking:
        raise InvalidInput(
            f"{name} has columns that {SCHEMA}.{table} lacks: {', '.join(lacking)}; add them there"
        )
    columns = [row for row in rows if row[0] in archived]
    taken = [
        # To json_to_record a null of JSON is no value; to the journal it is one.
        sql.SQL("coalesce(r.{0}, (l.line -> {1})::text::jsonb)").format(
            sql.Identifier(column), sql.Literal(column)
        )
        if is_json
        else sql.SQL("r.{}").format(sql.Identifier(column))
        for column, _, is_json in columns
    ]
    typed = [
        sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(of_type))
        for column, of_type, _ in columns
    ]
    return sql.SQL(
        "insert into {} ({}) select {} from unnest(%s::text[]) as t (text)"
        " cross join lateral (select t.text::json as line) as l"
        " cross join lateral json_to_record(l.line) as r ({}) on conflict do nothing"
    ).format(
        sql.Identifier(SCHEMA, table),
        sql.SQL(", ").join(sql.Identifier(column) for column, _, _ in columns),
        sql.SQL(", ").join(taken),
        sql.SQL(", ").join(typed),
    )


def _digested(lines: Iterable[bytes], digest: JournalDigest) -> Iterator[str]:
    for line in lines:
        digest.add(line)
        yield line.decode()


def _batches(lines: Iterator[str]) -> Iterator[list[str]]:
    while batch := list(islice(lines, BATCH_ROWS)):
        yield batch
