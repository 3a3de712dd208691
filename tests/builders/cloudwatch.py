"""The template as a stack has it, and the metrics that its functions really print."""

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from stopward import bootstrap
from stopward.adapters.pulses_sqs import write_pulse
from stopward.domain.identity import AccountId
from stopward.domain.pulses import Pulse
from stopward.local.host.intrinsics import Scope, load_yaml
from stopward.local.host.template import FunctionDefinition, read_template
from stopward.services.attribution import AttributionSummary
from stopward.services.delivery import DeliverySummary
from stopward.services.dispatch import Dispatched
from stopward.services.each_account import Round
from stopward.services.features import FeatureSummary
from stopward.services.guard import Summary
from stopward.services.journal_keeping import KeepingSummary
from stopward.services.model_tracking import TrackingSummary
from stopward.services.position_scoring import ScoringSummary
from stopward.services.scoring import Answer
from stopward.services.session_refresh import RefreshSummary
from stopward.services.training_job import TrainingSummary
from tests.builders.fleet import record_of
from tests.builders.lambda_function import a_context, load_app
from tests.docs.pages import ROOT

TEMPLATE = ROOT / "template.yaml"
DOCUMENT = load_yaml(TEMPLATE.read_text(encoding="utf-8"), name="template.yaml")
STAGE = "paper-here"
AN_IMAGE = "123456789012.dkr.ecr.us-east-1.amazonaws.com/stopward:train_model"
PARAMETERS = {"Stage": STAGE, "AccountId": "main", "TrainingImageUri": AN_IMAGE}
SCOPE = Scope(DOCUMENT, parameters=PARAMETERS, attribute=lambda of, name: f"{of}.{name}")
FUNCTIONS: dict[str, FunctionDefinition] = {
    each.title: each
    for accounts in ("one", "fleet")
    for each in read_template(TEMPLATE, parameters={**PARAMETERS, "Accounts": accounts})
}
"""Those of a stack that guards one account, and those of a fleet."""
GUARDS = ("check_breakeven", "monitor_positions")
FLEET = ("dispatch_ticks", "tick_accounts")
NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)

Metric = tuple[str, str, tuple[tuple[str, str], ...]]
"""Namespace, name, and dimensions with their values."""


def _runs(summary: object) -> SimpleNamespace:
    return SimpleNamespace(run=lambda *_, **__: summary)


def _runs_for_all(work: str, summary: Any) -> SimpleNamespace:
    # In a fleet, where it says more: how many accounts were come to.
    return _runs(Round(summary=summary, work=work, done=0))


def _refreshed(*_: object) -> RefreshSummary:
    return RefreshSummary(
        sessions=1, changed=0, disagreements=(), session_days_ahead=30, broker_days_ahead=30
    )


def _ticked() -> SimpleNamespace:
    clock = SimpleNamespace(now=lambda: NOW)
    return SimpleNamespace(tick=lambda *_, **__: Summary(ticks=1), clock=clock)


def _predictor() -> SimpleNamespace:
    answer = Answer(
        account_id=AccountId("main"), at=NOW, champion=None, scores=(), not_logged="",
        latency_ms=1.0,
    )  # fmt: skip
    request = SimpleNamespace(account_id=AccountId("main"), signals=())
    return SimpleNamespace(read=lambda _: request, scoring=SimpleNamespace(score=lambda *_: answer))


SENT = Dispatched(
    accounts=1, silent_accounts=0, pulses_sent=6, pulses_sent_again=0, pulses_lost=0,
    longest_silent=(),
)  # fmt: skip
QUIET: dict[str, tuple[str, Callable[[], object]]] = {
    "check_breakeven": ("minute_guard", lambda: _runs(Summary(ticks=3))),
    "monitor_positions": ("minute_guard", lambda: _runs(Summary(ticks=3))),
    "dispatch_ticks": ("tick_dispatcher", lambda: _runs(SENT)),
    "tick_accounts": ("fleet_guard", _ticked),
    "deliver_outbox": ("outbox_deliverer", lambda: _runs(DeliverySummary())),
    "refresh_sessions": ("session_refresher", lambda: _refreshed),
    "attribute_exits": (
        "exit_attributor",
        lambda: _runs_for_all("attribution", AttributionSummary()),
    ),
    "check_features": ("feature_check", lambda: _runs_for_all("features", FeatureSummary())),
    "train_model": ("training_job", lambda: _runs_for_all("training", TrainingSummary())),
    "predict": ("predictor", _predictor),
    "score_positions": (
        "position_scoring",
        lambda: _runs_for_all("position_scoring", ScoringSummary()),
    ),
    "track_models": ("model_tracker", lambda: _runs_for_all("tracking", TrackingSummary())),
    "keep_journal": (
        "journal_keeper",
        lambda: SimpleNamespace(keep=lambda **_: KeepingSummary()),
    ),
}
"""By function: what wires it, and what stands there when nothing happens."""


def emitted(
    folder: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> set[Metric]:
    """Return what the handler says of a quiet time, in the environment that it is deployed in."""
    for name, value in FUNCTIONS[folder].environment.items():
        monkeypatch.setenv(name, value)
    wiring, quiet = QUIET[folder]
    monkeypatch.setattr(bootstrap, wiring, lambda **_: quiet())
    pulse = Pulse(account_id=AccountId("a"), source="monitor_positions", tick_at=NOW)
    message = {"MessageId": "m", "ReceiptHandle": "r", "Body": write_pulse(pulse), "MD5OfBody": ""}
    event = {"time": NOW.isoformat(), "Records": [record_of(message)]}
    load_app(folder).handler(event, a_context(folder))
    return said(capsys.readouterr().out)


def said(printed: str) -> set[Metric]:
    """Return the metrics that CloudWatch takes out of what a function printed."""
    found = set()
    for line in printed.splitlines():
        if '"_aws"' not in line:
            continue
        document = json.loads(line)
        for group in document["_aws"]["CloudWatchMetrics"]:
            for names in group["Dimensions"]:
                values = tuple(sorted((name, document[name]) for name in names))
                found |= {(group["Namespace"], row["Name"], values) for row in group["Metrics"]}
    return found


def resources(kind: str) -> dict[str, dict[str, Any]]:
    """Return the properties of all resources of a type, by their logical id."""
    return {
        name: row["Properties"]
        for name, row in DOCUMENT["Resources"].items()
        if row["Type"] == kind
    }


OF_QUEUES = ("ApproximateNumberOfMessagesVisible",)
OF_FUNCTIONS = ("Duration", "Errors", "Invocations", "Throttles")


def of_aws() -> Iterator[Metric]:
    """Yield the metrics that AWS itself has of what the template makes.

    Source: Amazon SQS Developer Guide, "Available CloudWatch metrics for Amazon SQS"; AWS Lambda
    Developer Guide, "Types of metrics for Lambda functions".
    """
    for name in resources("AWS::SQS::Queue"):
        for metric in OF_QUEUES:
            yield "AWS/SQS", metric, (("QueueName", f"{name}.QueueName"),)
    for function in FUNCTIONS.values():
        for metric in OF_FUNCTIONS:
            yield "AWS/Lambda", metric, (("FunctionName", function.name),)
