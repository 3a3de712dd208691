"""Who may see three accounts of a thousand reads the rows of three, found by index."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pytest

from stopward.local.postgres import EmbeddedPostgres
from tests.builders.access import become, copy_of

MEMBER = "00000000-0000-4000-8000-000000000001"

FILL: Sequence[str] = (
    "set session_replication_role = replica",
    """
    insert into stopward.accounts (id, name)
    select 'account-' || n, 'Tests' from generate_series(1, 1000) as n
    """,
    """
    insert into stopward.members (account_id, user_id)
    select 'account-' || n, gen_random_uuid() from generate_series(1, 1000) as n
    """,
    """
    insert into stopward.members (account_id, user_id)
    select 'account-' || n, '00000000-0000-4000-8000-000000000001' from generate_series(1, 3) as n
    """,
    """
    insert into stopward.positions (
        account_id, id, symbol, side, quantity, initial_quantity, average_entry, initial_stop, risk,
        stop, lot, tick, fees_per_share, opened_at, adopted_at, marks, realised, closed_quantity,
        stop_rule, closed_at
    )
    select
        a.id, 'p-' || n, 'S' || n, 'long', 0, 1, 100, 98, 2, 98, 1, 0.01, 0, now(), now(),
        '{"best": 100, "worst": 100}', 1, 1, 'stop', now()
    from stopward.accounts as a, generate_series(1, 10) as n
    """,
    """
    insert into stopward.trades (
        account_id, position_id, symbol, side, quantity, average_entry, risk, opened_at, closed_at,
        exit_price, result, result_r, mae_r, mfe_r, cause, tick_at
    )
    select
        account_id, id, symbol, side, 1, 100, 2, now(), now(), 101, 1, 0.5, 0, 1, 'give_back', now()
    from stopward.positions
    """,
    """
    insert into stopward.decisions (
        account_id, position_id, tick_at, source, symbol, kind, fired, reasons, state,
        account_state, rules_hash, rule_version, mask, closed_bar, measured, last_tick_at
    )
    select
        account_id, id, now() - make_interval(secs => n), 'monitor', symbol, 'hold', 0, '[]', '[]',
        '[]', 'h', 'v', 'all', true, '[]', now()
    from stopward.positions, generate_series(1, 4) as n
    """,
    "set session_replication_role = origin",
    "analyze",
)


@pytest.fixture(scope="module")
def connection(
    postgres_server: EmbeddedPostgres, template_database: str
) -> Iterator[psycopg.Connection[Any]]:
    with (
        copy_of(postgres_server, template_database, "access_plans") as url,
        psycopg.connect(url, autocommit=True) as found,
    ):
        for statement in FILL:
            found.execute(statement.encode())
        yield found


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", ()):
        yield from nodes(part)


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("select * from stopward.decisions", 120),
        ("select * from stopward.decisions where tick_at > now() - interval '1 hour'", 120),
        ("select * from stopward.trades", 30),
        ("select * from stopward.positions", 30),
        ("select * from stopward.accounts", 3),
        ("select account_id, tick_at from api.decision_log order by tick_at desc limit 20", 20),
        ("select account_id, symbol, result_r from api.trade_journal", 30),
    ],
)
def test_a_member_of_three_accounts_scans_no_large_table(
    connection: psycopg.Connection[Any], query: str, rows: int
) -> None:
    with connection.transaction(force_rollback=True):
        become(connection, "authenticated")
        claims = json.dumps({"sub": MEMBER, "role": "authenticated"})
        connection.execute("select set_config('request.jwt.claims', %s, true)", (claims,))
        row = connection.execute(f"explain (analyze, format json) {query}".encode()).fetchone()
    assert row is not None
    plan = row[0][0]["Plan"]
    assert plan["Actual Rows"] == rows
    # Partitions without rows are scanned, which costs nothing.
    scanned = [
        node["Relation Name"]
        for node in nodes(plan)
        if node["Node Type"] == "Seq Scan"
        and node["Actual Rows"] + node.get("Rows Removed by Filter", 0) > 0
    ]
    assert scanned == []
    looked_up = [n for n in nodes(plan) if n.get("Index Name", "").startswith("members_")]
    assert looked_up
    assert all(node["Actual Loops"] <= 1 for node in looked_up)
