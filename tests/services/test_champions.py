"""Who is asked: opened once a version, looked up again in time, the last good one kept."""

import io
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from stopward.adapters.archive_folder import FolderArchive
from stopward.domain.current_model import CurrentModel
from stopward.domain.identity import AccountId
from stopward.domain.model_file import ModelFile, manifest_text
from stopward.errors import ArchiveUnavailable, DatabaseRejected, DatabaseUnavailable
from stopward.services.champions import WEIGHT_LASTS, Champion, Champions, NoScore
from stopward.services.model_files import ModelFiles
from stopward.services.scorer import Scorer
from tests.builders.opened_models import ENTRY, NAMES, NOW, open_tiny, tiny_model
from tests.builders.scoring import Models, a_role

MAIN = AccountId("main")
SECONDS = 60.0
ONE = tiny_model()
OTHER = tiny_model(weights=[1.0] * len(NAMES))


class Stage:
    """An archive, roles, a clock, and a count of the models that were opened."""

    def __init__(self, folder: Path) -> None:
        self.archive = FolderArchive(folder)
        self.files = ModelFiles(self.archive)
        self.book = Models()
        self.now = NOW
        self.opened: list[str] = []
        self.champions = Champions(
            book=self.book, files=self.files, open_model=self._open, refresh_seconds=SECONDS
        )

    def _open(self, model: ModelFile) -> Scorer:
        self.opened.append(model.model_id)
        return open_tiny(model)

    def put(self, model: ModelFile, **changed: Any) -> None:
        self.files.put(model)
        self.book.roles = (a_role(model, **changed),)

    def ask(self, *, after: float = 0.0) -> Champion | NoScore:
        self.now += timedelta(seconds=after)
        return self.champions.of(MAIN, "entry", now=self.now)

    def asked(self, *, after: float = 0.0) -> Champion:
        found = self.ask(after=after)
        assert isinstance(found, Champion), found
        return found

    def refusal(self, *, after: float = 0.0) -> NoScore:
        found = self.ask(after=after)
        assert isinstance(found, NoScore), found
        return found


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


def test_a_champion_is_opened_once_and_its_role_asked_for_again_in_time(stage: Stage) -> None:
    stage.put(ONE)
    for _ in range(3):
        assert stage.asked(after=SECONDS / 4).opened.facts.model_id == ONE.model_id
    assert (stage.opened, stage.book.looks) == ([ONE.model_id], 1)
    assert stage.asked(after=SECONDS).instead_of == ""
    assert (stage.opened, stage.book.looks) == ([ONE.model_id], 2)
    assert stage.book.schemas == {ENTRY: NAMES}


def test_a_new_champion_is_asked_without_a_cold_start(stage: Stage) -> None:
    stage.put(ONE)
    stage.asked()
    stage.put(OTHER)
    assert stage.asked(after=SECONDS - 1).opened.facts.model_id == ONE.model_id
    assert stage.asked(after=1).opened.facts.model_id == OTHER.model_id
    assert stage.opened == [ONE.model_id, OTHER.model_id]


def test_a_weight_is_read_again_with_the_role(stage: Stage) -> None:
    stage.put(ONE)
    stage.asked()
    stage.book.roles = (a_role(ONE, stage="pilot", weight=Decimal("0.10")),)
    assert stage.asked().role.weight == 0
    assert (stage.asked(after=SECONDS).role.weight, stage.opened) == (
        Decimal("0.10"),
        [ONE.model_id],
    )


@pytest.mark.parametrize(
    ("role", "reason"),
    [
        (None, "no_model"),
        (a_role(ONE, alias="challenger"), "no_model"),
        (a_role(ONE, kind="open"), "no_model"),
        (a_role(ONE, expires_at=NOW), "model_expired"),
        (a_role(ONE, schema_hash="7" * 64), "schema_mismatch"),
        (a_role(ONE, sha256="7" * 64), "model_refused"),
        (a_role(ONE, threshold=0.51), "model_refused"),
        (a_role(OTHER), "model_refused"),
    ],
    ids=["none", "challenger", "open", "expired", "schema", "swapped", "threshold", "not there"],
)
def test_who_cannot_be_asked_is_not_and_the_reason_is_told(
    stage: Stage, role: CurrentModel | None, reason: str
) -> None:
    stage.put(ONE)
    stage.book.roles = () if role is None else (role,)
    found = stage.refusal()
    assert found.reason == reason
    assert found.says


def golden_rows_off_by(difference: float) -> ModelFile:
    rows = [dict(row) for row in ONE.manifest["golden"]]
    rows[3]["probability"] += difference
    return ModelFile(graph=ONE.graph, manifest={**ONE.manifest, "golden": rows})


def test_a_model_that_answers_otherwise_than_it_did_is_not_asked(stage: Stage) -> None:
    stage.put(golden_rows_off_by(2e-5))
    found = stage.refusal()
    assert found.reason == "golden_rows_failed"
    assert "golden row 4 was" in found.says
    assert stage.book.schemas == {}


def test_a_golden_row_may_differ_by_its_rounding(stage: Stage) -> None:
    stage.put(golden_rows_off_by(0.9e-5))
    assert stage.asked().opened.facts.model_id == ONE.model_id


def corrupt(archive: FolderArchive, graph: bytes, manifest: bytes) -> None:
    for name, content in (("model.onnx", graph), ("manifest.json", manifest)):
        archive.put(f"models/{OTHER.model_id}/{name}", io.BytesIO(content))


WHOLE = manifest_text(OTHER.manifest)


@pytest.mark.parametrize(
    ("graph", "manifest", "words"),
    [
        (OTHER.graph[:-1] + b" ", WHOLE, "sha256 differs"),
        (OTHER.graph[:-9], WHOLE, "bytes, "),
        (ONE.graph, manifest_text(ONE.manifest), "is of model"),
        (OTHER.graph, manifest_text({**OTHER.manifest, "format": 2}), "has format 2"),
        (OTHER.graph, WHOLE[:-30], "not JSON"),
        (OTHER.graph, manifest_text({**OTHER.manifest, "golden": []}), "no golden rows"),
        (OTHER.graph, manifest_text({**OTHER.manifest, "schema_hash": "8" * 64}), "train again"),
        (OTHER.graph, manifest_text({**OTHER.manifest, "kind": "open"}), "its kind is not"),
    ],
    ids=["corrupt", "truncated", "swapped", "newer", "cut", "golden", "schema", "kind"],
)
def test_a_spoilt_champion_is_refused_and_the_one_before_goes_on(
    stage: Stage, graph: bytes, manifest: bytes, words: str
) -> None:
    stage.put(ONE, stage="pilot", weight=Decimal("0.10"))
    stage.asked()
    corrupt(stage.archive, graph, manifest)
    stage.book.roles = (a_role(OTHER, stage="pilot", weight=Decimal("0.20")),)
    found = stage.asked(after=SECONDS)
    assert (found.role.model_id, found.role.weight) == (ONE.model_id, Decimal("0.10"))
    assert found.instead_of.startswith(f"{OTHER.model_id} has the role and is not asked: ")
    assert words in found.instead_of


def test_what_is_refused_is_not_read_again_at_each_signal_and_is_when_it_is_mended(
    stage: Stage,
) -> None:
    stage.put(ONE)
    stage.book.roles = (a_role(OTHER),)
    assert stage.refusal().reason == "model_refused"
    stage.files.put(OTHER)
    assert stage.refusal(after=1).reason == "model_refused"
    assert stage.asked(after=SECONDS).opened.facts.model_id == OTHER.model_id


def test_one_that_goes_on_ends_with_its_own_life(stage: Stage) -> None:
    stage.put(ONE, expires_at=NOW + timedelta(seconds=2 * SECONDS))
    stage.asked()
    stage.book.roles = (a_role(OTHER),)
    assert stage.asked(after=SECONDS).instead_of
    assert stage.refusal(after=SECONDS).reason == "model_refused"


def test_a_role_that_was_taken_away_leaves_nobody(stage: Stage) -> None:
    stage.put(ONE)
    stage.asked()
    stage.book.roles = ()
    assert stage.refusal(after=SECONDS).reason == "no_model"


@pytest.mark.parametrize(
    "fails", [DatabaseUnavailable("gone"), DatabaseRejected("no", rule="unknown_account")]
)
def test_without_a_database_the_champion_goes_on_and_its_weight_ends(
    stage: Stage, fails: Exception
) -> None:
    stage.put(ONE, stage="pilot", weight=Decimal("0.10"))
    stage.asked()
    stage.book.fails = fails
    assert stage.asked(after=SECONDS).role.weight == Decimal("0.10")
    assert stage.asked(after=WEIGHT_LASTS.total_seconds() - SECONDS).role.weight != 0
    assert stage.asked(after=1).role.weight == 0
    stage.book.fails = None
    assert stage.asked(after=SECONDS).role.weight == Decimal("0.10")


def test_without_a_database_from_the_start_it_is_asked_again_at_once(stage: Stage) -> None:
    stage.put(ONE)
    stage.book.fails = DatabaseUnavailable("gone")
    found = stage.refusal()
    assert found.reason == "model_unreachable"
    assert found.says.endswith(": gone")
    stage.book.fails = None
    assert stage.asked(after=0.1).opened.facts.model_id == ONE.model_id


def test_an_archive_that_gives_no_answer_is_a_reason_too(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> ModelFile:
        raise ArchiveUnavailable("no room")

    stage.put(ONE)
    monkeypatch.setattr(stage.files, "read", fail)
    assert stage.refusal().reason == "model_unreachable"


def test_a_clock_that_goes_back_asks_again(stage: Stage) -> None:
    stage.put(ONE)
    stage.asked()
    stage.asked(after=-3_600)
    assert stage.book.looks == 2


def test_accounts_have_champions_of_their_own(stage: Stage) -> None:
    stage.put(ONE)
    stage.asked()
    stage.put(OTHER)
    found = stage.champions.of(AccountId("second"), "entry", now=stage.now)
    assert isinstance(found, Champion)
    assert found.opened.facts.model_id == OTHER.model_id
    assert stage.asked().opened.facts.model_id == ONE.model_id
