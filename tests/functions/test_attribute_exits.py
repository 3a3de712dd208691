"""The function of the evening, as Lambda loads it: a real database, a broker over HTTP, secrets."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from typing import Any

import boto3
import pytest
from moto import mock_aws

from stopward.adapters.postgres import PostgresDatabase
from stopward.errors import DatabaseUnavailable
from stopward.local.postgres import EmbeddedPostgres
from stopward.local.simulator import KEY, SECRET, Simulator
from tests.builders.access import copy_of
from tests.builders.attribution import SomeBars, night, timed_out
from tests.builders.evening import an_evening, called
from tests.builders.lambda_function import a_context, metrics
from tests.builders.store import A_SESSION
from tests.builders.store_world import PostgresWorld

EVENING = A_SESSION.closes_at + timedelta(minutes=90)
EVENT = {"time": EVENING.isoformat()}
CONTEXT = a_context("attribute_exits", memory=1024)


@pytest.fixture(scope="module")
def url(postgres_server: EmbeddedPostgres, template_database: str) -> Iterator[str]:
    with copy_of(postgres_server, template_database, "attribute_exits") as found:
        yield found


@pytest.fixture
def world(url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[PostgresWorld]:
    with an_evening(url, monkeypatch) as found:
        yield found


def run(bars: SomeBars, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Run the function at a broker that has these bars; return its counts."""
    simulator = Simulator(bars=bars.known, sessions=[A_SESSION], start=EVENING, cash=Decimal(1000))
    with simulator.serve() as broker_url:
        monkeypatch.setenv("STOPWARD_MARKET_DATA_URL", broker_url)
        return called("attribute_exits", "attribution", EVENT, CONTEXT)


def log(url: str, world: PostgresWorld) -> list[dict[str, Any]]:
    with closing(PostgresDatabase(url)) as database:
        rows = database.select("exit_log", account_id=world.account_id, order="position_id")
    return [dict(row) for row in rows]


def test_an_evening_fills_the_log_of_exits_and_counts(
    url: str,
    world: PostgresWorld,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    first, second = timed_out(world, "AAPL"), timed_out(world, "MSFT", tick=41)
    counts = run(night(first, second), monkeypatch)
    assert counts == {
        "attribution_trades": 2,
        "attribution_known": 2,
        "attribution_unknown": 0,
        "attribution_changed": 2,
        "attribution_failures": 0,
        "attribution_cut": 0,
    }
    for row in log(url, world):
        assert (row["rule"], row["without_r"], row["saved_r"]) == ("time_stop", -1.005, 0.955)
        assert (row["attributed_at"], row["unknown_because"]) == (EVENING, None)
    emitted = metrics(capsys.readouterr().out)
    assert emitted["AttributionKnown"] == [2.0]
    assert len(emitted) == len(counts)


def test_run_again_it_finds_nothing_to_do(
    url: str, world: PostgresWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    bars = night(timed_out(world))
    run(bars, monkeypatch)
    before = log(url, world)
    assert set(run(bars, monkeypatch).values()) == {0}
    assert log(url, world) == before


def test_what_the_bars_do_not_tell_is_unknown_and_says_why(
    url: str,
    world: PostgresWorld,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    counts = run(night(timed_out(world), after=()), monkeypatch)
    assert (counts["attribution_known"], counts["attribution_unknown"]) == (0, 1)
    (row,) = log(url, world)
    assert (row["without_r"], row["saved_r"], row["unknown_because"]) == (None, None, "bars_end")
    (record,) = [each for each in caplog.records if each.message == "exits_attributed"]
    assert (record.levelname, record.__dict__["unknown"]) == ("INFO", {"bars_end": 1})


def test_a_broker_that_does_not_answer_is_told_and_the_rest_waits(
    url: str,
    world: PostgresWorld,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    bars = night(timed_out(world))
    monkeypatch.setenv("STOPWARD_MARKET_DATA_URL", "http://127.0.0.1:9")
    counts = called("attribute_exits", "attribution", EVENT, CONTEXT)
    assert (counts["attribution_failures"], counts["attribution_cut"]) == (1, 1)
    (record,) = [each for each in caplog.records if each.message == "exits_attributed"]
    assert record.levelname == "ERROR"
    assert record.__dict__["failed"][0].startswith("bars: ")
    assert log(url, world)[0]["attributed_at"] is None
    assert run(bars, monkeypatch)["attribution_known"] == 1


@pytest.mark.filterwarnings("ignore:No application metrics to publish:UserWarning")
def test_a_database_that_does_not_answer_fails_the_function(
    world: PostgresWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("STOPWARD_DATABASE_URL", "postgresql://nobody@127.0.0.1:9/nothing")
    with pytest.raises(DatabaseUnavailable):
        run(night(), monkeypatch)
    assert [each.message for each in caplog.records if each.levelname == "ERROR"] == [
        "exits_not_attributed"
    ]


def test_keys_and_the_database_come_from_secrets(
    url: str, world: PostgresWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("DATABASE_URL", "BROKER_KEY_ID", "BROKER_SECRET_KEY"):
        monkeypatch.delenv(f"STOPWARD_{name}")
    bars = night(timed_out(world))
    with mock_aws():
        secrets = boto3.client("secretsmanager")
        texts = {"BROKER": json.dumps({"key_id": KEY, "secret_key": SECRET}), "DATABASE": url}
        for name, text in texts.items():
            made = secrets.create_secret(Name=name, SecretString=text)
            monkeypatch.setenv(f"STOPWARD_{name}_SECRET_ARN", made["ARN"])
        assert run(bars, monkeypatch)["attribution_known"] == 1
