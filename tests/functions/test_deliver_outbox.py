"""The function as Lambda runs it: a process of its own, the environment, one line, the metrics."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from queue import Queue

import pytest

from stopward import bootstrap
from stopward.adapters.notices.http import POST_SECONDS
from stopward.adapters.notices.sns import PUBLISH_SECONDS
from stopward.adapters.secrets import CHANNEL_SECONDS
from stopward.local.host.function_process import FunctionProcess
from stopward.local.host.invocation import Answered, Invocation, Outcome, describe
from stopward.local.host.log_line import LogEvent, LogLine, MetricLine
from stopward.local.host.template import FunctionDefinition
from stopward.local.postgres import EmbeddedPostgres
from stopward.services.delivery import SETTLINGS
from tests.builders.access import copy_of
from tests.builders.http import Says, in_turn, scripted
from tests.builders.outbox import Mailroom

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 20.0


@pytest.fixture(scope="module")
def url(postgres_server: EmbeddedPostgres, template_database: str) -> Iterator[str]:
    with copy_of(postgres_server, template_database, "function") as found:
        yield found


@pytest.fixture
def mail(url: str) -> Iterator[Mailroom]:
    found = Mailroom(url)
    yield found
    found.close()


def test_a_notice_is_begun_only_while_there_is_time_to_send_and_to_settle_it() -> None:
    delivery = bootstrap.outbox_deliverer(
        environment={"STOPWARD_ACCOUNT_ID": "main", "STOPWARD_DATABASE_URL": "postgresql:///x"}
    )
    longest = CHANNEL_SECONDS + max(POST_SECONDS, PUBLISH_SECONDS)
    assert delivery.margin_seconds == longest + SETTLINGS * bootstrap.OUTBOX_SECONDS
    # Half of the function's minute is left to send in.
    assert delivery.margin_seconds <= 30


def invoke(url: str, folder: Path) -> tuple[Outcome, list[LogLine]]:
    """Run the function once and return its answer and what it printed."""
    outcomes: Queue[Outcome] = Queue()
    lines: list[LogLine] = []
    process = FunctionProcess(
        FunctionDefinition(
            logical_id="DeliverOutbox",
            name="deliver_outbox",
            handler="app.handler",
            runtime="python3.12",
            code_folder=ROOT / "functions" / "deliver_outbox",
            layer_folders=(ROOT / "layers" / "core",),
            timeout_seconds=60,
            memory_mb=256,
            environment={
                "STOPWARD_ACCOUNT_ID": "main",
                "STOPWARD_DATABASE_URL": url,
                # Local mode, in which a reader may be on this machine; no clock is read there.
                "STOPWARD_CLOCK_URL": "http://127.0.0.1:9",
                "POWERTOOLS_SERVICE_NAME": "stopward",
                "POWERTOOLS_METRICS_NAMESPACE": "Stopward",
                "POWERTOOLS_TRACE_DISABLED": "1",
            },
            schedules=(),
        ),
        overrides={},
        log_path=folder / "deliver_outbox.log",
        on_outcome=lambda name, outcome: outcomes.put(outcome),
        on_line=lambda name, line: lines.append(line),
    )
    process.invoke(
        Invocation(request_id="r1", event="{}", deadline=datetime(2100, 1, 1, tzinfo=UTC))
    )
    outcome = outcomes.get(timeout=PATIENCE_SECONDS)
    process.stop()
    return outcome, lines


def test_it_delivers_what_waits_and_says_so_in_one_line_and_in_metrics(
    url: str, mail: Mailroom, tmp_path: Path
) -> None:
    with scripted(in_turn(Says(), Says(status=500), Says(status=404))) as server:
        mail.channel(address=f"{server.url}/secret-path")
        for key in "abc":
            mail.tell(key)
        mail.eyes.execute("update stopward.outbox set created_at = now() - interval '100 s'")
        outcome, lines = invoke(url, tmp_path)
    assert isinstance(outcome, Answered), describe(outcome)
    counts = json.loads(outcome.payload)
    assert counts.pop("oldest_pending_seconds") == pytest.approx(100, abs=15)
    assert counts == {
        "claimed": 3,
        "delivered": 1,
        "retried": 1,
        "put_back": 0,
        "dead": 1,
        "nudged": 0,
        "trimmed": 0,
        "pending": 1,
    }
    assert [line.message for line in lines if isinstance(line, LogEvent)] == ["outbox_delivered"]
    metrics = {
        name: value
        for line in lines
        if isinstance(line, MetricLine)
        for name, value in line.values.items()
    }
    assert metrics["NoticesDelivered"] == metrics["NoticesRetried"] == metrics["NoticesDead"] == 1
    assert metrics["NoticesOldestPending"] == pytest.approx(100, abs=15)
    assert "secret-path" not in (tmp_path / "deliver_outbox.log").read_text()


def test_with_nothing_to_do_it_still_reports(url: str, tmp_path: Path) -> None:
    outcome, lines = invoke(url, tmp_path)
    assert isinstance(outcome, Answered), describe(outcome)
    assert json.loads(outcome.payload)["claimed"] == 0
    assert any(isinstance(line, MetricLine) for line in lines)
