"""A small HTTP server on the loopback interface: one function from request to reply."""

import json
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any

HOST = "127.0.0.1"
MAX_BODY_BYTES = 6 * 1024 * 1024
"""Lambda's own limit of a synchronous payload."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request; header names are lower case, the path carries no query."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One reply; the body is JSON text."""

    status: int
    body: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


def json_reply(status: int, body: Mapping[str, object]) -> Reply:
    """Return a reply with a JSON object as its body."""
    return Reply(status=status, body=json.dumps(body, allow_nan=False))


class LoopbackServer:
    """Serves `answer`, called on one thread a connection, until `stop`; it may block."""

    def __init__(self, answer: Callable[[Request], Reply], *, port: int = 0) -> None:
        """Bind now; port 0 takes a free one. Raises OSError when the port is taken."""
        connections: set[socket.socket] = set()
        self._connections = connections
        self._lock = lock = Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def setup(self) -> None:
                super().setup()
                with lock:
                    connections.add(self.connection)

            def finish(self) -> None:
                with lock:
                    connections.discard(self.connection)
                super().finish()

            def handle(self) -> None:
                try:
                    super().handle()
                except OSError:
                    self.close_connection = True  # the other side is gone; nobody to answer

            def log_message(self, format: str, *args: Any) -> None:
                """Stay silent: requests are not events."""

            def do_GET(self) -> None:
                self._serve()

            def do_POST(self) -> None:
                self._serve()

            def _serve(self) -> None:
                reply = self._reply()
                payload = reply.body.encode()
                self.send_response_only(reply.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(payload)))
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(payload)

            def _reply(self) -> Reply:
                length = self.headers.get("Content-Length", "0")
                if not length.isdigit() or int(length) > MAX_BODY_BYTES:
                    self.close_connection = True
                    return json_reply(413, {"message": f"Content-Length was {length}"})
                return answer(
                    Request(
                        method=self.command,
                        path=self.path.partition("?")[0],
                        headers={name.lower(): value for name, value in self.headers.items()},
                        body=self.rfile.read(int(length)),
                    )
                )

        self._server = ThreadingHTTPServer((HOST, port), Handler)
        self._server.daemon_threads = True
        self._thread = Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True
        )
        self._thread.start()

    @property
    def address(self) -> str:
        """Host and port, as in `127.0.0.1:4711`."""
        return f"{HOST}:{self._server.server_address[1]}"

    def stop(self) -> None:
        """Stop accepting and cut open connections; release blocked answers before calling this."""
        self._server.shutdown()
        self._thread.join()
        with self._lock:
            open_connections = tuple(self._connections)
        for connection in open_connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # it closed by itself in the meantime
        self._server.server_close()
