"""What the doctor finds, check by check."""

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest

from stopward.local import doctor
from stopward.local.doctor import Finding, examine
from stopward.local.exit_code import ExitCode
from stopward.local.up.home import Home, RunRecord

RECORD = RunRecord(
    name="20261122_210005",
    account_id="local",
    database="stopward_20261122_210005",
    simulator_url="",
    session_day="2013-09-03",
    started_at="2026-11-22T21:00:05+00:00",
)


class Usage(NamedTuple):
    """What shutil.disk_usage answers."""

    total: int
    used: int
    free: int


def found(
    home: Home, monkeypatch: pytest.MonkeyPatch, environment: Mapping[str, str] | None = None
) -> dict[str, Finding]:
    monkeypatch.setattr(doctor, "_database", lambda _: "left out")  # starts a server
    return {finding.name: finding for finding in examine(home, environment=environment or {})}


def test_a_fresh_folder_is_well_and_stays_unmade(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    findings = found(Home(tmp_path / "home"), monkeypatch)
    assert findings["folder"].is_well
    assert findings["last run"].seen == "none yet"
    assert not (tmp_path / "home").exists()


def test_a_folder_of_another_user_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_, **__: False)
    finding = found(Home(tmp_path), monkeypatch)["folder"]
    assert finding.code is ExitCode.CONFIGURATION
    assert "cannot be written" in finding.seen
    assert "--folder" in finding.remedy


def test_a_disk_that_is_nearly_full_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9, 12_345_678))
    finding = found(Home(tmp_path), monkeypatch)["folder"]
    assert "has 12 MB left, 200 are needed" in finding.seen
    assert "make room" in finding.remedy


def test_missing_data_is_found_with_the_command_that_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = {"STOPWARD_DATA_FOLDER": str(tmp_path / "a folder")}
    finding = found(Home(tmp_path), monkeypatch, where)["data"]
    assert "stocks.csv.gz" in finding.seen
    assert "tick_data.csv" in finding.seen
    assert f"--target '{tmp_path}/a folder' -r requirements/data.txt" in finding.remedy
    assert finding.remedy not in finding.seen


@pytest.mark.parametrize(
    ("exit_code", "trouble", "said"),
    [
        (None, "", "was killed; what it had recorded is kept"),
        (0, "", "ended well"),
        (0, "1 position left out", "ended well (1 position left out)"),
        (130, "", "was interrupted"),
        (5, "no answer", "ended with exit code 5: no answer"),
    ],
)
def test_the_end_of_the_last_run_is_told(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    exit_code: int | None,
    trouble: str,
    said: str,
) -> None:
    home = Home(tmp_path)
    with home.recording(RECORD) as file:
        file.write(replace(RECORD, exit_code=exit_code, trouble=trouble))
    finding = found(home, monkeypatch)["last run"]
    assert said in finding.seen
    assert finding.is_well == (exit_code != 5)


def test_a_living_run_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = Home(tmp_path)
    with home.recording(replace(RECORD, simulator_url="http://127.0.0.1:1")):
        seen = found(home, monkeypatch)["last run"].seen
    assert seen.endswith("running, broker at http://127.0.0.1:1")
