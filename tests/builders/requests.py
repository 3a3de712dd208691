"""A valid request for every function of schema api, where tests of access and bad input start.

A new function needs a maker in REQUESTS: it gets the stage (an account with a row in every table)
and returns a request that is answered. What must be true first (a claim, a lease), the maker does
by `stage.ask`, or by `stage.run` where only time or a fault brings it about. The first call must
change something, but for those in CHANGES_NOTHING.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import psycopg

from stopward.adapters import rows
from stopward.adapters.rows import JsonValue
from stopward.domain.decision import Exit
from stopward.domain.identity import AccountId
from stopward.domain.position import Position
from stopward.domain.snapshot import Alarm, DayRow, Observation
from tests.builders.access import ask
from tests.builders.models import EVIDENCE
from tests.builders.store import (
    A_SESSION,
    D,
    a_decision,
    a_position,
    a_reason,
    a_record,
    a_symbol_state,
    a_trade,
    a_view,
    an_acknowledgement,
    an_order,
    pulse,
)

Request = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """An account with rows, and a connection of the owner of the tables."""

    account_id: AccountId
    connection: psycopg.Connection[Any]

    def ask(self, function: str, request: JsonValue) -> Any:
        """Call a function of schema api and return what it answers."""
        return ask(self.connection, function, request)

    def find(self, statement: str, **values: Any) -> Any:
        """Return the first column of the first row of a query; `%(account)s` is the account."""
        row = self.connection.execute(
            statement.encode(), {"account": self.account_id, **values}
        ).fetchone()
        assert row is not None
        return row[0]

    def run(self, statement: str, **values: Any) -> None:
        """Execute as the owner, past every trigger; `%(account)s` is the account."""
        with self.connection.transaction():
            self.connection.execute("set local session_replication_role = replica")
            self.connection.execute(statement.encode(), {"account": self.account_id, **values})
            self.connection.execute("set local session_replication_role = origin")

    @property
    def position(self) -> Position:
        """The open position of the account."""
        return a_position(account_id=self.account_id)

    def fence(self) -> int:
        """Take the lease and return its token."""
        return int(self.ask("begin_tick", begin_tick(self))["fence"])


Maker = Callable[[Stage], Request]

MONTHS = count(12 * 2001, 2)
"""Months of the journal that nobody made yet, counted from year 0; each maker takes its own and the
next one, which `keep_partitions` makes along."""


def a_month() -> str:
    """Return the first day of a month that has no partition."""
    number = next(MONTHS)
    return f"{number // 12:04}-{number % 12 + 1:02}-01"


def begin_tick(stage: Stage) -> Request:
    return {
        "account_id": stage.account_id,
        "tick_at": pulse(1).isoformat(),
        "holder": "one",
        "lease_seconds": 30,
    }


def record_tick(stage: Stage) -> Request:
    position = stage.position
    new, closed = (a_position(s, account_id=position.account_id) for s in ("TSLA", "NVDA"))
    settled = replace(an_order(position), status="working", broker_order_id="b-1")
    record = a_record(
        stage.fence(),
        tick=1,
        account_id=position.account_id,
        positions=(replace(position, stop=D("98.5")), new, closed),
        symbols=(a_symbol_state("TSLA"),),
        decisions=(
            a_decision(position, tick=1, reasons=(a_reason(),)),
            a_decision(closed, tick=1, decision=Exit(rule="time_stop")),
        ),
        views=(a_view(),),
        orders=(an_order(new, step="arm", tick=1, part="bare0"),),
        settled=(settled,),
        trades=(a_trade(closed, closed_at=pulse(1)),),
        observations=(
            Observation(position_id=new.id, symbol=new.symbol, kind="adopted", cause="market"),
        ),
        alarms=(Alarm(key="k2", kind="k2", symbol=None, message="m"),),
        cleared=("k",),
        day=DayRow(session_day=A_SESSION.day, realised=D("12.5"), realised_r=0.5),
        unprotected_seconds={new.symbol: 0.5},
        halted_symbols=(new.symbol,),
        lease_seconds=5.0,
    )
    return _written(record)


def acknowledge(stage: Stage) -> Request:
    position = stage.position
    done = replace(
        an_order(position),
        status="filled",
        broker_order_id="b-1",
        filled_quantity=D("100"),
        filled_price=D("101"),
    )
    told = an_acknowledgement(
        stage.fence(),
        tick=1,
        account_id=position.account_id,
        orders=(done,),
        positions=(replace(position, quantity=D("0"), closed_quantity=D("100")),),
        trades=(a_trade(position, closed_at=pulse(1)),),
        observations=(
            Observation(position_id=None, symbol=position.symbol, kind="reduced", cause="by_hand"),
        ),
        alarms=(Alarm(key="k3", kind="k3", symbol=None, message="m"),),
        cleared=("k",),
        day=DayRow(session_day=A_SESSION.day, realised=D("25")),
        unprotected_seconds={position.symbol: 0.25},
    )
    return _written(told)


def put_positions(stage: Stage) -> Request:
    position = a_position("TSLA", account_id=stage.position.account_id)
    return {"account_id": stage.account_id, "positions": [rows.write(position)]}


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


def finish_training(stage: Stage) -> Request:
    found = stage.ask("claim_training", claim_training(stage))["request"]
    return {
        "account_id": stage.account_id,
        "id": found["id"],
        "fence": found["fence"],
        "verdict": "not_enough_trades",
        "numbers": {"auc": 0.5},
    }


def claim_training(stage: Stage) -> Request:
    return {"account_id": stage.account_id, "holder": "one", "seconds": 60}


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
    }
    return {"account_id": stage.account_id, "predictions": [prediction]}


def put_sessions(_stage: Stage) -> Request:
    day = {
        "exchange": "XACC",
        "day": "2026-11-23",
        "opens_at": "2026-11-23T14:30:00Z",
        "closes_at": "2026-11-23T21:00:00Z",
    }
    return {"sessions": [day], "source": "person"}


def forget_sessions(stage: Stage) -> Request:
    stage.ask("put_sessions", put_sessions(stage))
    return {"exchange": "XACC", "days": ["2026-11-23"]}


def detach_month(stage: Stage) -> Request:
    month = {"table": "decisions", "month": a_month()}
    stage.ask("keep_partitions", {"from": month["month"], "months": 1})
    stage.ask("note_archive", {**NOTED, **month})
    return dict(month)


def drop_month(stage: Stage) -> Request:
    month = detach_month(stage)
    stage.ask("detach_month", month)
    digest = stage.find(
        "select (stopward.digest_journal_month(format('stopward.decisions_%%s',"
        " to_char(%(month)s::date, 'YYYY_MM'))::regclass)).digest",
        month=month["month"],
    )
    stage.ask("note_archive", {**NOTED, **month, "digest": digest, "rows": 0})
    return {**month, "location": NOTED["location"]}


def file_late_rows(stage: Stage) -> Request:
    stage.run(
        "insert into stopward.decisions select (jsonb_populate_record(d, jsonb_build_object("
        "'tick_at', %(at)s::text, 'last_tick_at', %(at)s::text))).* from stopward.decisions as d"
        " where d.account_id = %(account)s limit 1",
        at=f"{a_month()}T12:00:00Z",
    )
    return {"most": 10}


def keep_partitions(_stage: Stage) -> Request:
    return {"from": a_month(), "months": 1}


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


def request_training(stage: Stage) -> Request:
    stage.ask("finish_training", finish_training(stage))
    return {"account_id": stage.account_id}


def mark_training_due(stage: Stage) -> Request:
    # Its trigger was put off, so that a trade was not counted.
    stage.run("update stopward.training_plans set trades = 0 where account_id = %(account)s")
    return {"account_id": stage.account_id}


def resume(stage: Stage) -> Request:
    stage.ask("halt", {"account_id": stage.account_id, "reason": "a test"})
    return {"account_id": stage.account_id}


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


def _account(**values: JsonValue) -> Maker:
    return lambda stage: {"account_id": stage.account_id, **values}


def _as_is(**values: JsonValue) -> Maker:
    return lambda _stage: dict(values)


NOTED: Mapping[str, Any] = {
    "digest": "0" * 64,
    "location": "s3://bucket/key",
    "rows": 1,
    "bytes": 1,
    "sha256": "0" * 64,
    "format": "ndjson.gz",
    "format_version": 1,
}
"""What is said of an archive, but for its table and month."""

REQUESTS: Mapping[str, Maker] = {
    "acknowledge": acknowledge,
    "add_member": _account(user_id="00000000-0000-4000-8000-000000000001"),
    "begin_tick": begin_tick,
    "claim_outbox": claim_outbox,
    "claim_training": claim_training,
    "current_models": _account(),
    "detach_month": detach_month,
    "drop_month": drop_month,
    "file_late_rows": file_late_rows,
    "finish_training": finish_training,
    "forget_sessions": forget_sessions,
    "halt": _account(reason="a test"),
    "keep_partitions": keep_partitions,
    "link_signal": link_signal,
    "list_archivable": _as_is(keep_months=3, today="2026-11-23"),
    "mark_read": mark_read,
    "mark_training_due": mark_training_due,
    "measure_outbox": _account(),
    "move_rollout": _account(
        id="e1",
        model_id="m1",
        to_stage="pilot",
        weight="0.1",
        because="a test",
        evidence=dict(EVIDENCE),
        expected_stage="shadow",
    ),
    "note_archive": lambda _stage: {**NOTED, "table": "decisions", "month": a_month()},
    "nudge_edge": _as_is(late_seconds=15, limit=10),
    "open_account": _account(
        name="Tests", mode="guard", exchange="XNYS", equity_prior_close="1000"
    ),
    "put_attribution": put_attribution,
    "put_channel": _account(
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
    "put_daily_report": _account(
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
    "put_edge_webhook": put_edge_webhook,
    "put_equity": _account(equity_prior_close="12345.67"),
    "put_feature_schema": _as_is(schema_hash="requests", names=["one", "two"]),
    "put_features": put_features,
    "put_instruments": _as_is(
        instruments=[{"symbol": "AAPL", "tick": "0.01", "fractionable": True}]
    ),
    "put_model_performance": _account(
        model_id="m1", session_day="2026-11-20", n=10, auc=0.6, auc_low=0.5, auc_high=0.7
    ),
    "put_positions": put_positions,
    "put_predictions": put_predictions,
    "put_rules": _account(rules_toml="[rules]", rules_hash="def"),
    "put_sessions": put_sessions,
    "put_training_plan": _account(
        first_at_trades=100, every_trades=50, max_age_days=30, aged_at_trades=20
    ),
    "put_usual_volumes": _as_is(symbol="AAPL", volumes=[1000.5, None, 900]),
    "read_month": lambda stage: {
        "table": "decisions",
        "month": stage.find("select date_trunc('month', now())::date::text"),
        "limit": 10,
        "bytes": 100000,
    },
    "record_tick": record_tick,
    "register_model": register_model,
    "remove_member": lambda stage: {
        "account_id": stage.account_id,
        "user_id": stage.find(
            "select user_id::text from stopward.members where account_id = %(account)s"
        ),
    },
    "remove_channel": _account(name="desk"),
    "request_flatten": _account(at="2026-11-23T17:00:00Z"),
    "request_training": request_training,
    "resolve_predictions": resolve_predictions,
    "resume": resume,
    "retry_dead": retry_dead,
    "schema_version": _as_is(),
    "set_alias": set_alias,
    "settle_delivery": settle_delivery,
    "tag_symbol": _account(symbol="AAPL", tag="hands-off"),
    "trim_notices": trim_notices,
    "try_channel": _account(name="desk", key="k1"),
    "untag_symbol": _account(symbol="MSFT", tag="halted"),
    "watch_journal": _as_is(today="2026-11-23", failed=["the disk was full"]),
}

CHANGES_NOTHING: Mapping[str, str] = {
    "current_models": "it reads",
    "list_archivable": "it reads",
    "measure_outbox": "it reads",
    "nudge_edge": "it posts where pg_net is; plain Postgres has none",
    "read_month": "it reads",
    "schema_version": "it reads",
}
"""Functions whose calls leave every table as it was, and why."""

HOW_TO_ADD = "add a maker to REQUESTS in tests/builders/requests.py"


def _written(value: object) -> Request:
    found = rows.write(value)
    assert isinstance(found, dict)
    return dict(found)


OF_NO_ACCOUNT = frozenset(
    {
        "detach_month",
        "drop_month",
        "file_late_rows",
        "forget_sessions",
        "keep_partitions",
        "list_archivable",
        "note_archive",
        "nudge_edge",
        "put_edge_webhook",
        "put_feature_schema",
        "put_instruments",
        "put_sessions",
        "put_usual_volumes",
        "read_month",
        "schema_version",
        "settle_delivery",
        "trim_notices",
        "watch_journal",
    }
)
"""Functions whose request names no account: it has an id of its own, or is of what is shared."""
