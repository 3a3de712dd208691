"""A small HTTP server on the loopback interface: one function from request to reply."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from stopward.local.loopback import LoopbackHandler, LoopbackHttp

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
        self._http = _Http(answer, port)
        self._http.begin()

    @property
    def address(self) -> str:
        """Host and port, as in `127.0.0.1:4711`."""
        return self._http.address

    def stop(self) -> None:
        """Stop accepting and cut open connections; release blocked answers before calling this."""
        self._http.end()


class _Http(LoopbackHttp):
    def __init__(self, answer: Callable[[Request], Reply], port: int) -> None:
        self.answer = answer
        super().__init__(_Handler, port=port)


class _Handler(LoopbackHandler):
    server: _Http

    def do_GET(self) -> None:
        """Serve a GET or a POST."""
        reply = self._reply()
        payload = reply.body.encode()
        self.send_response_only(reply.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(payload)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(payload)

    do_POST = do_GET

    def _reply(self) -> Reply:
        length = self.headers.get("Content-Length", "0")
        if not length.isdigit() or int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            return json_reply(413, {"message": f"Content-Length was {length}"})
        return self.server.answer(
            Request(
                method=self.command,
                path=self.path.partition("?")[0],
                headers={name.lower(): value for name, value in self.headers.items()},
                body=self.rfile.read(int(length)),
            )
        )
