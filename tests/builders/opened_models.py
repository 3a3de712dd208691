"""Models that can be opened: a tiny one in plain Python, and the same as an ONNX graph."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256
from math import exp, isnan
from struct import iter_unpack
from typing import Any

import numpy as np

from stopward.domain.features import Kind, Vector, names, schema_hash
from stopward.domain.model_file import FEATURES_KEY, FORMAT, SCHEMA_KEY, ModelFile
from stopward.domain.scoring.occlusion import Rows, packed
from stopward.errors import ArchiveRejected, InvalidState
from stopward.services.scorer import Scorer

NOW = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)
NAMES, ENTRY = names("entry"), schema_hash("entry")
ROWS = 300
GOLDEN = 8
THRESHOLD = 0.5
SALT = "salt"


class TinyScorer:
    """A logistic regression in plain Python; what is missing counts as its fill."""

    def __init__(self, weights: Sequence[float], fills: Sequence[float], bias: float) -> None:
        self._weights = tuple(weights)
        self._fills = tuple(fills)
        self._bias = bias

    def probabilities(self, rows: Rows) -> Sequence[float]:
        if rows.typecode != "f" or len(rows) % len(self._weights):
            raise InvalidState(f"{len(rows)} numbers are no rows of {len(self._weights)}")
        form = f"<{len(self._weights)}f"
        return [self._probability(row) for row in iter_unpack(form, rows.tobytes())]

    def _probability(self, row: Sequence[float]) -> float:
        terms = zip(row, self._weights, self._fills, strict=True)
        score = sum(w * (fill if isnan(x) else x) for x, w, fill in terms)
        return 1.0 / (1.0 + exp(-score - self._bias))


def open_tiny(model: ModelFile) -> Scorer:
    """Open what `tiny_graph` wrote, as open_onnx opens a graph."""
    try:
        told = json.loads(model.graph)
        weights, fills, bias = told["weights"], told["fills"], told["bias"]
    except (ValueError, TypeError, KeyError) as error:
        raise ArchiveRejected(f"the graph cannot be read: {error}") from error
    its = (told[SCHEMA_KEY], told[FEATURES_KEY], len(weights))
    wanted = model.manifest["features"]
    if its != (model.manifest["schema_hash"], ",".join(wanted), len(wanted)):
        raise ArchiveRejected("made for other features than its manifest says")
    return TinyScorer(weights, fills, bias)


def tiny_graph(
    weights: Sequence[float],
    fills: Sequence[float],
    *,
    bias: float = 0.0,
    names: Sequence[str],
    schema: str,
) -> bytes:
    """Return the file that `open_tiny` reads."""
    told = {
        "weights": list(weights), "fills": list(fills), "bias": bias, SCHEMA_KEY: schema,
        FEATURES_KEY: ",".join(names),
    }  # fmt: skip
    return json.dumps(told).encode()


def a_model(graph: bytes, open_model: Callable[[ModelFile], Scorer], **changed: Any) -> ModelFile:
    """Return a graph with a manifest that fits it: golden rows and baseline are of `some_rows`."""
    its = changed.pop("features", NAMES)
    schema = changed.pop("schema_hash", ENTRY)
    digest = sha256(graph).hexdigest()
    x = some_rows(len(its))
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "model_id": f"entry-20261120T220000Z-{digest[:12]}",
        "kind": "entry",
        "verdict": "published",
        "sha256": digest,
        "bytes": len(graph),
        "schema_hash": schema,
        "features": list(its),
        "threshold": {"probability": THRESHOLD},
        "salt": SALT,
        "created_at": NOW.isoformat(),
        "expires_at": (NOW + timedelta(days=90)).isoformat(),
        "baseline": {
            name: {"missing": 0.0, "deciles": np.nanquantile(column, DECILES).tolist()}
            for name, column in zip(its, x.T.astype(np.float64), strict=True)
        },
    }
    golden = [_vector(row) for row in x[:GOLDEN]]
    said = open_model(ModelFile(graph=graph, manifest=manifest)).probabilities(packed(golden))
    manifest["golden"] = [
        {"x": list(row), "probability": each} for row, each in zip(golden, said, strict=True)
    ]
    return ModelFile(graph=graph, manifest={**manifest, **changed})


DECILES = np.linspace(0.0, 1.0, 11)[1:-1]


@cache
def some_rows(features: int) -> Any:
    """Return rows inside every feature's range, some of them with missing values."""
    random = np.random.default_rng(5)
    x = random.uniform(0.0, 1.0, size=(ROWS, features)).astype(np.float32)
    x[random.random(x.shape) < 0.05] = np.nan
    return x


def _vector(row: Any) -> Vector:
    return tuple(None if isnan(each) else float(each) for each in row)


def weights_of(features: int) -> tuple[float, ...]:
    """Return weights that fall from the first feature to the last, with turning signs."""
    return tuple((-1.0) ** place * 2.0 / (1 + place) for place in range(features))


def tiny_model(
    *, features: Sequence[str] = NAMES, schema: str = ENTRY, **changed: Any
) -> ModelFile:
    """Return a tiny model of the registry's entry features."""
    weights = changed.pop("weights", weights_of(len(features)))
    graph = tiny_graph(weights, [0.5] * len(features), names=features, schema=schema)
    return a_model(graph, open_tiny, features=features, schema_hash=schema, **changed)


@cache
def fitted_pipeline(features: int = len(NAMES)) -> Any:
    """Return a fitted pipeline of the kind that training publishes."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    x = some_rows(features)
    score = np.nan_to_num(x, nan=0.5) @ np.array(weights_of(features))
    steps = [
        ("fill", SimpleImputer(strategy="median")), ("scale", StandardScaler()),
        ("learner", LogisticRegression()),
    ]  # fmt: skip
    return Pipeline(steps).fit(x, score > np.median(score))


@cache
def onnx_graph(kind: Kind = "entry") -> bytes:
    """Return the graph of that pipeline, with as many features as the kind has."""
    from stopward.training.export import exported

    its = names(kind)
    return exported(fitted_pipeline(len(its)), names=its, schema_hash=schema_hash(kind))


def onnx_model(kind: Kind = "entry", **changed: Any) -> ModelFile:
    """Return that graph with its manifest."""
    from stopward.adapters.onnx import open_onnx

    told = {"features": names(kind), "schema_hash": schema_hash(kind), "kind": kind, **changed}
    return a_model(onnx_graph(kind), open_onnx, **told)


def tiny_twin() -> ModelFile:
    """Return the tiny model that says what the graph of `onnx_model` says."""
    fill, scale, learner = (step for _, step in fitted_pipeline().steps)
    weights = learner.coef_[0] / scale.scale_
    graph = tiny_graph(
        weights.tolist(),
        fill.statistics_.tolist(),
        bias=float(learner.intercept_[0] - weights @ scale.mean_),
        names=NAMES,
        schema=ENTRY,
    )
    return a_model(graph, open_tiny)
