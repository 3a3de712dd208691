"""Who may do what, proved by becoming them."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql

from stopward.adapters.postgres import VIEWS
from stopward.domain.snapshot import Alarm, DayRow
from tests.builders.store import (
    A_SESSION,
    a_decision,
    a_position,
    a_record,
    a_trade,
    a_view,
    an_order,
)
from tests.builders.store_world import PostgresWorld, begin

TABLES = (
    "accounts", "settings_versions", "leases", "symbol_tags", "positions", "symbol_states",
    "observations", "orders", "order_events", "decisions", "decision_runs", "market_views",
    "trades", "day_results", "alarms", "protection_gaps",
)  # fmt: skip
"""Every table with an account; a new one belongs here."""


@pytest.fixture
def world(database_url: str) -> Iterator[PostgresWorld]:
    """An account with a row in most tables."""
    found = PostgresWorld(database_url)
    position = a_position(account_id=found.account_id)
    closed = a_position("MSFT", account_id=found.account_id)
    fence = begin(found).fence
    found.people.put_rules(found.account_id, "x", rules_hash="abc")
    found.store.record_tick(
        a_record(
            fence,
            account_id=found.account_id,
            positions=(position, closed),
            decisions=(a_decision(position),),
            views=(a_view(),),
            orders=(an_order(position),),
            trades=(a_trade(closed),),
            alarms=(Alarm(key="k", kind="k", symbol=None, message="m"),),
            day=DayRow(session_day=A_SESSION.day),
        )
    )
    yield found
    found.close()


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url) as found:
        yield found


def become(connection: psycopg.Connection[Any], role: str, user_id: UUID | None = None) -> None:
    claims = "" if user_id is None else f'{{"sub": "{user_id}", "role": "{role}"}}'
    connection.execute("select set_config('request.jwt.claims', %s, true)", (claims,))
    connection.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))


def count(connection: psycopg.Connection[Any], schema: str, name: str, account_id: str) -> int:
    column = "id" if name == "accounts" else "account_id"
    statement = sql.SQL("select count(*) from {}.{} where {} = %s").format(
        sql.Identifier(schema), sql.Identifier(name), sql.Identifier(column)
    )
    row = connection.execute(statement, (account_id,)).fetchone()
    assert row is not None
    return int(row[0])


def test_the_list_of_tables_is_whole(connection: psycopg.Connection[Any]) -> None:
    rows = connection.execute(
        "select relname from pg_class where relnamespace = 'stopward'::regnamespace"
        " and relkind in ('r', 'p') and not relispartition"
    ).fetchall()
    shared = {"instruments", "market_sessions", "usual_volumes", "members"}
    assert {name for (name,) in rows} == {*TABLES, *shared}


@pytest.mark.parametrize("table", TABLES)
def test_a_member_sees_the_account_and_a_stranger_nothing(
    world: PostgresWorld, connection: psycopg.Connection[Any], table: str
) -> None:
    member, stranger = uuid4(), uuid4()
    connection.execute(
        "insert into stopward.members (account_id, user_id) values (%s, %s)",
        (world.account_id, member),
    )
    rows = count(connection, "stopward", table, world.account_id)
    become(connection, "authenticated", member)
    assert count(connection, "stopward", table, world.account_id) == rows
    connection.execute("reset role")
    become(connection, "authenticated", stranger)
    assert count(connection, "stopward", table, world.account_id) == 0


@pytest.mark.parametrize("view", sorted(VIEWS))
def test_views_show_a_member_what_they_show_the_guard(
    world: PostgresWorld, connection: psycopg.Connection[Any], view: str
) -> None:
    member = uuid4()
    connection.execute(
        "insert into stopward.members (account_id, user_id) values (%s, %s)",
        (world.account_id, member),
    )
    seen = {}
    for role, user_id in (
        ("stopward_worker", None), ("authenticated", member), ("authenticated", uuid4()),
    ):  # fmt: skip
        become(connection, role, user_id)
        seen[user_id] = count(connection, "api", view, world.account_id)
        connection.execute("reset role")
    assert list(seen.values()) == [seen[None], seen[None], 0]
    assert seen[None] == 1


@pytest.mark.parametrize("table", [*TABLES, "instruments", "market_sessions", "members"])
@pytest.mark.parametrize("role", ["anon", "authenticated", "service_role", "stopward_worker"])
@pytest.mark.parametrize("write", ["insert into {} default values", "delete from {}"])
def test_nobody_writes_a_table(
    connection: psycopg.Connection[Any], table: str, role: str, write: str
) -> None:
    become(connection, role, uuid4())
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(sql.SQL(write).format(sql.Identifier("stopward", table)))


@pytest.mark.parametrize("role", ["anon", "authenticated"])
@pytest.mark.parametrize("function", ["begin_tick", "record_tick", "halt", "open_account"])
def test_people_execute_nothing(
    connection: psycopg.Connection[Any], role: str, function: str
) -> None:
    become(connection, role, uuid4())
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(sql.SQL("select api.{}('{{}}')").format(sql.Identifier(function)))


def test_a_definer_function_is_not_fooled_by_the_search_path(
    world: PostgresWorld, connection: psycopg.Connection[Any]
) -> None:
    connection.execute("create schema evil")
    connection.execute("create table evil.accounts (id text, halted boolean)")
    connection.execute("set local search_path = evil, stopward, public")
    become(connection, "stopward_worker")
    connection.execute(
        "select api.halt(jsonb_build_object('account_id', %s::text, 'reason', 'test'))",
        (world.account_id,),
    )
    connection.execute("reset role")
    row = connection.execute(
        "select halted from stopward.accounts where id = %s", (world.account_id,)
    ).fetchone()
    assert row == (True,)
