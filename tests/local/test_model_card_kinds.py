"""The card of a model says what its kind is, and what it was measured against."""

from datetime import UTC, datetime
from typing import Any

from stopward.local.model.card import card
from tests.builders.manifests import a_manifest_of, between
from tests.builders.pictures import Element, read

OPEN: dict[str, Any] = {"kind": "open", "plain": ["r_now"], "verdict": "no_model_beats_base_rate"}


def drawn(**changes: Any) -> Element:
    return read(card(a_manifest_of(**changes), None, now=datetime(2026, 12, 1, tzinfo=UTC)))


def prose(tree: Element) -> str:
    return " ".join(each.text or "" for each in tree.iter("p"))


def test_a_model_of_open_positions_says_what_it_is_and_what_it_cannot_know() -> None:
    told = prose(drawn(**OPEN))
    assert "not better than a model of r_now alone" in told
    assert "of a position as it stands now" in told
    assert "one minute of each trade, of an age that was drawn for it" in told
    assert "which entries to leave out" not in told


def test_a_model_of_entries_says_what_it_always_said() -> None:
    told = prose(drawn(verdict="no_model_beats_base_rate"))
    assert "of a signal before it is taken" in told
    assert "not better than the share that won" in told
    assert "which entries to leave out" in told


def test_figures_of_what_it_would_have_ended_are_named_so() -> None:
    found = {
        each.findtext("dt"): each.findtext("dd")
        for each in drawn(**OPEN).iter("div")
        if each.find("dt") is not None
    }
    assert found["kind"] == "open"
    assert found["out of fold it stayed in"] == "500, and ended 68"
    assert found["ending at once would have changed"] == "+0.036 [+0.016 to +0.056] R a trade"
    assert found["log loss"] == "0.6800, of a model of r_now alone 0.6900"


def test_whether_ending_brings_anything_is_told_when_it_is_not_known() -> None:
    told = prose(drawn(**OPEN, decision={**a_manifest_of()["decision"], "paired_r": between(0.01)}))
    assert "Whether ending at once brings anything is not known" in told
