"""What every HTTP server of local mode is made of: HTTP/1.1 on loopback, cut off when it stops.

The standard library's own way of composing a server is to inherit from it: here, and in the three
servers that are made of this.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

HOST: Final = "127.0.0.1"
POLL_SECONDS: Final = 0.01
"""Stopping must not cost a test half a second."""


class LoopbackHttp(ThreadingHTTPServer):
    """Listens on 127.0.0.1 from `begin` to `end`, one thread a connection."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, handler: type["LoopbackHandler"], *, port: int = 0) -> None:
        """Bind now; port 0 takes a free one. Raises OSError when the port is taken."""
        self._connections: set[socket.socket] = set()
        self._lock = Lock()
        super().__init__((HOST, port), handler)
        self._thread = Thread(
            target=self.serve_forever, kwargs={"poll_interval": POLL_SECONDS}, daemon=True
        )

    @property
    def address(self) -> str:
        """Host and port, as in `127.0.0.1:4711`."""
        return f"{HOST}:{self.server_address[1]}"

    def begin(self) -> None:
        """Begin to serve, in a thread of its own."""
        self._thread.start()

    def end(self) -> None:
        """Stop accepting and cut open connections, if it began; release blocked answers before."""
        if self._thread.ident is not None:
            self.shutdown()
            self._thread.join()
        with self._lock:
            connections = tuple(self._connections)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # the client was quicker
        self.server_close()

    def remember(self, connection: socket.socket) -> None:
        """Note a connection that is open."""
        with self._lock:
            self._connections.add(connection)

    def forget(self, connection: socket.socket) -> None:
        """Note that a connection is closed."""
        with self._lock:
            self._connections.discard(connection)


class HungUp(OSError):
    """The client is gone; nobody to answer."""


class Wire(BufferedIOBase):
    """One direction of a connection; its errors are HungUp, and no other error is taken for one."""

    def __init__(self, inner: BufferedIOBase) -> None:
        self._inner = inner

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as the connection does."""
        with _hanging_up():
            return self._inner.read(size)

    def readline(self, size: int | None = -1, /) -> bytes:
        """Read a line as the connection does."""
        with _hanging_up():
            return self._inner.readline(size)

    def write(self, given: "ReadableBuffer", /) -> int:
        """Write as the connection does."""
        with _hanging_up():
            return self._inner.write(given)

    def flush(self) -> None:
        """Flush as the connection does."""
        with _hanging_up():
            self._inner.flush()

    def close(self) -> None:
        """Close both."""
        try:
            super().close()
        finally:
            self._inner.close()


@contextmanager
def _hanging_up() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise HungUp(*error.args) from error


class LoopbackHandler(BaseHTTPRequestHandler):
    """One connection, kept open; a client that hangs up is no error, and nothing is logged."""

    protocol_version = "HTTP/1.1"
    # Without this every small answer waits some 40 ms for the client's acknowledgement.
    disable_nagle_algorithm = True
    server: LoopbackHttp

    def setup(self) -> None:
        """Note the connection."""
        super().setup()
        self.rfile, self.wfile = Wire(self.rfile), Wire(self.wfile)
        self.server.remember(self.connection)

    def finish(self) -> None:
        """Forget the connection."""
        self.server.forget(self.connection)
        super().finish()

    def handle(self) -> None:
        """Serve until either side closes."""
        try:
            super().handle()
        except HungUp:
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: requests are not events."""
