"""The HTTP server on loopback: HTTP/1.1 with keep-alive, one request at a time in the core."""

import json
import socket
import time
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import RLock, Thread
from urllib.parse import parse_qsl, unquote, urlsplit

from stopward.local.simulator.desk import Desk, Reply
from stopward.local.simulator.faults import Request


class Server:
    """Serves a desk on a free port of 127.0.0.1 until it is stopped."""

    def __init__(self, desk: Desk, lock: RLock, *, port: int = 0) -> None:
        self._http = _LoopbackServer(desk, lock, port)
        # Small poll interval: stopping must not cost a test half a second.
        self._thread = Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True
        )

    @property
    def url(self) -> str:
        """Return the base URL; trading and market data live under the same one."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def start(self) -> None:
        """Begin to serve, in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and close every connection."""
        self._http.shutdown()
        self._thread.join()
        self._http.close_connections()
        self._http.server_close()


class _LoopbackServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, desk: Desk, lock: RLock, port: int) -> None:
        self.desk, self.lock = desk, lock
        self._connections: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Handler)

    def remember(self, connection: socket.socket) -> None:
        self._connections.add(connection)

    def forget(self, connection: socket.socket) -> None:
        self._connections.discard(connection)

    def close_connections(self) -> None:
        for connection in list(self._connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the client was faster


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _LoopbackServer
    connection: socket.socket

    def setup(self) -> None:
        super().setup()
        # Without this every small answer waits some 40 ms for the client's acknowledgement.
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.server.remember(self.connection)

    def finish(self) -> None:
        self.server.forget(self.connection)
        super().finish()

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, ValueError):
            self.close_connection = True  # the client hung up, or the server is stopping

    def do_GET(self) -> None:
        """Serve a GET."""
        self._serve()

    do_POST = do_PATCH = do_DELETE = do_PUT = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing on stderr; every request is in the desk's log."""

    def _serve(self) -> None:
        size = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(size) if size else b""
        parts = urlsplit(self.path)
        try:
            body = json.loads(raw, parse_float=Decimal) if raw else None
        except json.JSONDecodeError:
            body = None
        request = Request(
            method=self.command,
            path=unquote(parts.path),
            query=dict(parse_qsl(parts.query, keep_blank_values=True)),
            body=body if isinstance(body, dict) else None,
        )
        headers = {name.lower(): value for name, value in self.headers.items()}
        with self.server.lock:
            reply = self.server.desk.handle(request, headers)
        self._send(reply)

    def _send(self, reply: Reply) -> None:
        kind = None if reply.fault is None else reply.fault.kind
        if reply.fault is not None and reply.fault.hold_milliseconds:
            time.sleep(reply.fault.hold_milliseconds / 1000)
        if kind == "lost_answer":
            self.close_connection = True
            return
        body = reply.answer.body
        payload = b"" if body is None else json.dumps(body, separators=(",", ":")).encode()
        self.send_response(reply.answer.status)
        if payload:
            self.send_header("Content-Type", "application/json; charset=UTF-8")
        if reply.answer.status != 204:
            self.send_header("Content-Length", str(len(payload)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        if kind == "half_answer":
            self.wfile.write(payload[: len(payload) // 2])
            self.close_connection = True
            return
        if kind == "duplicate_answer":
            # In one write, so that what the client finds does not depend on who is faster.
            payload += self._again(reply, payload)
        self.wfile.write(payload)

    def _again(self, reply: Reply, payload: bytes) -> bytes:
        head = f"HTTP/1.1 {reply.answer.status} Again\r\nContent-Length: {len(payload)}\r\n\r\n"
        return head.encode() + payload
