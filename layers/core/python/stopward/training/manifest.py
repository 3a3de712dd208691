"""The manifest: all that a server, an auditor and a page need of one model, as a plain mapping."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from importlib.metadata import version
from math import isfinite
from typing import Any, Final

import numpy as np

from stopward.domain.features.row import Kind
from stopward.domain.model_file import FORMAT, MOST_DIFFERENCE
from stopward.training.bootstrap import DRAWS
from stopward.training.dataset import Dataset, Floats, Matrix
from stopward.training.export import OPSET
from stopward.training.gates import Gate
from stopward.training.importances import importances
from stopward.training.judging import calibration_curve, decision
from stopward.training.kinds import aside_of
from stopward.training.parity import Parity
from stopward.training.verdict import Evidence, Judged

GOLDEN: Final = 32
DECILES: Final = 9
LOCKED: Final = ("numpy", "onnx", "onnxruntime", "protobuf", "scikit-learn", "scipy", "skl2onnx")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def manifest(
    evidence: Evidence,
    *,
    verdict: Judged,
    graph: bytes,
    candidate: str,
    gates: tuple[Gate, ...],
    threshold: float,
    found: Parity,
    rows: Matrix,
    answered: Floats,
    kind: Kind,
    salt: str,
    created_at: datetime,
    expires_at: datetime,
    draws: int = DRAWS,
) -> dict[str, Any]:
    """Return the manifest: text, whole and finite numbers, lists and mappings; None is unknown.

    rows, answered: what the graph was compared on, of which the golden rows are some. A feature
    that is missing is None there; any other is exact as a 32-bit float. Times are ISO 8601, UTC.
    """
    trades, digest = evidence.trades, sha256(graph).hexdigest()
    told: dict[str, Any] = _plain(
        {
            "format": FORMAT,
            "model_id": model_id(kind, created_at, digest),
            "kind": kind,
            "verdict": verdict,
            "sha256": digest,
            "bytes": len(graph),
            "schema_hash": trades.schema_hash,
            "features": list(trades.names),
            "versions": {name: version(name) for name in LOCKED},
            "opset": OPSET,
            "trained_from": _iso(int(trades.entry_at.min())),
            "trained_to": _iso(int(trades.exit_at.max())),
            "trades": len(trades),
            "effective_n": evidence.minimum.effective_n,
            "winners": evidence.minimum.winners,
            "losers": evidence.minimum.losers,
            "candidates": [one.name for one in evidence.tried],
            "candidate": candidate,
            "chosen_in_folds": list(evidence.said.chosen),
            "metrics": asdict(evidence.metrics),
            "calibration_curve": calibration_curve(trades, evidence.said),
            "threshold": {**asdict(evidence.threshold), "probability": threshold},
            **({"plain": list(evidence.plain)} if evidence.plain else {}),
            "decision": _decision(
                evidence, aside=aside_of(kind, trades), threshold=threshold, draws=draws
            ),
            "importances": {
                name: asdict(each)
                for name, each in importances(trades, evidence.said, draws=draws).items()
            },
            "gates": [asdict(gate) for gate in gates],
            "parity": {**asdict(found), "allowed": MOST_DIFFERENCE},
            "golden": golden(rows, answered),
            "baseline": baseline(trades),
            "salt": salt,
            "created_at": created_at.astimezone(UTC).isoformat(),
            "expires_at": expires_at.astimezone(UTC).isoformat(),
        }
    )
    return told


def model_id(kind: str, created_at: datetime, digest: str) -> str:
    """Return an id that sorts by time and is of this graph: `entry-20261130T120000Z-01234...`."""
    return f"{kind}-{created_at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{digest[:12]}"


def golden(rows: Matrix, answered: Floats) -> list[dict[str, Any]]:
    """Return GOLDEN rows with their answers, from the lowest to the highest.

    A server asks them again when it loads the graph, and refuses it where an answer differs.
    """
    ranked = np.argsort(answered, kind="stable")
    places = ranked[np.linspace(0, len(rows) - 1, GOLDEN).round().astype(np.int64)]
    return [
        {"x": rows[place].astype(np.float64).tolist(), "probability": float(answered[place])}
        for place in places
    ]


def baseline(trades: Dataset) -> dict[str, Any]:
    """Return each feature's missing share, its deciles, and the share of rows in each part.

    Drift is measured against it later. shares: of the rows that have it, up to the first decile,
    after it up to the second, and so on; deciles that are the same have none between them.
    """
    shares = np.linspace(0.0, 1.0, DECILES + 2)[1:-1]
    found = {}
    for place, name in enumerate(trades.names):
        column = trades.x[:, place].astype(np.float64)
        there = column[~np.isnan(column)]
        deciles = np.quantile(there, shares) if len(there) else np.empty(0)
        parts = np.bincount(np.searchsorted(deciles, there), minlength=DECILES + 1)
        found[name] = {
            "missing": 1.0 - len(there) / len(column),
            "deciles": deciles.tolist(),
            "shares": (parts / len(there)).tolist() if len(there) else [],
        }
    return found


def _decision(
    evidence: Evidence, *, aside: Floats | None, threshold: float, draws: int
) -> dict[str, Any] | None:
    said = evidence.said
    if aside is None or np.isnan(aside[said.rows]).all():
        return None
    return asdict(decision(evidence.trades, said, aside=aside, threshold=threshold, draws=draws))


def _iso(microseconds: int) -> str:
    return (_EPOCH + timedelta(microseconds=microseconds)).isoformat()


def _plain(value: Any) -> Any:
    """Return the value as JSON has it: a number that is none becomes None."""
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if isinstance(value, float):
        return value if isfinite(value) else None
    return value
