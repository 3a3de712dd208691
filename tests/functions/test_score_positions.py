"""The function that scores what is open, as Lambda loads it: real database, graph, broker."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest

from stopward.adapters.archive_folder import FolderArchive
from stopward.adapters.onnx import open_onnx
from stopward.domain.features import names, schema_hash
from stopward.domain.identity import Symbol
from stopward.domain.scoring.occlusion import packed
from stopward.errors import DatabaseUnavailable, InvalidInput
from stopward.local.postgres import EmbeddedPostgres
from stopward.local.simulator import KEY, SECRET, Simulator
from stopward.services.model_files import ModelFiles
from tests.builders.access import copy_of
from tests.builders.evening import a_night
from tests.builders.lambda_function import a_context, load_app, metrics
from tests.builders.models import ModelWorld
from tests.builders.open_positions import ENTERED
from tests.builders.opened_models import onnx_model
from tests.builders.past_features import FRIDAY, INDEX, minutes
from tests.builders.scoring import registered
from tests.builders.store import A_SESSION, NOON, D

CONTEXT = a_context("score_positions", memory=1024)
MODEL = onnx_model("open")
MINUTE = timedelta(minutes=1)
SYMBOLS = ("AAPL", "MSFT")
NOTHING = {
    "positions_open": 0,
    "positions_unscored": 0,
    "positions_scored": 0,
    "position_scores_binding": 0,
    "position_vectors_kept": 0,
    "position_minutes_completed": 0,
    "position_scoring_failures": 0,
    "models_refused": 0,
}


@pytest.fixture(scope="module")
def url(postgres_server: EmbeddedPostgres, template_database: str) -> Iterator[str]:
    with copy_of(postgres_server, template_database, "score_positions") as found:
        yield found


@pytest.fixture(scope="module")
def broker() -> Iterator[str]:
    simulator = Simulator(
        bars={Symbol(each): minutes(each) for each in (*SYMBOLS, INDEX)},
        sessions=[FRIDAY, A_SESSION],
        start=A_SESSION.closes_at,
        cash=D("1000"),
    )
    with simulator.serve() as found:
        yield found


@pytest.fixture
def world(
    url: str, broker: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ModelWorld]:
    """Yield an account whose archive holds MODEL, with two positions entered before noon."""
    ModelFiles(FolderArchive(tmp_path)).put(MODEL)
    settings = {
        "STOPWARD_ARCHIVE_FOLDER": str(tmp_path),
        "STOPWARD_BROKER_URL": "http://127.0.0.1:9",
        "STOPWARD_MARKET_DATA_URL": broker,
        "STOPWARD_BROKER_KEY_ID": KEY,
        "STOPWARD_BROKER_SECRET_KEY": SECRET,
    }
    with a_night(url, monkeypatch, **settings) as found:
        found.people.put_sessions([FRIDAY])
        found.open(*SYMBOLS, opened_at=ENTERED, adopted_at=ENTERED)
        yield found


def run(at: Any = NOON) -> dict[str, int]:
    app = load_app("score_positions")
    try:
        counts: dict[str, int] = app.handler({"time": at.isoformat()}, CONTEXT)
    finally:
        app.positions.book._functions.close()
        if app.positions.scoring is not None:
            app.positions.scoring.book._functions.close()
    return counts


def logged(caplog: pytest.LogCaptureFixture) -> Any:
    (record,) = [each for each in caplog.records if each.message == "positions_scored"]
    return record


def scores(world: ModelWorld) -> list[dict[str, Any]]:
    return sorted(world.view("position_scores"), key=lambda each: str(each["symbol"]))


def test_a_minute_is_scored_by_the_graph_logged_and_shown(
    world: ModelWorld, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    registered(world, MODEL)
    assert run() == {**NOTHING, "positions_open": 2, "positions_scored": 2}
    vectors = world.rows(
        "select position_id, vector from stopward.trade_features where account_id = %s"
        " and kind = 'open' order by position_id"
    )
    for score, (position_id, vector) in zip(scores(world), vectors, strict=True):
        (asked,) = open_onnx(MODEL).probabilities(packed([tuple(vector)]))
        assert score["probability"] == pytest.approx(asked, abs=1e-6)
        assert score["position_id"] == position_id
        assert (score["model_id"], score["binds"]) == (MODEL.model_id, False)
        told = dict(zip(names("open"), vector, strict=True))
        assert told["age_minutes"] == 20.0
        missing = {name for name, each in told.items() if each is None}
        assert missing <= {"target_distance_r", "given_back"}
    assert logged(caplog).levelname == "INFO"
    emitted = metrics(capsys.readouterr().out)
    assert emitted["PositionsScored"] == [2.0]
    assert len(emitted) == len(NOTHING)


def test_the_next_minute_takes_its_place_and_the_same_one_changes_nothing(
    world: ModelWorld,
) -> None:
    registered(world, MODEL)
    run()
    first = scores(world)
    run()
    assert scores(world) == first
    run(NOON + MINUTE)
    later = scores(world)
    assert {each["at"] for each in later} == {NOON + MINUTE}
    run()
    assert scores(world) == later
    count = "select count(*) from stopward.predictions where account_id = %s"
    assert world.rows(count) == [(4,)]


def test_without_a_model_vectors_are_kept_every_five_minutes(
    world: ModelWorld, caplog: pytest.LogCaptureFixture
) -> None:
    assert run(NOON + MINUTE) == {**NOTHING, "positions_open": 2}
    assert run() == {**NOTHING, "positions_open": 2, "position_vectors_kept": 2}
    kept = world.rows("select schema_hash, at from stopward.trade_features where account_id = %s")
    assert kept == [(schema_hash("open"), NOON)] * 2
    assert scores(world) == []
    assert {each.levelname for each in caplog.records if each.message == "positions_scored"} == {
        "INFO"
    }


def test_out_of_session_nothing_is_done(world: ModelWorld) -> None:
    registered(world, MODEL)
    assert run(A_SESSION.closes_at) == {**NOTHING, "positions_open": 2}
    assert scores(world) == []


def test_a_broker_without_bars_is_told_and_leaves_no_score(
    world: ModelWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    registered(world, MODEL)
    monkeypatch.setenv("STOPWARD_MARKET_DATA_URL", "http://127.0.0.1:9")
    assert run() == {**NOTHING, "positions_open": 2, "position_scoring_failures": 1}
    assert logged(caplog).levelname == "ERROR"
    assert scores(world) == []


def test_a_database_that_is_gone_fails_the_call_and_is_counted(
    world: ModelWorld,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("STOPWARD_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/none")
    with pytest.raises(DatabaseUnavailable):
        run()
    assert "positions_not_scored" in [each.message for each in caplog.records]
    assert metrics(capsys.readouterr().out) == {"PositionScoringFailures": [1.0]}


def test_an_event_without_a_time_is_refused_and_counted(
    world: ModelWorld, capsys: pytest.CaptureFixture[str]
) -> None:
    app = load_app("score_positions")
    with pytest.raises(InvalidInput, match="ISO 8601"):
        app.handler({}, CONTEXT)
    assert metrics(capsys.readouterr().out) == {"PositionScoringFailures": [1.0]}


@pytest.mark.parametrize("at", [NOON, NOON + MINUTE])
def test_a_champion_whose_file_is_not_there_is_told_each_minute(
    world: ModelWorld,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    at: datetime,
) -> None:
    registered(world, MODEL)
    rmtree(tmp_path / "models")
    assert run(at)["position_scoring_failures"] == 1
    assert metrics(capsys.readouterr().out)["PositionScoringFailures"] == [1.0]
    line = logged(caplog)
    assert line.levelname == "ERROR"
    assert line.failed == [line.unserved]
    assert MODEL.model_id in line.unserved


def test_a_stack_without_keys_of_its_broker_does_not_start(
    world: ModelWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STOPWARD_BROKER_KEY_ID")
    with pytest.raises(InvalidInput, match="STOPWARD_BROKER"):
        load_app("score_positions")
