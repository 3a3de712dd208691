"""The gateway over HTTP on loopback: HTTP/1.1, kept connections, bodies of bounded size."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, Final

from stopward.local.gateway.gateway import Answer, Gateway
from stopward.local.gateway.reading import Request
from stopward.local.gateway.refused import Refused

HOST: Final = "127.0.0.1"
PORT: Final = 54321
"""Where the Supabase CLI serves a local project, and people expect it."""
MAX_BODY_BYTES: Final = 32 * 1024 * 1024
"""Several times the record of a tick of 5,000 positions."""
IDLE_SECONDS: Final = 75.0
METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class GatewayServer:
    """Serves a gateway until `stop`, one thread a connection."""

    def __init__(self, gateway: Gateway, *, port: int = 0) -> None:
        """Bind now; port 0 takes a free one. Raises OSError when the port is taken."""
        self._gateway = gateway
        self._http = _LoopbackServer(gateway, port)
        self._thread = Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """What a client takes for the project's URL."""
        return f"http://{HOST}:{self._http.server_address[1]}"

    def stop(self) -> None:
        """Stop serving, cut open connections and close the sessions of Postgres."""
        self._http.shutdown()
        self._thread.join()
        self._http.cut_connections()
        self._http.server_close()
        self._gateway.close()


@contextmanager
def serving(gateway: Gateway, *, port: int = 0) -> Iterator[GatewayServer]:
    """Serve a gateway for the length of a block: on `port`, or a free one when that is taken."""
    try:
        server = GatewayServer(gateway, port=port)
    except OSError:
        server = GatewayServer(gateway)
    try:
        yield server
    finally:
        server.stop()


class _LoopbackServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, gateway: Gateway, port: int) -> None:
        self.gateway = gateway
        self._connections: set[socket.socket] = set()
        self._lock = Lock()
        super().__init__((HOST, port), _Handler)

    def remember(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.add(connection)

    def forget(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.discard(connection)

    def cut_connections(self) -> None:
        with self._lock:
            connections = tuple(self._connections)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the client was quicker


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = IDLE_SECONDS
    server: _LoopbackServer

    def setup(self) -> None:
        super().setup()
        self.server.remember(self.connection)

    def finish(self) -> None:
        self.server.forget(self.connection)
        super().finish()

    def handle(self) -> None:
        try:
            super().handle()
        except OSError:
            self.close_connection = True  # the client is gone; nobody to answer

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: requests are not events."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what is no HTTP in PostgREST's form, not with a page."""
        self.close_connection = True
        self.command = self.command or "GET"
        self.request_version = self.protocol_version
        self._send(_refusal(int(code), message or "the request could not be read"))

    def do_GET(self) -> None:
        """Serve a request of any method."""
        self._send(self._answer())

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET

    def _answer(self) -> Answer:
        if self.headers.get("Transfer-Encoding") is not None:
            self.close_connection = True
            return _refusal(411, "send Content-Length, not Transfer-Encoding")
        length = self.headers.get("Content-Length", "0")
        if not (length.isascii() and length.isdigit()):
            self.close_connection = True
            return _refusal(400, "Content-Length is no number")
        if len(length) > len(str(MAX_BODY_BYTES)) or int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            return _refusal(413, f"the body has {length} bytes, allowed is {MAX_BODY_BYTES}")
        return self.server.gateway.answer(
            Request(
                method=self.command,
                target=self.path,
                headers={name.lower(): value for name, value in self.headers.items()},
                body=self.rfile.read(int(length)),
            )
        )

    def _send(self, answer: Answer) -> None:
        payload = answer.body.encode()
        self.send_response_only(answer.status)
        headers = dict(answer.headers)
        if payload:
            headers.setdefault("Content-Type", "application/json; charset=utf-8")
        if answer.status != 204:
            headers["Content-Length"] = str(len(payload))
        if self.close_connection:
            headers["Connection"] = "close"
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(payload)


def _refusal(status: int, message: str) -> Answer:
    return Answer(status=status, body=Refused(status, "PGRST100", message).body)
