"""Two accounts with a row in every table, and eyes that read the catalogue."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg import sql

from stopward.adapters import rows
from stopward.adapters.rows import JsonValue
from stopward.domain.decision import Exit
from stopward.domain.identity import AccountId
from stopward.domain.snapshot import Alarm, DayRow, Observation
from stopward.local.postgres import EmbeddedPostgres
from tests.builders.state import read_state
from tests.builders.store import (
    A_SESSION,
    NOON,
    a_decision,
    a_position,
    a_record,
    a_symbol_state,
    a_trade,
    a_view,
    an_acknowledgement,
    an_order,
)
from tests.builders.store_world import NUMBERS
from tests.builders.table_rows import ROWS

Connection = psycopg.Connection[Any]

ROLES = ("anon", "authenticated", "service_role", "stopward_worker")
"""Everybody who may knock."""

TABLES = """
select relname from pg_class
where relnamespace = 'stopward'::regnamespace and relkind in ('r', 'p') and not relispartition
order by relname
"""
VIEWS = """
select relname from pg_class
where relnamespace = 'api'::regnamespace and relkind in ('v', 'm') order by relname
"""
FUNCTIONS = """
select proname, coalesce(proargnames[1], '') from pg_proc
where pronamespace = 'api'::regnamespace order by proname
"""
ACCOUNT_COLUMN = """
select case
    when c.relname = 'accounts' then 'id'
    else (
        select a.attname::text from pg_attribute as a
        where a.attrelid = c.oid and a.attname = 'account_id'
    )
end
from pg_class as c
where c.oid = to_regclass(%s)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """An account with rows, and the person who is its member."""

    account_id: AccountId
    member: UUID


@contextmanager
def copy_of(server: EmbeddedPostgres, template: str, name: str) -> Iterator[str]:
    """Yield the URL of a copy of a database, dropped at the end.

    Its files are copied: by way of the log, as is usual, takes twice the time.
    """
    drop = sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
    make = sql.SQL("create database {} template {} strategy file_copy").format(
        sql.Identifier(name), sql.Identifier(template)
    )
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(drop)
        connection.execute(make)
        yield server.url(name)
        connection.execute(drop)


def ask(connection: Connection, function: str, request: JsonValue) -> Any:
    """Call a function of schema api and return what it answers."""
    statement = sql.SQL("select {}(%s::jsonb)").format(sql.Identifier("api", function))
    row = connection.execute(statement, (json.dumps(request),)).fetchone()
    assert row is not None
    return row[0]


def an_owner(connection: Connection, *, account_id: str | None = None) -> Owner:
    """Return an account with a row in every table that a tick or ROWS can fill.

    connection: of the owner of the tables, in autocommit; one for many accounts is quick.
    account_id: an account that may be there and have rows; it keeps them. None makes a new one.
    """
    account = AccountId(account_id or f"account-{next(NUMBERS)}")
    position, closed = (a_position(symbol, account_id=account) for symbol in ("AAPL", "MSFT"))
    order = an_order(position)
    ask(connection, "open_account", {"account_id": account, "name": "Tests", "mode": "guard"})
    ask(connection, "put_sessions", {"sessions": [rows.write(A_SESSION)]})
    put = {"account_id": account, "rules_toml": "x", "rules_hash": "abc"}
    ask(connection, "put_rules", put)
    begun = {"account_id": account, "tick_at": NOON.isoformat(), "holder": "one"}
    fence = ask(connection, "begin_tick", {**begun, "lease_seconds": 30})["fence"]
    record = a_record(
        fence,
        account_id=account,
        positions=(position, closed),
        symbols=(a_symbol_state(),),
        decisions=(a_decision(position), a_decision(closed, decision=Exit(rule="time_stop"))),
        views=(a_view(), a_view("MSFT")),
        orders=(order,),
        trades=(a_trade(closed),),
        observations=(
            Observation(position_id=None, symbol=position.symbol, kind="added", cause="by_hand"),
        ),
        alarms=(Alarm(key="k", kind="k", symbol=None, message="m"),),
        day=DayRow(session_day=A_SESSION.day),
        unprotected_seconds={position.symbol: 1.5},
        halted_symbols=(closed.symbol,),
    )
    ask(connection, "record_tick", rows.write(record))
    ask(connection, "acknowledge", rows.write(an_acknowledgement(fence, account_id=account)))
    member = uuid4()
    connection.execute(
        "insert into stopward.members (account_id, user_id) values (%s, %s)", (account, member)
    )
    values = {"account": account, "open": position.id, "closed": closed.id, "order": order.id}
    filled = read_state(connection, account_id=account)
    for table, statement in ROWS.items():
        found = filled[table][0] if table in filled else count(connection, "stopward", table, "")
        if found == 0 or account_id is not None:
            with suppress(psycopg.errors.UniqueViolation):
                connection.execute(statement.encode(), values)
    return Owner(account_id=account, member=member)


def become(connection: Connection, role: str, user_id: UUID | None = None) -> None:
    """Be a role, with a person's claims, until the transaction ends."""
    claims = "" if user_id is None else f'{{"sub": "{user_id}", "role": "{role}"}}'
    connection.execute("select set_config('request.jwt.claims', %s, true)", (claims,))
    connection.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))


def names(connection: Connection, statement: str) -> list[str]:
    """Return the first column."""
    return [row[0] for row in connection.execute(statement.encode()).fetchall()]


def account_column(connection: Connection, schema: str, name: str) -> str | None:
    """Return the column that says whose a row is; None when the relation has none."""
    row = connection.execute(ACCOUNT_COLUMN, (f"{schema}.{name}",)).fetchone()
    assert row is not None
    return None if row[0] is None else str(row[0])


def seen(connection: Connection, schema: str, name: str, column: str) -> Mapping[str, int]:
    """Return how many rows of each account the present role sees."""
    statement = sql.SQL("select {column}, count(*) from {} group by 1").format(
        sql.Identifier(schema, name), column=sql.Identifier(column)
    )
    return {str(account): number for account, number in connection.execute(statement).fetchall()}


def count(connection: Connection, schema: str, name: str, account_id: str) -> int:
    """Return how many rows of an account the present role sees; of a shared table, all."""
    column = account_column(connection, schema, name)
    if column is None:
        row = connection.execute(
            sql.SQL("select count(*) from {}").format(sql.Identifier(schema, name))
        ).fetchone()
        assert row is not None
        return int(row[0])
    return seen(connection, schema, name, column).get(account_id, 0)
