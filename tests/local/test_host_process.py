"""A function in a real process of its own, through the real Runtime API."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from queue import Queue

import pytest
import urllib3

from stopward.errors import InvalidState
from stopward.local.host import function_process
from stopward.local.host.function_process import FunctionProcess
from stopward.local.host.invocation import (
    Answered,
    Crashed,
    Failed,
    Invocation,
    Outcome,
    TimedOut,
    describe,
)
from stopward.local.host.log_line import LogEvent, LogLine, MetricLine, TextLine, parse_line
from stopward.local.host.runtime_api import RuntimeApi
from tests.builders.tiny_function import a_function

PATIENCE_SECONDS = 20.0
DEADLINE = datetime(2100, 1, 1, tzinfo=UTC)


class Harness:
    """A function process with its outcomes and lines in queues."""

    def __init__(self, folder: Path, **options: str) -> None:
        self.outcomes: Queue[Outcome] = Queue()
        self.lines: Queue[LogLine] = Queue()
        self.log_path = folder / "tiny.log"
        self.process = FunctionProcess(
            a_function(folder, **options),
            overrides={"STOPWARD_CLOCK_URL": "http://127.0.0.1:9", "OVERRIDDEN": "override"},
            log_path=self.log_path,
            on_outcome=lambda name, outcome: self.outcomes.put(outcome),
            on_line=lambda name, line: self.lines.put(line),
        )
        self.calls = 0

    def offer(self, **event: object) -> None:
        self.calls += 1
        self.process.invoke(
            Invocation(request_id=f"r{self.calls}", event=json.dumps(event), deadline=DEADLINE)
        )

    def call(self, **event: object) -> Outcome:
        self.offer(**event)
        return self.outcomes.get(timeout=PATIENCE_SECONDS)


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[Harness]:
    made = Harness(tmp_path)
    yield made
    made.process.stop()


def answer(outcome: Outcome) -> dict[str, object]:
    assert isinstance(outcome, Answered), describe(outcome)
    body = json.loads(outcome.payload)
    assert isinstance(body, dict)
    return body


def test_an_event_goes_in_and_the_answer_comes_out(harness: Harness) -> None:
    body = answer(harness.call(greeting="hello"))
    assert body["event"] == {"greeting": "hello"}
    assert body["request_id"] == "r1"
    assert isinstance(body["remaining"], int)
    assert body["remaining"] > timedelta(days=1).total_seconds() * 1000


def test_one_process_serves_call_after_call(harness: Harness) -> None:
    for number in range(5):
        assert answer(harness.call(number=number))["event"] == {"number": number}
    assert harness.process.starts == 1


def test_an_exception_is_a_failure_with_its_trace_and_the_process_lives_on(
    harness: Harness,
) -> None:
    outcome = harness.call(do="raise")
    assert isinstance(outcome, Failed)
    assert (outcome.error_type, outcome.message) == ("ValueError", "as asked")
    assert any("app.py" in line for line in outcome.trace)
    answer(harness.call())
    assert harness.process.starts == 1


def test_a_crash_is_reported_with_its_last_words_and_the_next_call_starts_anew(
    harness: Harness,
) -> None:
    assert harness.call(do="crash") == Crashed(exit_code=3, message="last words")
    answer(harness.call())
    assert harness.process.starts == 2


def test_a_function_that_hangs_is_killed_and_the_next_call_starts_anew(harness: Harness) -> None:
    harness.offer(do="hang")
    harness.process.await_ready(timeout_seconds=PATIENCE_SECONDS)
    harness.process.kill(ran_seconds=7.0)
    assert harness.outcomes.get(timeout=PATIENCE_SECONDS) == TimedOut(seconds=7.0)
    answer(harness.call())
    assert (harness.process.starts, harness.outcomes.qsize()) == (2, 0)


def test_a_second_call_waits_for_nothing_it_is_refused(harness: Harness) -> None:
    harness.offer(do="hang")
    with pytest.raises(InvalidState, match="still busy"):
        harness.offer()


def test_the_environment_is_lambdas_and_the_templates_and_not_the_shells(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APCA_API_SECRET_KEY", "of the shell")
    environment = answer(harness.call(do="environment"))
    assert "APCA_API_SECRET_KEY" not in environment
    assert environment["FROM_TEMPLATE"] == "template"
    assert environment["OVERRIDDEN"] == "override"
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "tiny"
    assert environment["_HANDLER"] == "app.handler"
    assert environment["TZ"] == ":UTC"
    assert not [name for name in environment if "SECRET" in name or "ACCESS_KEY" in name]


def test_a_handler_that_cannot_be_imported_says_why_before_any_call(tmp_path: Path) -> None:
    harness = Harness(tmp_path, source="import no_such_module")
    try:
        harness.process.start()
        with pytest.raises(InvalidState, match=r"tiny did not start.*no_such_module"):
            harness.process.await_ready(timeout_seconds=PATIENCE_SECONDS)
        outcome = harness.call()
        assert isinstance(outcome, Crashed)
        assert "no_such_module" in outcome.message
    finally:
        harness.process.stop()


def test_what_it_prints_is_parsed_and_kept_in_its_log(harness: Harness) -> None:
    harness.call(number=1)
    line = harness.lines.get(timeout=PATIENCE_SECONDS)
    assert line == LogEvent(level="INFO", message="called", fields={"event": {"number": 1}})
    assert '"called"' in harness.log_path.read_text(encoding="utf-8")


def test_our_own_runtime_loop_does_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(function_process, "_runtime_module", lambda: "stopward.local.host.runtime")
    harness = Harness(tmp_path)
    try:
        assert answer(harness.call(greeting="hello"))["event"] == {"greeting": "hello"}
        failed = harness.call(do="raise")
        assert isinstance(failed, Failed)
        assert failed.message == "as asked"
        assert harness.call(do="crash") == Crashed(exit_code=3, message="last words")
        answer(harness.call())
    finally:
        harness.process.stop()


def test_an_answer_to_a_request_that_is_not_current_is_refused() -> None:
    outcomes: Queue[Outcome] = Queue()
    api = RuntimeApi(arn="arn", on_outcome=lambda request_id, outcome: outcomes.put(outcome))
    try:
        with urllib3.PoolManager(retries=False, timeout=PATIENCE_SECONDS) as http:
            base = f"http://{api.address}/2018-06-01/runtime"
            answered = http.request("POST", f"{base}/invocation/old/response", body=b"{}")
            assert answered.status == 400
            assert http.request("GET", f"{base}/elsewhere").status == 404
    finally:
        api.stop()
    assert outcomes.empty()


METRICS = (
    '{"_aws": {"CloudWatchMetrics": [{"Namespace": "Stopward", "Dimensions": [["service"]],'
    ' "Metrics": [{"Name": "exits", "Unit": "Count"}, {"Name": "moves", "Unit": "Count"}]}]},'
    ' "service": "stopward", "exits": [1, 2], "moves": 4.0}'
)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Traceback", TextLine(text="Traceback")),
        ("{broken", TextLine(text="{broken")),
        ('{"neither": 1}', TextLine(text='{"neither": 1}')),
        (
            '{"level": "ERROR", "message": "m", "tick_at": "t"}',
            LogEvent(level="ERROR", message="m", fields={"tick_at": "t"}),
        ),
        (METRICS, MetricLine(namespace="Stopward", values={"exits": 3.0, "moves": 4.0})),
    ],
)
def test_a_printed_line_is_an_event_a_metric_or_text(line: str, expected: LogLine) -> None:
    assert parse_line(line) == expected
