"""Everything that tables of schema stopward hold, so that two moments can be compared."""

from collections.abc import Mapping
from typing import Any

import psycopg

COLUMNS = """
select
    c.relname,
    array_agg(a.attname::text order by a.attnum),
    bool_and(a.atttypid = any('{text, date, timestamptz, uuid, bigint, boolean}'::regtype[]))
from pg_class as c
inner join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where
    c.relnamespace = 'stopward'::regnamespace
    and c.relkind in ('r', 'p')
    and not c.relispartition
group by c.relname
order by c.relname
"""

RELATIONS = """
select
    '(tables)',
    count(*),
    md5(string_agg(c.relname || c.relispartition::text, '|' order by c.relname))
from pg_class as c
where c.relnamespace = 'stopward'::regnamespace and c.relkind in ('r', 'p')
"""

State = Mapping[str, tuple[int, str]]
"""By table: how many rows, and a digest of them all."""


def read_state(
    connection: psycopg.Connection[Any],
    *,
    account_id: str | None = None,
    ignoring: frozenset[str] = frozenset(),
) -> State:
    """Return a digest of each table, or of one account's rows in those that have accounts; of all
    accounts also which tables there are, as `(tables)`.

    ignoring: columns, as table.column.
    """
    parts = []
    for table, columns, is_plain in connection.execute(COLUMNS.encode()).fetchall():
        owner = "id" if table == "accounts" else "account_id"
        if account_id is not None and owner not in columns:
            continue
        kept = [f't."{name}"' for name in columns if f"{table}.{name}" not in ignoring]
        where = "" if account_id is None else f" where t.{owner} = %(account)s"
        digest = _digest(f"row({', '.join(kept)})", is_plain=is_plain)
        parts.append(
            f"select '{table}', count(*), coalesce({digest}, '') from stopward.{table} as t{where}"  # noqa: S608
        )
    if account_id is None:
        parts.append(RELATIONS)
    statement = " union all ".join(parts).encode()
    if account_id is not None:
        found = connection.execute(statement, {"account": account_id}).fetchall()
    else:
        # So much is read that Postgres would start two more processes, which cost more than that.
        with connection.transaction():
            connection.execute("set local max_parallel_workers_per_gather = 0")
            found = connection.execute(statement).fetchall()
    return {table: (number, digest) for table, number, digest in found}


def _digest(row: str, *, is_plain: bool) -> str:
    # Values of a plain type are equal only when they are written alike, so their hash will do:
    # a calendar of 15,000 rows need not be written out.
    if is_plain:
        return f"sum(hash_record_extended({row}, 0))::text"
    return f"md5(string_agg({row}::text, '|' order by {row}::text))"


def changed(before: State, after: State) -> set[str]:
    """Return the tables that differ."""
    return {table for table in after if before.get(table) != after[table]}
