"""The function that trains, as Lambda loads it: real database and learners, a folder of models."""

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from stopward import bootstrap
from stopward.adapters.archive_folder import FolderArchive
from stopward.errors import DatabaseUnavailable, InvalidInput
from stopward.services.model_files import ModelFiles
from stopward.services.training_job import STALE_BEFORE
from tests.builders.cloudwatch import FUNCTIONS
from tests.builders.evening import a_night, called
from tests.builders.lambda_function import a_context, metrics
from tests.builders.models import ModelWorld, a_model
from tests.builders.simulated_trades import some_trades
from tests.builders.training import BEGAN, SCHEMA_HASH, QuickTrainer, store_journal
from tests.docs.pages import ROOT

CONTEXT = a_context("train_model", memory=1769)
EVENT = {"time": BEGAN.isoformat()}
NOTHING: dict[str, int] = {
    "trainings": 0, "trainings_published": 0, "trainings_failed": 0, "trainings_lost": 0,
    "training_trades": 0, "training_rebuilt": 0, "training_without_vector": 0,
    "training_imported": 0, "champion_stale": 0,
}  # fmt: skip


@pytest.fixture
def world(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ModelWorld]:
    with a_night(database_url, monkeypatch, STOPWARD_ARCHIVE_FOLDER=str(tmp_path)) as found:
        yield found


def run() -> dict[str, int]:
    return called("train_model", "job", EVENT, CONTEXT)


def logged(caplog: pytest.LogCaptureFixture) -> Any:
    (record,) = [each for each in caplog.records if each.message == "training_ended"]
    return record


def test_an_edge_is_found_published_and_asked_in_shadow(
    world: ModelWorld,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    store_journal(world, some_trades(240, oracle_auc=0.85, seed=1, features=4), bare=5, rebuilt=7)
    counts = run()
    assert counts == {
        **NOTHING, "trainings": 1, "trainings_published": 1, "training_trades": 235,
        "training_rebuilt": 7, "training_without_vector": 5,
    }  # fmt: skip
    (row,) = world.view("training_log")
    assert (row["verdict"], row["because"]) == ("published", "first")
    assert row["numbers"]["auc_low"] > 0.5
    (champion,) = world.call("current_models")["models"]
    assert (champion["alias"], champion["stage"], champion["weight"]) == (
        "champion", "shadow", "0",
    )  # fmt: skip
    model = ModelFiles(FolderArchive(tmp_path)).read(row["model_id"], schema_hash=SCHEMA_HASH)
    assert champion["location"] == (tmp_path / f"models/{row['model_id']}/model.onnx").as_uri()
    assert champion["threshold"] == model.manifest["threshold"]["probability"]
    assert (logged(caplog).levelname, logged(caplog).__dict__["role"]) == ("INFO", "champion")
    emitted = metrics(capsys.readouterr().out)
    assert emitted["TrainingsPublished"] == [1.0]
    assert len(emitted) == len(counts)
    caplog.clear()
    assert run() == NOTHING, "fifty more trades make the next one due"


def test_without_an_edge_it_is_refused_and_nobody_is_asked(
    world: ModelWorld, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store_journal(world, some_trades(150, seed=3, features=4))
    assert run() == {**NOTHING, "trainings": 1, "training_trades": 150}
    (row,) = world.view("training_log")
    assert row["verdict"] == "no_model_beats_base_rate"
    assert row["numbers"]["log_loss_gain"] <= 0.0 or row["numbers"]["auc_low"] <= 0.5
    assert world.call("current_models")["models"] == []
    assert [path.name for path in (tmp_path / "models").iterdir()] == [row["model_id"]]
    assert logged(caplog).levelname == "INFO"


def test_too_few_trades_end_with_what_is_missing(world: ModelWorld, tmp_path: Path) -> None:
    store_journal(world, some_trades(20, features=2))
    world.call("request_training")
    assert run() == {**NOTHING, "trainings": 1, "training_trades": 20}
    (row,) = world.view("training_log")
    assert (row["verdict"], row["model_id"]) == ("not_enough_trades", None)
    assert "80 trades (20 of 100)" in row["numbers"]["says"]
    assert list(tmp_path.iterdir()) == []


def test_a_champion_that_is_old_is_told_each_night(
    world: ModelWorld, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    model = a_model(schema_hash=SCHEMA_HASH)
    world.call("register_model", **model)
    world.call("set_alias", alias="champion", model_id="m1", expected=None, because="a test")
    stale_from = datetime.fromisoformat(model["expires_at"]) - STALE_BEFORE
    before = {"time": (stale_from - timedelta(minutes=1)).isoformat()}
    assert called("train_model", "job", before, CONTEXT)["champion_stale"] == 0
    caplog.clear()
    capsys.readouterr()
    stale = called("train_model", "job", {"time": stale_from.isoformat()}, CONTEXT)
    assert stale == {**NOTHING, "champion_stale": 1}
    assert (logged(caplog).levelname, logged(caplog).__dict__["champion"]) == ("ERROR", "m1")
    assert metrics(capsys.readouterr().out)["ChampionStale"] == [1.0]


@pytest.mark.filterwarnings("ignore:No application metrics to publish:UserWarning")
def test_a_database_that_does_not_answer_fails_the_function(
    world: ModelWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("STOPWARD_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/nothing")
    with pytest.raises(DatabaseUnavailable):
        run()
    assert [each.message for each in caplog.records if each.levelname == "ERROR"] == [
        "training_broke_off"
    ]


def test_without_a_place_for_models_it_is_not_wired(
    world: ModelWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("STOPWARD_ARCHIVE_FOLDER")
    with pytest.raises(InvalidInput, match="STOPWARD_ARCHIVE_BUCKET"):
        bootstrap.training_job(trainer=QuickTrainer())


def test_it_has_memory_and_time_for_the_longest_journal_that_was_measured() -> None:
    measured = json.loads((ROOT / "benchmarks/results/training.json").read_text(encoding="utf-8"))
    function = FUNCTIONS["train_model"]
    longest = max(measured["rows"], key=lambda row: row["trades"])
    assert longest["trades"] == 50_000
    assert 2 * longest["peak_mb"] < function.memory_mb
    assert 10 * longest["processor_seconds"] < function.timeout_seconds


def test_the_image_holds_what_its_requirements_pin_and_nothing_else() -> None:
    folder = ROOT / "functions" / "train_model"
    kept = (folder / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = {line[1:] for line in kept if line.startswith("!")}
    copied = re.findall(
        r"^COPY (\S+) ", (folder / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert set(copied) == allowed
    pinned = versions("requirements/train_model.txt")
    here = versions("requirements/train.txt")
    learners = {"numpy", "onnx", "onnxruntime", "protobuf", "scikit-learn", "scipy", "skl2onnx"}
    assert learners <= set(pinned)
    assert {name: pinned[name] & here[name] for name in learners} == {
        name: pinned[name] for name in learners
    }


def versions(name: str) -> dict[str, set[str]]:
    """Return what a file of pins pins, by name; another Python may have another version."""
    found: dict[str, set[str]] = {}
    for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
        if match := re.match(r"([A-Za-z0-9][\w.-]*)==([^\s;]+)", line):
            found.setdefault(match[1], set()).add(match[2])
    return found
