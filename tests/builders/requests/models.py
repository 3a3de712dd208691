"""Requests about models: their training, what they said and how they climb."""

from tests.builders.models import EVIDENCE
from tests.builders.requests.stage import Maker, Request, Stage, of_account


def claim_training(stage: Stage) -> Request:
    return {"account_id": stage.account_id, "holder": "one", "seconds": 60}


def finish_training(stage: Stage) -> Request:
    found = stage.ask("claim_training", claim_training(stage))["request"]
    return {
        "account_id": stage.account_id,
        "id": found["id"],
        "fence": found["fence"],
        "verdict": "not_enough_trades",
        "numbers": {"auc": 0.5},
    }


def prolong_training(stage: Stage) -> Request:
    found = stage.ask("claim_training", claim_training(stage))["request"]
    return {
        "account_id": stage.account_id,
        "id": found["id"],
        "fence": found["fence"],
        "seconds": 120,
    }


def conclude_training(stage: Stage) -> Request:
    # Nobody whom the new model would stand behind.
    stage.run("update stopward.model_aliases set model_id = null where account_id = %(account)s")
    model = register_model(stage)
    del model["account_id"]
    told = finish_training(stage)
    return {**told, "verdict": model["verdict"], "model": model}


def request_training(stage: Stage) -> Request:
    stage.ask("finish_training", finish_training(stage))
    return {"account_id": stage.account_id}


def mark_training_due(stage: Stage) -> Request:
    # Its trigger was put off, so that a trade was not counted.
    stage.run("update stopward.training_plans set trades = 0 where account_id = %(account)s")
    return {"account_id": stage.account_id}


def register_model(stage: Stage) -> Request:
    return {
        "account_id": stage.account_id,
        "model_id": "m2",
        "kind": "entry",
        "verdict": "published",
        "created_at": "2026-11-20T00:00:00Z",
        "expires_at": "2026-12-20T00:00:00Z",
        "sha256": "0" * 64,
        "schema_hash": "access",
        "location": "models/m2/model.onnx",
        "manifest": {},
        "trades": 200,
        "effective_n": 100,
        "trained_from": "2026-01-01T00:00:00Z",
        "trained_to": "2026-11-01T00:00:00Z",
        "threshold": 0.5,
        "log_loss": 0.6,
        "base_log_loss": 0.7,
        "brier_skill": 0.1,
        "auc": 0.6,
        "auc_low": 0.55,
        "auc_high": 0.65,
    }


def set_alias(stage: Stage) -> Request:
    stage.ask("register_model", register_model(stage))
    return {
        "account_id": stage.account_id,
        "kind": "entry",
        "alias": "challenger",
        "model_id": "m2",
        "expected": None,
        "because": "a test",
    }


def put_predictions(stage: Stage) -> Request:
    prediction = {
        "model_id": "m1",
        "signal_id": "s2",
        "position_id": stage.position.id,
        "symbol": "AAPL",
        "at": "2026-11-23T17:00:00Z",
        "probability": 0.6,
        "threshold": 0.5,
        "decision": "take",
        "arm": "shadow",
        "weight": "0",
        "u": 0.5,
        "schema_hash": "access",
        "latency_ms": 1.5,
        "vector": ["1.5", None],
        "vector_at": "2026-11-23T16:59:59Z",
    }
    return {"account_id": stage.account_id, "predictions": [prediction]}


def put_position_scores(stage: Stage) -> Request:
    told = {**register_model(stage), "model_id": "m3", "kind": "open"}
    stage.ask("register_model", told)
    logged = put_predictions(stage)
    logged["predictions"][0] |= {"model_id": "m3", "signal_id": "s3"}
    stage.ask("put_predictions", logged)
    score = {
        "position_id": stage.position.id,
        "model_id": "m3",
        "signal_id": "s3",
        "at": logged["predictions"][0]["vector_at"],
    }
    return {"account_id": stage.account_id, "scores": [score]}


def link_signal(stage: Stage) -> Request:
    told = put_predictions(stage)
    told["predictions"][0]["position_id"] = None
    stage.ask("put_predictions", told)
    return {"account_id": stage.account_id, "signal_id": "s2", "position_id": stage.position.id}


def resolve_predictions(stage: Stage) -> Request:
    link_signal(stage)
    # The trade was written, and its trigger found the prediction locked.
    stage.run(
        "update stopward.predictions as p set position_id = t.position_id from stopward.trades as t"
        " where p.account_id = %(account)s and p.signal_id = 's2' and t.account_id = p.account_id"
    )
    return {"account_id": stage.account_id}


def complete_minutes(stage: Stage) -> Request:
    put_position_scores(stage)
    # It was logged while that one was open.
    for table in ("predictions", "trade_features"):
        stage.run(
            f"update stopward.{table} as p set position_id = t.position_id"  # noqa: S608
            " from stopward.trades as t where p.account_id = %(account)s"
            " and t.account_id = p.account_id"
            + (" and p.signal_id = 's3'" if table == "predictions" else " and p.kind = 'open'")
        )
    return {"account_id": stage.account_id, "limit": 10}


def trim_minutes(stage: Stage) -> Request:
    request = complete_minutes(stage)
    stage.run(
        "update stopward.trades set closed_at = now() - interval '31 days'"
        " where account_id = %(account)s"
    )
    stage.ask("complete_minutes", request)
    return {"account_id": stage.account_id, "keep_days": 30}


MODELS: dict[str, Maker] = {
    "claim_training": claim_training,
    "complete_minutes": complete_minutes,
    "conclude_training": conclude_training,
    "current_models": of_account(),
    "finish_training": finish_training,
    "link_signal": link_signal,
    "mark_training_due": mark_training_due,
    "move_rollout": of_account(
        id="e1",
        model_id="m1",
        to_stage="pilot",
        weight="0.1",
        because="a test",
        evidence=dict(EVIDENCE),
        expected_stage="shadow",
    ),
    "prolong_training": prolong_training,
    "put_model_performance": of_account(
        model_id="m1", session_day="2026-11-20", n=10, auc=0.6, auc_low=0.5, auc_high=0.7
    ),
    "put_position_scores": put_position_scores,
    "put_predictions": put_predictions,
    "put_training_plan": of_account(
        first_at_trades=100, every_trades=50, max_age_days=30, aged_at_trades=20
    ),
    "read_open_positions": of_account(at="2026-11-23T17:00:00Z", results=200, lag_seconds=60),
    "read_outcomes": of_account(model_id="m1", vectors=True, limit=10),
    "read_tracked": of_account(at="2026-11-23T23:45:00Z"),
    "register_model": register_model,
    "request_training": request_training,
    "resolve_predictions": resolve_predictions,
    "set_alias": set_alias,
    "trim_minutes": trim_minutes,
}
