"""The database fails in every way it can; the adapter says whether to try again or never."""

from collections.abc import Iterator
from math import nan

import psycopg
import pytest

from stopward.adapters.administration import Administration
from stopward.adapters.postgres import PostgresDatabase
from stopward.domain.identity import AccountId
from stopward.errors import DatabaseRejected, DatabaseUnavailable, InvalidInput, InvalidState
from tests.builders.store import a_position, a_record
from tests.builders.store_world import PostgresWorld, begin


@pytest.fixture
def world(database_url: str) -> Iterator[PostgresWorld]:
    found = PostgresWorld(database_url)
    yield found
    found.close()


def end_other_sessions(url: str) -> int:
    with psycopg.connect(url, autocommit=True) as eyes:
        ended = eyes.execute(
            "select pg_terminate_backend(pid, 1000) from pg_stat_activity"
            " where application_name = 'stopward' and datname = current_database()"
        ).fetchall()
    return len(ended)


def test_nobody_at_the_address_is_unavailable() -> None:
    database = PostgresDatabase("postgresql://nobody@127.0.0.1:1/none", timeout_seconds=2)
    with pytest.raises(DatabaseUnavailable, match=r"begin_tick"):
        database.call("begin_tick", "request", {})


def test_a_dropped_connection_is_unavailable_once_and_then_replaced(
    world: PostgresWorld, database_url: str
) -> None:
    begin(world)
    assert end_other_sessions(database_url) >= 1
    with pytest.raises(DatabaseUnavailable):
        begin(world)
    assert begin(world).fence == 1


def test_nothing_of_a_call_stays_when_its_connection_drops(
    world: PostgresWorld, database_url: str
) -> None:
    fence = begin(world).fence
    end_other_sessions(database_url)
    position = a_position(account_id=world.account_id)
    with pytest.raises(DatabaseUnavailable):
        world.store.record_tick(a_record(fence, account_id=world.account_id, positions=(position,)))
    assert begin(world).positions == ()


def test_a_statement_that_takes_too_long_is_unavailable(
    world: PostgresWorld, database_url: str
) -> None:
    begin(world)
    hasty = PostgresDatabase(database_url, timeout_seconds=0.05)
    with psycopg.connect(database_url) as holder:
        holder.execute(
            "select from stopward.leases where account_id = %s for update", (world.account_id,)
        )
        with pytest.raises(DatabaseUnavailable, match=r"statement timeout"):
            hasty.call(
                "begin_tick",
                "request",
                {
                    "account_id": world.account_id,
                    "tick_at": "2026-11-23T17:00:00Z",
                    "holder": "two",
                    "lease_seconds": 1,
                },
            )
    hasty.close()


@pytest.mark.parametrize(
    ("request_", "rule"),
    [
        ({"account_id": "nobody"}, "begin_tick_request"),
        ({"tick_at": "yesterday at noon"}, "22007"),
        (
            {"tick_at": "2026-11-23T17:00:00Z", "holder": "x", "lease_seconds": 0},
            "begin_tick_request",
        ),
    ],
)
def test_bad_input_is_rejected_by_name(
    world: PostgresWorld, database_url: str, request_: dict[str, str], rule: str
) -> None:
    database = PostgresDatabase(database_url)
    with pytest.raises(DatabaseRejected) as caught:
        database.call("begin_tick", "request", {"account_id": world.account_id, **request_})
    assert caught.value.rule == rule
    database.close()


def test_a_function_that_does_not_exist_is_rejected(database_url: str) -> None:
    database = PostgresDatabase(database_url)
    with pytest.raises(DatabaseRejected) as caught:
        database.call("drop table", "request", {})
    assert caught.value.rule == "42883"
    database.close()


def test_the_guard_is_not_the_superuser(database_url: str) -> None:
    database = PostgresDatabase(database_url)
    rows = database.select("guard_health", limit=1)
    assert len(rows) <= 1
    with pytest.raises(InvalidInput, match=r"allowed is one of alarm_log"):
        database.select("accounts")
    assert database._connection is not None
    found = database._connection.execute("select current_user as who").fetchone()
    assert found == {"who": "stopward_worker"}
    database.close()


def test_a_view_is_read_in_order_and_up_to_a_limit(database_url: str) -> None:
    database = PostgresDatabase(database_url)
    people = Administration(database)
    for name in ("c", "a", "b"):
        people.open_account(AccountId(f"ordered-{name}"), name=name)
    names = [row["name"] for row in database.select("guard_health", order="name", limit=2)]
    assert names == sorted(str(name) for name in names)
    assert len(names) == 2
    one = database.select("guard_health", account_id=AccountId("ordered-b"))
    assert [row["name"] for row in one] == ["b"]
    database.close()


def test_not_a_number_cannot_be_sent(database_url: str) -> None:
    database = PostgresDatabase(database_url)
    with pytest.raises(InvalidState, match=r"begin_tick"):
        database.call("begin_tick", "request", {"lease_seconds": nan})
    database.close()


def test_an_error_never_repeats_the_password(postgres_server: object) -> None:
    database = PostgresDatabase(
        "postgresql://postgres:open-sesame@127.0.0.1:1/none", timeout_seconds=2
    )
    with pytest.raises(DatabaseUnavailable) as caught:
        database.call("begin_tick", "request", {})
    assert "open-sesame" not in str(caught.value)
