"""Every function of schema api may be called again: the second call changes nothing."""

import json
from collections.abc import Iterator, Mapping
from threading import Barrier, Thread
from typing import Any

import psycopg
import pytest
from psycopg import sql

from stopward.local.postgres import EmbeddedPostgres
from tests.builders.access import FUNCTIONS, an_owner, copy_of, names
from tests.builders.requests import CHANGES_NOTHING, HOW_TO_ADD, REQUESTS, Request, Stage
from tests.builders.state import changed, read_state

CLOCKS: Mapping[str, str] = {
    "leases.until": "a lease that is taken again runs from then on",
    "accounts.equity_put_at": "equity that is put again counts from then on",
    "model_statistics.put_at": "when it was put last",
    "training_requests.claimed_until": "a claim that is taken again runs from then on",
    "outbox.next_at": "a claim that is taken again runs from then on",
}
"""Columns that tell the time of the last call, and why they may differ."""


@pytest.fixture(scope="module")
def url(postgres_server: EmbeddedPostgres, template_database: str) -> Iterator[str]:
    with copy_of(postgres_server, template_database, "again") as found:
        yield found


@pytest.fixture(scope="module")
def connection(url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(url, autocommit=True) as found:
        yield found


def a_stage(connection: psycopg.Connection[Any]) -> Stage:
    """Return an account of this call's own, with a row in every table."""
    return Stage(account_id=an_owner(connection).account_id, connection=connection)


def rows_of(stage: Stage) -> dict[str, int]:
    state = read_state(stage.connection, account_id=stage.account_id)
    return {table: number for table, (number, _) in state.items()}


def call(url: str, function: str, request: Request) -> list[psycopg.Error]:
    """Call a function twice at the same time; return what was refused."""
    statement = sql.SQL("select {}(%s::jsonb)").format(sql.Identifier("api", function))
    refused: list[psycopg.Error] = []
    both = Barrier(2)

    def run() -> None:
        with psycopg.connect(url, autocommit=True) as own:
            both.wait()
            try:
                own.execute(statement, (json.dumps(request),))
            except psycopg.Error as error:
                refused.append(error)

    threads = [Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return refused


def test_every_function_has_a_request(connection: psycopg.Connection[Any]) -> None:
    assert set(names(connection, FUNCTIONS)) == set(REQUESTS), HOW_TO_ADD


@pytest.mark.parametrize("function", sorted(REQUESTS))
def test_a_call_may_be_repeated(
    url: str, connection: psycopg.Connection[Any], function: str
) -> None:
    ignoring = frozenset(CLOCKS)
    once = a_stage(connection)
    request = REQUESTS[function](once)
    before = read_state(connection)
    once.ask(function, request)
    # A call that does nothing the first time proves nothing the second time.
    did_something = changed(before, read_state(connection)) != set()
    assert did_something == (function not in CHANGES_NOTHING)
    after_one = read_state(connection, ignoring=ignoring)
    once.ask(function, request)
    assert changed(after_one, read_state(connection, ignoring=ignoring)) == set()

    # Two at the same moment are one after the other.
    twice = a_stage(connection)
    assert [str(error) for error in call(url, function, REQUESTS[function](twice))] == []
    assert rows_of(twice) == rows_of(once)
