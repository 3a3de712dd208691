"""The HTTP server on loopback: HTTP/1.1 with keep-alive, one request at a time in the core."""

import json
import time
from decimal import Decimal
from threading import RLock
from urllib.parse import parse_qsl, unquote, urlsplit

from stopward.local.loopback import LoopbackHandler, LoopbackHttp
from stopward.local.simulator.desk import Desk, Reply
from stopward.local.simulator.faults import Request


class Server:
    """Serves a desk on a free port of 127.0.0.1 until it is stopped."""

    def __init__(self, desk: Desk, lock: RLock, *, port: int = 0) -> None:
        self._http = _Http(desk, lock, port)

    @property
    def url(self) -> str:
        """Return the base URL; trading and market data live under the same one."""
        return f"http://{self._http.address}"

    def start(self) -> None:
        """Begin to serve, in a thread of its own."""
        self._http.begin()

    def stop(self) -> None:
        """Stop serving and close every connection."""
        self._http.end()


class _Http(LoopbackHttp):
    def __init__(self, desk: Desk, lock: RLock, port: int) -> None:
        self.desk, self.lock = desk, lock
        super().__init__(_Handler, port=port)


class _Handler(LoopbackHandler):
    server: _Http

    def handle(self) -> None:
        try:
            super().handle()
        except ValueError:
            self.close_connection = True  # stopping closed the file under an answer

    def do_GET(self) -> None:
        """Serve a GET."""
        self._serve()

    do_POST = do_PATCH = do_DELETE = do_PUT = do_GET

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
