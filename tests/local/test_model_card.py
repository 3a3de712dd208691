"""`stopward model card`: whole in one file, its figures those of the manifest and the database."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from stopward.adapters.archive_folder import FolderArchive
from stopward.adapters.model_tracking import FunctionTracking
from stopward.domain.model_file import ModelFile
from stopward.errors import ArchiveRejected, DatabaseRejected, InvalidInput
from stopward.local.cli import stopward_command
from stopward.local.model.card import card
from stopward.local.model.card_words import limits, number, short
from stopward.services.model_files import ModelFiles
from stopward.services.model_tracking import ModelTracker
from tests.builders.manifests import a_manifest_of, between
from tests.builders.minutes import a_keeper
from tests.builders.models import ModelWorld, a_model, speak
from tests.builders.pictures import Element, read
from tests.builders.store import NOON

NOW = datetime(2026, 12, 1, tzinfo=UTC)
LATER = datetime(2027, 3, 1, tzinfo=UTC)
HOSTILE = '"><script src="https://example.com/x.js">1</script>'
FROM_OUTSIDE = re.compile(
    r"https?:|//|url\(|src=|@import|<script|<link|<img|<iframe|href|\son\w+=", re.IGNORECASE
)
ID = a_manifest_of()["model_id"]
SAID = [("AAPL", 0.8, 2.0, "0"), ("MSFT", 0.3, -1.0, "0"), ("TSLA", 0.4, 1.0, "0")]


def drawn(**changes: Any) -> Element:
    return read(card(a_manifest_of(**changes), None, now=NOW))


def figures(tree: Element) -> dict[str | None, str | None]:
    return {
        each.findtext("dt"): each.findtext("dd")
        for each in tree.iter("div")
        if each.find("dt") is not None
    }


def paragraphs(tree: Element) -> list[str]:
    return [each.text or "" for each in tree.iter("p")]


def rows(tree: Element, table: int) -> list[list[str]]:
    body = list(tree.iter("tbody"))[table]
    return [["".join(cell.itertext()) for cell in row] for row in body]


def run(tmp_path: Path, *words: str) -> Result:
    return CliRunner(catch_exceptions=False).invoke(
        stopward_command,
        ["--folder", str(tmp_path / "kept"), "model", "card", *words],
        standalone_mode=False,
    )


def test_it_is_well_formed_asks_for_nothing_and_is_the_same_again() -> None:
    text = card(a_manifest_of(), None, now=NOW)
    tree = read(text)
    assert FROM_OUTSIDE.findall(text) == []
    assert len(list(tree.iter("svg"))) == 2
    assert all(svg.get("role") == "img" and svg.get("aria-label") for svg in tree.iter("svg"))
    assert card(a_manifest_of(), None, now=NOW) == text


def test_its_figures_are_those_of_the_manifest() -> None:
    tree = drawn()
    found = figures(tree)
    assert tree.findtext("body/h1") == f"Model {ID}"
    assert found["trades"] == "812, as 640 separate ones"
    assert found["winners, losers"] == "400, 412"
    assert found["area under the curve"] == "0.610 [0.590 to 0.630]"
    assert found["log loss saved"] == "+0.0100 [+0.0060 to +0.0140]"
    assert found["out of fold it took"] == "500, and left out 68"
    assert found["leaving out would have changed"] == "+0.036 [+0.016 to +0.056] R a trade"
    assert found["expires"] == "2027-02-28"
    assert found["graph and fit differ by"] == (
        "1.8e-07 at most over 10,000 rows, 0 decisions otherwise"
    )
    assert "role" not in found
    assert rows(tree, 0)[1] == ["parity", "passed", "1.8e-07", "1.0e-05", "as it should be"]


def test_features_stand_by_what_they_tell_and_those_that_nobody_reads_last() -> None:
    assert rows(drawn(), 1) == [
        ["vix", "+5.0", "-15.0", "+25.0", "100.0%", "", "", ""],
        ["rsi", "+2.0", "+1.0", "+3.0", "0.0%", "1", "5", "9"],
        ["gap", "0", "", "", "60.0%", "-1", "-1", "-1"],
    ]


def test_a_manifest_from_before_has_a_card_without_what_it_lacks() -> None:
    old = a_manifest_of()
    del old["decision"], old["importances"]
    tree = read(card(old, None, now=NOW))
    assert len(list(tree.iter("svg"))) == 1
    assert "out of fold it took" not in figures(tree)
    assert [row[:2] for row in rows(tree, 1)] == [["rsi", "0"], ["vix", "0"], ["gap", "0"]]


def said(now: datetime = NOW, **changes: Any) -> str:
    return " ".join(limits(a_manifest_of(**changes), now=now))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "never which others to make"),
        ({}, "these features were never there: vix"),
        ({}, "missing in more than half of the trades: gap"),
        ({"effective_n": 120.2}, "as much as 120 separate ones. Its area under the curve may be"),
        ({"chosen_in_folds": ["a", "b", "a"]}, "chose differently (a; b)"),
        (
            {"decision": {"paired_r": between(0.01)}},
            "is not known: out of fold +0.010 [-0.010 to +0.030] R a trade",
        ),
        ({"decision": {"paired_r": between(None)}}, "is not known: out of fold unknown R a trade"),
    ],
)
def test_its_limits_are_told_in_words(changes: dict[str, Any], words: str) -> None:
    assert words in said(**changes)


def test_a_limit_that_is_none_is_not_told() -> None:
    assert "few trades" not in said()
    assert "differently" not in said()
    assert "is not known" not in said()
    assert "expired" not in said()
    assert said(LATER).startswith("It expired on 2027-02-28")


@pytest.mark.parametrize("verdict", ["no_model_beats_base_rate", "leak_suspected", "parity_failed"])
def test_a_model_that_was_refused_says_so_first(verdict: str) -> None:
    (lead,) = [
        each.text for each in drawn(verdict=verdict).iter("p") if each.get("class") == "lead"
    ]
    assert (lead or "").startswith("It was refused")
    assert (lead or "").endswith("Nobody may ask it.")


def test_hostile_names_are_words() -> None:
    spread = a_manifest_of()["baseline"]["rsi"]
    tree = drawn(
        features=[HOSTILE], baseline={HOSTILE: spread}, importances={HOSTILE: between(0.1)},
        candidate=HOSTILE,
    )  # fmt: skip
    assert {each.tag for each in tree.iter()}.isdisjoint({"script", "img"})
    assert rows(tree, 1)[0][0] == HOSTILE


@pytest.mark.parametrize("lacks", ["metrics", "gates", "threshold", "baseline", "verdict"])
def test_a_manifest_that_lacks_something_is_refused_by_name(lacks: str) -> None:
    odd = a_manifest_of()
    del odd[lacks]
    with pytest.raises(InvalidInput, match=f"is none of `stopward model train`: KeyError.'{lacks}"):
        card(odd, None, now=NOW)


def test_a_figure_is_short_and_never_minus_nothing() -> None:
    assert [number(-0.0001, 2, signed=True), number(None), number(1.0, 0)] == [
        "+0.00",
        "unknown",
        "1",
    ]
    assert [short(value) for value in (None, 0.0, 5e-4, 1.23e-7)] == [
        "unknown", "0.0000", "0.0005", "1.2e-07",
    ]  # fmt: skip


def stored(tmp_path: Path, **changes: Any) -> Path:
    path = tmp_path / "models" / ID / "manifest.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(a_manifest_of(**changes)))
    return path


def test_a_file_a_folder_and_an_id_mean_the_same_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = stored(tmp_path)
    for words in ((str(path),), (str(path.parent),), (ID, "--from", str(tmp_path))):
        assert run(tmp_path, *words).stdout == f"{ID}.html\n"
        assert f"<h1>Model {ID}</h1>" in (tmp_path / f"{ID}.html").read_text()
        (tmp_path / f"{ID}.html").unlink()


def test_an_id_is_looked_for_where_training_stores_models(tmp_path: Path) -> None:
    manifest = a_manifest_of(bytes=1)
    archive = FolderArchive(tmp_path / "kept" / "archive")
    ModelFiles(archive).put(ModelFile(graph=b"x", manifest=manifest))
    page = tmp_path / "page.html"
    assert run(tmp_path, ID, "--html", str(page)).stdout == f"{page}\n"


def test_what_cannot_be_a_card_is_refused_with_the_reason(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"holds no manifest\.json"):
        run(tmp_path, str(tmp_path))
    (tmp_path / "odd.json").write_text("{")
    with pytest.raises(ArchiveRejected, match="is not JSON"):
        run(tmp_path, str(tmp_path / "odd.json"))
    (tmp_path / "new.json").write_text('{"format": 2}')
    with pytest.raises(ArchiveRejected, match="has format 2, this version reads 1"):
        run(tmp_path, str(tmp_path / "new.json"))
    (tmp_path / "path.json").write_text(json.dumps(a_manifest_of(model_id="../../x")))
    with pytest.raises(InvalidInput, match=r"the manifest is of model '\.\./\.\./x'"):
        run(tmp_path, str(tmp_path / "path.json"))
    path = stored(tmp_path)
    with pytest.raises(InvalidInput, match="there is no folder"):
        run(tmp_path, str(path), "--html", str(tmp_path / "nowhere" / "page.html"))
    with pytest.raises(ArchiveRejected, match="is not there"):
        run(tmp_path, "nobody", "--from", str(tmp_path))
    path.write_text(json.dumps(a_manifest_of(model_id="another")))
    with pytest.raises(ArchiveRejected, match="the manifest is of model 'another'"):
        run(tmp_path, ID, "--from", str(tmp_path))
    with pytest.raises(InvalidInput, match="--database-url needs --account"):
        run(tmp_path, str(path), "--database-url", "postgresql://nobody@127.0.0.1:9/nothing")


@pytest.fixture
def world(database_url: str) -> Iterator[ModelWorld]:
    found = ModelWorld(database_url)
    yield found
    found.close()


def live(world: ModelWorld, tmp_path: Path, name: str = ID) -> Element:
    page = tmp_path / "page.html"
    run(
        tmp_path, name, "--html", str(page), "--database-url", world.url,
        "--account", world.account_id,
    )  # fmt: skip
    return read(page.read_text())


def test_with_a_database_it_tells_how_the_model_does_live(
    world: ModelWorld, tmp_path: Path
) -> None:
    world.call("register_model", **a_model(ID, manifest=a_manifest_of()))
    assert figures(live(world, tmp_path))["role"] == "none"
    world.call("set_alias", alias="champion", model_id=ID, expected=None, because="a test")
    assert "It has said nothing yet." in paragraphs(live(world, tmp_path))
    speak(world, SAID, model_id=ID)
    book = FunctionTracking(world._voice)
    keeper = a_keeper(account_id=world.account_id)
    ModelTracker(book=book, minutes=keeper, account_id=world.account_id).run(
        now=NOON, remaining_seconds=lambda: 900.0
    )
    tree = live(world, tmp_path)
    found = figures(tree)
    assert (found["role"], found["said, resolved"]) == ("champion", "3, 3")
    assert found["share that won"] == "0.667"
    assert found["scoring took"] == "1.5 ms on the average"
    assert any("does not say how rows lay" in each for each in paragraphs(tree))
    assert len(list(tree.iter("svg"))) == 3
    (row,) = world.view("model_statistics")
    more = {**row["more"], "drift": ["features_moved"], "psi_unknown": None}
    world.call(
        "put_model_performance", model_id=ID, session_day=str(row["session_day"]), n=3,
        psi={"rsi": 0.31}, more=more,
    )  # fmt: skip
    tree = live(world, tmp_path)
    assert any("features that it leans on lie otherwise" in each for each in paragraphs(tree))
    assert [row[-1] for row in rows(tree, 1)] == ["", "0.31", ""]


def test_a_file_of_a_model_that_is_not_registered_has_its_card_all_the_same(
    world: ModelWorld, tmp_path: Path
) -> None:
    tree = live(world, tmp_path, str(stored(tmp_path)))
    assert "Live" not in [each.text for each in tree.iter("h2")]


def test_what_a_database_does_not_know_is_refused(world: ModelWorld, tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="not registered for"):
        live(world, tmp_path)
    world.call("register_model", **a_model("m1"))
    with pytest.raises(InvalidInput, match="was registered with a manifest of format None"):
        live(world, tmp_path, "m1")
    with pytest.raises(DatabaseRejected) as caught:
        run(tmp_path, ID, "--database-url", world.url, "--account", "nobody")
    assert caught.value.rule == "unknown_account"
