"""Where the deployed code meets the world: each HTTP request and each database call passes here.

The boundary of ports is passed through, so that what is audited there is audited here too; faults
strike one level below, between the adapters and the wire.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar, cast

from stopward.adapters.alpaca.rate import RateWindow
from stopward.adapters.alpaca.transport import Answer, Transport
from stopward.adapters.functions import Functions
from stopward.adapters.rows import JsonValue
from stopward.errors import BrokerUnavailable, DatabaseUnavailable
from tests.builders.faults import Disturbance, Wake
from tests.faults.boundary import Boundary
from tests.faults.frame import Frame, KillTick
from tests.faults.stack.turns import Actor, Turns

T = TypeVar("T")
STATUS = {"rate_limited": 429, "server_error": 500}
"""Answers of a broker, or of what stands before it, that did nothing."""


@dataclass(slots=True, kw_only=True)
class WireBoundary(Boundary):
    """A boundary for several invocations at once, each with its frame and its end."""

    turns: Turns
    ends: dict[int, datetime] = field(default_factory=dict)
    by_actor: dict[int, Frame] = field(default_factory=dict)

    @property
    def frame(self) -> Frame:
        """The invocation whose turn it is."""
        return self.by_actor[id(self.turns.running)]

    @contextmanager
    def invoked(self, actor: Actor, wake: Wake, *, ends_at: datetime) -> Iterator[Frame]:
        """Run one invocation inside; Lambda ends it at `ends_at`."""
        frame = Frame(wake=wake, began_at=self.stage.now())
        self.by_actor[id(actor)] = frame
        self.ends[id(actor)] = ends_at
        self.frames.append(frame)
        try:
            yield frame
        finally:
            self.frames.remove(frame)
            del self.by_actor[id(actor)], self.ends[id(actor)]

    # Ports: passed through, and counted

    def broker_read(self, what: str, perform: Callable[[], T]) -> T:
        """Pass a read of a port."""
        return perform()

    def broker_write(self, what: str, perform: Callable[[], T], *, name: str | None = None) -> T:
        """Pass a request of a port that changes something."""
        self.frame.writes += 1
        answer = perform()
        self.writes += 1
        return answer

    def store_call(self, what: str, perform: Callable[[], T]) -> T:
        """Pass a call of the store."""
        return perform()

    # The wire: here it goes wrong

    def send(self, method: str, what: str, perform: Callable[[], Answer]) -> Answer:
        """Pass one HTTP request to the broker."""
        reads = method == "GET"
        answer = self._at_the_wire(what, perform, error=BrokerUnavailable, reads=reads)
        if not reads and not answer.is_success:
            self.refusals += 1
        return answer

    def call(self, what: str, perform: Callable[[], T]) -> T:
        """Pass one call of the database."""
        return self._at_the_wire(what, perform, error=DatabaseUnavailable, reads=False)

    def _at_the_wire(
        self,
        what: str,
        perform: Callable[[], T],
        *,
        error: type[BrokerUnavailable] | type[DatabaseUnavailable],
        reads: bool,
    ) -> T:
        self.turns.point()
        self._end_in_time(what)
        try:
            answer = self._call(what, perform, error=error, reads=reads)
        except _Answered as instead:
            answer = cast("T", instead.answer)
        self.turns.point()
        self._end_in_time(what)
        return answer

    def _end_in_time(self, what: str) -> None:
        if self.stage.now() > self.ends[id(self.turns.running)]:
            self.applied["timed_out"] = self.applied.get("timed_out", 0) + 1
            self.frame.faults += 1
            self.note(what, "the function's time is over")
            raise KillTick

    def _disturb(
        self,
        each: Disturbance,
        what: str,
        perform: Callable[[], object],
        *,
        error: type[BrokerUnavailable] | type[DatabaseUnavailable],
        reads: bool,
        name: str | None,
    ) -> str | None:
        if error is BrokerUnavailable and each.kind in STATUS:
            self._count(each)
            self.note(what, f"answered with {STATUS[each.kind]}, and nothing is done")
            raise _Answered(_answer(what, STATUS[each.kind]))
        if error is BrokerUnavailable and each.kind in ("timeout_after", "half_answer"):
            self._count(each)
            done = cast("Answer", perform())
            self.stage.check()
            if each.kind == "half_answer":
                self.note(what, "done, and half of the answer comes back")
                raise _Answered(replace(done, body=done.body[: len(done.body) // 2]))
            self.note(what, "done, and answered with 504")
            raise _Answered(_answer(what, 504))
        return Boundary._disturb(self, each, what, perform, error=error, reads=reads, name=name)

    def _count(self, each: Disturbance) -> None:
        self.applied[each.kind] = self.applied.get(each.kind, 0) + 1
        self.frame.faults += 1


class _Answered(Exception):
    # What came back instead of the answer.
    def __init__(self, answer: Answer) -> None:
        self.answer = answer


def _answer(what: str, status: int) -> Answer:
    return Answer(what=what, status=status, body=b"", window=RateWindow())


class WireTransport(Transport):
    """The adapter's own transport, each request through the boundary."""

    boundary: WireBoundary

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, object] | None = None,
    ) -> Answer:
        """Send one request."""
        asked = "&".join(f"{name}={value}" for name, value in (query or {}).items())
        told = "" if body is None else " " + " ".join(f"{value}" for value in body.values())
        what = f"{method} {path}" + (f"?{asked}" if asked else "") + told
        return self.boundary.send(
            method, what, lambda: Transport.send(self, method, path, query=query, body=body)
        )


@dataclass(slots=True)
class WireFunctions:
    """The database's functions, each call through the boundary."""

    inner: Functions
    boundary: WireBoundary
    before: Callable[[str], None]
    after: Callable[[str, Any, Mapping[str, Any]], None]

    def call(self, function: str, argument: str, value: JsonValue) -> Mapping[str, JsonValue]:
        """Call one function."""

        def perform() -> Mapping[str, JsonValue]:
            self.before(function)
            answer = self.inner.call(function, argument, value)
            self.after(function, value, answer)
            return answer

        return self.boundary.call(function, perform)
