"""The gateway as a server: connections are kept, bodies bounded, Postgres may be gone or busy."""

import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from stopward.errors import InvalidInput
from stopward.local.gateway import load_keys
from stopward.local.gateway.gateway import Gateway
from stopward.local.gateway.keys import FILE, make_keys
from stopward.local.gateway.server import MAX_BODY_BYTES, serving
from stopward.local.gateway.sessions import Sessions
from tests.builders.gateway import ServedGateway, StoppedClock, a_gateway


def raw(gateway: ServedGateway, *requests: bytes) -> bytes:
    """Send bytes as they are on one connection and return all that comes back."""
    host, _, port = gateway.url.removeprefix("http://").partition(":")
    received = b""
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        for request in requests:
            connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        while part := connection.recv(65536):
            received += part
    return received


def test_many_requests_share_a_connection(gateway: ServedGateway) -> None:
    head = f"Host: x\r\napikey: {gateway.keys.secret}\r\n"
    one = f"GET /rest/v1/guard_health?limit=0 HTTP/1.1\r\n{head}\r\n".encode()
    bad = f"GET /rest/v1/nothing HTTP/1.1\r\n{head}\r\n".encode()
    received = raw(gateway, one, bad, one)
    assert received.count(b"HTTP/1.1 200") == 2
    assert received.count(b"HTTP/1.1 404") == 1
    assert received.count(b"HTTP/1.1 ") == 3


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"some nonsense that is none\r\n\r\n", b"400"),
        (b"GET / HTTP/9.9\r\n\r\n", b"505"),
        (b"BREW /rest/v1/x HTTP/1.1\r\n\r\n", b"501"),
        (b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n", b"414"),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200 + b"\r\n", b"431"),
        (b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", b"411"),
        (f"POST / HTTP/1.1\r\nContent-Length: {MAX_BODY_BYTES + 1}\r\n\r\n".encode(), b"413"),
        (b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", b"413"),
        (b"GET /\x00 HTTP/1.1\r\n\r\n", b"401"),
        (b"OPTIONS /rest/v1/x HTTP/1.1\r\n\r\n", b"401"),
    ],
)
def test_what_is_no_request_is_refused_in_json(
    gateway: ServedGateway, request_: bytes, status: bytes
) -> None:
    received = raw(gateway, request_)
    assert received.startswith(b"HTTP/1.1 " + status)
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"application/json" in head
    assert b'"message"' in body
    assert b"<html" not in received


def test_many_clients_are_served_by_few_sessions(login_url: str) -> None:
    with a_gateway(login_url, size=2) as gateway, ThreadPoolExecutor(8) as clients:
        statuses = clients.map(
            lambda _: gateway.ask("guard_health", limit="1").status_code, range(40)
        )
        assert set(statuses) == {200}
        with psycopg.connect(login_url) as eyes:
            row = eyes.execute(
                "select count(*) from pg_stat_activity where application_name = 'stopward gateway'"
                " and datname = current_database()"
            ).fetchone()
        assert row is not None
        assert row[0] <= 2 + 4  # the module's other gateway has up to four


def test_nobody_waits_for_a_session_for_ever(login_url: str, database_url: str) -> None:
    with (
        a_gateway(login_url, size=1, timeout_seconds=0.3) as gateway,
        ThreadPoolExecutor(1) as clients,
        psycopg.connect(database_url) as holder,
    ):
        holder.execute("lock table stopward.leases")
        first = clients.submit(gateway.ask, "guard_health")
        while not holder.execute("select from pg_locks where not granted").rowcount:
            pass
        second = gateway.ask("guard_health")
        answers = {answer.json()["code"]: answer.status_code for answer in (first.result(), second)}
    assert answers.get("57014") == 500  # its time was up
    assert set(answers) <= {"57014", "PGRST003"}
    assert answers.get("PGRST003", 504) == 504


def test_a_database_that_is_gone_is_said_and_found_again(login_url: str, database_url: str) -> None:
    with a_gateway(login_url, size=1) as gateway:
        assert gateway.ask("guard_health").is_success
        with psycopg.connect(database_url, autocommit=True) as owner:
            owner.execute(
                "select pg_terminate_backend(pid, 1000) from pg_stat_activity"
                " where application_name = 'stopward gateway' and datname = current_database()"
            )
        answer = gateway.ask("guard_health")
        assert (answer.status_code, answer.json()["code"]) in ((500, "57P01"), (503, "PGRST001"))
        assert gateway.ask("guard_health").is_success


def test_no_database_at_all_is_said_without_a_word_of_its_url() -> None:
    url = "postgresql://authenticator:open-sesame@127.0.0.1:1/none"
    with a_gateway(url) as gateway:
        answer = gateway.ask("guard_health")
    assert (answer.status_code, answer.json()["code"]) == (503, "PGRST001")
    assert "open-sesame" not in answer.text


def test_a_port_that_is_taken_is_exchanged_for_a_free_one(login_url: str) -> None:
    def gateway() -> Gateway:
        return Gateway(Sessions(login_url), keys=make_keys(), clock=StoppedClock())

    with serving(gateway()) as first:
        port = int(first.url.rpartition(":")[2])
        with serving(gateway(), port=port) as second:
            assert second.url != first.url
            assert second.url.startswith("http://127.0.0.1:")


# Keys


def test_keys_are_made_once_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    made = load_keys(tmp_path / "home")
    assert load_keys(tmp_path / "home") == made
    file = tmp_path / "home" / FILE
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(file.parent.iterdir()) == [file]
    assert made.publishable.startswith("sb_publishable_")
    assert made.secret.startswith("sb_secret_")
    assert len({made.publishable, made.secret, made.token_secret, made.database_password}) == 4
    for secret in (made.secret, made.token_secret, made.database_password):
        assert secret not in repr(made)


def test_a_file_that_others_could_read_is_closed(tmp_path: Path) -> None:
    load_keys(tmp_path)
    (tmp_path / FILE).chmod(0o644)
    load_keys(tmp_path)
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"secret": 7}', "{"])
def test_a_file_of_keys_that_cannot_be_read_is_told_with_the_remedy(
    tmp_path: Path, text: str
) -> None:
    (tmp_path / FILE).write_text(text, encoding="ascii")
    with pytest.raises(InvalidInput, match="remove it"):
        load_keys(tmp_path)


def test_two_programs_that_make_keys_at_once_have_the_same(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as programs:
        found = set(programs.map(lambda _: load_keys(tmp_path), range(1)))
    assert len(found) == 1
    # The slower one finds the file in its place.
    from stopward.local.gateway import keys

    keys._create(tmp_path / FILE)
    assert load_keys(tmp_path) in found
