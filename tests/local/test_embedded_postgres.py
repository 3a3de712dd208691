"""The embedded server: started once, found again, and none the worse for a kill."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from stopward.errors import DatabaseUnavailable, InvalidState
from stopward.local.postgres import EmbeddedPostgres
from tests.conftest import SCRATCH


@pytest.fixture(scope="module")
def server() -> Iterator[EmbeddedPostgres]:
    home = SCRATCH / f"{os.getpid()}" / "own"
    found = EmbeddedPostgres(home=home, durable=False)
    found.start()
    yield found
    found.remove()


def process_id(url: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute("select pg_read_file('postmaster.pid')::text as text").fetchone()
    assert row is not None
    return int(str(row[0]).splitlines()[0])


def test_starting_twice_finds_the_same_server(server: EmbeddedPostgres) -> None:
    first = process_id(server.start())
    again = EmbeddedPostgres(home=server.home, durable=False)
    assert again.is_running()
    assert process_id(again.start()) == first


def test_a_stopped_server_keeps_its_data_and_its_password(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.start()) as connection:
        connection.execute("create table kept as select 1 as one")
    server.stop()
    assert not server.is_running()
    server.stop()
    with psycopg.connect(server.start()) as connection:
        assert connection.execute("select one from kept").fetchone() == (1,)


def test_a_killed_server_starts_again(server: EmbeddedPostgres) -> None:
    killed = process_id(server.start())
    os.kill(killed, signal.SIGKILL)
    assert process_id(server.start()) != killed


def test_nobody_enters_without_the_password(server: EmbeddedPostgres) -> None:
    url = server.start()
    password = url.split(":")[2].split("@")[0]
    with pytest.raises(psycopg.OperationalError, match=r"password authentication failed"):
        psycopg.connect(url.replace(password, "guess"))


def test_the_server_listens_on_this_machine_only(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.start()) as connection:
        row = connection.execute(
            "select current_setting('listen_addresses'), current_setting('unix_socket_directories')"
        ).fetchone()
    assert row == ("127.0.0.1", "")


def test_the_url_of_a_server_that_does_not_run_is_an_error_with_its_remedy() -> None:
    home = SCRATCH / f"{os.getpid()}" / "never"
    never = EmbeddedPostgres(home=home)
    assert not never.is_running()
    with pytest.raises(DatabaseUnavailable, match=r"does not run: start it"):
        never.url()
    never.remove()


def test_a_bin_folder_without_programs_is_an_error(tmp_path: Path) -> None:
    wrong = EmbeddedPostgres(home=SCRATCH / f"{os.getpid()}" / "wrong", binaries=tmp_path)
    with pytest.raises(InvalidState, match=r"initdb cannot be run"):
        wrong.start()
    wrong.remove()
