"""The function that tracks models, as Lambda loads it, over a real database."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from stopward.errors import DatabaseUnavailable
from stopward.local.postgres import EmbeddedPostgres
from tests.builders.access import copy_of
from tests.builders.evening import a_night, called
from tests.builders.lambda_function import a_context, metrics
from tests.builders.models import ModelWorld, a_model, champion, speak
from tests.builders.store import A_SESSION

EVENT = {"time": (A_SESSION.closes_at + timedelta(minutes=170)).isoformat()}
CONTEXT = a_context("track_models", memory=1024)
SAID = [("AAPL", 0.8, 2.0, "0"), ("MSFT", 0.3, -1.0, "0")]
NOTHING: dict[str, int] = {
    "predictions_resolved": 0,
    "minutes_completed": 0,
    "minutes_trimmed": 0,
    "models_tracked": 0,
    "models_waiting": 0,
    "models_done": 0,
    "models_drifting": 0,
    "tracking_failures": 0,
    "tracking_cut": 0,
}


@pytest.fixture(scope="module")
def url(postgres_server: EmbeddedPostgres, template_database: str) -> Iterator[str]:
    with copy_of(postgres_server, template_database, "track_models") as found:
        yield found


@pytest.fixture
def world(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelWorld]:
    with a_night(url, monkeypatch) as found:
        yield found


def run() -> dict[str, int]:
    return called("track_models", "tracker", EVENT, CONTEXT)


def logged(caplog: pytest.LogCaptureFixture) -> Any:
    (record,) = [each for each in caplog.records if each.message == "models_judged"]
    return record


def test_an_evening_judges_what_was_said_without_the_brokers_keys(
    world: ModelWorld, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    champion(world)
    speak(world, SAID)
    assert run() == {**NOTHING, "models_tracked": 1}
    (row,) = world.view("model_performance_summary")
    assert (row["auc"], row["auc_low"], str(row["statistics_day"])) == (1.0, None, A_SESSION.day)
    assert logged(caplog).levelname == "INFO"
    emitted = metrics(capsys.readouterr().out)
    assert (emitted["ModelsTracked"], emitted["ModelsDrifting"]) == ([1.0], [0.0])
    assert len(emitted) == len(NOTHING)
    assert run() == {**NOTHING, "models_done": 1}


def test_drift_is_told_until_it_is_over(
    world: ModelWorld, caplog: pytest.LogCaptureFixture
) -> None:
    champion(world)
    speak(world, SAID)
    world.call(
        "put_model_performance", model_id="m1", session_day=A_SESSION.day, n=2,
        more={"drift": ["worse_than_base_rate"]},
    )  # fmt: skip
    assert run() == {**NOTHING, "models_done": 1, "models_drifting": 1}
    assert logged(caplog).levelname == "ERROR"
    assert logged(caplog).__dict__["drifting"] == {"m1": ["worse_than_base_rate"]}


def test_a_model_that_cannot_be_judged_is_told_and_the_other_is(
    world: ModelWorld, caplog: pytest.LogCaptureFixture
) -> None:
    champion(world)
    world.call("register_model", **a_model("odd", manifest={"importances": {"a": 1}}))
    world.call("set_alias", alias="challenger", model_id="odd", expected=None, because="a test")
    speak(world, SAID)
    assert run() == {**NOTHING, "models_tracked": 1, "tracking_failures": 1}
    assert logged(caplog).levelname == "ERROR"
    assert logged(caplog).__dict__["failed"][0].startswith("odd: its manifest")


@pytest.mark.filterwarnings("ignore:No application metrics to publish:UserWarning")
def test_a_database_that_does_not_answer_fails_the_function(
    world: ModelWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("STOPWARD_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/nothing")
    with pytest.raises(DatabaseUnavailable):
        run()
    assert [each.message for each in caplog.records if each.levelname == "ERROR"] == [
        "models_not_tracked"
    ]
