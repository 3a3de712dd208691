"""docs/database.md says what the migrations made, and its examples run."""

from collections.abc import Iterator, Mapping
from typing import Any

import psycopg
import pytest

from stopward.local.postgres import EmbeddedPostgres
from tests.builders.access import Owner, an_owner, become, copy_of
from tests.builders.table_rows import FOR_OPERATORS
from tests.builders.volume import example_of
from tests.docs.database_document import BLOCK, COMMAND, Query, queries, refreshed
from tests.docs.pages import page

NAME = "docs/database.md"


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url) as found:
        yield found
        found.rollback()


NEEDED: Mapping[str, str] = {
    "exit_log": """
        insert into stopward.position_exits (
            account_id, position_id, rule, session_day, fills, quantity, at, trade_r, without_r,
            attributed_at, attribution_version
        )
        select t.account_id, t.position_id, 'breakeven', t.session_day, 1, 10, t.closed_at, 0, 1,
            t.closed_at, '1'
        from stopward.trades as t where t.account_id = %(account)s
        """,
    "exit_log__unknown": """
        insert into stopward.position_exits (
            account_id, position_id, rule, session_day, fills, quantity, at, trade_r,
            attributed_at, attribution_version, unknown_because
        )
        select t.account_id, t.position_id, 'session_flat', t.session_day, 1, 10, t.closed_at, 0,
            t.closed_at, '1', 'bars_end'
        from stopward.trades as t where t.account_id = %(account)s
        """,
    "model_calibration": """
        insert into stopward.models
        select (jsonb_populate_record(m, '{"id": "champion-1"}')).* from stopward.models as m
        where m.account_id = %(account)s;
        insert into stopward.model_performance (
            account_id, model_id, session_day, arm, n, resolved, bin_n
        )
        values (%(account)s, 'champion-1', '2026-11-20', 'shadow', 1, 1, '{1,0,0,0,0,0,0,0,0,0}')
        """,
    "model_statistics": """
        insert into stopward.model_statistics (
            account_id, model_id, session_day, n, psi, more, put_at
        )
        values (%(account)s, 'champion-1', '2026-11-20', 1, '{"atr_percent": 0.3}', '{}', now())
        """,
    "notification_log__failed": """
        update stopward.outbox set status = 'dead', settled_at = now()
        where account_id = %(account)s
        """,
    "order_log__rejected": """
        insert into stopward.orders
        select (
            jsonb_populate_record(o, '{"id": "no", "step": "arm", "price": 99, "part": "other"}')
        ).*
        from stopward.orders as o where o.account_id = %(account)s limit 1;
        update stopward.orders set status = 'rejected' where account_id = %(account)s and id = 'no'
        """,
    "prediction_log__blocked": """
        -- Past the trigger that asks the ladder: m1 has no weight here, and climbs for weeks.
        set session_replication_role = replica;
        insert into stopward.predictions (
            account_id, model_id, signal_id, symbol, at, session_day, probability, threshold,
            decision, arm, weight, u, schema_hash, latency_ms
        )
        values (
            %(account)s, 'm1', 's2', 'AAPL', now(), '2026-11-23', 0.4, 0.5, 'veto', 'model', 0.5,
            0.1, 'access', 1
        );
        reset session_replication_role
        """,
    "report_pages": """
        insert into stopward.daily_reports
        select (jsonb_populate_record(r, '{"session_day": "2026-11-23", "version": 9}')).*
        from stopward.daily_reports as r where r.account_id = %(account)s
        """,
    "settings_history": """
        insert into stopward.settings_changes (account_id, hash, in_force_from)
        values (%(account)s, 'abc', '2026-11-19')
        """,
}
"""What an example asks for, where a row in every table does not have it yet."""


@pytest.fixture(scope="module")
def inhabited(
    postgres_server: EmbeddedPostgres, template_database: str
) -> Iterator[tuple[psycopg.Connection[Any], Owner]]:
    with (
        copy_of(postgres_server, template_database, "examples") as url,
        psycopg.connect(url, autocommit=True) as found,
    ):
        owner = an_owner(found)
        for statement in NEEDED.values():
            psycopg.ClientCursor(found).execute(statement.encode(), {"account": owner.account_id})
        yield found, owner


def test_the_page_is_what_the_catalogue_says(connection: psycopg.Connection[Any]) -> None:
    assert refreshed(page(NAME), connection) == page(NAME), f"run `{COMMAND}`"


def test_the_page_has_all_its_generated_parts() -> None:
    named = [match["name"] for match in BLOCK.finditer(page(NAME))]
    assert named == ["picture", "views", "functions", "tables"]


def test_each_view_has_an_example_and_each_example_a_view(
    connection: psycopg.Connection[Any],
) -> None:
    rows = connection.execute("select viewname from pg_views where schemaname = 'api'").fetchall()
    assert {query.view for query in queries()} == {name for (name,) in rows}


@pytest.mark.parametrize("query", queries(), ids=lambda query: query.name)
def test_each_example_finds_rows_as_the_guard_and_as_a_member(
    inhabited: tuple[psycopg.Connection[Any], Owner], query: Query
) -> None:
    connection, owner = inhabited
    assert query.question.endswith("?"), f"{query.name}: the first line asks the question"
    assert f"api.{query.view}" in query.code
    code = example_of(query.code, owner.account_id).encode()
    people = () if query.view in FOR_OPERATORS else ("authenticated",)
    for role in ("stopward_worker", *people):
        with connection.transaction():
            become(connection, role, owner.member)
            assert connection.execute(code).fetchall(), role
