"""A database as it is after years: a million decisions, a hundred thousand trades, in seconds.

Rows are made by SQL with triggers off, the sums too, so that the filling is quick; statistics are
fresh after it. One account is large (half of everything), the others share the rest. The last row
is of a minute before the builders' first pulse.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

import psycopg

from tests.builders.store import NOON
from tests.builders.volume_around import AROUND
from tests.builders.volume_trading import TRADING

ACCOUNTS: Final = 50
LARGE: Final = "volume-0"
SMALL: Final = "volume-7"
UNTIL: Final = NOON - timedelta(minutes=1)
DAYS: Final = 175
OPEN_POSITIONS: Final = 25

EXAMPLE_ACCOUNT: Final = re.compile(r"account_id = '[^']*'")
TODAY: Final = re.compile(r"\bcurrent_date\b")
NOW: Final = re.compile(r"\bnow\(\)")

# The large account has every second row. Stable, as what they call is, or they are not inlined.
PREPARE: Final = """
set session_replication_role = replica;
create function pg_temp.account(row_number bigint) returns text language sql stable as $$
    select 'volume-'
        || case when row_number %% 2 = 0 then 0 else 1 + row_number / 2 %% %(others)s end
$$;
create function pg_temp.symbol(row_number bigint) returns text language sql stable as $$
    select case when row_number %% 400 in (100, 101) then 'AAPL' else 'S' || row_number %% 400 end
$$;
create function pg_temp.moment(row_number bigint, of bigint) returns timestamptz
language sql stable as $$
    select date_trunc(
        'second',
        timestamptz %(until)s
        - (1 - row_number::double precision / of) * interval '1 day' * %(days)s
    )
$$;
create temporary table sessions as
select d.day, max(s.day) as session_day
from generate_series(
    %(until)s::date - %(days)s, %(until)s::date, interval '1 day'
) as d (day)
inner join stopward.market_sessions as s
    on s.exchange = 'XNYS' and s.day between d.day - interval '7 days' and d.day
group by d.day;
"""

# Helpers cost more than they save where every core has work.
ALONE: Final = """
set max_parallel_workers_per_gather = 0;
set max_parallel_maintenance_workers = 0;
"""
KEYS_OF_THE_JOURNAL: Final = """
select k.conrelid::regclass::text, quote_ident(k.conname), pg_get_constraintdef(k.oid)
from pg_constraint as k
where
    k.contype = 'p'
    and k.conrelid in ('stopward.decisions'::regclass, 'stopward.market_views'::regclass)
"""
PLAIN_INDEXES: Final = """
select x.indexrelid::regclass::text, pg_get_indexdef(x.indexrelid)
from pg_index as x join pg_class as t on t.oid = x.indrelid
where t.relnamespace = 'stopward'::regnamespace and not t.relispartition and not x.indisunique
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Volume:
    """How much; `state` is the JSON of each decision's state, small where only plans matter."""

    decisions: int = 1_000_000
    trades: int = 100_000
    state: str = "[]"


def fill(connection: psycopg.Connection[Any], volume: Volume) -> None:
    """Fill a migrated, empty database and leave its statistics fresh.

    connection: a superuser's, in autocommit; its server fills nothing else meanwhile.
    """
    values: Mapping[str, object] = {
        "accounts": ACCOUNTS, "others": ACCOUNTS - 1, "until": UNTIL.isoformat(), "days": DAYS,
        "open": OPEN_POSITIONS, "trades": volume.trades, "decisions": volume.decisions,
        "each": volume.decisions // volume.trades, "state": volume.state,
    }  # fmt: skip
    client = psycopg.ClientCursor(connection)
    client.execute(ALONE.encode())
    client.execute(PREPARE.encode(), values)
    with _vacuum_at_the_end(connection), _indexes_made_at_once(connection):
        for statement in (*TRADING, *AROUND):
            client.execute(statement.encode(), values)
    connection.execute("reset all")


@contextmanager
def _vacuum_at_the_end(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Keep the server from reading each table again and again while it grows."""
    connection.execute("alter system set autovacuum = off")
    # Of every row, not of a sample: a plan that hangs on chance would be found by chance.
    connection.execute("alter system set default_statistics_target = 1000")
    connection.execute("select pg_reload_conf()")
    try:
        yield
        connection.execute("set default_statistics_target = 1000")
        connection.execute("vacuum analyze")
        connection.execute("reset default_statistics_target")
    finally:
        connection.execute("alter system reset autovacuum")
        connection.execute("select pg_reload_conf()")


@contextmanager
def _indexes_made_at_once(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Take away the indexes that no rule needs, and the keys of the journal; make them anew."""
    connection.execute("set maintenance_work_mem = '256MB'")
    keys = connection.execute(KEYS_OF_THE_JOURNAL.encode()).fetchall()
    indexes = connection.execute(PLAIN_INDEXES.encode()).fetchall()
    for table, name, _ in keys:
        connection.execute(f"alter table {table} drop constraint {name}".encode())
    for name, _ in indexes:
        connection.execute(f"drop index {name}".encode())
    yield
    for table, name, definition in keys:
        connection.execute(f"alter table {table} add constraint {name} {definition}".encode())
    for _, definition in indexes:
        # Of a partitioned table it says "only", which would leave the months without.
        connection.execute(definition.replace(" ON ONLY ", " ON ").encode())


def example_of(code: str, account_id: str) -> str:
    """Return an example of docs/queries for an account of the fill, on the fill's last day.

    Raises ValueError when a query that is about one account would go on asking for another.
    """
    found, changed = EXAMPLE_ACCOUNT.subn(f"account_id = '{account_id}'", code)
    if ("account_id =" in code) != (changed > 0):
        raise ValueError(f"the account could not be put into: {code}")
    found = TODAY.sub(f"date '{UNTIL.date()}'", found)
    return NOW.sub(f"timestamptz '{UNTIL.isoformat()}'", found)
