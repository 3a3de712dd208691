"""An answer of the predictor as a plain mapping, fit for JSON: the same for people and programs."""

from dataclasses import asdict
from typing import Any

from stopward.services.scoring import Answer, Scored


def document(answer: Answer) -> dict[str, Any]:
    """Return an answer: whole, so that each score can be kept and understood alone."""
    champion = answer.champion
    return {
        "account_id": answer.account_id,
        "at": answer.at.isoformat(),
        "latency_ms": round(answer.latency_ms, 3),
        "logged": not answer.not_logged,
        "not_logged_because": answer.not_logged or None,
        "newer_model_refused": (champion.instead_of or None) if champion else None,
        "scores": [_score(each, champion.role.stage if champion else "") for each in answer.scores],
    }


def _score(scored: Scored, stage: str) -> dict[str, Any]:
    told = scored.prediction
    head = {"signal_id": scored.signal_id}
    if told is None:
        return {
            **head,
            "decision": "none",
            "binds": False,
            "score": None,
            "reason": scored.reason,
            "says": scored.says,
        }
    return {
        **head,
        "decision": told.decision,
        "binds": scored.binds,
        "score": {
            "probability": told.probability,
            "threshold": told.threshold,
            "model_id": told.model_id,
            "schema_hash": told.schema_hash,
            "stage": stage,
            "weight": f"{told.weight:f}",
            "arm": told.arm,
            "u": told.u,
            "moved": [asdict(each) for each in scored.moved],
            "latency_ms": round(told.latency_ms, 3),
        },
        "reason": None,
        "says": None,
    }
