"""The book of models: who has a role, and that what was logged first binds; Postgres and fake."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, cast

import pytest

from stopward.adapters.models import FunctionModels
from stopward.domain.features.vector import as_bytes
from stopward.domain.identity import AccountId
from stopward.domain.scoring.prediction import Prediction, StoredPrediction
from stopward.errors import DatabaseRejected
from stopward.services.model_book import ModelBook
from tests.builders.models import ModelWorld, a_model
from tests.builders.opened_models import ENTRY, NAMES, NOW, tiny_model
from tests.builders.scoring import Models, a_role, a_signal

MODEL = tiny_model()
ROLE = a_role(MODEL, expires_at=datetime.fromisoformat(a_model()["expires_at"]))


@dataclass(frozen=True)
class Stage:
    book: ModelBook
    account_id: AccountId
    stored: Callable[[], list[tuple[str, bytes]]]


@pytest.fixture(params=["memory", "postgres"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    if request.param == "memory":
        book = Models(ROLE)
        yield Stage(
            book,
            AccountId("main"),
            lambda: sorted(
                (each.signal_id, as_bytes(each.vector)) for each in book.stored.values()
            ),
        )
        return
    world = ModelWorld(request.getfixturevalue("database_url"))
    told = a_model(MODEL.model_id, sha256=ROLE.sha256, schema_hash=ENTRY, threshold=ROLE.threshold)
    world.call("register_model", **told)
    world.call("set_alias", alias="champion", model_id=MODEL.model_id, expected=None, because="t")

    def stored() -> list[tuple[str, bytes]]:
        rows = world.rows(
            "select signal_id, vector from stopward.predictions where account_id = %s order by 1"
        )
        return [(signal_id, as_bytes(tuple(vector))) for signal_id, vector in rows]

    yield Stage(FunctionModels(cast("Any", world._voice)), world.account_id, stored)
    world.close()


def a_prediction(signal_id: str = "s1", **changes: Any) -> Prediction:
    signal = a_signal(signal_id, features={NAMES[0]: 0.10000000149011612, NAMES[1]: None})
    told: dict[str, Any] = {
        "model_id": MODEL.model_id,
        "signal_id": signal_id,
        "position_id": None,
        "symbol": signal.symbol,
        "at": NOW,
        "probability": 0.6123456358909607,
        "threshold": ROLE.threshold,
        "decision": "take",
        "arm": "shadow",
        "weight": Decimal(0),
        "u": 0.25,
        "schema_hash": ENTRY,
        "latency_ms": 0.125,
        "vector": signal.vector,
        "vector_at": signal.at,
        **changes,
    }
    return Prediction(**told)


def put(stage: Stage, *predictions: Prediction) -> tuple[StoredPrediction, ...]:
    stage.book.put_schema(ENTRY, NAMES)
    return stage.book.put_predictions(stage.account_id, predictions)


def test_a_champion_is_told_with_what_it_may_decide(stage: Stage) -> None:
    assert stage.book.current(stage.account_id) == (ROLE,)


def test_a_prediction_is_stored_once_with_its_vector_bit_for_bit(stage: Stage) -> None:
    told = a_prediction()
    assert (put(stage, told), put(stage, told)) == ((), ())
    assert stage.stored() == [("s1", as_bytes(told.vector))]


def test_what_was_logged_first_is_told_to_who_says_otherwise(stage: Stage) -> None:
    put(stage, a_prediction("s1"), a_prediction("s2"))
    other = replace(a_prediction("s2"), probability=0.25, decision="veto")
    assert put(stage, a_prediction("s1"), other, a_prediction("s3")) == (
        StoredPrediction(
            model_id=MODEL.model_id,
            signal_id="s2",
            probability=0.6123456358909607,
            decision="take",
            arm="shadow",
            weight=Decimal(0),
        ),
    )
    assert [signal_id for signal_id, _ in stage.stored()] == ["s1", "s2", "s3"]


def test_one_that_is_refused_refuses_them_all(stage: Stage) -> None:
    wrong = a_prediction("bad", threshold=ROLE.threshold + 0.01)
    with pytest.raises(DatabaseRejected) as caught:
        put(stage, a_prediction("good"), wrong)
    assert caught.value.rule == "predictions_threshold_of_model"
    assert stage.stored() == []


def test_a_vector_of_a_later_minute_is_refused_by_the_database(database_url: str) -> None:
    world = ModelWorld(database_url)
    world.call("register_model", **a_model(MODEL.model_id, schema_hash=ENTRY, threshold=0.5))
    book = FunctionModels(cast("Any", world._voice))
    book.put_schema(ENTRY, NAMES)
    late = a_prediction(vector_at=NOW + timedelta(seconds=61))
    with pytest.raises(DatabaseRejected) as caught:
        book.put_predictions(world.account_id, [late])
    assert caught.value.rule == "predictions_vector_before_score"
    world.close()
