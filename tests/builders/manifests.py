"""A manifest as training writes one, without any training."""

from typing import Any

SHA = "ab" * 32


def between(value: float | None, wide: float = 0.02) -> dict[str, float | None]:
    """Return a figure with its bounds."""
    low, high = (None, None) if value is None else (value - wide, value + wide)
    return {"value": value, "low": low, "high": high}


def a_manifest_of(**changes: Any) -> dict[str, Any]:
    """Return the manifest of a published model with three features, one of which nobody reads."""
    told: dict[str, Any] = {
        "format": 1,
        "model_id": "entry-20261130T120000Z-abababababab",
        "kind": "entry",
        "verdict": "published",
        "sha256": SHA,
        "bytes": 1_000,
        "schema_hash": "5c" * 32,
        "features": ["rsi", "vix", "gap"],
        "versions": {"onnx": "1.20"},
        "opset": {"": 17, "ai.onnx.ml": 3},
        "trained_from": "2026-01-02T15:00:00+00:00",
        "trained_to": "2026-11-20T20:00:00+00:00",
        "trades": 812,
        "effective_n": 640.4,
        "winners": 400,
        "losers": 412,
        "candidates": ["logistic C=0.003", "logistic C=0.01"],
        "candidate": "logistic C=0.01",
        "chosen_in_folds": ["logistic C=0.01"] * 5,
        "metrics": {
            "tested": 568,
            "log_loss": 0.68,
            "base_log_loss": 0.69,
            "brier": 0.24,
            "base_brier": 0.25,
            "gain": between(0.01, 0.004),
            "brier_skill": between(0.03),
            "auc": between(0.61),
            "calibration_slope": 0.9,
            "calibration_intercept": -0.0,
        },
        "calibration_curve": [[0.4, 0.38, 284], [0.6, 0.61, 284]],
        "threshold": {"probability": 0.45, "mean_win_r": 1.1, "mean_loss_r": 0.9, "cost_r": 0.0},
        "decision": {
            "taken": 500,
            "vetoed": 68,
            "mean_r": between(0.1),
            "mean_r_taken": between(0.2),
            "mean_r_vetoed": between(-0.3),
            "paired_r": between(0.036),
        },
        "importances": {"rsi": between(0.002, 0.001), "vix": between(0.005), "gap": between(0, 0)},
        "gates": [
            {
                "name": "auc_low",
                "kind": "edge",
                "passed": True,
                "figure": 0.59,
                "bound": 0.5,
                "says": "AUC 0.610, 5 % bound 0.590; the bound must be over 0.5",
            },
            {
                "name": "parity",
                "kind": "parity",
                "passed": True,
                "figure": 1.8e-7,
                "bound": 1e-5,
                "says": "as it should be",
            },
        ],
        "parity": {"rows": 10_000, "worst": 1.8e-7, "flips": 0, "invalid": 0, "allowed": 1e-5},
        "golden": [],
        "baseline": {
            "rsi": {"missing": 0.0, "deciles": [float(n) for n in range(1, 10)]},
            "vix": {"missing": 1.0, "deciles": []},
            "gap": {"missing": 0.6, "deciles": [-1.0] * 9},
        },
        "salt": "pepper",
        "created_at": "2026-11-30T12:00:00+00:00",
        "expires_at": "2027-02-28T12:00:00+00:00",
    }
    return {**told, **changes}
