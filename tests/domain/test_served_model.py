"""What a server reads of a manifest, and what it refuses by name."""

from collections.abc import Callable
from typing import Any

import pytest

from stopward.domain.features.vector import as_float32
from stopward.domain.model_file import ModelFile
from stopward.domain.scoring.served import served_model
from stopward.errors import ArchiveRejected
from tests.builders.opened_models import GOLDEN, NAMES, SALT, THRESHOLD, tiny_model

MODEL = tiny_model()


def test_the_facts_are_those_of_the_manifest() -> None:
    found = served_model(MODEL)
    told = MODEL.manifest
    assert (found.names, found.salt, found.threshold) == (NAMES, SALT, THRESHOLD)
    assert (found.model_id, found.sha256) == (told["model_id"], told["sha256"])
    assert found.usual == tuple(told["baseline"][name]["deciles"][4] for name in NAMES)
    assert len(found.answers) == GOLDEN
    assert len(found.golden) == GOLDEN * len(NAMES)
    first = told["golden"][0]["x"]
    for wanted, each in zip(first, found.golden, strict=False):
        assert each != each if wanted is None else each == as_float32(wanted)  # noqa: PLR0124


def test_a_feature_that_no_trade_had_has_no_usual_value() -> None:
    baseline = {**MODEL.manifest["baseline"], NAMES[3]: {"missing": 1.0, "deciles": []}}
    found = served_model(ModelFile(graph=b"", manifest={**MODEL.manifest, "baseline": baseline}))
    assert found.usual[3] is None
    assert None not in (*found.usual[:3], *found.usual[4:])


def without(*names: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda told: {name: each for name, each in told.items() if name not in names}


def golden(rows: object) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda told: {**told, "golden": rows}


ROW = [0.5] * len(NAMES)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        *((without(name), f"KeyError: '{name}'") for name in (
            "features", "golden", "threshold", "salt", "expires_at", "baseline", "kind", "verdict",
        )),
        (golden([]), "it has no golden rows"),
        (golden([{"x": ROW[1:], "probability": 0.5}]), "a golden row has another length"),
        (golden([{"x": ["0.5", *ROW[1:]], "probability": 0.5}]), "TypeError"),
        (golden([{"x": [float("inf"), *ROW[1:]], "probability": 0.5}]), "a golden row holds inf"),
        (golden([{"x": ROW}]), "KeyError: 'probability'"),
        (golden(7), "TypeError"),
        (lambda told: {**told, "features": []}, "it names no features"),
        (lambda told: {**told, "features": [*NAMES[1:], NAMES[1]]}, "or one twice"),
        (lambda told: {**told, "threshold": {"probability": 1.5}}, "its threshold is no prob"),
        (lambda told: {**told, "threshold": {"probability": float("nan")}}, "its threshold is no"),
        (lambda told: {**told, "expires_at": "2026-12-01"}, "its expiry has no time zone"),
        (lambda told: {**told, "expires_at": "soon"}, "ValueError"),
        (lambda told: {**told, "salt": ""}, "it has no salt"),
    ],
)  # fmt: skip
def test_what_it_cannot_use_is_refused_by_name(
    change: Callable[[dict[str, Any]], dict[str, Any]], words: str
) -> None:
    spoilt = ModelFile(graph=MODEL.graph, manifest=change(dict(MODEL.manifest)))
    with pytest.raises(ArchiveRejected, match=f"manifest of entry-.*{words}"):
        served_model(spoilt)
