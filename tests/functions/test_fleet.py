"""The fleet's two functions: real handlers, Postgres, the simulated broker, moto's SQS."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import datetime, timedelta
from decimal import Decimal
from types import ModuleType
from typing import Any

import boto3
import moto.sqs.models
import pytest

from stopward import bootstrap
from stopward.adapters import clocks
from stopward.adapters.postgres import PostgresDatabase
from stopward.adapters.pulses_sqs import write_pulse
from stopward.domain.identity import AccountId
from stopward.domain.pulses import Pulse
from stopward.errors import InvalidInput
from stopward.local.postgres import EmbeddedPostgres
from tests.builders.access import copy_of
from tests.builders.fleet import FleetWorld, a_fleet, record_of
from tests.builders.lambda_function import a_context, load_app, metrics
from tests.builders.manual_clock import ManualClock
from tests.builders.simulator import at

MINUTE = at(5)
PULSES = 6
NAMES = ("ada", "bob", "cyd")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> ManualClock:
    found = ManualClock(MINUTE)
    monkeypatch.setattr(clocks, "SystemClock", lambda: found)
    return found


@pytest.fixture
def world(
    postgres_server: EmbeddedPostgres,
    template_database: str,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[FleetWorld]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Stopward")
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "fleet")
    with (
        copy_of(postgres_server, template_database, "fleet") as url,
        a_fleet(url, *NAMES, present=MINUTE, without_secret=["cyd"]) as found,
    ):
        for name, value in found.environment.items():
            monkeypatch.setenv(name, value)
        with ExitStack() as connections:
            monkeypatch.setattr(
                bootstrap.parts,
                "functions",
                lambda *_, **__: connections.enter_context(closing(PostgresDatabase(url))),
            )
            yield found


def dispatched() -> dict[str, int]:
    event = {"time": MINUTE.isoformat()}
    answer: dict[str, int] = load_app("dispatch_ticks").handler(event, a_context("dispatch"))
    return answer


def ticked(app: ModuleType, event: dict[str, Any], *, milliseconds: int = 60_000) -> Any:
    return app.handler(event, a_context("tick", milliseconds=milliseconds))


def an_event(*pulses: Pulse) -> dict[str, Any]:
    messages = (
        {"MessageId": f"m{n}", "ReceiptHandle": f"r{n}", "Body": write_pulse(each), "MD5OfBody": ""}
        for n, each in enumerate(pulses)
    )
    return {"Records": [record_of(each) for each in messages]}


def a_pulse(
    account: str, tick_at: datetime = MINUTE, *, source: str = "monitor_positions"
) -> Pulse:
    return Pulse(account_id=AccountId(account), source=source, tick_at=tick_at)


def said(caplog: pytest.LogCaptureFixture, message: str) -> list[dict[str, Any]]:
    return [each.__dict__ for each in caplog.records if each.message == message]


def reasons(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [str(line["exc_info"][1]) for line in said(caplog, "pulse_failed")]


def test_a_minute_of_a_fleet_is_dispatched_and_each_message_is_one_tick(
    world: FleetWorld,
    clock: ManualClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    started = moto.sqs.models.unix_time_millis()
    monkeypatch.setattr(
        moto.sqs.models,
        "unix_time_millis",
        lambda: started + (clock.present - MINUTE).total_seconds() * 1000,
    )
    assert dispatched() == {
        "accounts": 3, "silent_accounts": 3, "pulses_sent": 3 * PULSES, "pulses_sent_again": 0,
        "pulses_lost": 0,
    }  # fmt: skip
    app = load_app("tick_accounts")
    failed = 0
    for _ in range(PULSES):
        for event in world.received():
            assert len(event["Records"]) <= 4
            failed += len(ticked(app, event)["batchItemFailures"])
        clock.present += timedelta(seconds=10)
    # Whoever has no secret fails alone.
    assert failed == PULSES
    lines = said(caplog, "tick_finished")
    told = sorted((line["account_id"], line["source"], line["tick_at"]) for line in lines)
    assert len(set(told)) == len(told) == 2 * PULSES
    assert {line["age_seconds"] for line in lines} == {0.0}
    for name in ("ada", "bob"):
        (stop,) = world.stops(name)
        assert stop is not None
        assert stop > Decimal(100)
    ticks = world.rows(
        "select account_id, source, sum(ticks)::int from stopward.decisions group by 1, 2"
    )
    assert sorted(ticks) == [
        (name, source, 3)
        for name in ("ada", "bob")
        for source in ("check_breakeven", "monitor_positions")
    ]
    assert clock.slept == []


def test_a_message_that_comes_twice_is_one_tick(world: FleetWorld) -> None:
    app = load_app("tick_accounts")
    event = an_event(a_pulse("ada"), a_pulse("ada"), a_pulse("ada"))
    for _ in range(2):
        assert ticked(app, event) == {"batchItemFailures": []}
    sent = [
        each.request.body["client_order_id"]
        for each in world.brokers[AccountId("ada")].log
        if each.request.method in {"POST", "PATCH"} and each.request.body
    ]
    assert len(sent) == len(set(sent)) == 1
    assert len(world.stops("ada")) == 1
    assert world.rows("select sum(ticks)::int from stopward.decisions") == [(1,)]


def test_a_doubled_message_that_meets_the_first_at_work_leaves_at_once(
    world: FleetWorld, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    world.rows(
        "insert into stopward.leases (account_id, holder, until, fence)"
        " values ('ada', 'the first', now() + interval '10 s', 1) returning 1"
    )
    assert ticked(load_app("tick_accounts"), an_event(a_pulse("ada"))) == {"batchItemFailures": []}
    (line,) = said(caplog, "tick_finished")
    assert (line["busy"], line["ticks"]) == (1, 0)
    assert clock.slept == []


def test_one_that_fails_costs_no_other(
    world: FleetWorld, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    event = an_event(a_pulse("ada"), a_pulse("cyd"), a_pulse("bob"))
    event["Records"].append({**event["Records"][0], "messageId": "m3", "body": "no pulse"})
    answer = ticked(load_app("tick_accounts"), event)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m1"}, {"itemIdentifier": "m3"}]}
    printed = capsys.readouterr().out
    assert [line["account_id"] for line in said(caplog, "tick_finished")] == ["ada", "bob"]
    missing, unreadable = reasons(caplog)
    assert missing.startswith("secret stopward/accounts/paper/cyd: ResourceNotFoundException")
    assert unreadable.endswith("is no JSON")
    found = metrics(printed)
    assert (found["Ticks"], found["PulsesFailed"], found["PulsesTooOld"]) == ([2.0], [2.0], [0.0])


def test_a_pulse_older_than_a_minute_is_refused_counted_and_no_failure(
    world: FleetWorld, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    old, young = MINUTE - timedelta(seconds=60.5), MINUTE - timedelta(seconds=59.5)
    event = an_event(a_pulse("ada", old), a_pulse("bob", young))
    assert ticked(load_app("tick_accounts"), event) == {"batchItemFailures": []}
    printed = capsys.readouterr().out
    (refused,) = said(caplog, "pulse_too_old")
    assert (refused["account_id"], refused["age_seconds"]) == ("ada", 60.5)
    found = metrics(printed)
    assert (found["Ticks"], found["PulsesTooOld"], found["PulsesFailed"]) == ([1.0], [1.0], [0.0])
    assert world.brokers[AccountId("ada")].log == []


def test_a_pulse_for_which_no_time_is_left_fails_by_name(
    world: FleetWorld, caplog: pytest.LogCaptureFixture
) -> None:
    answer = ticked(load_app("tick_accounts"), an_event(a_pulse("ada")), milliseconds=5_000)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    (reason,) = reasons(caplog)
    assert "5.0 s are left for it" in reason


def test_an_account_that_leaves_the_fleet_gets_no_more_messages(world: FleetWorld) -> None:
    world.rows("update stopward.accounts set fleet = null where id = 'bob' returning 1")
    world.rows("update stopward.accounts set fleet = 'live' where id = 'cyd' returning 1")
    assert dispatched()["pulses_sent"] == PULSES


def test_who_has_not_ticked_is_told_by_name(
    world: FleetWorld, caplog: pytest.LogCaptureFixture
) -> None:
    ticked(load_app("tick_accounts"), an_event(a_pulse("ada"), a_pulse("bob")))
    late = MINUTE - timedelta(minutes=3, seconds=1)
    world.rows(
        "update stopward.leases set last_tick_at = %s where account_id = 'bob' returning 1", late
    )
    assert dispatched()["silent_accounts"] == 2
    (line,) = said(caplog, "ticks_dispatched")
    assert line["longest_silent"] == ("cyd", "bob")


@pytest.mark.parametrize(
    ("name", "lacking"),
    [
        ("tick_accounts", "STOPWARD_FLEET"),
        ("dispatch_ticks", "STOPWARD_FLEET"),
        ("dispatch_ticks", "STOPWARD_TICK_QUEUE_URL"),
    ],
)
def test_a_setting_that_is_missing_is_named_at_the_start(
    world: FleetWorld, monkeypatch: pytest.MonkeyPatch, name: str, lacking: str
) -> None:
    monkeypatch.delenv(lacking)
    with pytest.raises(InvalidInput, match=lacking):
        load_app(name)


def test_a_failed_message_is_a_dead_letter_and_never_a_second_tick(
    world: FleetWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    sqs = boto3.client("sqs")
    arn = sqs.get_queue_attributes(QueueUrl=world.dead, AttributeNames=["QueueArn"])
    policy = {"deadLetterTargetArn": arn["Attributes"]["QueueArn"], "maxReceiveCount": "1"}
    sqs.set_queue_attributes(
        QueueUrl=world.queue,
        Attributes={
            "RedrivePolicy": json.dumps(policy),
            "VisibilityTimeout": "360",
            "MessageRetentionPeriod": "600",
        },
    )
    now = moto.sqs.models.unix_time_millis()
    sqs.send_message(QueueUrl=world.queue, MessageBody=write_pulse(a_pulse("cyd")))
    (event,) = world.received()
    assert len(ticked(load_app("tick_accounts"), event)["batchItemFailures"]) == 1
    monkeypatch.setattr(moto.sqs.models, "unix_time_millis", lambda: now + 361_000)
    monkeypatch.setattr(moto.sqs.models, "unix_time", lambda: now / 1000 + 361)
    assert world.received() == []
    dead = sqs.receive_message(QueueUrl=world.dead)["Messages"]
    assert [each["Body"] for each in dead] == [write_pulse(a_pulse("cyd"))]
