"""What every HTTP server of local mode is made of: HTTP/1.1 on loopback, cut off when it stops.

The standard library's own way of composing a server is to inherit from it, here and nowhere else.
"""

import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Any, Final

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
        """Stop accepting and cut open connections; release blocked answers before."""
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


class LoopbackHandler(BaseHTTPRequestHandler):
    """One connection, kept open; a client that hangs up is no error, and nothing is logged."""

    protocol_version = "HTTP/1.1"
    # Without this every small answer waits some 40 ms for the client's acknowledgement.
    disable_nagle_algorithm = True
    server: LoopbackHttp

    def setup(self) -> None:
        """Note the connection."""
        super().setup()
        self.server.remember(self.connection)

    def finish(self) -> None:
        """Forget the connection."""
        self.server.forget(self.connection)
        super().finish()

    def handle(self) -> None:
        """Serve until either side closes."""
        try:
            super().handle()
        except OSError:
            self.close_connection = True  # the client is gone; nobody to answer

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: requests are not events."""
