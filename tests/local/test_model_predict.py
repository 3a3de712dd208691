"""`stopward model predict`: a model opened as the server does it, vectors from file or options."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from stopward.adapters.archive_folder import FolderArchive
from stopward.adapters.onnx import open_onnx
from stopward.domain.features import ENTRY
from stopward.domain.model_file import ModelFile
from stopward.domain.scoring.occlusion import packed
from stopward.domain.scoring.served import served_model
from stopward.errors import ArchiveRejected, InvalidInput
from stopward.local.cli import stopward_command
from stopward.services.model_files import ModelFiles
from stopward.training.export import served, session
from stopward.training.manifest import GOLDEN
from stopward.training.train import Trained, train
from tests.builders.models import ModelWorld
from tests.builders.opened_models import NAMES, NOW, THRESHOLD, a_model, onnx_graph, onnx_model
from tests.builders.scoring import registered, sent
from tests.builders.simulated_trades import some_trades
from tests.local.test_model_train import written as csv_of

MODEL = onnx_model()
USUAL: dict[str, Any] = dict(sent()["features"])
NEVER_MISSING = {each.name for each in ENTRY if each.null == "never"}
LOW = {**USUAL, NAMES[0]: 0.0, NAMES[1]: None}


def run(tmp_path: Path, *words: str) -> Result:
    return CliRunner(catch_exceptions=False).invoke(
        stopward_command,
        ["--folder", str(tmp_path / "kept"), "model", "predict", *words],
        standalone_mode=False,
    )


@pytest.fixture
def place(tmp_path: Path) -> str:
    ModelFiles(FolderArchive(tmp_path / "kept" / "archive")).put(MODEL)
    return str(tmp_path / "kept" / "archive" / "models" / MODEL.model_id)


def written(tmp_path: Path, told: object, *, name: str = "vectors.json") -> str:
    path = tmp_path / name
    path.write_text(told if isinstance(told, str) else json.dumps(told), encoding="utf-8")
    return str(path)


def as_csv(*rows: dict[str, Any], beside: str = "") -> str:
    head = ",".join(("signal_id", *NAMES)) if beside else ",".join(NAMES)
    lines = [
        ",".join(
            [*([beside] if beside else []), *("" if v is None else repr(v) for v in r.values())]
        )
        for r in rows
    ]
    return "\n".join((head, *lines)) + "\n"


def probabilities(*rows: dict[str, Any]) -> list[float]:
    return list(open_onnx(MODEL).probabilities(packed([tuple(each.values()) for each in rows])))


WAYS: dict[str, Callable[[], tuple[str, object]]] = {
    "list": lambda: ("v.json", [USUAL, LOW]),
    "signals": lambda: ("v.json", {"signals": [sent(), sent("s2", features=LOW)]}),
    "csv": lambda: ("v.csv", as_csv(USUAL, LOW)),
    "csv of signals": lambda: ("v.csv", as_csv(USUAL, LOW, beside="s1")),
}


@pytest.mark.parametrize("way", WAYS)
def test_each_kind_of_file_is_scored_alike(tmp_path: Path, place: str, way: str) -> None:
    name, told = WAYS[way]()
    done = run(tmp_path, written(tmp_path, told, name=name), "--model", place, "--json")
    found = json.loads(done.stdout)
    assert (found["model_id"], found["threshold"], found["notes"]) == (
        MODEL.model_id, THRESHOLD, [],
    )  # fmt: skip
    said = [each["probability"] for each in found["scores"]]
    assert said == pytest.approx(probabilities(USUAL, LOW), abs=1e-6)
    assert [each["decision"] for each in found["scores"]] == [
        "take" if each > THRESHOLD else "veto" for each in said
    ]
    assert NAMES[0] in [moved["feature"] for moved in found["scores"][1]["moved"]]


def test_the_table_has_a_line_a_vector_with_what_moved_it(tmp_path: Path, place: str) -> None:
    file = written(tmp_path, as_csv(USUAL, LOW), name="v.csv")
    done = run(tmp_path, file, "--model", f"{place}/model.onnx")
    head, columns, *lines = done.stdout.splitlines()
    assert head == f"{MODEL.model_id}: takes above {THRESHOLD:.4f}"
    assert columns.split() == ["row", "probability", "decision", "moved", "most"]
    assert [line.split()[:2] for line in lines] == [
        [str(row), f"{each:.4f}"] for row, each in enumerate(probabilities(USUAL, LOW), start=1)
    ]


def test_one_vector_comes_from_options_and_the_rest_of_it_is_missing(
    tmp_path: Path, place: str
) -> None:
    never = {each: value for each, value in USUAL.items() if each in NEVER_MISSING}
    words = [word for each, value in never.items() for word in ("--set", f"{each}={value}")]
    done = run(tmp_path, *words, "--set", f"{NAMES[0]}=0.25", "--model", place, "--json")
    told = {**dict.fromkeys(NAMES), **never, NAMES[0]: 0.25}
    (scored,) = json.loads(done.stdout)["scores"]
    assert scored["probability"] == pytest.approx(probabilities(told)[0], abs=1e-6)


def test_the_champion_of_an_account_is_asked_where_no_model_is_named(
    tmp_path: Path, place: str, database_url: str
) -> None:
    world = ModelWorld(database_url)
    file = written(tmp_path, [USUAL])
    whose = ["--database-url", database_url, "--account", world.account_id]
    with pytest.raises(InvalidInput, match="has no champion; say --model"):
        run(tmp_path, file, *whose)
    registered(world, MODEL)
    done = run(tmp_path, file, *whose, "--json")
    assert json.loads(done.stdout)["model_id"] == MODEL.model_id
    elsewhere = ["--archive", str(tmp_path / "elsewhere")]
    with pytest.raises(ArchiveRejected, match="is not there"):
        run(tmp_path, file, *whose, *elsewhere)
    assert world.rows("select 1 from stopward.predictions where account_id = %s") == []
    world.close()


@pytest.mark.parametrize(
    ("name", "told", "words"),
    [
        ("v.csv", as_csv({**USUAL, NAMES[2]: "x"}), f"line 2, column {NAMES[2]}: was \"'x'\""),
        ("v.csv", "a,b\n1,2\n", "line 1: missing"),
        ("v.csv", as_csv(), "has a header and no rows"),
        ("v.json", "{", "not valid JSON"),
        ("v.json", [], "is needed"),
        ("v.json", [7], "is needed"),
        ("v.json", [{**USUAL, NAMES[2]: "high"}], f"item 1, column {NAMES[2]}: was \"high\""),
        ("v.json", [USUAL, {**USUAL, NAMES[2]: True}], f"item 2, column {NAMES[2]}: was \"True\""),
        ("v.json", [{**USUAL, NAMES[2]: 1e30}], "allowed: "),
        ("v.json", [{**USUAL, NAMES[2]: float("nan")}], "write a number, or null"),
        ("v.json", [{**USUAL, "mood": 1}], "column mood: was \"1.0\"; the features are"),
        ("v.json", [{NAMES[0]: 1}], f"column {NAMES[1]}: was \"nothing\""),
    ],
)  # fmt: skip
def test_a_vector_that_cannot_be_used_is_told_and_nothing_is_scored(
    tmp_path: Path, place: str, name: str, told: object, words: str
) -> None:
    with pytest.raises(InvalidInput, match=words):
        run(tmp_path, written(tmp_path, told, name=name), "--model", place)


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("mood=1", "option 1, column mood: was \"mood=1\"; write NAME=VALUE"),
        (NAMES[0], "write NAME=VALUE"),
        (f"{NAMES[0]}=much", "write a plain number"),
        (f"{NAMES[0]}=1e30", "allowed: "),
    ],
)  # fmt: skip
def test_an_option_that_cannot_be_used_is_told(
    tmp_path: Path, place: str, option: str, words: str
) -> None:
    with pytest.raises(InvalidInput, match=words):
        run(tmp_path, "--set", option, "--model", place)


@pytest.mark.parametrize("words", [[], ["file.csv", "--set", "a=1"]])
def test_a_file_or_options_and_not_both(tmp_path: Path, place: str, words: list[str]) -> None:
    with pytest.raises(click.UsageError, match="say a FILE, or"):
        run(tmp_path, *words, "--model", place)


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda folder: (folder / "model.onnx").unlink(), "model.onnx is not there"),
        (lambda folder: (folder / "manifest.json").unlink(), "manifest.json is not there"),
        (lambda folder: (folder / "model.onnx").write_bytes(b"x" * 9), "the graph has 9 bytes"),
        (lambda folder: (folder / "manifest.json").write_text("{}"), "has format None"),
    ],
)
def test_a_model_that_is_not_whole_is_refused(
    tmp_path: Path, place: str, spoil: Callable[[Path], None], words: str
) -> None:
    spoil(Path(place))
    with pytest.raises(ArchiveRejected, match=words):
        run(tmp_path, written(tmp_path, [USUAL]), "--model", place)


def put(tmp_path: Path, model: ModelFile) -> str:
    where = ModelFiles(FolderArchive(tmp_path / "other")).put(model)
    return where.removeprefix("file://")


def test_a_model_that_answers_otherwise_is_refused(tmp_path: Path) -> None:
    golden = [{**row, "probability": 0.5} for row in MODEL.manifest["golden"]]
    where = put(tmp_path, a_model(onnx_graph(), open_onnx, golden=golden))
    with pytest.raises(ArchiveRejected, match=r"golden row 1 was 0\.500000"):
        run(tmp_path, written(tmp_path, [USUAL]), "--model", where)


def test_one_that_nobody_may_ask_is_scored_with_a_note(tmp_path: Path) -> None:
    where = put(
        tmp_path,
        a_model(
            onnx_graph(), open_onnx, verdict="no_model_beats_base_rate",
            expires_at="2026-01-01T00:00:00+00:00",
        ),
    )  # fmt: skip
    done = run(tmp_path, written(tmp_path, [USUAL]), "--model", where)
    notes = [line for line in done.stdout.splitlines() if line.startswith("note: ")]
    assert "its verdict is no_model_beats_base_rate" in notes[0]
    assert "it expired " in notes[1]


def test_what_training_stores_is_what_is_served(tmp_path: Path) -> None:
    trades = some_trades(130, seed=2, features=4)
    trained = train(trades, created_at=NOW, salt="5a17", folds=4, draws=20)
    assert isinstance(trained, Trained)
    where = put(tmp_path, ModelFile(graph=trained.graph, manifest=trained.manifest))
    file = csv_of(tmp_path / "trades.csv", trades)
    found = json.loads(run(tmp_path, str(file), "--model", where, "--json").stdout)
    assert (found["model_id"], found["threshold"]) == (
        trained.manifest["model_id"],
        trained.manifest["threshold"]["probability"],
    )
    said = served(session(trained.graph), trades.x)
    assert [each["probability"] for each in found["scores"]] == pytest.approx(said, abs=1e-6)
    facts = served_model(ModelFile(graph=trained.graph, manifest=trained.manifest))
    assert len(facts.answers) == GOLDEN
    assert None not in facts.usual
