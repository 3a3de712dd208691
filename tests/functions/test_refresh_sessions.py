"""The nightly refresh as Lambda runs it: a process of its own, one line, the metrics, the alarm."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from queue import Queue

import psycopg
import pytest

from stopward.adapters.administration import Administration
from stopward.adapters.postgres import PostgresDatabase
from stopward.domain.identity import AccountId
from stopward.domain.market import Session
from stopward.local.data.calendar import sessions_between
from stopward.local.host.function_process import FunctionProcess
from stopward.local.host.invocation import Answered, Invocation, Outcome, describe
from stopward.local.host.log_line import LogEvent, LogLine, MetricLine
from stopward.local.host.template import FunctionDefinition
from stopward.local.simulator import KEY, SECRET, Simulator
from tests.conftest import MakeDatabase

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 20.0
NIGHT = "2026-11-30T08:00:00Z"
CALENDAR = sessions_between(date(2026, 11, 23), date(2026, 12, 31))
THURSDAY = "2026-12-03"
ACCOUNT = AccountId("main")


@pytest.fixture
def url(make_database: MakeDatabase, template_database: str) -> Iterator[str]:
    found = make_database(template=template_database)
    database = PostgresDatabase(found)
    Administration(database).open_account(ACCOUNT, name="Tests")
    yield found
    database.close()


def invoke(url: str, broker_url: str, folder: Path) -> tuple[Outcome, list[LogLine]]:
    """Run the function once and return its answer and what it printed."""
    outcomes: Queue[Outcome] = Queue()
    lines: list[LogLine] = []
    process = FunctionProcess(
        FunctionDefinition(
            logical_id="RefreshSessions",
            name="refresh_sessions",
            handler="app.handler",
            runtime="python3.12",
            code_folder=ROOT / "functions" / "refresh_sessions",
            layer_folders=(ROOT / "layers" / "core",),
            timeout_seconds=60,
            memory_mb=256,
            environment={
                "STOPWARD_ACCOUNT_ID": ACCOUNT,
                "STOPWARD_DATABASE_URL": url,
                "STOPWARD_BROKER_URL": broker_url,
                "STOPWARD_BROKER_KEY_ID": KEY,
                "STOPWARD_BROKER_SECRET_KEY": SECRET,
                "POWERTOOLS_SERVICE_NAME": "stopward",
                "POWERTOOLS_METRICS_NAMESPACE": "Stopward",
                "POWERTOOLS_TRACE_DISABLED": "1",
            },
            schedules=(),
        ),
        overrides={},
        log_path=folder / "refresh_sessions.log",
        on_outcome=lambda name, outcome: outcomes.put(outcome),
        on_line=lambda name, line: lines.append(line),
    )
    event = json.dumps({"time": NIGHT})
    process.invoke(
        Invocation(request_id="r1", event=event, deadline=datetime(2100, 1, 1, tzinfo=UTC))
    )
    outcome = outcomes.get(timeout=PATIENCE_SECONDS)
    process.stop()
    return outcome, lines


def invoke_with(
    url: str, sessions: Sequence[Session], folder: Path
) -> tuple[Outcome, list[LogLine]]:
    simulator = Simulator(
        bars={}, sessions=sessions, start=CALENDAR[0].opens_at, cash=Decimal(1000)
    )
    with simulator.serve() as broker_url:
        return invoke(url, broker_url, folder)


def events(lines: list[LogLine]) -> list[LogEvent]:
    return [line for line in lines if isinstance(line, LogEvent)]


def stored(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        connection.execute("set time zone 'UTC'")
        return connection.execute(statement.encode()).fetchall()


def test_an_early_close_is_stored_warned_of_and_counted(url: str, tmp_path: Path) -> None:
    told = [
        replace(session, closes_at=session.closes_at - timedelta(hours=3))
        if session.day == THURSDAY
        else session
        for session in CALENDAR
    ]
    outcome, lines = invoke_with(url, told, tmp_path)
    assert isinstance(outcome, Answered), describe(outcome)
    days_ahead = (date(2028, 12, 29) - date(2026, 11, 30)).days
    counts = json.loads(outcome.payload)
    assert counts == {
        "sessions": 23,
        "sessions_changed": 1,
        "session_disagreements": 1,
        "session_days_ahead": days_ahead,
        "broker_days_ahead": 31,
    }
    (line,) = events(lines)
    assert (line.level, line.message) == ("WARNING", "sessions_refreshed")
    assert line.fields["disagreements"] == [
        f"XNYS {THURSDAY}: broker 14:30 to 18:00 UTC, calendar 14:30 to 21:00 UTC; "
        "what counts is 14:30 to 18:00 UTC"
    ]
    metrics = {
        name: value
        for each in lines
        if isinstance(each, MetricLine)
        for name, value in each.values.items()
    }
    assert (metrics["SessionDaysAhead"], metrics["SessionDisagreements"]) == (days_ahead, 1)
    assert stored(
        url,
        "select day::text, to_char(closes_at, 'HH24:MI') from api.session_calendar where disagrees",
    ) == [(THURSDAY, "18:00")]
    assert stored(url, "select account_id, about, severity from stopward.notifications") == [
        ("main", "sessions_disagree", "warning")
    ]


def test_a_night_on_which_all_agree_is_one_quiet_line(url: str, tmp_path: Path) -> None:
    outcome, lines = invoke_with(url, CALENDAR, tmp_path)
    assert isinstance(outcome, Answered), describe(outcome)
    (line,) = events(lines)
    assert (line.level, line.fields["sessions_changed"]) == ("INFO", 0)
    assert stored(url, "select id from stopward.notifications") == []


def test_a_broker_that_does_not_tell_fails_the_function_and_keeps_the_rows(
    url: str, tmp_path: Path
) -> None:
    statement = "select count(*), max(closes_at) from stopward.market_sessions"
    before = stored(url, statement)
    outcome, lines = invoke_with(url, (), tmp_path)
    assert not isinstance(outcome, Answered)
    assert "the broker's calendar was empty" in describe(outcome)
    assert [line.message for line in events(lines)] == ["sessions_not_refreshed"]
    assert stored(url, statement) == before
