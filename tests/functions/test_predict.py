"""The function that scores, as Lambda loads it: real database, a real graph, both ways to call."""

import json
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from stopward.adapters.archive_folder import FolderArchive
from stopward.adapters.onnx import open_onnx
from stopward.domain.features.vector import as_bytes
from stopward.domain.scoring.occlusion import packed
from stopward.errors import InvalidInput
from stopward.local.postgres import EmbeddedPostgres
from stopward.services.model_files import ModelFiles
from tests.builders.access import copy_of
from tests.builders.lambda_function import a_context, load_app, metrics
from tests.builders.models import ModelWorld
from tests.builders.opened_models import ENTRY, NAMES, onnx_model
from tests.builders.scoring import registered, sent

CONTEXT = a_context("predict", memory=1024)
MODEL = onnx_model()


@pytest.fixture(scope="module")
def url(postgres_server: EmbeddedPostgres, template_database: str) -> Iterator[str]:
    with copy_of(postgres_server, template_database, "predict") as found:
        yield found


@pytest.fixture
def world(url: str) -> Iterator[ModelWorld]:
    found = ModelWorld(url)
    yield found
    found.close()


@pytest.fixture
def app(
    url: str, world: ModelWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ModuleType]:
    """Load the function for an account whose archive holds MODEL, and which has no champion yet."""
    ModelFiles(FolderArchive(tmp_path)).put(MODEL)
    for name, value in {
        "STOPWARD_ACCOUNT_ID": world.account_id,
        "STOPWARD_DATABASE_URL": url,
        "STOPWARD_ARCHIVE_FOLDER": str(tmp_path),
        "STOPWARD_MODEL_REFRESH_SECONDS": "1",
        "POWERTOOLS_SERVICE_NAME": "stopward",
        "POWERTOOLS_METRICS_NAMESPACE": "Stopward",
    }.items():
        monkeypatch.setenv(name, value)
    found = load_app("predict")
    yield found
    found.predictor.scoring.book._functions.close()


def direct(app: ModuleType, told: object) -> Any:
    return app.handler(told, CONTEXT)


def over_http(app: ModuleType, body: str, *, method: str = "POST", coded: bool = False) -> Any:
    event = {
        "version": "2.0",
        "requestContext": {"http": {"method": method, "path": "/"}},
        "body": b64encode(body.encode()).decode() if coded else body,
        "isBase64Encoded": coded,
    }
    found = app.handler(event, CONTEXT)
    assert found["headers"]["content-type"] == "application/json"
    return found["statusCode"], json.loads(found["body"])


def stored(world: ModelWorld) -> list[Any]:
    return world.rows(
        "select signal_id, probability, decision, arm, vector from stopward.predictions"
        " where account_id = %s order by signal_id"
    )


def test_a_batch_is_scored_logged_and_counted(
    app: ModuleType,
    world: ModelWorld,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    registered(world, MODEL)
    batch = [sent("s1"), sent("s2", features={NAMES[0]: 0.0, NAMES[1]: None})]
    found = direct(app, {"signals": batch})
    assert (found["status"], found["logged"], found["account_id"]) == (200, True, world.account_id)
    rows = stored(world)
    assert [row[0] for row in rows] == ["s1", "s2"]
    for scored, (_, probability, decision, arm, vector) in zip(found["scores"], rows, strict=True):
        score = scored["score"]
        served = tuple(None if each is None else float(each) for each in vector)
        (asked,) = open_onnx(MODEL).probabilities(packed([served]))
        assert score["probability"] == probability == pytest.approx(asked, abs=1e-6)
        assert (scored["decision"], score["arm"]) == (decision, arm)
        assert (score["model_id"], score["schema_hash"]) == (MODEL.model_id, ENTRY)
        assert (score["weight"], score["stage"], scored["binds"]) == ("0", "shadow", False)
        assert 1 <= len(score["moved"]) <= 5
        assert score["latency_ms"] > 0
    assert as_bytes(tuple(rows[1][4]))[4:8] == as_bytes((None,))
    (line,) = [each for each in caplog.records if each.message == "signals_scored"]
    assert line.levelname == "INFO"
    emitted = metrics(capsys.readouterr().out)
    assert (emitted["ScoresServed"], emitted["ScoresUnserved"]) == ([2.0], [0.0])
    assert emitted["ScoreLatency"][0] > 0


def test_the_url_answers_the_same_as_a_direct_call(app: ModuleType, world: ModelWorld) -> None:
    registered(world, MODEL)
    told = direct(app, sent())
    for coded in (False, True):
        status, document = over_http(app, json.dumps(sent()), coded=coded)
        assert status == told["status"] == 200
        for scored in (*told["scores"], *document["scores"]):
            del scored["score"]["latency_ms"]
        assert document["scores"] == told["scores"]
        told = direct(app, sent())


def test_what_cannot_be_used_is_told_by_its_path_and_nothing_is_done(
    app: ModuleType,
    world: ModelWorld,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    registered(world, MODEL)
    batch = {"signals": [sent("s1"), sent("s2", features={NAMES[3]: "high"}), sent("s1")]}
    found = direct(app, batch)
    assert found["status"] == 422
    assert [each["path"] for each in found["errors"]] == [f"signals.1.features.{NAMES[3]}"]
    assert over_http(app, json.dumps(batch)) == (
        422,
        {"errors": found["errors"], "more_errors": 0},
    )
    assert stored(world) == []
    assert [each.message for each in caplog.records if each.levelname == "WARNING"] == [
        "request_refused"
    ] * 2
    first, *_ = capsys.readouterr().out.splitlines()
    assert metrics(first)["RequestsRefused"] == [1.0]


@pytest.mark.parametrize(
    ("wrong", "allowed"),
    [
        ({"at": "0001-01-01T00:00:00+14:00"}, "no time before 2000"),
        ({"at": "1999-12-31T23:59:59Z"}, "no time before 2000"),
        ({"at": "9999-12-31T23:59:59-12:00"}, "no time of the future"),
        ({"symbol": "AC\0ME"}, "a text without the character NUL"),
        ({"position_id": "p\0"}, "a text without the character NUL"),
    ],
)
def test_what_the_database_would_refuse_is_refused_before_anything_is_scored(
    app: ModuleType, world: ModelWorld, wrong: dict[str, str], allowed: str
) -> None:
    registered(world, MODEL)
    found = direct(app, {"signals": [sent("s1"), {**sent("s2"), **wrong}]})
    assert found["status"] == 422
    assert [(each["path"], each["allowed"]) for each in found["errors"]] == [
        (f"signals.1.{next(iter(wrong))}", allowed)
    ]
    assert stored(world) == []


@pytest.mark.parametrize("body", ["", "{", "NaN", "[1]", "[" * 100_000, '"text"'])
def test_a_body_that_is_no_request_is_refused(app: ModuleType, body: str) -> None:
    status, document = over_http(app, body)
    assert status == 422
    assert len(document["errors"]) == 1


def test_no_other_method_scores(app: ModuleType) -> None:
    status, document = over_http(app, json.dumps(sent()), method="GET")
    assert (status, document["errors"][0]["allowed"]) == (
        405,
        "the method was GET; allowed is POST",
    )


def test_without_a_champion_a_signal_has_its_reason_and_a_new_one_is_asked_warm(
    app: ModuleType,
    world: ModelWorld,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    found = direct(app, sent())
    (scored,) = found["scores"]
    assert (found["status"], scored["score"], scored["reason"]) == (200, None, "no_model")
    assert (scored["decision"], scored["binds"]) == ("none", False)
    (line,) = [each for each in caplog.records if each.message == "signals_scored"]
    assert line.levelname == "ERROR"
    assert "no champion" in line.__dict__["unserved"]
    assert metrics(capsys.readouterr().out)["ScoresUnserved"] == [1.0]
    registered(world, MODEL)
    app.predictor.scoring.champions.refresh_seconds = 0.0
    (scored,) = direct(app, sent())["scores"]
    assert scored["score"]["model_id"] == MODEL.model_id


def test_a_database_that_goes_away_is_told_and_the_trade_is_not_blocked(
    app: ModuleType, world: ModelWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    registered(world, MODEL)
    direct(app, sent())
    world.execute("alter table stopward.predictions rename to hidden")
    try:
        found = direct(app, sent("s2"))
    finally:
        world.execute("alter table stopward.hidden rename to predictions")
    assert (found["status"], found["logged"]) == (200, False)
    assert found["not_logged_because"]
    (scored,) = found["scores"]
    assert scored["score"] is not None
    assert not scored["binds"]
    last = capsys.readouterr().out.splitlines()[-1]
    assert metrics(last)["ScoresUnlogged"] == [1.0]


def test_without_an_archive_it_does_not_start(
    app: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STOPWARD_ARCHIVE_FOLDER")
    with pytest.raises(InvalidInput, match="STOPWARD_ARCHIVE_BUCKET"):
        load_app("predict")


def test_another_account_is_asked_for_in_a_fleet_only(
    app: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {**sent(), "account_id": "somebody"}
    assert direct(app, told)["errors"][0]["path"] == "account_id"
    monkeypatch.setenv("STOPWARD_FLEET", "paper-fleet")
    fleet = load_app("predict")
    (scored,) = direct(fleet, told)["scores"]
    fleet.predictor.scoring.book._functions.close()
    assert scored["reason"] == "model_unreachable"
    assert "somebody" in scored["says"]
