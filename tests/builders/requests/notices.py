"""Requests about notices: their channels, their delivery and the reading of them."""

from tests.builders.requests.stage import Maker, Request, Stage, as_is, of_account


def settle_delivery(stage: Stage) -> Request:
    claims = stage.ask("claim_outbox", claim_outbox(stage))["claims"]
    return {"id": claims[0]["id"], "holder": "one", "outcome": "delivered"}


def claim_outbox(stage: Stage) -> Request:
    return {
        "deliverer": "lambda",
        "holder": "one",
        "limit": 20,
        "seconds": 60,
        "account_id": stage.account_id,
    }


def retry_dead(stage: Stage) -> Request:
    stage.ask("settle_delivery", {**settle_delivery(stage), "outcome": "dead"})
    return {"account_id": stage.account_id, "channel": "desk"}


def trim_notices(stage: Stage) -> Request:
    # Two of them are old: what an account of years has besides is not this call's to read.
    old = "select id from stopward.notifications where account_id = %(account)s order by id limit 2"
    stage.run(f"delete from stopward.outbox where notification_id in ({old})")  # noqa: S608
    stage.run(
        "update stopward.notifications set created_at = now() - interval '500 days'"  # noqa: S608
        f" where id in ({old})"
    )
    return {"keep_days": 400, "limit": 1000}


def put_edge_webhook(stage: Stage) -> Request:
    return {"url": f"https://example.com/functions/v1/{stage.account_id}", "secret": "s" * 24}


def mark_read(stage: Stage) -> Request:
    return {
        "account_id": stage.account_id,
        "ids": [
            stage.find(
                "select id from stopward.notifications where account_id = %(account)s limit 1"
            )
        ],
    }


NOTICES: dict[str, Maker] = {
    "claim_outbox": claim_outbox,
    "mark_read": mark_read,
    "measure_outbox": of_account(),
    "nudge_edge": as_is(late_seconds=15, limit=10),
    "put_channel": of_account(
        name="phone",
        kind="ntfy",
        deliverer="lambda",
        address="https://ntfy.example.com/topic",
        secret="token",
        topics=["alarm"],
        least_severity="warning",
        attempts_limit=5,
        enabled=True,
    ),
    "put_edge_webhook": put_edge_webhook,
    "remove_channel": of_account(name="desk"),
    "retry_dead": retry_dead,
    "settle_delivery": settle_delivery,
    "trim_notices": trim_notices,
    "try_channel": of_account(name="desk", key="k1"),
}
