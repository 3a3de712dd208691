"""docs/database.md says what the migrations made, and its examples run."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.builders.table_rows import FOR_OPERATORS
from tests.docs.database_document import BLOCK, COMMAND, queries, refreshed
from tests.docs.pages import page

NAME = "docs/database.md"


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url) as found:
        yield found
        found.rollback()


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
def test_each_example_runs_as_the_guard_and_as_a_member(
    connection: psycopg.Connection[Any], query: Any
) -> None:
    assert query.question.endswith("?"), f"{query.name}: the first line asks the question"
    assert f"api.{query.view}" in query.code
    people = () if query.view in FOR_OPERATORS else ("authenticated",)
    for role in ("stopward_worker", *people):
        connection.execute(f"set local role {role}".encode())
        found = connection.execute(query.code.encode())
        assert found.description, query.name
        found.fetchall()
        connection.execute("reset role")
