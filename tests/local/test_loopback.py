"""The server under every server of local mode: it stops when told, and hides no error of ours."""

import socket
import sys
from threading import Event
from typing import Any

import pytest

from stopward.local.loopback import LoopbackHandler, LoopbackHttp


class Watched(LoopbackHttp):
    """Remembers errors instead of printing them."""

    def __init__(self, handler: type[LoopbackHandler]) -> None:
        super().__init__(handler)
        self.errors: list[str] = []
        self.ended = Event()

    def handle_error(self, request: Any, client_address: Any) -> None:
        self.errors.append(type(sys.exc_info()[1]).__name__)

    def forget(self, connection: socket.socket) -> None:
        super().forget(connection)
        self.ended.set()


class Faulty(LoopbackHandler):
    """Fails at a file of ours."""

    def do_GET(self) -> None:
        raise FileNotFoundError(2, "our own file", "/nowhere")


class Long(LoopbackHandler):
    """Answers more than a client that hangs up will take."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        for _ in range(10_000):
            self.wfile.write(b"x" * 65536)


@pytest.mark.parametrize(
    ("handler", "errors"), [(Faulty, ["FileNotFoundError"]), (Long, [])], ids=["ours", "theirs"]
)
def test_an_error_of_ours_is_not_taken_for_a_client_that_hung_up(
    handler: type[LoopbackHandler], errors: list[str]
) -> None:
    server = Watched(handler)
    server.begin()
    with socket.create_connection(server.server_address[:2], timeout=5) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        client.recv(10)
    assert server.ended.wait(5)
    server.end()
    assert server.errors == errors


def test_a_server_may_end_before_it_began_and_twice() -> None:
    server = LoopbackHttp(Faulty)
    server.end()
    begun = LoopbackHttp(Faulty)
    begun.begin()
    begun.end()
    begun.end()
