"""The gateway over HTTP on loopback: HTTP/1.1, kept connections, bodies of bounded size."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from stopward.local.gateway.gateway import Answer, Gateway
from stopward.local.gateway.reading import Request
from stopward.local.gateway.refused import Refused
from stopward.local.loopback import LoopbackHandler, LoopbackHttp

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
        self._http = _Http(gateway, port)
        self._http.begin()

    @property
    def url(self) -> str:
        """What a client takes for the project's URL."""
        return f"http://{self._http.address}"

    def stop(self) -> None:
        """Stop serving, cut open connections and close the sessions of Postgres."""
        self._http.end()
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


class _Http(LoopbackHttp):
    def __init__(self, gateway: Gateway, port: int) -> None:
        self.gateway = gateway
        super().__init__(_Handler, port=port)


class _Handler(LoopbackHandler):
    timeout = IDLE_SECONDS
    server: _Http

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
