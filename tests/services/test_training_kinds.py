"""A training makes a model of each kind, and ends once with the verdict of the entry model."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from stopward.adapters.archive_folder import FolderArchive
from stopward.adapters.training import FunctionTraining
from stopward.domain.training import Verdict
from stopward.errors import DatabaseUnavailable, InvalidInput
from stopward.services.training_job import MOST_TOGETHER, STALE_BEFORE, TrainingSummary
from tests.builders.lives import Killed, Life, Mortal
from tests.builders.models import ModelWorld, a_model
from tests.builders.training import (
    BEGAN,
    OPEN,
    SCHEMA_HASH,
    QuickTrainer,
    a_few,
    a_job,
    expire_claim,
    open_minutes,
)


@pytest.fixture
def world(database_url: str) -> Iterator[ModelWorld]:
    found = ModelWorld(database_url)
    yield found
    found.close()


def due(world: ModelWorld) -> None:
    """Ask for training, with five trades that were looked at while they were open."""
    open_minutes(world, a_few(world, minutes=100))
    world.call("request_training")


def run(world: ModelWorld, folder: Path, trainer: Any, holder: str = "one") -> TrainingSummary:
    return a_job(world, folder, trainer, further=(OPEN,)).run(at=BEGAN, holder=holder)


def roles(world: ModelWorld) -> list[tuple[str, str, str]]:
    return sorted(
        (row["kind"], row["alias"], row["model_id"])
        for row in world.call("current_models")["models"]
    )


def models(world: ModelWorld) -> list[str]:
    return sorted(row["model_id"] for row in world.view("models"))


def test_each_kind_is_read_trained_stored_and_registered(world: ModelWorld, tmp_path: Path) -> None:
    due(world)
    trainer = QuickTrainer(of_open="published")
    summary = run(world, tmp_path, trainer)
    assert (len(trainer.rows), len(trainer.open_rows)) == (5, 5)
    assert {len(row.vector) for row in trainer.open_rows} == {len(OPEN.names)}
    assert roles(world) == [("entry", "champion", "entry-1"), ("open", "champion", "open-1")]
    assert (tmp_path / "models/open-1/model.onnx").is_file()
    (row,) = world.view("training_log")
    assert (row["verdict"], row["model_id"]) == ("published", "entry-1")
    assert row["numbers"]["open"] == {
        "verdict": "published", "auc_low": 0.54, "trades": 5, "rebuilt": 0, "without_vector": 0,
        "imported": 0,
    }  # fmt: skip
    counts = summary.counts()
    assert (counts["trainings"], counts["trainings_published"]) == (1, 2)
    told: Any = summary.facts()["open"]
    assert (told["verdict"], told["model_id"], told["role"]) == ("published", "open-1", "champion")


def test_without_vectors_of_open_positions_only_that_is_noted(
    world: ModelWorld, tmp_path: Path
) -> None:
    a_few(world)
    world.call("request_training")
    summary = run(world, tmp_path, QuickTrainer())
    assert roles(world) == [("entry", "champion", "entry-1")]
    (row,) = world.view("training_log")
    assert row["numbers"]["open"] == {
        "verdict": "not_enough_trades", "says": "missing: 100 trades (0 of 100)", "trades": 0,
        "rebuilt": 0, "without_vector": 5, "imported": 0,
    }  # fmt: skip
    counts = summary.counts()
    assert (counts["trainings_published"], counts["trainings_failed"]) == (1, 0)


@pytest.mark.parametrize(
    ("entry", "of_open", "failed"),
    [("no_model_beats_base_rate", "published", 0), ("published", "leak_suspected", 1),
     ("leak_suspected", "parity_failed", 2)],
)  # fmt: skip
def test_neither_verdict_touches_the_other(
    *, world: ModelWorld, tmp_path: Path, entry: Verdict, of_open: Verdict, failed: int
) -> None:
    due(world)
    summary = run(world, tmp_path, QuickTrainer(verdict=entry, of_open=of_open))
    kinds = (("entry", entry), ("open", of_open))
    assert roles(world) == [
        (kind, "champion", f"{kind}-1") for kind, verdict in kinds if verdict == "published"
    ]
    assert models(world) == ["entry-1", "open-1"]
    assert summary.counts()["trainings_failed"] == failed


def lived(world: ModelWorld, folder: Path, trainer: QuickTrainer, life: Life) -> TrainingSummary:
    """Run a job of both kinds whose every call may be its last."""
    book = Mortal(FunctionTraining(world._database, page_trades=3), life)
    archive = Mortal(FolderArchive(folder), life)
    job = a_job(world, folder, trainer, book=book, archive=archive, further=(OPEN,))  # type: ignore[arg-type]
    return job.run(at=BEGAN, holder=f"life-{life.moments}-{id(life)}")


def test_wherever_a_run_dies_another_one_ends_both_kinds_once(
    world: ModelWorld, tmp_path: Path
) -> None:
    due(world)
    whole = Life()
    lived(world, tmp_path, QuickTrainer(of_open="published"), whole)
    # Claim; of each kind two pages with the claim kept between, progress, keep, two files; the end.
    assert whole.moments >= 2 * 16
    for moments in range(whole.moments):
        world.call("request_training")
        before = len(world.view("training_log"))
        trainer = QuickTrainer(runs=100 * (moments + 1), of_open="published")
        with pytest.raises(Killed):
            lived(world, tmp_path, trainer, Life(moments))
        expire_claim(world)
        again = lived(world, tmp_path, trainer, Life())
        finished = [row for row in world.view("training_log") if row["verdict"] == "published"]
        assert len(finished) == before, f"after {moments} moments"
        assert (again.training is None) == (moments == whole.moments - 1)
        found = models(world)
        assert sum(name.startswith("entry-") for name in found) == before
        assert sum(name.startswith("open-") for name in found) == before
    assert [role[:2] for role in roles(world)] == [
        (kind, alias) for kind in ("entry", "open") for alias in ("challenger", "champion")
    ]


class Faulty(QuickTrainer):
    """Breaks at open positions."""

    error: BaseException

    def __call__(self, rows: Any, *, kind: Any, **how: Any) -> Any:
        if kind == "open":
            raise self.error
        return super().__call__(rows, kind=kind, **how)


def faulty(error: BaseException) -> Faulty:
    found = Faulty()
    found.error = error
    return found


def test_vectors_of_open_positions_that_cannot_be_used_keep_no_entry_model(
    world: ModelWorld, tmp_path: Path
) -> None:
    due(world)
    summary = run(world, tmp_path, faulty(InvalidInput("a feature was infinite")))
    (row,) = world.view("training_log")
    assert row["verdict"] == "published"
    assert row["numbers"]["open"] == {"verdict": "failed", "says": "a feature was infinite"}
    assert summary.counts()["trainings_failed"] == 1


def test_a_schema_of_open_positions_with_other_names_keeps_no_entry_model(
    world: ModelWorld, tmp_path: Path
) -> None:
    due(world)
    odd = replace(OPEN, names=OPEN.names[::-1])
    job = a_job(world, tmp_path, QuickTrainer(of_open="published"), further=(odd,))
    job.run(at=BEGAN, holder="one")
    (row,) = world.view("training_log")
    assert row["numbers"]["open"]["verdict"] == "failed"
    assert "other names" in row["numbers"]["open"]["says"]
    assert roles(world) == [("entry", "champion", "entry-1")]


@pytest.mark.parametrize("error", [DatabaseUnavailable("gone"), MemoryError()])
def test_what_may_pass_is_tried_again_and_given_up_without_the_entry_model(
    world: ModelWorld, tmp_path: Path, error: BaseException
) -> None:
    due(world)
    for number in range(MOST_TOGETHER):
        with pytest.raises(type(error)):
            run(world, tmp_path, faulty(error), f"run-{number}")
        assert models(world) == []
        expire_claim(world)
    run(world, tmp_path, faulty(error), "last")
    (row,) = world.view("training_log")
    assert (row["verdict"], row["attempts"]) == ("published", MOST_TOGETHER + 1)
    assert row["numbers"]["open"]["verdict"] == "failed"
    assert "given up: 3 runs" in row["numbers"]["open"]["says"]


@pytest.mark.parametrize(
    ("schema", "days_left", "is_stale"),
    [(OPEN.schema_hash, STALE_BEFORE.days + 1, 0), (OPEN.schema_hash, STALE_BEFORE.days, 1),
     (SCHEMA_HASH, 60, 1)],
)  # fmt: skip
def test_a_champion_of_open_positions_is_stale_by_its_own_features(
    *, world: ModelWorld, tmp_path: Path, schema: str, days_left: int, is_stale: int
) -> None:
    for told in (
        a_model("entry-m", schema_hash=SCHEMA_HASH, expires_at="2099-01-01T00:00:00Z"),
        a_model("open-m", kind="open", schema_hash=schema),
    ):
        world.call("register_model", **told)
        world.call(
            "set_alias",
            kind=told["kind"], alias="champion", model_id=told["model_id"], expected=None,
            because="a test",
        )  # fmt: skip
    job = a_job(world, tmp_path, QuickTrainer(), further=(OPEN,))
    by_kind = {model.kind: model for model in job.book.current(world.account_id)}
    at = by_kind["open"].expires_at - timedelta(days=days_left)
    summary = job.nightly(at=at, holder="one")
    assert summary.counts()["champion_stale"] == is_stale
    assert summary.champion == by_kind["entry"]
    facts = summary.facts()
    assert (facts["champion"], facts["open_champion"]) == ("entry-m", "open-m")
    alone = a_job(world, tmp_path, QuickTrainer()).nightly(at=at, holder="two")
    assert alone.counts()["champion_stale"] == 0
