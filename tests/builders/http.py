"""A scripted HTTP server on loopback: it answers as told, misbehaves as told, and remembers all."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from urllib.parse import parse_qsl, urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, object]:
        """The body as an object."""
        read: dict[str, object] = json.loads(self.body)
        return read


@dataclass(frozen=True, slots=True, kw_only=True)
class Says:
    """One answer. body: bytes as they are, anything else as JSON.

    lost: the connection closes without an answer; cut: bytes missing at the end of the body;
    silent: no answer until the server stops.
    """

    status: int = 200
    body: object = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    lost: bool = False
    cut: int = 0
    silent: bool = False

    def payload(self) -> bytes:
        """The body's bytes."""
        if isinstance(self.body, bytes):
            return self.body
        return b"" if self.status == 204 else json.dumps(self.body).encode()


@dataclass(slots=True, kw_only=True)
class Script:
    """A running server: its address and what it was asked."""

    url: str
    asked: list[Asked]

    def count(self, method: str, path: str = "") -> int:
        """How many requests came with this method and start of path."""
        return sum(a.method == method and a.path.startswith(path) for a in self.asked)


def in_turn(*answers: Says) -> Callable[[Asked], Says]:
    """Answer with each in turn; the last one for ever."""
    left = list(answers)
    return lambda asked: left.pop(0) if len(left) > 1 else left[0]


class Server(ThreadingHTTPServer):
    """One that keeps its calm when whoever asked was killed."""

    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Tell of any other error."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


@contextmanager
def scripted(answer: Callable[[Asked], Says]) -> Iterator[Script]:
    """Serve `answer` for the length of a block."""
    asked: list[Asked] = []
    over = Event()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, format: str, *args: object) -> None:
            """Stay silent."""

        def serve(self) -> None:
            parts = urlsplit(self.path)
            length = int(self.headers.get("Content-Length", 0))
            request = Asked(
                method=self.command,
                path=parts.path,
                query=dict(parse_qsl(parts.query)),
                headers=dict(self.headers.items()),
                body=self.rfile.read(length),
            )
            asked.append(request)
            says = answer(request)
            if says.silent:
                over.wait(5)
            if says.silent or says.lost:
                self.close_connection = True
                return
            payload = says.payload()
            self.send_response_only(says.status)
            for name, value in says.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload[: len(payload) - says.cut])
            self.close_connection = self.close_connection or says.cut > 0

        do_GET = do_POST = do_PATCH = do_DELETE = serve

    server = Server(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield Script(url=f"http://127.0.0.1:{server.server_address[1]}", asked=asked)
    finally:
        over.set()
        server.shutdown()
        thread.join()
        server.server_close()
