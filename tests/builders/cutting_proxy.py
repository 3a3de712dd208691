"""A TCP proxy under a test's control, between an adapter and its server: it cuts connections.

It reads just enough of either protocol to know when a question, and an answer, is whole.
"""

import re
import selectors
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Lock, Thread
from typing import Literal

Cut = Literal["before", "half_question", "lost_answer", "half_answer", "silence"]
"""before: the question never leaves. half_question: all but its last byte does. lost_answer: the
server answered, and nothing of it arrives. half_answer: half of it does. silence: as lost_answer,
but the connection stays open."""

CUTS: tuple[Cut, ...] = ("before", "half_question", "lost_answer", "half_answer", "silence")
LANDS: frozenset[Cut] = frozenset({"lost_answer", "half_answer", "silence"})
"""Cuts that come after the server did what it was asked."""

SOME = 1 << 20
HEAD_END = b"\r\n\r\n"
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Protocol:
    """What to look for: whether bytes begin a question, and whether all of one is there."""

    begins: Callable[[bytes], bool]
    question: Callable[[bytes], bool]
    answer: Callable[[bytes], bool]


class CuttingProxy:
    """Carries bytes both ways until it is told to cut; one thread a connection."""

    def __init__(self, port: int, protocol: Protocol) -> None:
        self._server_port = port
        self._protocol = protocol
        self._lock = Lock()
        self._how: Cut = "before"
        self._pass = self._times = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._threads = [Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def port(self) -> int:
        """Where to connect instead."""
        port: int = self._listener.getsockname()[1]
        return port

    @property
    def pending(self) -> int:
        """How many cuts were asked for and not made."""
        return self._times

    def cut(self, how: Cut, *, times: int = 1, after: int = 0) -> None:
        """Let so many questions pass, then cut so many."""
        with self._lock:
            self._how, self._times, self._pass = how, times, after

    def stop(self) -> None:
        """Close every connection, and wait for the threads."""
        _hang_up(self._listener)
        self._listener.close()
        self._threads[0].join()
        for side in tuple(self._open):
            _hang_up(side)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            thread = Thread(target=self._carry, args=(client,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _carry(self, client: socket.socket) -> None:
        server = socket.create_connection(("127.0.0.1", self._server_port))
        sides = {client, server}
        self._open |= sides
        try:
            self._carry_until_cut(client, server)
        except OSError:
            pass  # one side is gone: so is the other
        finally:
            self._open -= sides
            client.close()
            server.close()

    def _carry_until_cut(self, client: socket.socket, server: socket.socket) -> None:
        with selectors.DefaultSelector() as ready:
            for side in (client, server):
                side.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                ready.register(side, selectors.EVENT_READ)
            while True:
                for key, _ in ready.select():
                    side = client if key.fileobj is client else server
                    given = side.recv(SOME)
                    if not given:
                        return
                    if side is server:
                        client.sendall(given)
                    elif self._protocol.begins(given) and (cut := self._next_cut()):
                        self._make(cut, given, client, server)
                        return
                    else:
                        server.sendall(given)

    def _make(self, cut: Cut, given: bytes, client: socket.socket, server: socket.socket) -> None:
        given = _whole(client, given, self._protocol.question)
        if cut == "half_question":
            server.sendall(given[:-1])
        if cut not in LANDS:
            return
        server.sendall(given)
        answer = _whole(server, b"", self._protocol.answer)
        if cut == "half_answer":
            client.sendall(answer[: len(answer) // 2])
        if cut == "silence":
            while client.recv(SOME):
                pass

    def _next_cut(self) -> Cut | None:
        with self._lock:
            if self._times == 0:
                return None
            if self._pass > 0:
                self._pass -= 1
                return None
            self._times -= 1
            return self._how


@contextmanager
def a_proxy(port: int, protocol: Protocol) -> Iterator[CuttingProxy]:
    """Stand before a port of loopback for the length of a block."""
    proxy = CuttingProxy(port, protocol)
    try:
        yield proxy
    finally:
        proxy.stop()


def _whole(side: socket.socket, given: bytes, is_whole: Callable[[bytes], bool]) -> bytes:
    while not is_whole(given):
        more = side.recv(SOME)
        if not more:
            raise ConnectionError("it ended before all was said")
        given += more
    return given


def _hang_up(side: socket.socket) -> None:
    with suppress(OSError):  # it is closed
        side.shutdown(socket.SHUT_RDWR)


def _frames(given: bytes) -> bytes | None:
    # The type of each message of Postgres' protocol; None while the last one is not whole.
    types, place = bytearray(), 0
    while place + 5 <= len(given):
        types.append(given[place])
        place += 1 + int.from_bytes(given[place + 1 : place + 5], "big")
    return bytes(types) if place == len(given) and types else None


def _ends_with(given: bytes, last: bytes) -> bool:
    types = _frames(given)
    return types is not None and types[-1:] in [bytes([each]) for each in last]


def _is_whole_http(given: bytes) -> bool:
    head, found, body = given.partition(HEAD_END)
    length = LENGTH.search(head)
    return bool(found) and len(body) == (0 if length is None else int(length[1]))


POSTGRES = Protocol(
    begins=lambda given: given[:1] in (b"P", b"Q"),
    question=lambda given: _ends_with(given, b"SQ"),
    answer=lambda given: _ends_with(given, b"Z"),
)
HTTP = Protocol(begins=lambda _: True, question=_is_whole_http, answer=_is_whole_http)
