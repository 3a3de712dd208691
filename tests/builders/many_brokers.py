"""Many accounts at one address of the broker: the key of a request says whose it is."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from threading import RLock
from typing import cast

from stopward.local.simulator import Request, Simulator
from stopward.local.simulator.desk import Desk, Reply
from stopward.local.simulator.server import Server


class ManyDesks:
    """The front desks of many simulators, each moved to the present before it answers."""

    def __init__(self, simulators: Sequence[Simulator], *, now: Callable[[], datetime]) -> None:
        self._by_key = {each.key: each for each in simulators}
        self._any = simulators[0]
        self._now = now

    def handle(self, request: Request, headers: Mapping[str, str]) -> Reply:
        """Serve one request; a key that nobody has is refused by the first of them."""
        key = headers.get("apca-api-key-id", "")
        simulator = self._by_key.get(key, self._any)
        now = self._now()
        if now > simulator.now:
            simulator.advance_to(now)
        return simulator.desk.handle(request, headers)


@contextmanager
def serve_many(
    simulators: Sequence[Simulator], *, now: Callable[[], datetime], port: int = 0
) -> Iterator[str]:
    """Serve them on loopback while the block runs; yields the base URL, without /v2."""
    server = Server(cast("Desk", ManyDesks(simulators, now=now)), RLock(), port=port)
    server.start()
    try:
        yield server.url
    finally:
        server.stop()
