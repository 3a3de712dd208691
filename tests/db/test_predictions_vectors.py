"""The vector of a signal is stored with its prediction, and becomes its position's entry vector."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from stopward.domain.position import Position
from stopward.errors import DatabaseRejected
from tests.builders.models import SCHEMA, ModelWorld, a_model, a_prediction, champion, insert_trades
from tests.builders.store import NOON

SERVED_AT = NOON - timedelta(seconds=2)
VALUES = ["0.10000000149011612", None, "-0.0"]
FLOATS = [0.1, None, 0.0]
"""As psycopg reads a float4."""


@pytest.fixture
def world(database_url: str) -> Iterator[ModelWorld]:
    found = ModelWorld(database_url)
    champion(found)
    request: Any = {"schema_hash": SCHEMA, "names": ["one", "two", "three"]}
    found._voice.call("put_feature_schema", "request", request)
    yield found
    found.close()


def told(signal_id: str = "s1", values: Any = VALUES, **changes: Any) -> dict[str, Any]:
    given = {"vector": values, "vector_at": SERVED_AT.isoformat(), **changes}
    return a_prediction(signal_id, **given)


def put(world: ModelWorld, *predictions: dict[str, Any]) -> Any:
    return world.call("put_predictions", predictions=list(predictions))


def stored(world: ModelWorld) -> list[Any]:
    return world.rows(
        "select vector, vector_at from stopward.predictions where account_id = %s"
        " order by signal_id"
    )


def features(world: ModelWorld) -> list[Any]:
    return world.rows(
        "select position_id, kind, schema_hash, at, vector, rebuilt, outcome_r"
        " from stopward.trade_features where account_id = %s order by position_id"
    )


def entry(position: Position, *, at: datetime = SERVED_AT, r: float | None = None) -> Any:
    return (position.id, "entry", SCHEMA, at, FLOATS, False, r)


def test_a_signal_that_becomes_nothing_keeps_its_vector(world: ModelWorld) -> None:
    put(world, told(), a_prediction("s2"))
    assert stored(world) == [(FLOATS, SERVED_AT), (None, None)]
    assert features(world) == []
    (sent,) = world.rows(
        "select encode(array_send(vector), 'hex') from stopward.predictions"
        " where account_id = %s and signal_id = 's1'"
    )[0]
    assert sent.endswith("80000000"), "minus nothing is not nothing"


def test_once_it_is_linked_it_is_the_positions_entry_vector(world: ModelWorld) -> None:
    (position,) = world.open("AAPL")
    put(world, told())
    for _ in range(2):
        world.call("link_signal", signal_id="s1", position_id=position.id)
    assert features(world) == [entry(position)]
    world.close_trades((position, 1.5))
    assert features(world) == [entry(position, r=1.5)]


def test_a_signal_about_a_position_stores_it_at_once(world: ModelWorld) -> None:
    first, second = world.open("AAPL", "MSFT")
    put(world, told(position_id=first.id), told("s2", position_id=second.id), told("s3"))
    assert features(world) == [entry(first), entry(second)]


def test_linked_late_it_comes_with_what_became_of_it(world: ModelWorld) -> None:
    put(world, told())
    insert_trades(world, [1], ended_at=NOON + timedelta(days=3650))
    world.call("link_signal", signal_id="s1", position_id=f"{world.account_id}/bulk/1")
    ((*_, outcome_r),) = features(world)
    assert outcome_r == 1.0


def test_a_vector_that_is_there_stays(world: ModelWorld) -> None:
    (position,) = world.open("AAPL")
    row = {
        "position_id": position.id, "kind": "entry", "at": NOON.isoformat(), "rebuilt": True,
        "schema_hash": SCHEMA, "values": ["7", "7", "7"],
    }  # fmt: skip
    world.call("put_features", features=[row])
    put(world, told(position_id=position.id))
    ((_, _, _, _, vector, is_rebuilt, _),) = features(world)
    assert (vector, is_rebuilt) == ([7.0, 7.0, 7.0], True)


def test_two_models_score_one_signal_and_it_has_one_vector(world: ModelWorld) -> None:
    world.call("register_model", **a_model("m2"))
    (position,) = world.open("AAPL")
    put(world, told(), told(model_id="m2"))
    assert world.call("link_signal", signal_id="s1", position_id=position.id) == {"linked": 2}
    assert features(world) == [entry(position)]


def test_told_again_with_another_vector_the_first_one_stays(world: ModelWorld) -> None:
    put(world, told())
    assert put(world, told(values=["1", "2", "3"])) == {"new": 0, "kept": []}
    assert stored(world) == [(FLOATS, SERVED_AT)]


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"vector": ["1", "2"]}, "predictions_vector_fits_schema"),
        ({"vector": []}, "predictions_vector_fits_schema"),
        ({"vector": ["1", "2", "x"]}, "features_are_numbers"),
        ({"vector": ["1", "2", "NaN"]}, "features_are_numbers"),
        ({"vector": ["1", "2", "1e39"]}, "features_are_float32"),
        ({"vector": {"one": 1}}, "features_are_numbers"),
        ({"vector_at": None}, "predictions_vector_is_whole"),
        ({"vector": None}, "predictions_vector_is_whole"),
        (
            {"vector_at": (NOON + timedelta(seconds=61)).isoformat()},
            "predictions_vector_before_score",
        ),
    ],
)
def test_what_is_no_vector_of_its_schema_is_refused_whole(
    world: ModelWorld, changes: dict[str, Any], rule: str
) -> None:
    with pytest.raises(DatabaseRejected) as caught:
        put(world, told("good"), told("bad", **changes))
    assert caught.value.rule == rule
    assert stored(world) == []


def test_a_schema_that_nobody_put_has_no_vectors(world: ModelWorld) -> None:
    unheard = "7f" * 32
    world.call("register_model", **a_model("m2", schema_hash=unheard))
    with pytest.raises(DatabaseRejected) as caught:
        put(world, told(model_id="m2", schema_hash=unheard))
    assert caught.value.rule == "predictions_vector_fits_schema"
    assert "not known" in str(caught.value)


def test_a_stored_vector_is_never_rewritten(world: ModelWorld) -> None:
    put(world, told())
    for change in ("vector = '{1, 2, 3}'", "vector_at = vector_at - interval '1 second'"):
        with pytest.raises(Exception, match="predictions_append_only"):
            world.run(f"update stopward.predictions set {change} where account_id = %s")  # noqa: S608
