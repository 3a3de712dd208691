"""A run's place on disk: its record, its name, and whether it lives."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from stopward.errors import InvalidInput
from stopward.local.up.home import Home, RunRecord, find_template

NOW = datetime(2026, 11, 22, 21, 0, 5, tzinfo=UTC)
LIVES = """
import sys
from pathlib import Path
from stopward.local.up.home import Home, RunRecord
home = Home(Path(sys.argv[1]))
with home.recording(RunRecord(**eval(sys.argv[2]))):
    print("recorded", flush=True)
    sys.stdin.read()
"""


def a_record(name: str) -> RunRecord:
    return RunRecord(
        name=name,
        account_id="local",
        database=f"stopward_{name}",
        simulator_url="",
        session_day="2013-09-03",
        started_at=NOW.isoformat(),
    )


def test_runs_of_one_second_have_names_of_their_own(tmp_path: Path) -> None:
    home = Home(tmp_path)
    first = home.new_run_name(NOW)
    with home.recording(a_record(first)):
        assert (first, home.new_run_name(NOW)) == ("20261122_210005", "20261122_210005_2")


def test_a_record_is_read_back_newest_first(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for name in ("20261122_210005", "20261122_210006"):
        with home.recording(a_record(name)) as file:
            file.write(replace(a_record(name), exit_code=0))
    assert [run.name for run in home.runs()] == ["20261122_210006", "20261122_210005"]
    assert home.last_run() == replace(a_record("20261122_210006"), exit_code=0)


def test_a_half_written_record_is_passed_over(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with home.recording(a_record("20261122_210005")):
        pass
    (home.runs_folder / "20261122_210006.json").write_text('{"name": "2026', encoding="utf-8")
    assert home.last_run().name == "20261122_210005"


def test_no_run_is_a_clear_message(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="start one with `stopward up`"):
        Home(tmp_path).last_run()


def test_a_run_lives_until_its_process_is_killed(tmp_path: Path) -> None:
    from dataclasses import asdict

    home = Home(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-c", LIVES, str(tmp_path), repr(asdict(a_record("r")))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process, process.stdin, process.stdout as output:
        assert output.readline() == b"recorded\n"
        assert home.is_alive("r")
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    assert not home.is_alive("r")
    assert home.last_run().exit_code is None


def test_a_run_that_was_never_recorded_does_not_live(tmp_path: Path) -> None:
    assert not Home(tmp_path).is_alive("r")


def test_a_forgotten_run_leaves_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with home.recording(a_record("r")):
        pass
    home.log_folder("r").mkdir(parents=True)
    (home.log_folder("r") / "f.log").write_text("x", encoding="utf-8")
    home.forget("r")
    assert home.runs() == ()
    assert not home.log_folder("r").exists()


def test_the_template_is_found_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_template(None).is_file()
    (tmp_path / "template.yaml").write_text("", encoding="utf-8")
    assert find_template(None) == tmp_path / "template.yaml"
    assert find_template(Path("other.yaml")) == Path("other.yaml")
