"""The command line: exit codes, messages, and what needs no database."""

import errno
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from stopward import __version__
from stopward.errors import (
    BrokerRejected,
    BrokerUnavailable,
    DatabaseRejected,
    DatabaseUnavailable,
    InvalidInput,
    InvalidState,
    RateLimited,
    StopwardError,
)
from stopward.local import cli
from stopward.local.exit_code import ExitCode, exit_code_of
from stopward.local.up import run

RULES = '[account]\nadopt = "all"\n\n[rules]\npreset = "standard"\n'


def called(folder: Path, *arguments: str) -> int:
    return cli.main(["--folder", str(folder / "home"), *arguments])


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidInput("x"), 3),
        (BrokerUnavailable("x"), 4),
        (BrokerRejected("x", status=403), 4),
        (RateLimited("x", retry_after_seconds=1), 4),
        (DatabaseUnavailable("x"), 5),
        (DatabaseRejected("x", rule="y"), 5),
        (InvalidState("x"), 1),
    ],
)
def test_each_error_ends_with_its_code_and_one_message(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    error: StopwardError,
    code: int,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(run, "up", fail)
    assert called(tmp_path, "up") == code == exit_code_of(error)
    said = capsys.readouterr().err
    assert said.startswith("stopward: ")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.EACCES, "No", "a/lock"), "a/lock: No; make it writable"),
        (OSError(errno.EROFS, "No", "a/lock"), "a/lock: No; make it writable"),
        (OSError(errno.ENOSPC, "Full"), "a file: Full; make room"),
    ],
)
def test_a_folder_that_takes_nothing_ends_with_3_and_no_trace(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    error: OSError,
    said: str,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(run, "up", fail)
    assert called(tmp_path, "up") == 3
    assert f"stopward: {said}" in capsys.readouterr().err


def test_an_error_of_the_system_that_nobody_foresaw_keeps_its_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ConnectionRefusedError(errno.ECONNREFUSED, "refused")

    monkeypatch.setattr(run, "up", fail)
    with pytest.raises(ConnectionRefusedError):
        called(tmp_path, "up")


def test_a_reader_that_has_enough_is_no_error(tmp_path: Path) -> None:
    line = f"{sys.executable} -m stopward.local.cli rules explain | head -c 1"
    done = subprocess.run(
        ["bash", "-c", f"{line}; echo ${{PIPESTATUS[0]}}"],
        capture_output=True, text=True, cwd=tmp_path, check=True,
    )  # fmt: skip
    assert done.stdout.endswith("0\n")
    assert done.stderr == ""


def test_the_help_names_every_exit_code(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert called(tmp_path, "--help") == 0
    words = " ".join(capsys.readouterr().out.split())
    told = re.search(r"Exit codes: (.*?)\.", words)
    assert told is not None
    assert [int(code) for code in re.findall(r"\d+", told[1])] == [int(code) for code in ExitCode]


def test_an_interruption_ends_with_130_and_no_trace(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "up", interrupt)
    assert called(tmp_path, "up") == 130
    assert capsys.readouterr().err.strip() == "interrupted"


@pytest.mark.parametrize(
    "arguments",
    [
        ("nonsense",),
        ("up", "--speed", "0"),
        ("up", "--speed", "quick"),
        ("up", "--speed", "nan"),
        ("up", "--until", "25:00"),
        ("up", "--until", "9:5"),
        ("up", "--minutes", "0"),
        ("why",),
        ("tag", "AAPL"),
        ("db", "migrate"),
    ],
)
def test_wrong_usage_ends_with_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert called(tmp_path, *arguments) == 2
    assert "Usage:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("up", "--bars", "b.csv"), "give both, or neither"),
        (("up", "--bars", "b.csv", "--positions", "p.csv"), "b.csv: cannot be read"),
        (("up", "--rules", "gone.toml"), "gone.toml"),
        (("up", "--data", "nowhere"), "Install it with"),
        (("up", "--bars", ".", "--positions", "p.csv"), "Is a directory"),
        (("up", "--rules", "."), "Is a directory"),
        (("up", "--picture", "nowhere/picture.svg"), "there is no folder nowhere"),
        (("rules", "check", "gone.toml"), "gone.toml"),
        (("rules", "put", "gone.toml"), "gone.toml"),
        (("alarms",), "no run is recorded"),
        (("sessions", "load", "--nyse"), "no run is recorded"),
        (("account", "open", "Main"), "--account"),
        (("positions",), "no run is recorded"),
        (("why", "AAPL"), "no run is recorded"),
        (("halt", "--database-url", "postgresql://127.0.0.1:1/x"), "needs --account"),
    ],
)
def test_what_a_person_wrote_wrong_ends_with_3_and_says_so(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("STOPWARD_ACCOUNT_ID", "STOPWARD_DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    assert called(tmp_path, *arguments) == 3
    assert said in capsys.readouterr().err
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    "arguments", [("positions",), ("why", "AAPL"), ("tag", "AAPL", "hands-off"), ("halt",)]
)
def test_a_database_that_does_not_answer_ends_with_5(
    tmp_path: Path, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    url = ("--database-url", "postgresql://nobody@127.0.0.1:1/x", "--account", "local")
    assert called(tmp_path, *arguments, *url) == 5
    assert "DatabaseUnavailable" in capsys.readouterr().err


def test_migrating_a_database_that_does_not_answer_ends_with_5(tmp_path: Path) -> None:
    assert called(tmp_path, "db", "migrate", "--url", "postgresql://nobody@127.0.0.1:1/x") == 5


def test_the_version_is_the_packages(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert called(tmp_path, "--version") == 0
    assert capsys.readouterr().out == f"stopward, version {__version__}\n"


def test_valid_rules_are_checked_and_explained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(RULES, encoding="utf-8")
    assert called(tmp_path, "rules", "check", str(path)) == 0
    assert "valid" in capsys.readouterr().out
    assert called(tmp_path, "rules", "explain", str(path)) == 0
    assert "never loosened" in capsys.readouterr().out
    assert called(tmp_path, "rules", "explain") == 0
    assert "demo" in capsys.readouterr().out


def test_invalid_rules_end_with_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "rules.toml"
    path.write_text("[rules.brakeeven]\n", encoding="utf-8")
    assert called(tmp_path, "rules", "check", str(path)) == 3
    assert "brakeeven" in capsys.readouterr().err


def test_paper_verification_without_keys_ends_with_3(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("APCA_API_KEY_ID", raising=False)
    monkeypatch.delenv("APCA_API_SECRET_KEY", raising=False)
    assert called(tmp_path, "broker", "verify", "--paper") == 3
    assert "APCA_API_KEY_ID" in capsys.readouterr().err


def test_every_broker_fact_holds_on_the_simulator(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert called(tmp_path, "broker", "verify") == 0
    assert " 0 fails" in capsys.readouterr().out


def test_every_command_has_a_help_text() -> None:
    def commands(group: click.Group) -> list[click.Command]:
        found: list[click.Command] = []
        for command in group.commands.values():
            found.append(command)
            if isinstance(command, click.Group):
                found.extend(commands(command))
        return found

    named = commands(cli.stopward_command)
    assert {"up", "doctor", "tag", "halt", "resume", "flatten", "why", "positions"} <= {
        command.name for command in named
    }
    assert [command.name for command in named if not command.help] == []
