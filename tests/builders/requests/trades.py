"""Requests about trades: their features, attributions and reports."""

from tests.builders.requests.stage import Maker, Request, Stage, as_is, of_account
from tests.builders.store import a_position


def put_features(stage: Stage) -> Request:
    features = {
        "position_id": stage.position.id,
        "kind": "open",
        "at": "2026-11-23T17:00:00Z",
        "schema_hash": "access",
        "values": ["1.5", None],
        "rebuilt": False,
    }
    return {"account_id": stage.account_id, "features": [features]}


def put_attribution(stage: Stage) -> Request:
    closed = a_position("MSFT", account_id=stage.position.account_id)
    attribution = {
        "position_id": closed.id,
        "rule": "give_back",
        "without_r": 0.5,
        "version": "1",
    }
    return {
        "account_id": stage.account_id,
        "at": "2026-11-23T22:00:00Z",
        "attributions": [attribution],
    }


TRADES: dict[str, Maker] = {
    "put_attribution": put_attribution,
    "put_daily_report": of_account(
        session_day="2026-11-23",
        facts={"trades": 1},
        patterns=[],
        recommendations=[],
        commentary="Quiet.",
        commentary_source="template",
        html_location="reports/1.html",
        html="<p>Quiet.</p>",
        status="ready",
    ),
    "put_feature_schema": as_is(schema_hash="requests", names=["one", "two"]),
    "put_features": put_features,
    "read_entries": of_account(
        schema_hash="access",
        at="2026-11-23T22:00:00Z",
        since="2026-11-20T00:00:00Z",
        results=200,
        lag_seconds=60,
        stored=False,
        limit=10,
    ),
    "read_training_rows": of_account(schema_hash="access", at="2026-11-23T22:00:00Z", limit=10),
    "read_unattributed": of_account(
        at="2026-11-23T22:00:00Z",
        rules=["breakeven", "give_back"],
        waiting=["no_bars", "bars_end"],
        since=None,
        more_bars=True,
        again=False,
        limit=10,
    ),
}
