"""Simulated time as a discrete-event line: it moves only while nobody runs.

A runner (one invocation of a function) runs, waits for a moment, or is done. Time advances to
the earliest wake-up once every runner waits or is done, and one is woken at a time, ties by name:
the order of events depends on nothing but their times, however fast the machine is.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from threading import Condition
from typing import NamedTuple

from stopward.errors import InvalidState
from stopward.local.host.loopback import LoopbackServer, Reply, Request, json_reply


class Wake(NamedTuple):
    """A runner's next wake-up; sorts by moment, then name."""

    at: datetime
    name: str


class Timeline:
    """Who runs, who waits until when, and what time it is. Safe to call from many threads."""

    def __init__(self, *, start: datetime) -> None:
        self._now = start.astimezone(UTC)
        self._running: set[str] = set()
        self._waiting: dict[str, datetime] = {}
        self._rounds: dict[str, int] = {}
        self._closed = False
        self._changed = Condition()

    @property
    def now(self) -> datetime:
        """The simulated present, UTC."""
        with self._changed:
            return self._now

    def begin(self, name: str) -> None:
        """Say that a runner runs. Raises InvalidState when it already does."""
        with self._changed:
            if name in self._running or name in self._waiting:
                raise InvalidState(f"{name} runs already")
            self._running.add(name)
            self._rounds[name] = self._rounds.get(name, 0) + 1

    def end(self, name: str) -> None:
        """Say that a runner is done, or was killed: its wait, if any, is abandoned."""
        with self._changed:
            self._running.discard(name)
            self._waiting.pop(name, None)
            self._rounds[name] = self._rounds.get(name, 0) + 1
            self._changed.notify_all()

    def wait(self, name: str, *, until: datetime) -> datetime:
        """Block a runner until simulated `until`; return the present, at once when it has come.

        Raises InvalidState when the runner is not running, or ended, or the line closed, meanwhile.
        """
        with self._changed:
            if self._closed:
                raise InvalidState("simulated time has ended")
            if until <= self._now:
                return self._now
            if name not in self._running:
                raise InvalidState(f"{name} has no running invocation that could wait")
            mine = self._rounds[name]
            self._running.discard(name)
            self._waiting[name] = until
            self._changed.notify_all()
            self._changed.wait_for(
                lambda: self._closed or self._rounds[name] != mine or name not in self._waiting
            )
            if self._closed or self._rounds[name] != mine:
                raise InvalidState(f"the wait of {name} was abandoned")
            return self._now

    def settle(self, *, timeout_seconds: float) -> tuple[str, ...]:
        """Wait (real time) until nobody runs; return who still does at the time-out, sorted."""
        with self._changed:
            self._changed.wait_for(lambda: not self._running, timeout=timeout_seconds)
            return tuple(sorted(self._running))

    def next_wake(self) -> Wake | None:
        """Return the earliest wake-up, or None when nobody waits."""
        with self._changed:
            wakes = (Wake(at=at, name=name) for name, at in self._waiting.items())
            return min(wakes, default=None)

    def advance(self, moment: datetime) -> None:
        """Move the present forward. Raises InvalidState while somebody runs, or backwards."""
        with self._changed:
            if self._running:
                raise InvalidState(f"time cannot move while {sorted(self._running)} run")
            if moment < self._now:
                raise InvalidState(f"time cannot go back from {self._now} to {moment}")
            self._now = moment.astimezone(UTC)

    def wake(self, name: str) -> None:
        """Let one waiting runner go on. Raises InvalidState when its moment has not come."""
        with self._changed:
            if name not in self._waiting or self._waiting[name] > self._now:
                raise InvalidState(f"{name} does not wait for {self._now}")
            del self._waiting[name]
            self._running.add(name)
            self._changed.notify_all()

    def close(self) -> None:
        """Abandon every wait, for ever."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


def _answer(timeline: Timeline, request: Request) -> Reply:
    match request.method, request.path.strip("/").split("/"):
        case "GET", [*_, "time"]:
            return json_reply(200, {"now": timeline.now.isoformat()})
        case "POST", [*owner, "wait"]:
            return _wait(timeline, request.body, owner=owner[0] if owner else None)
        case _:
            return json_reply(404, {"message": f"no {request.method} {request.path} here"})


def _wait(timeline: Timeline, body: bytes, *, owner: str | None) -> Reply:
    try:
        wanted = json.loads(body)
        until = datetime.fromisoformat(wanted["until"])
        name = owner or wanted["name"]
    except (ValueError, KeyError, TypeError) as error:
        return json_reply(400, {"message": f"expected until and name in JSON: {error!r}"})
    if until.tzinfo is None:
        return json_reply(400, {"message": f"until was {wanted['until']!r}, without an offset"})
    try:
        now = timeline.wait(str(name), until=until)
    except InvalidState as error:
        return json_reply(409, {"message": str(error)})
    return json_reply(200, {"now": now.isoformat()})


class TimeService:
    """The line over HTTP: `GET /time`, `POST /wait {"until", "name"}`, which blocks.

    A runner's own URL (`url_for`) carries its name in the path, so that it cannot wait as another.
    """

    def __init__(self, timeline: Timeline) -> None:
        self._timeline = timeline
        self._server = LoopbackServer(lambda request: _answer(timeline, request))

    @property
    def url(self) -> str:
        """Base URL without a trailing slash."""
        return f"http://{self._server.address}"

    def url_for(self, name: str) -> str:
        """Return the base URL of one runner."""
        return f"{self.url}/{name}"

    def stop(self) -> None:
        """Abandon all waits and stop serving."""
        self._timeline.close()
        self._server.stop()


@contextmanager
def serving(timeline: Timeline) -> Iterator[TimeService]:
    """Serve a line for the length of a block."""
    service = TimeService(timeline)
    try:
        yield service
    finally:
        service.stop()
