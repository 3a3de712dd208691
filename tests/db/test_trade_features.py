"""A vector is stored as it was served, bit for bit, once; its outcome comes with the trade."""

import struct
from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.rows import dict_row

from stopward.adapters.postgres import PostgresDatabase
from stopward.errors import DatabaseRejected
from tests.builders.kept_connections import DATABASES
from tests.builders.store import D, a_position, a_trade, pulse
from tests.builders.store_world import PostgresWorld, begin
from tests.builders.trades import Event, play, write

NUMBERS = count(1)
AT = "2026-11-23T17:00:00Z"
Floats = Sequence[float | None]


@pytest.fixture
def world(database_url: str) -> Iterator[PostgresWorld]:
    found = PostgresWorld(database_url)
    yield found
    found.close()


@pytest.fixture
def database(database_url: str) -> Iterator[PostgresDatabase]:
    found = DATABASES.take(database_url)
    yield found
    DATABASES.give_back(found, database_url)


@pytest.fixture
def held(world: PostgresWorld) -> str:
    """Return the id of an open position."""
    position = a_position(account_id=world.account_id)
    write(world, begin(world).fence, 0, positions=(position,))
    return position.id


def shortest(number: float | None) -> str | None:
    """Return the shortest text that float32 reads back as this float32."""
    if number is None:
        return None
    bits = struct.pack(">f", number)
    for digits in range(1, 10):
        text = f"{number:.{digits}g}"
        try:
            again = struct.pack(">f", float(text))
        except OverflowError:
            continue
        if again == bits:
            return text
    raise AssertionError(number)


def a_schema(database: PostgresDatabase, *names: str) -> str:
    found = f"schema-{next(NUMBERS)}"
    database.call("put_feature_schema", "request", {"schema_hash": found, "names": list(names)})
    return found


def features(held: str, schema: str, values: Sequence[Any], **changes: Any) -> dict[str, Any]:
    given = {"position_id": held, "kind": "entry", "at": AT, "schema_hash": schema}
    return {**given, "values": list(values), **changes}


def put(database: PostgresDatabase, world: PostgresWorld, *given: Any, **changes: Any) -> Any:
    request = {"account_id": world.account_id, "features": list(given), **changes}
    return database.call("put_features", "request", request)


def stored(world: PostgresWorld, column: str = "vector") -> list[Any]:
    statement = "select * from stopward.trade_features where account_id = %s order by at"
    with world._eyes.cursor(row_factory=dict_row) as eyes:
        return [row[column] for row in eyes.execute(statement, (world.account_id,))]


def rejected_by(database: PostgresDatabase, world: PostgresWorld, *given: Any) -> str | None:
    with pytest.raises(DatabaseRejected) as caught:
        put(database, world, *given)
    return caught.value.rule


EDGES = (
    0.0, -0.0, 1.401298464324817e-45, -1.401298464324817e-45, 1.1754943508222875e-38,
    1.1754942106924411e-38, 3.4028234663852886e38, -3.4028234663852886e38, 0.10000000149011612,
    16777217.0, 1.0000001192092896, 0.9999999403953552,
)  # fmt: skip


def bits(values: Floats) -> list[bytes | None]:
    return [None if value is None else struct.pack(">f", value) for value in values]


def test_the_edges_of_float32_come_back_bit_for_bit(
    world: PostgresWorld, database: PostgresDatabase, held: str
) -> None:
    edges: Floats = (*EDGES, None)
    schema = a_schema(database, *(f"f{place}" for place in range(len(edges))))
    put(database, world, features(held, schema, [shortest(value) for value in edges]))
    (found,) = stored(world)
    assert bits(found) == bits(edges)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    values=st.lists(
        st.none() | st.floats(width=32, allow_nan=False, allow_infinity=False),
        min_size=1,
        max_size=30,
    )
)
def test_any_vector_comes_back_bit_for_bit(
    world: PostgresWorld, database: PostgresDatabase, held: str, values: Floats
) -> None:
    schema = a_schema(database, *(f"f{place}" for place in range(len(values))))
    put(database, world, features(held, schema, [shortest(value) for value in values]))
    found = world._eyes.execute(
        "select vector from stopward.trade_features where schema_hash = %s", (schema,)
    ).fetchall()
    assert [bits(row[0]) for row in found] == [bits(values)]


def test_the_same_vector_again_changes_nothing_and_another_is_refused(
    world: PostgresWorld, database: PostgresDatabase, held: str
) -> None:
    schema = a_schema(database, "one", "two")
    given = features(held, schema, ["-0", None])
    assert put(database, world, given) == {"count": 1, "written": 1}
    assert put(database, world, given) == {"count": 1, "written": 0}
    for other in (["0", None], ["-0", "0"], [None, "-0"]):
        assert rejected_by(database, world, {**given, "values": other}) == (
            "trade_features_written_once"
        )
    later = {**given, "at": "2026-11-23T17:00:01Z"}
    assert rejected_by(database, world, later) == "trade_features_written_once"
    assert rejected_by(database, world, {**given, "rebuilt": True}) == "trade_features_written_once"
    assert bits(stored(world)[0]) == bits([-0.0, None])


def test_open_features_are_stored_as_often_as_they_were_served(
    world: PostgresWorld, database: PostgresDatabase, held: str
) -> None:
    schema = a_schema(database, "one")
    given = features(held, schema, ["1"], kind="open")
    put(database, world, given, {**given, "at": "2026-11-23T17:01:00Z", "values": ["2"]})
    assert stored(world) == [[1.0], [2.0]]


REFUSED = [
    ({"values": ["NaN"]}, "features_are_numbers"),
    ({"values": ["Infinity"]}, "features_are_numbers"),
    ({"values": ["-inf"]}, "features_are_numbers"),
    ({"values": ["one"]}, "features_are_numbers"),
    ({"values": [[1]]}, "features_are_numbers"),
    ({"values": [True]}, "features_are_numbers"),
    ({"values": ["3.5e38"]}, "features_are_float32"),
    ({"values": ["1e-46"]}, "features_are_float32"),
    ({"values": []}, "features_fit_schema"),
    ({"values": [1, 2]}, "features_fit_schema"),
    ({"values": None}, "features_fit_schema"),
    ({"values": {"one": 1}}, "features_fit_schema"),
    ({"position_id": "nobody"}, "features_position_known"),
    ({"position_id": None}, "features_position_known"),
    ({"schema_hash": "unheard"}, "features_schema_known"),
    ({"kind": "exit"}, "put_features_request"),
    ({"kind": None}, "put_features_request"),
    ({"at": None}, "put_features_request"),
]


@pytest.mark.parametrize(("changes", "rule"), REFUSED, ids=str)
def test_odd_features_refuse_the_whole_call(
    world: PostgresWorld,
    database: PostgresDatabase,
    held: str,
    changes: dict[str, Any],
    rule: str,
) -> None:
    schema = a_schema(database, "one")
    good = features(held, schema, [1], kind="open")
    assert rejected_by(database, world, good, {**good, **changes}) == rule
    assert stored(world) == []


def test_a_batch_that_contradicts_itself_or_is_too_large_is_refused(
    world: PostgresWorld, database: PostgresDatabase, held: str
) -> None:
    schema = a_schema(database, "one")
    one, two = features(held, schema, [1]), features(held, schema, [2])
    assert rejected_by(database, world, one, two) == "trade_features_written_once"
    assert rejected_by(database, world, *[one] * 1001) == "put_features_batch"
    with pytest.raises(DatabaseRejected) as caught:
        put(database, world, features="x")
    assert caught.value.rule == "put_features_request"


def test_a_schema_is_written_once(database: PostgresDatabase) -> None:
    schema = a_schema(database, "one", "two")
    request: Any = {"schema_hash": schema, "names": ["one", "two"]}
    database.call("put_feature_schema", "request", request)
    for names, rule in (
        (["two", "one"], "feature_schemas_append_only"),
        (["one", "one"], "feature_schemas_names_are_names"),
        (["one", None], "put_feature_schema_request"),
        ([], "feature_schemas_names_are_names"),
        ("one", "put_feature_schema_request"),
    ):
        with pytest.raises(DatabaseRejected) as caught:
            database.call("put_feature_schema", "request", {**request, "names": names})
        assert caught.value.rule == rule


def test_closing_the_position_completes_the_outcome(
    world: PostgresWorld, database: PostgresDatabase
) -> None:
    schema = a_schema(database, "one")
    fence = begin(world).fence
    won, lost = (a_position(symbol, account_id=world.account_id) for symbol in ("AAPL", "MSFT"))
    write(world, fence, 0, positions=(won, lost))
    put(database, world, features(won.id, schema, [1]), features(lost.id, schema, [2]))
    put(database, world, features(won.id, schema, [3], kind="open"))
    assert stored(world, "outcome_r") == [None] * 3
    gain = a_trade(won)
    loss = a_trade(lost, result=D("0"), result_r=0.0)
    write(world, fence, 1, positions=(won, lost), trades=(gain, loss))
    entries = [
        (won.id, "entry", 1.0, True, pulse(0)),
        (lost.id, "entry", 0.0, False, pulse(0)),
    ]
    assert outcomes(world) == [entries[0], (won.id, "open", None, None, None), entries[1]]
    # What is of its minutes is no work of a tick.
    database.call("complete_minutes", "request", {"account_id": world.account_id})
    assert outcomes(world) == [entries[0], (won.id, "open", 1.0, True, pulse(0)), entries[1]]


def outcomes(world: PostgresWorld) -> list[Any]:
    return world._eyes.execute(
        "select position_id, kind, outcome_r, outcome_won, outcome_at"
        " from stopward.trade_features where account_id = %s order by 1, 2",
        (world.account_id,),
    ).fetchall()


def test_features_rebuilt_after_the_close_have_their_outcome_at_once(
    world: PostgresWorld, database: PostgresDatabase
) -> None:
    position = a_position(account_id=world.account_id)
    play(world, position, [Event(kind="sell", quantity=D("100"), price=D("99"), rule="stop")])
    schema = a_schema(database, "one")
    put(database, world, features(position.id, schema, [1], rebuilt=True))
    assert stored(world, "outcome_r") == [-0.5]
    assert stored(world, "outcome_won") == [False]
    assert stored(world, "rebuilt") == [True]


FIXED = (
    "update stopward.trade_features set vector = '{2}', outcome_r = 1, outcome_won = true,"
    " outcome_at = now()",
    "update stopward.trade_features set outcome_r = null",
    "update stopward.trade_features set at = now()",
    "delete from stopward.trade_features",
)


@pytest.mark.parametrize("statement", FIXED)
def test_even_the_owner_cannot_change_a_vector(
    world: PostgresWorld, database: PostgresDatabase, held: str, statement: str
) -> None:
    put(database, world, features(held, a_schema(database, "one"), [1]))
    with pytest.raises(psycopg.errors.RaiseException) as caught:
        world._eyes.execute(f"{statement} where account_id = %s".encode(), (world.account_id,))
    assert caught.value.diag.constraint_name == "trade_features_append_only"


def test_an_outcome_once_known_stays(
    world: PostgresWorld, database: PostgresDatabase, held: str
) -> None:
    position = a_position(account_id=world.account_id)
    put(database, world, features(held, a_schema(database, "one"), [1]))
    write(world, begin(world).fence, 1, positions=(position,), trades=(a_trade(position),))
    with pytest.raises(psycopg.errors.RaiseException) as caught:
        world._eyes.execute(
            "update stopward.trade_features set outcome_r = 2 where account_id = %s",
            (world.account_id,),
        )
    assert caught.value.diag.constraint_name == "trade_features_append_only"
