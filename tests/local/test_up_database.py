"""The database of a run: read again, left alone while somebody reads, removed for good."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from stopward.errors import InvalidInput
from stopward.local import cli
from stopward.local.postgres import EmbeddedPostgres, gist, servers_under
from stopward.local.up.database import create_database, opened_again, stop_server
from stopward.local.up.home import Home, RunRecord
from stopward.local.up.removal import remove, what_is_kept
from tests.builders import own_server

RECORD = RunRecord(
    name="20261122_210005",
    account_id="local",
    database="stopward_20261122_210005",
    simulator_url="",
    session_day="2013-09-03",
    started_at=datetime(2026, 11, 22, 21, 0, 5, tzinfo=UTC).isoformat(),
)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A home with one run that is over and its database."""
    home = Home(tmp_path_factory.mktemp("home"))
    own_server.keep_in_memory(EmbeddedPostgres(home=home.folder))
    with home.recording(RECORD) as file:
        create_database(home, RECORD)
        file.write(replace(RECORD, exit_code=0))
    stop_server(home, but=None)
    yield home
    own_server.remove(EmbeddedPostgres(home=home.folder))


def a_small_home(folder: Path, *, in_memory: bool) -> Iterator[Home]:
    """Yield a home with a server, a run without a database, and another home below it."""
    home = Home(folder)
    for place in (home.folder, home.folder / "tests" / "1"):
        server = EmbeddedPostgres(home=place, durable=False)
        if in_memory:
            own_server.keep_in_memory(server)
        server.start()
    with home.recording(RECORD):
        pass
    yield home
    for server in servers_under(home.folder):
        own_server.remove(server)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Home]:
    yield from a_small_home(tmp_path / "small", in_memory=True)


@pytest.fixture
def small_on_disk(tmp_path: Path) -> Iterator[Home]:
    """The same where the command itself shall find and delete the data."""
    yield from a_small_home(tmp_path / "small", in_memory=False)


def is_running(home: Home) -> bool:
    return EmbeddedPostgres(home=home.folder).is_running()


def test_the_server_runs_for_as_long_as_somebody_reads(shared: Home) -> None:
    with opened_again(shared, RECORD) as database:
        with opened_again(shared, RECORD):
            pass
        assert not stop_server(shared, but=None)
        with psycopg.connect(database.worker_url) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
    assert not is_running(shared)


def test_a_server_that_a_killed_run_left_running_is_stopped_after_the_next_look(
    shared: Home,
) -> None:
    EmbeddedPostgres(home=shared.folder).start()
    with opened_again(shared, RECORD):
        pass
    assert not is_running(shared)


def test_a_run_without_a_database_is_told_and_starts_no_server(
    shared: Home, tmp_path: Path
) -> None:
    lost = replace(RECORD, database="stopward_lost")
    with pytest.raises(InvalidInput, match="has no database here"), opened_again(shared, lost):
        pass
    assert not is_running(shared)
    with pytest.raises(InvalidInput, match="has no database here"):
        opened_again(Home(tmp_path), lost).__enter__()
    assert servers_under(tmp_path) == ()


def test_the_account_of_a_run_that_is_over_says_so(
    shared: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ("--folder", str(shared.folder))
    assert cli.main([*where, "account", "open", "Other", "--account", "other"]) == 0
    assert "account other of the local run 20261122_210005 (over" in capsys.readouterr().out
    assert cli.main([*where, "positions", "--account", "other"]) == 0
    said = capsys.readouterr()
    assert (said.out, "(over: nobody acts on it)" in said.err) == ("no open positions\n", True)
    assert cli.main([*where, "positions"]) == 5  # the run never opened its account
    assert "account local is not known" in capsys.readouterr().err


def test_removing_takes_servers_data_and_records(
    small_on_disk: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    small = small_on_disk
    servers = servers_under(small.folder)
    assert len(servers) == 2
    assert cli.main(["--folder", str(small.folder), "db", "remove", "--yes"]) == 0
    assert capsys.readouterr().out.count("removed") == 3
    assert not any(server.folder.exists() or server.is_running() for server in servers)
    assert (small.runs(), what_is_kept(small)) == ((), ())
    assert cli.main(["--folder", str(small.folder), "db", "remove", "--yes"]) == 0
    assert "no embedded database" in capsys.readouterr().out


def test_removing_asks_first(small: Home) -> None:
    done = subprocess.run(
        [
            sys.executable, "-m", "stopward.local.cli", "--folder", str(small.folder), "db",
            "remove",
        ],
        input="n\n", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 130
    assert "Delete this for good?" in done.stderr
    assert len(what_is_kept(small)) == 3


def test_nothing_is_removed_while_a_run_lives(small: Home) -> None:
    with small.recording(RECORD), pytest.raises(InvalidInput, match="is alive on it"):
        list(remove(small))
    assert is_running(small)


def test_looking_for_nothing_leaves_nothing(tmp_path: Path) -> None:
    assert cli.main(["--folder", str(tmp_path / "home"), "db", "remove"]) == 0
    assert not (tmp_path / "home").exists()


def test_data_lies_in_its_home_or_names_it(small: Home) -> None:
    folder = EmbeddedPostgres(home=small.folder).folder
    if os.geteuid() == 0:
        assert (folder / "home").read_text(encoding="utf-8") == str(small.folder.resolve())
    else:
        assert folder.is_relative_to(small.folder.resolve())


def test_a_programs_failure_is_told_without_its_chatter() -> None:
    chatter = "creating\nFATAL:  could not write: No space left\nHINT: x\ninitdb: error: gone\n"
    assert gist(chatter) == "FATAL:  could not write: No space left / initdb: error: gone"
    assert gist("one\ntwo\n\nthree\nfour\n") == "two / three / four"
