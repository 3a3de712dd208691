"""What a trade would have brought without a rule is put later, and never taken for zero."""

from collections.abc import Iterator
from typing import Any

import pytest

from stopward.adapters.postgres import PostgresDatabase
from stopward.errors import DatabaseRejected
from tests.builders.kept_connections import DATABASES
from tests.builders.store import D, a_position
from tests.builders.store_world import PostgresWorld
from tests.builders.trades import Event, play


@pytest.fixture
def world(database_url: str) -> Iterator[PostgresWorld]:
    found = PostgresWorld(database_url)
    events = [
        Event(kind="sell", quantity=D("40"), price=D("103"), rule="partial"),
        Event(kind="stop", quantity=D("60"), price=D("100.5"), rule="breakeven"),
    ]
    play(found, a_position(account_id=found.account_id), events)
    yield found
    found.close()


@pytest.fixture
def database(database_url: str) -> Iterator[PostgresDatabase]:
    found = DATABASES.take(database_url)
    yield found
    DATABASES.give_back(found, database_url)


def attribution(world: PostgresWorld, rule: str = "breakeven", **changes: Any) -> dict[str, Any]:
    return {
        "position_id": f"{world.account_id}/AAPL",
        "rule": rule,
        "without_r": "-0.25",
        "version": "1",
        **changes,
    }


def put(database: PostgresDatabase, world: PostgresWorld, *given: Any, **changes: Any) -> Any:
    request = {"account_id": world.account_id, "attributions": list(given), **changes}
    return database.call("put_attribution", "request", request)


def log(database: PostgresDatabase, world: PostgresWorld) -> dict[str, dict[str, Any]]:
    found = database.select("exit_log", account_id=world.account_id)
    return {str(row["rule"]): dict(row) for row in found}


def test_what_was_saved_is_the_trade_less_what_it_would_have_brought(
    world: PostgresWorld, database: PostgresDatabase
) -> None:
    assert put(database, world, attribution(world)) == {"count": 1, "changed": 1}
    found = log(database, world)
    row = found["breakeven"]
    assert (row["trade_r"], row["without_r"], row["saved_r"]) == (0.75, -0.25, 1.0)
    assert row["attribution_version"] == "1"
    assert (found["partial"]["saved_r"], found["partial"]["attributed_at"]) == (None, None)


def test_putting_it_twice_changes_nothing_and_the_last_word_counts(
    world: PostgresWorld, database: PostgresDatabase
) -> None:
    put(database, world, attribution(world))
    before = log(database, world)
    assert put(database, world, attribution(world))["changed"] == 0
    assert log(database, world) == before
    later = attribution(world, without_r=1.5, version="2")
    assert put(database, world, later, at="2026-11-24T03:00:00Z")["changed"] == 1
    row = log(database, world)["breakeven"]
    assert (row["saved_r"], row["attribution_version"]) == (-0.75, "2")
    assert row["attributed_at"].isoformat() == "2026-11-24T03:00:00+00:00"


def test_what_the_replay_cannot_say_stays_unknown(
    world: PostgresWorld, database: PostgresDatabase
) -> None:
    put(database, world, attribution(world, without_r=None))
    row = log(database, world)["breakeven"]
    assert (row["without_r"], row["saved_r"]) == (None, None)
    assert row["attributed_at"] is not None
    (day,) = database.select("daily_exit_performance", account_id=world.account_id)[:1]
    assert (day["saved_known"], day["net_saved_r"]) == (0, None)


REFUSED = [
    ({"rule": "give_back"}, "attribution_exit_known"),
    ({"rule": None}, "attribution_exit_known"),
    ({"position_id": "nobody"}, "attribution_exit_known"),
    ({"version": ""}, "attribution_is_number"),
    ({"version": None}, "attribution_is_number"),
    ({"without_r": "NaN"}, "attribution_is_number"),
    ({"without_r": "Infinity"}, "attribution_is_number"),
    ({"without_r": "1e12"}, "attribution_is_number"),
    ({"without_r": "much"}, "attribution_is_number"),
    ({"without_r": [1]}, "attribution_is_number"),
    ({"without_r": True}, "attribution_is_number"),
]


@pytest.mark.parametrize(("changes", "rule"), REFUSED, ids=str)
def test_an_odd_attribution_refuses_the_whole_call(
    world: PostgresWorld, database: PostgresDatabase, changes: dict[str, Any], rule: str
) -> None:
    good, odd = attribution(world, "partial"), attribution(world, **changes)
    with pytest.raises(DatabaseRejected) as caught:
        put(database, world, good, odd)
    assert caught.value.rule == rule
    assert log(database, world)["partial"]["attributed_at"] is None


@pytest.mark.parametrize("given", [None, "x", {"a": 1}], ids=str)
def test_a_call_without_a_list_is_refused(
    world: PostgresWorld, database: PostgresDatabase, given: Any
) -> None:
    with pytest.raises(DatabaseRejected) as caught:
        put(database, world, attributions=given)
    assert caught.value.rule == "put_attribution_request"


def test_an_exit_named_twice_and_a_batch_too_large_are_refused(
    world: PostgresWorld, database: PostgresDatabase
) -> None:
    with pytest.raises(DatabaseRejected) as caught:
        put(database, world, attribution(world), attribution(world, without_r="3"))
    assert caught.value.rule == "attribution_once"
    with pytest.raises(DatabaseRejected) as caught:
        put(database, world, *[attribution(world)] * 1001)
    assert caught.value.rule == "put_attribution_batch"


def test_the_exits_of_another_account_are_not_there(
    world: PostgresWorld, database: PostgresDatabase, database_url: str
) -> None:
    other = PostgresWorld(database_url)
    with pytest.raises(DatabaseRejected) as caught:
        put(database, other, attribution(world))
    assert caught.value.rule == "attribution_exit_known"
    with pytest.raises(DatabaseRejected) as caught:
        put(database, world, attribution(world), account_id="nobody")
    assert caught.value.rule == "unknown_account"
    other.close()
