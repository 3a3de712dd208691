"""`stopward up --once`, whole: real processes, real Postgres, the deployed handlers.

About 25 seconds in all: two demo runs of 20 simulated minutes, and short ones of files.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stopward.local.postgres import EmbeddedPostgres
from stopward.local.up.home import Home
from tests.builders.own_server import keep_in_memory, remove

PATIENCE_SECONDS = 90
BARS = "symbol,at,open,high,low,close,volume\n" + "\n".join(
    f"AAPL,2024-03-05T14:{30 + minute}:00Z,{100 + minute / 10},{100.2 + minute / 10},"
    f"{99.9 + minute / 10},{100.1 + minute / 10},1000"
    for minute in range(10)
)
POSITIONS = (
    "position_id,symbol,side,quantity,entry_at,entry_price,initial_stop\n"
    "p1,AAPL,long,100,2024-03-05T14:31:00Z,100.10,{stop}\n"
)
RAISES = "def handler(event, context):\n    raise RuntimeError('as asked')\n"
TEMPLATE = """
Resources:
  Broken:
    Type: AWS::Serverless::Function
    Properties:
      Handler: app.handler
      CodeUri: .
      Events:
        Minute: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 minute)}}
Parameters:
  Stage: {Type: String}
  AccountId: {Type: String}
  Database: {Type: String, Default: supabase}
  PositionScores: {Type: String, Default: "on"}
"""


@dataclass(frozen=True)
class Run:
    """What one call of the command line came to."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The one JSON document on stdout."""
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


def command(home: Path, *arguments: str) -> list[str]:
    return [sys.executable, "-m", "stopward.local.cli", "--folder", str(home), *arguments]


def called(home: Path, *arguments: str) -> Run:
    done = subprocess.run(
        command(home, *arguments),
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    return Run(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("home")
    keep_in_memory(EmbeddedPostgres(home=folder))
    yield folder
    remove(EmbeddedPostgres(home=folder))


@pytest.fixture(scope="module")
def demo(home: Path) -> Run:
    return called(home, "up", "--once", "--minutes", "20", "--json")


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "bars.csv").write_text(BARS, encoding="utf-8")
    (tmp_path / "positions.csv").write_text(POSITIONS.format(stop="99.10"), encoding="utf-8")
    return tmp_path


def file_arguments(folder: Path) -> tuple[str, ...]:
    return ("--bars", str(folder / "bars.csv"), "--positions", str(folder / "positions.csv"))


def test_the_demo_runs_and_prints_one_document(demo: Run) -> None:
    assert demo.code == 0, demo.err
    assert demo.out.count("\n") == 1
    document = demo.document
    assert document["session_day"] == "2013-09-03"
    assert document["positions"] >= 5
    assert document["ticks"] == 120  # two functions, three pulses a minute
    assert document["unprotected"] == []
    for counts in document["functions"].values():
        assert counts["answered"] == 20
        assert counts["failed"] + counts["crashed"] + counts["timed_out"] + counts["dropped"] == 0


def test_people_read_progress_and_summary_on_stderr(demo: Run) -> None:
    assert "09:45" in demo.err
    assert "what each rule did" in demo.err
    assert "Traceback" not in demo.err


def test_a_second_run_decides_the_same(home: Path, demo: Run) -> None:
    def told(run: Run) -> dict[str, Any]:
        return {key: value for key, value in run.document.items() if key != "real_seconds"}

    before = called(home, "why", "FB-A", "--holds")
    again = called(home, "up", "--once", "--minutes", "20", "--json")
    assert again.code == 0, again.err
    assert told(again) == told(demo)
    assert called(home, "why", "FB-A", "--holds").out == before.out


def test_every_decision_of_the_demo_is_decided_again_to_the_bit(home: Path, demo: Run) -> None:
    assert demo.code == 0
    again = called(home, "replay", "--journal", "--json")
    assert again.code == 0, again.out
    told = again.document
    assert told["rows"] == told["agreed"] >= 50
    assert "account local of the local run" in again.err


def test_what_rules_saved_the_demo_is_stored_once(home: Path, demo: Run) -> None:
    assert demo.code == 0
    first = called(home, "attribution", "--json")
    assert first.code == 0, first.err
    assert first.document["failures"] == []
    assert first.document["figures_known"] == first.document["figures_changed"] >= 1
    again = called(home, "attribution")
    assert again.out.startswith("There was nothing to do"), again.out
    assert "account local of the local run" in again.err


def test_afterwards_the_account_can_be_asked_and_told(home: Path, demo: Run) -> None:
    assert demo.code == 0
    why = called(home, "why", "FB-A")
    assert why.code == 0
    assert why.out.startswith("FB-A: ")
    assert "FB-A" in called(home, "positions").out
    assert called(home, "tag", "FB-A", "hands-off").code == 0
    assert called(home, "tag", "FB-A", "hands-off", "--remove").code == 0
    assert called(home, "halt", "--reason", "test").code == 0
    assert called(home, "resume").code == 0
    assert called(home, "flatten").code == 0
    unknown = called(home, "why", "NOBODY")
    assert unknown.code == 3
    assert "guarded were:" in unknown.err
    assert not EmbeddedPostgres(home=home).is_running()


def test_the_doctor_finds_everything_well(home: Path, demo: Run) -> None:
    assert demo.code == 0
    found = called(home, "doctor")
    assert found.code == 0, found.out
    assert "NOT OK" not in found.out
    assert "ended well" in found.out


def test_the_traders_own_files_are_played(home: Path, files: Path) -> None:
    run = called(home, "up", "--once", "--minutes", "10", "--json", *file_arguments(files))
    assert run.code == 0, run.err
    assert run.document["positions"] == 1
    assert run.document["unprotected_seconds"] == 0


def test_a_position_without_a_stop_at_the_end_ends_with_6(home: Path, files: Path) -> None:
    (files / "positions.csv").write_text(POSITIONS.format(stop=""), encoding="utf-8")
    (files / "app.py").write_text(RAISES, encoding="utf-8")
    (files / "template.yaml").write_text(TEMPLATE, encoding="utf-8")
    broken = ("--template", str(files / "template.yaml"), "--minutes", "3")
    run = called(home, "up", "--once", "--json", *broken, *file_arguments(files))
    assert run.code == 6, run.err
    assert run.document["unprotected"] == ["AAPL"]
    assert "RuntimeError: as asked" in run.document["notes"][-1]
    assert "UNPROTECTED" in run.err


def test_bad_files_are_refused_before_anything_is_written(tmp_path: Path, files: Path) -> None:
    (files / "bars.csv").write_text(BARS.replace("100.2,", "nan,", 1), encoding="utf-8")
    fresh = tmp_path / "fresh"
    run = called(fresh, "up", "--once", *file_arguments(files))
    assert run.code == 3
    assert "line 2" in run.err
    assert not fresh.exists()


def test_a_killed_run_leaves_no_process_and_the_next_one_works(home: Path, files: Path) -> None:
    arguments = ("--speed", "1", *file_arguments(files))
    killed = subprocess.Popen(
        command(home, "up", *arguments), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    assert killed.stderr is not None
    with killed, killed.stderr as said:
        while b"09:30" not in said.readline():
            assert killed.poll() is None
        os.kill(killed.pid, signal.SIGKILL)
    assert "was killed" in called(home, "doctor").out
    run = called(home, "up", "--once", "--minutes", "2", "--json", *file_arguments(files))
    assert run.code == 0, run.err
    assert not EmbeddedPostgres(home=home).is_running()


def test_an_interrupted_run_ends_with_130_and_no_trace(home: Path, files: Path) -> None:
    arguments = ("--speed", "1", *file_arguments(files))
    process = subprocess.Popen(
        command(home, "up", *arguments), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL
    )
    assert process.stderr is not None
    with process, process.stderr as said:
        while b"09:30" not in said.readline():
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        rest = said.read()
    assert process.returncode == 130
    assert b"Traceback" not in rest
    assert Home(home).last_run().exit_code == 130


def test_after_the_session_it_serves_until_it_is_told_to_stop(home: Path, files: Path) -> None:
    arguments = ("--speed", "max", "--minutes", "1", "--json", *file_arguments(files))
    process = subprocess.Popen(
        command(home, "up", *arguments),
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stderr is not None
    assert process.stdout is not None
    with process, process.stderr as said, process.stdout as out:
        assert json.loads(out.readline())["ticks"] == 6
        while b"commands" not in said.readline():
            assert process.poll() is None
        assert Home(home).is_alive(Home(home).last_run().name)
        process.send_signal(signal.SIGTERM)
        said.read()
    assert process.returncode == 0
