"""No query of the product reads a large table whole: a million decisions, 100,000 trades."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql

from stopward.adapters import rows
from stopward.adapters.rows import JsonValue
from stopward.domain.identity import Symbol
from stopward.domain.snapshot import Alarm, DayRow, Snapshot, TickRecord
from stopward.local.postgres import EmbeddedPostgres
from tests.builders.plans import Plans
from tests.builders.store import (
    A_SESSION,
    a_decision,
    a_record,
    a_symbol_state,
    a_trade,
    a_view,
    an_acknowledgement,
    an_order,
)
from tests.builders.volume import LARGE, OPEN_POSITIONS, SMALL, Volume, fill
from tests.conftest import TEMPLATE
from tests.docs.database_document import Query, queries

DATABASE = "volume"
READ = sql.SQL("select * from api.{} where account_id = %s")
MEMBER = UUID(int=7)
EXAMPLE_ACCOUNT = re.compile(r"'(paper|main|local)'")


@pytest.fixture(scope="module")
def connection(
    postgres_server: EmbeddedPostgres, template_database: str
) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(postgres_server.url("postgres"), autocommit=True) as owner:
        owner.execute(f"drop database if exists {DATABASE}".encode())
        owner.execute(f"create database {DATABASE} template {TEMPLATE}".encode())
    with psycopg.connect(postgres_server.url(DATABASE), autocommit=True) as found:
        fill(found, Volume())
        found.execute(
            "insert into stopward.members (account_id, user_id) values (%s, %s)", (SMALL, MEMBER)
        )
        yield found
    with psycopg.connect(postgres_server.url("postgres"), autocommit=True) as owner:
        owner.execute(f"drop database {DATABASE}".encode())


@pytest.fixture(scope="module")
def plans(connection: psycopg.Connection[Any]) -> Plans:
    return Plans(connection)


@contextmanager
def undone(connection: psycopg.Connection[Any]) -> Iterator[None]:
    with connection.transaction(force_rollback=True):
        yield


def call(connection: psycopg.Connection[Any], function: str, value: JsonValue) -> Any:
    row = connection.execute(
        f"select api.{function}(%s::jsonb)".encode(), (json.dumps(value),)
    ).fetchone()
    assert row is not None
    return row[0]


def begin(connection: psycopg.Connection[Any], account_id: str) -> Snapshot:
    request: JsonValue = {
        "account_id": account_id,
        "tick_at": "2026-11-23T17:00:00Z",
        "holder": "one",
        "lease_seconds": 15,
    }
    return rows.read(Snapshot, call(connection, "begin_tick", request))


def a_whole_record(snapshot: Snapshot) -> TickRecord:
    positions = snapshot.positions
    return a_record(
        snapshot.fence,
        account_id=snapshot.account.id,
        positions=tuple(replace(each, stop=each.stop + 1) for each in positions),
        symbols=tuple(a_symbol_state(each.symbol) for each in positions),
        decisions=tuple(a_decision(each) for each in positions),
        views=tuple(a_view(each.symbol) for each in positions),
        orders=tuple(an_order(each) for each in positions[1:]),
        trades=(a_trade(positions[0]),),
        alarms=(Alarm(key="k", kind="k", symbol=Symbol("S1"), message="m"),),
        cleared=("stale_quote",),
        day=DayRow(session_day=A_SESSION.day),
    )


def test_there_is_as_much_as_is_claimed(connection: psycopg.Connection[Any]) -> None:
    found = connection.execute(
        "select (select count(*) from stopward.decisions), (select count(*) from stopward.trades)"
    ).fetchone()
    assert found is not None
    assert found[0] >= 999_000
    assert found[1] == 100_000


@pytest.mark.parametrize("account_id", [LARGE, SMALL])
def test_a_tick_reads_no_large_table_whole(
    connection: psycopg.Connection[Any], plans: Plans, account_id: str
) -> None:
    with undone(connection), plans.of() as made:
        snapshot = begin(connection, account_id)
        assert len(snapshot.positions) == OPEN_POSITIONS
        record = a_whole_record(snapshot)
        call(connection, "record_tick", rows.write(record))
        done = an_acknowledgement(
            snapshot.fence,
            account_id=snapshot.account.id,
            orders=tuple(
                replace(each, status="working", broker_order_id=f"b-{each.id}")
                for each in record.orders
            ),
        )
        call(connection, "acknowledge", rows.write(done))
    assert len(made) > 20
    assert [str(scan) for scan in plans.scans(made)] == []


@pytest.mark.parametrize("query", queries(), ids=lambda query: query.name)
@pytest.mark.parametrize("account_id", [LARGE, SMALL])
def test_an_example_reads_no_large_table_whole(
    connection: psycopg.Connection[Any], plans: Plans, query: Query, account_id: str
) -> None:
    code = EXAMPLE_ACCOUNT.sub(f"'{account_id}'", query.code)
    with undone(connection), plans.of() as made:
        connection.execute("set local role stopward_worker")
        connection.execute(code.encode()).fetchall()
    assert made
    assert [str(scan) for scan in plans.scans(made)] == []


def views(connection: psycopg.Connection[Any]) -> list[str]:
    found = connection.execute(
        "select table_name from information_schema.columns"
        " where table_schema = 'api' and column_name = 'account_id' order by table_name"
    ).fetchall()
    return [str(name) for (name,) in found]


def test_a_member_reads_the_rows_of_one_account_only(
    connection: psycopg.Connection[Any], plans: Plans
) -> None:
    wrong = []
    for view in views(connection):
        with undone(connection), plans.of() as made:
            connection.execute(
                "select set_config('request.jwt.claims', %s, true)", (f'{{"sub": "{MEMBER}"}}',)
            )
            connection.execute("set local role authenticated")
            connection.execute(READ.format(sql.Identifier(view)), (SMALL,))
        wrong += [f"{view}: {scan}" for scan in plans.scans(made)]
    assert wrong == []


def test_a_scan_would_be_found(connection: psycopg.Connection[Any], plans: Plans) -> None:
    with undone(connection), plans.of() as made:
        connection.execute("select max(result_r) from stopward.trades where symbol = 'S1'")
        connection.execute("set local enable_seqscan = off")
        connection.execute(
            "select count(*) from stopward.orders where account_id = %s and reason = 'x'", (LARGE,)
        )
    assert {scan.relation for scan in plans.scans(made)} == {"trades", "orders"}


def test_there_are_fifteen_indexes_and_more(connection: psycopg.Connection[Any]) -> None:
    row = connection.execute(
        "select count(*) from pg_index as x join pg_class as c on c.oid = x.indrelid"
        " where c.relnamespace = 'stopward'::regnamespace and not c.relispartition"
        " and not x.indisprimary"
    ).fetchone()
    assert row is not None
    assert row[0] >= 15
