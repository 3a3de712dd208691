"""A training ends once, wherever a run dies, and who lost it changes nothing."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from stopward.adapters.archive_folder import FolderArchive
from stopward.adapters.training import FunctionTraining
from stopward.domain.training import Verdict
from stopward.errors import ArchiveUnavailable, InvalidState
from stopward.services.training_job import MOST_ATTEMPTS, STALE_BEFORE, TrainingSummary
from tests.builders.lives import Killed, Life, Mortal
from tests.builders.models import ModelWorld, a_model
from tests.builders.training import (
    BEGAN,
    NAMES,
    SCHEMA_HASH,
    QuickTrainer,
    a_few,
    a_job,
    expire_claim,
)


@pytest.fixture
def world(database_url: str) -> Iterator[ModelWorld]:
    found = ModelWorld(database_url)
    yield found
    found.close()


def due(world: ModelWorld) -> None:
    """Ask for training, with five trades to learn from."""
    a_few(world)
    world.call("request_training")


def log(world: ModelWorld) -> list[tuple[Any, ...]]:
    """Return verdict, model and attempts of each training."""
    return [
        (row["verdict"], row["model_id"], row["attempts"]) for row in world.view("training_log")
    ]


def roles(world: ModelWorld) -> dict[str, str]:
    return {row["alias"]: row["model_id"] for row in world.call("current_models")["models"]}


def models(world: ModelWorld) -> list[str]:
    return sorted(row["model_id"] for row in world.view("models"))


def lived(world: ModelWorld, folder: Path, trainer: QuickTrainer, life: Life) -> TrainingSummary:
    """Run a job whose every call may be its last."""
    book = Mortal(FunctionTraining(world._database, page_trades=3), life)
    archive = Mortal(FolderArchive(folder), life)
    job = a_job(world, folder, trainer, book=book, archive=archive)  # type: ignore[arg-type]
    return job.run(at=BEGAN, holder=f"life-{life.moments}-{id(life)}")


def test_a_training_is_read_stored_registered_and_finished(
    world: ModelWorld, tmp_path: Path
) -> None:
    due(world)
    trainer = QuickTrainer()
    summary = a_job(world, tmp_path, trainer).run(at=BEGAN, holder="one")
    assert log(world) == [("published", "entry-1", 1)]
    assert (models(world), roles(world)) == (["entry-1"], {"champion": "entry-1"})
    assert [row.r for row in trainer.rows] == sorted_results(world)
    assert summary.location == (tmp_path / "models/entry-1/model.onnx").as_uri()
    assert summary.counts() == {
        "trainings": 1, "trainings_published": 1, "trainings_failed": 0, "trainings_lost": 0,
        "training_trades": 5, "training_rebuilt": 0, "training_without_vector": 0,
        "training_imported": 0, "champion_stale": 0,
    }  # fmt: skip
    (row,) = world.view("training_log")
    assert row["numbers"]["auc_low"] == 0.54
    assert row["numbers"]["trades"] == 5


def sorted_results(world: ModelWorld) -> list[float]:
    return [
        r for (r,) in world.rows(
            "select result_r from stopward.trades where account_id = %s order by closed_at"
        )
    ]  # fmt: skip


def test_wherever_a_run_dies_another_one_ends_it_once(world: ModelWorld, tmp_path: Path) -> None:
    due(world)
    whole = Life()
    lived(world, tmp_path, QuickTrainer(), whole)
    # Claim, two pages with the claim kept between, progress, keep, two files, the conclusion.
    assert whole.moments >= 2 * 9
    for moments in range(whole.moments):
        world.call("request_training")
        before, trainer = len(log(world)), QuickTrainer(runs=100 * (moments + 1))
        with pytest.raises(Killed):
            lived(world, tmp_path, trainer, Life(moments))
        expire_claim(world)
        again = lived(world, tmp_path, trainer, Life())
        rows = log(world)
        assert len(rows) == before
        finished = [row for row in rows if row[0] == "published"]
        assert len(finished) == before, f"after {moments} moments"
        # It was concluded by the first life, whose answer alone was lost, or by the second.
        assert (again.training is None) == (moments == whole.moments - 1)
        assert len(models(world)) == len(finished)
    assert sorted(roles(world)) == ["challenger", "champion"]
    assert roles(world)["champion"] == "entry-1"


def test_who_lost_the_claim_while_training_changes_nothing(
    world: ModelWorld, tmp_path: Path
) -> None:
    due(world)

    def another() -> None:
        expire_claim(world)
        won = a_job(world, tmp_path / "other", QuickTrainer(runs=10)).run(at=BEGAN, holder="two")
        assert won.training is not None

    summary = a_job(world, tmp_path / "mine", QuickTrainer(meanwhile=another)).run(
        at=BEGAN, holder="one"
    )
    assert (summary.is_lost, summary.training, summary.counts()["trainings_lost"]) == (
        True, None, 1,
    )  # fmt: skip
    assert log(world) == [("published", "entry-11", 2)]
    assert (models(world), roles(world)) == (["entry-11"], {"champion": "entry-11"})
    assert not (tmp_path / "mine").exists()


def test_who_lost_the_claim_at_the_last_moment_registers_nothing(
    world: ModelWorld, tmp_path: Path
) -> None:
    due(world)

    class TakenOver(FolderArchive):
        def put(self, key: str, source: Any) -> bool:
            expire_claim(world)
            a_job(world, tmp_path / "other", QuickTrainer(verdict="failed", runs=10)).book.claim(
                world.account_id, holder="two", seconds=60
            )
            return super().put(key, source)

    job = a_job(world, tmp_path, QuickTrainer(), archive=TakenOver(tmp_path / "mine"))
    assert job.run(at=BEGAN, holder="one").is_lost
    assert log(world)[0][:2] == (None, None)
    assert (models(world), roles(world)) == ([], {})


@pytest.mark.parametrize("verdict", ["no_model_beats_base_rate", "leak_suspected", "parity_failed"])
def test_a_refused_model_is_kept_and_gets_no_role(
    world: ModelWorld, tmp_path: Path, verdict: Verdict
) -> None:
    due(world)
    summary = a_job(world, tmp_path, QuickTrainer(verdict=verdict)).run(at=BEGAN, holder="one")
    assert log(world) == [(verdict, "entry-1", 1)]
    assert (models(world), roles(world)) == (["entry-1"], {})
    assert summary.counts()["trainings_failed"] == int(verdict != "no_model_beats_base_rate")


def test_what_fails_is_let_go_of_and_given_up_in_the_end(world: ModelWorld, tmp_path: Path) -> None:
    due(world)

    class Full(FolderArchive):
        def put(self, key: str, source: Any) -> bool:
            raise ArchiveUnavailable("no room")

    for number in range(MOST_ATTEMPTS):
        with pytest.raises(ArchiveUnavailable, match="no room"):
            a_job(world, tmp_path, QuickTrainer(), archive=Full(tmp_path)).run(
                at=BEGAN, holder=f"run-{number}"
            )
        (left,) = world.rows(
            "select extract(epoch from claimed_until - now()) <= 1 from"
            " stopward.training_requests where account_id = %s"
        )
        assert left == (True,)
        expire_claim(world)
    summary = a_job(world, tmp_path, QuickTrainer()).run(at=BEGAN, holder="last")
    assert log(world) == [("failed", None, MOST_ATTEMPTS + 1)]
    assert summary.counts()["trainings_failed"] == 1
    (row,) = world.view("training_log")
    assert row["numbers"]["attempts"] == MOST_ATTEMPTS
    assert "given up" in row["numbers"]["says"]


def test_a_training_that_a_person_stops_can_be_begun_again_at_once(
    world: ModelWorld, tmp_path: Path
) -> None:
    due(world)

    def ctrl_c() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        a_job(world, tmp_path, QuickTrainer(meanwhile=ctrl_c)).run(at=BEGAN, holder="stopped")
    (left,) = world.rows(
        "select extract(epoch from claimed_until - now()) <= 1 from"
        " stopward.training_requests where account_id = %s"
    )
    assert left == (True,)


def test_nothing_due_is_nothing_done(world: ModelWorld, tmp_path: Path) -> None:
    a_few(world)
    job = a_job(world, tmp_path, QuickTrainer())
    assert job.nightly(at=BEGAN, holder="one").claim is None
    world.call("put_training_plan", first_at_trades=5)
    assert job.nightly(at=BEGAN, holder="two").training is not None
    assert [row["because"] for row in world.view("training_log")] == ["first"]


def test_what_another_has_is_left_to_it(world: ModelWorld, tmp_path: Path) -> None:
    due(world)
    job = a_job(world, tmp_path, QuickTrainer())
    world.call("claim_training", holder="other", seconds=60)
    assert job.run(at=BEGAN, holder="one").claim is None


def test_a_schema_with_other_names_is_refused(world: ModelWorld, tmp_path: Path) -> None:
    due(world)
    job = a_job(world, tmp_path, QuickTrainer())
    odd = replace(job, names=NAMES[::-1])
    with pytest.raises(InvalidState, match="other names"):
        odd.run(at=BEGAN, holder="one")


@pytest.mark.parametrize(
    ("days_left", "schema", "is_stale"),
    [(STALE_BEFORE.days + 1, SCHEMA_HASH, 0), (STALE_BEFORE.days, SCHEMA_HASH, 1),
     (-1, SCHEMA_HASH, 1), (60, "other", 1)],
)  # fmt: skip
def test_a_champion_that_ends_soon_or_is_of_other_features_is_stale(
    world: ModelWorld, tmp_path: Path, days_left: int, schema: str, is_stale: int
) -> None:
    told = a_model(schema_hash=schema)
    world.call("register_model", **told)
    world.call("set_alias", alias="champion", model_id="m1", expected=None, because="a test")
    job = a_job(world, tmp_path, QuickTrainer())
    (champion,) = job.book.current(world.account_id)
    at = champion.expires_at - timedelta(days=days_left)
    summary = job.nightly(at=at, holder="one")
    assert summary.champion == champion
    assert summary.counts()["champion_stale"] == is_stale
