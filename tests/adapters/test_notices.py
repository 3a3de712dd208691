"""Notices over the wire: what each kind is sent, and what each answer means."""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from socketserver import StreamRequestHandler, ThreadingTCPServer
from typing import Any

import pytest

from stopward.adapters.notices import address, compose
from stopward.adapters.notices.address import resolve
from stopward.adapters.notices.http import HttpNotices
from stopward.domain.notices import Claim, Dead, Delivered, Failed, Outcome, PutBack
from stopward.errors import InvalidInput
from tests.builders.http import Says, Script, in_turn, scripted
from tests.builders.notices import a_claim
from tests.builders.tls import untrusted_server

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "edge" / "messages.json").read_text()
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_each_kind_is_sent_what_the_edge_function_sends_too(case: dict[str, Any]) -> None:
    message = compose(Claim(**case["claim"]))
    assert message.url == case["url"]
    assert message.body.decode() == case["body"]
    assert dict(message.headers) == case["headers"]
    assert compose(Claim(**{**case["claim"], "attempt": 7})) == message


def test_discord_takes_two_thousand_characters() -> None:
    body = json.loads(compose(a_claim(kind="discord", title="x" * 5000)).body)
    assert len(body["content"]) == 2000


@pytest.mark.parametrize(
    "claim",
    [
        a_claim(kind="sns"),
        a_claim(kind="pigeon"),
        a_claim(kind="ntfy", address="https://[ntfy.example.com/topic"),
        a_claim(kind="ntfy", address="https://ntfy.example.com/t", secret="tk_secret\nx"),
        a_claim(kind="ntfy", address="https://ntfy.example.com/t", secret="tk_secret\u2013x"),
        a_claim(kind="ntfy", address="https://ntfy.example.com/"),
        a_claim(kind="ntfy", address="https://ntfy.example.com"),
    ],
)
def test_what_cannot_be_posted_is_refused_without_its_address(claim: Claim) -> None:
    with pytest.raises(InvalidInput) as caught:
        compose(claim)
    assert "example.com" not in str(caught.value)
    assert "tk_secret" not in str(caught.value)


def post(says: Says, **changes: Any) -> tuple[Outcome, Script]:
    with scripted(in_turn(says)) as server:
        claim = a_claim(address=f"{server.url}/secret-path?x=1", **changes)
        notices = HttpNotices(may_be_loopback=True, post_seconds=0.3)
        return notices.post(compose(claim)), server


def test_a_notice_arrives_with_its_key_and_its_signature() -> None:
    outcome, server = post(Says(status=204))
    assert outcome == Delivered()
    (asked,) = server.asked
    expected = compose(a_claim())
    assert (asked.method, asked.path, asked.query) == ("POST", "/secret-path", {"x": "1"})
    assert asked.body == expected.body
    for name, value in expected.headers.items():
        assert {key.lower(): told for key, told in asked.headers.items()}[name] == value
    assert server.url.endswith(asked.headers.get("Host", asked.headers.get("host", "")))


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        (Says(status=200), Delivered()),
        (Says(status=201, body=b"x" * 100_000), Delivered()),
        (Says(status=500), Failed(reason="127.0.0.1 answered 500")),
        (Says(status=502), Failed(reason="127.0.0.1 answered 502")),
        (Says(status=503), Failed(reason="127.0.0.1 answered 503")),
        (Says(status=408), Failed(reason="127.0.0.1 answered 408")),
        (Says(status=599), Failed(reason="127.0.0.1 answered 599")),
        (
            Says(status=503, headers={"Retry-After": "17"}),
            PutBack(reason="127.0.0.1 answered 503", retry_after_seconds=17.0, hold_seconds=17.0),
        ),
        (
            Says(status=429, headers={"Retry-After": "0.25"}),
            PutBack(reason="127.0.0.1 answered 429", retry_after_seconds=1.0, hold_seconds=1.0),
        ),
        (
            Says(status=429, headers={"Retry-After": "999999"}),
            PutBack(
                reason="127.0.0.1 answered 429", retry_after_seconds=3600.0, hold_seconds=3600.0
            ),
        ),
        *(
            (
                Says(status=429, headers=headers),
                PutBack(
                    reason="127.0.0.1 answered 429", retry_after_seconds=30.0, hold_seconds=30.0
                ),
            )
            for headers in (
                {},
                {"Retry-After": "nan"},
                {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"},
            )
        ),
        (
            Says(status=404, body=b"no_service\r\n\x00secret\xff"),
            Dead(reason="127.0.0.1 answered 404: no_service secret"),
        ),
        (Says(status=400, body=b""), Dead(reason="127.0.0.1 answered 400")),
        (Says(status=410, body=b"x" * 9000), Dead(reason="127.0.0.1 answered 410: " + "x" * 200)),
        (
            Says(status=302, body=b"", headers={"Location": "http://127.0.0.1:1/"}),
            Dead(reason="127.0.0.1 answered 302"),
        ),
        (Says(silent=True), Failed(reason="no answer within 0.3 s", hold_seconds=30.0)),
        (Says(lost=True), Failed(reason="127.0.0.1: RemoteDisconnected", hold_seconds=30.0)),
    ],
)
def test_an_answer_decides_what_becomes_of_the_notice(says: Says, expected: Outcome) -> None:
    outcome, server = post(says)
    if isinstance(outcome, Dead) and "\ufffd" in outcome.reason:
        outcome = replace(outcome, reason=outcome.reason.replace("\ufffd", ""))
    assert outcome == expected
    assert len(server.asked) == 1
    assert "secret-path" not in str(outcome)


def test_a_door_that_is_shut_is_tried_again() -> None:
    with scripted(in_turn(Says())) as server:
        url = server.url
    outcome = HttpNotices(may_be_loopback=True).post(compose(a_claim(address=f"{url}/x")))
    assert outcome == Failed(reason="127.0.0.1: NewConnectionError", hold_seconds=30.0)


def test_an_answer_that_drips_is_not_waited_for() -> None:
    class Drip(StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline().strip():
                pass
            self.wfile.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 9999\r\n\r\nhalf")
            self.wfile.flush()
            over.wait(5)

    over = threading.Event()
    with ThreadingTCPServer(("127.0.0.1", 0), Drip) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        claim = a_claim(address=f"http://127.0.0.1:{server.server_address[1]}/")
        outcome = HttpNotices(may_be_loopback=True, post_seconds=5).post(compose(claim))
        over.set()
        server.shutdown()
    assert outcome == Dead(reason="127.0.0.1 answered 404: half")


@pytest.mark.parametrize("beginning", [b"", b"HTTP/1.1 200 OK\r\nX-A: ", b"HTTP/1.1 100 "])
def test_a_server_that_drips_bytes_is_cut_off_in_time(beginning: bytes) -> None:
    class Drip(StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline().strip():
                pass
            self.wfile.write(beginning)
            while not over.wait(0.05):
                try:
                    self.wfile.write(b"a")
                except OSError:
                    gone.set()
                    return

    over, gone = threading.Event(), threading.Event()
    with ThreadingTCPServer(("127.0.0.1", 0), Drip) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        claim = a_claim(address=f"http://127.0.0.1:{server.server_address[1]}/")
        started = time.monotonic()
        outcome = HttpNotices(may_be_loopback=True, post_seconds=0.4).post(compose(claim))
        lasted = time.monotonic() - started
        was_cut = gone.wait(5)
        over.set()
        server.shutdown()
    assert outcome == Failed(reason="no answer within 0.4 s", hold_seconds=30.0)
    assert lasted < 3
    assert was_cut


def test_what_is_late_before_it_is_sent_is_never_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    late, resolved = threading.Event(), threading.Event()
    found = address.socket.getaddrinfo

    def slowly(*arguments: Any, **options: Any) -> Any:
        late.wait(5)
        resolved.set()
        return found(*arguments, **options)

    with scripted(in_turn(Says())) as server:
        monkeypatch.setattr(address.socket, "getaddrinfo", slowly)
        notices = HttpNotices(may_be_loopback=True, post_seconds=0.2)
        outcome = notices.post(compose(a_claim(address=f"{server.url}/x")))
        late.set()
        resolved.wait(5)
        monkeypatch.undo()
        for thread in threading.enumerate():
            if thread.name.startswith("ThreadPoolExecutor"):
                thread.join(5)
    assert isinstance(outcome, Failed)
    assert server.asked == []


@pytest.fixture
def untrusted(tmp_path: Path) -> Iterator[int]:
    """A TLS server whose certificate nobody signed; yields its port."""
    with untrusted_server(tmp_path) as port:
        yield port


def test_a_certificate_that_nobody_signed_is_no_delivery(untrusted: int) -> None:
    claim = a_claim(address=f"https://localhost:{untrusted}/x")
    outcome = HttpNotices(may_be_loopback=True).post(compose(claim))
    assert outcome == Failed(reason="localhost: SSLCertVerificationError", hold_seconds=30.0)


def leads_to(monkeypatch: pytest.MonkeyPatch, *ips: str) -> None:
    def answer(host: str, port: int, **_: object) -> list[Any]:
        return [
            (10 if ":" in ip else 2, 1, 6, "", (ip, port, 0, 0) if ":" in ip else (ip, port))
            for ip in ips
        ]

    monkeypatch.setattr(address.socket, "getaddrinfo", answer)


@pytest.mark.parametrize(
    "ips",
    [
        ["10.0.0.1"],
        ["172.16.5.4"],
        ["192.168.1.1"],
        ["169.254.169.254"],
        ["100.64.0.1"],
        ["0.0.0.0"],  # noqa: S104 (it is refused)
        ["127.0.0.1"],
        ["224.0.0.1"],
        ["240.0.0.1"],
        ["::1"],
        ["fe80::1"],
        ["fd00:ec2::254"],
        ["::ffff:169.254.169.254"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::a9fe:a9fe"],
        ["2002:a9fe:a9fe::1"],
        ["93.184.216.34", "10.0.0.1"],
    ],
)
def test_a_name_that_leads_inside_is_not_gone_to(
    monkeypatch: pytest.MonkeyPatch, ips: list[str]
) -> None:
    leads_to(monkeypatch, *ips)
    outcome = HttpNotices().post(compose(a_claim(address="https://example.com/secret-path")))
    assert outcome == Dead(reason="example.com: leads to an address that is not public")


def test_a_public_name_is_resolved_once_and_gone_to_by_its_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    leads_to(monkeypatch, "2606:2800:220:1::1", "93.184.216.34")
    target = resolve("https://example.com:8443/a?b=c", may_be_loopback=False)
    assert (target.ip, target.host, target.port) == ("93.184.216.34", "example.com", 8443)
    assert target.path == "/a?b=c"


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "https:///x",
        "https://user@example.com/",
        "https://example.com:99999/",
        "https://[::1/",
        "https://example.com/a b",
        "https://example.com/a\u2013b",
        "https://b\u00fccher.example.com/",
        "file:///etc/passwd",
        "",
    ],
)
def test_an_address_that_is_none_is_dead(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    leads_to(monkeypatch, "93.184.216.34")
    outcome = HttpNotices(may_be_loopback=True).post(compose(a_claim(address=url)))
    assert isinstance(outcome, Dead)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "2130706433", "0x7f.1"])
def test_this_machine_is_gone_to_in_local_mode_only(host: str) -> None:
    outcome = HttpNotices().post(compose(a_claim(address=f"http://{host}:1/")))
    assert isinstance(outcome, Dead)
    assert "not public" in outcome.reason


def test_a_name_that_leads_nowhere_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(*_: object, **__: object) -> list[Any]:
        raise address.socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(address.socket, "getaddrinfo", answer)
    outcome = HttpNotices().post(compose(a_claim()))
    assert outcome == Failed(reason="hooks.example.com: the name leads nowhere", hold_seconds=30.0)
