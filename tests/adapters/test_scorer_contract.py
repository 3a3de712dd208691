"""Opened models, in plain Python and as ONNX graphs: one answers and refuses as the other."""

from array import array
from collections.abc import Callable
from dataclasses import dataclass
from math import isnan
from typing import Any

import pytest

from stopward.adapters.onnx import ROWS_AT_ONCE, open_onnx
from stopward.domain.model_file import ModelFile
from stopward.domain.scoring.occlusion import packed
from stopward.errors import ArchiveRejected, InvalidState
from stopward.services.scorer import Scorer
from tests.builders.opened_models import (
    NAMES,
    fitted_pipeline,
    onnx_model,
    open_tiny,
    some_rows,
    tiny_twin,
)

X = some_rows(len(NAMES))


@dataclass(frozen=True)
class Kind:
    model: Callable[..., ModelFile]
    open: Callable[[ModelFile], Scorer]


KINDS = {"tiny": Kind(tiny_twin, open_tiny), "onnx": Kind(onnx_model, open_onnx)}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture
def scorer(kind: Kind) -> Scorer:
    return kind.open(kind.model())


def rows(x: Any) -> "array[float]":
    return array("f", x.tobytes())


def test_it_says_what_the_fitted_pipeline_says_where_values_are_missing_too(
    scorer: Scorer,
) -> None:
    found = scorer.probabilities(rows(X))
    assert list(found) == pytest.approx(fitted_pipeline().predict_proba(X)[:, 1], abs=1e-5)
    assert all(type(each) is float for each in found)
    assert len({round(each, 2) for each in found}) > 20, "or it would always say the same"


def test_a_row_is_scored_alone_as_among_others(scorer: Scorer) -> None:
    together = scorer.probabilities(rows(X[:9]))
    alone = [scorer.probabilities(rows(X[place : place + 1]))[0] for place in range(9)]
    assert alone == pytest.approx(list(together), abs=1e-6)


def test_no_row_has_no_score_and_many_have_theirs(scorer: Scorer) -> None:
    assert list(scorer.probabilities(array("f"))) == []
    some = X[:50]
    many = scorer.probabilities(rows(some) * (2 + ROWS_AT_ONCE // 50))
    assert len(many) == 50 * (2 + ROWS_AT_ONCE // 50)
    assert many[-50:] == pytest.approx(list(scorer.probabilities(rows(some))), abs=1e-6)


@pytest.mark.parametrize("wrong", [array("f", [0.5]), array("d", [0.5] * len(NAMES))])
def test_what_is_no_whole_row_of_float32_is_refused(scorer: Scorer, wrong: Any) -> None:
    with pytest.raises(InvalidState):
        scorer.probabilities(wrong)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda graph: b"",
        lambda graph: b"no graph",
        lambda graph: graph[: len(graph) // 2],
        lambda graph: graph[:-3],
        lambda graph: b"\x00" + graph,
    ],
    ids=["empty", "text", "half", "cut", "shifted"],
)
def test_bytes_that_are_no_graph_are_refused(kind: Kind, spoil: Callable[[bytes], bytes]) -> None:
    whole = kind.model()
    with pytest.raises(ArchiveRejected, match=r"cannot be read|it gives|other features"):
        kind.open(ModelFile(graph=spoil(whole.graph), manifest=whole.manifest))


@pytest.mark.parametrize(
    "changed",
    [
        {"schema_hash": "7" * 64},
        {"features": list(reversed(NAMES))},
        {"features": [*NAMES, "one_more"]},
    ],
    ids=["schema", "order", "number"],
)
def test_a_graph_of_other_features_is_refused(kind: Kind, changed: dict[str, Any]) -> None:
    whole = kind.model()
    with pytest.raises(ArchiveRejected, match=r"other features|it takes"):
        kind.open(ModelFile(graph=whole.graph, manifest={**whole.manifest, **changed}))


def test_missing_is_nan_in_a_row() -> None:
    missing, there = packed([(None, 1.5)])
    assert (isnan(missing), there) == (True, 1.5)
