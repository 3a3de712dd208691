"""A program and a database that were not made for each other refuse to work, and say which."""

from collections.abc import Mapping

import psycopg
import pytest

from stopward.adapters.functions import SCHEMA_VERSION, FunctionStore
from stopward.adapters.rows import JsonValue
from stopward.domain.identity import AccountId
from stopward.domain.snapshot import Snapshot
from stopward.errors import DatabaseRejected
from tests.builders.store import NOON


class Answering:
    """Functions of a database that says `schema` with its snapshot."""

    def __init__(self, schema: JsonValue) -> None:
        self._answer: Mapping[str, JsonValue] = {
            "fence": 1,
            "account": {"id": "a", "name": "A"},
            "session": None,
            "day": {"session_day": "2026-11-23"},
            **({} if schema is None else {"schema": schema}),
        }

    def call(self, function: str, argument: str, value: JsonValue) -> Mapping[str, JsonValue]:
        return self._answer


def begin_with(schema: JsonValue) -> object:
    store = FunctionStore(Answering(schema))
    return store.begin_tick(AccountId("a"), tick_at=NOON, holder="one", lease_seconds=1)


@pytest.mark.parametrize(
    "schema",
    [
        {"version": SCHEMA_VERSION, "oldest_program": 1},
        {"version": SCHEMA_VERSION + 5, "oldest_program": SCHEMA_VERSION},
    ],
)
def test_a_database_that_understands_the_program_is_used(schema: JsonValue) -> None:
    assert isinstance(begin_with(schema), Snapshot)


@pytest.mark.parametrize(
    ("schema", "remedy"),
    [
        (None, "stopward db migrate"),
        ({"version": SCHEMA_VERSION - 1, "oldest_program": 1}, "stopward db migrate"),
        (
            {"version": SCHEMA_VERSION + 1, "oldest_program": SCHEMA_VERSION + 1},
            "deploy the newer program",
        ),
    ],
)
def test_another_is_refused_with_the_remedy(schema: JsonValue, remedy: str) -> None:
    with pytest.raises(DatabaseRejected, match=remedy) as caught:
        begin_with(schema)
    assert caught.value.rule == "schema_version"


def test_the_version_is_that_of_the_migrations(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        row = connection.execute("select api.schema_version('{}')").fetchone()
    assert row is not None
    assert row[0]["version"] == SCHEMA_VERSION
    assert row[0]["oldest_program"] <= SCHEMA_VERSION
