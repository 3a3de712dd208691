"""The boundary between a guard and the world: every call passes here, and here it goes wrong."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from stopward.errors import (
    BrokerRejected,
    BrokerUnavailable,
    DatabaseUnavailable,
    RateLimited,
    Rejected,
)
from tests.builders.faults import Disturbance, Hand, Wake
from tests.faults.frame import Frame, KillTick, Line

T = TypeVar("T")
OLDEST_ANSWER = timedelta(seconds=30)
"""How far a stale read lags behind, at most; a broker that lags more is down."""
RETRY_AFTER_SECONDS = 1.0


class Stage(Protocol):
    """What the boundary needs of the world around it."""

    def now(self) -> datetime:
        """Return the simulated present."""

    def pass_time(self, seconds: float) -> None:
        """Move the market."""

    def act_by_hand(self, hand: Hand) -> str:
        """Let a person act; return what came of it."""

    def overlap(self, wake: Wake) -> None:
        """Run another tick here and now."""

    def check(self) -> None:
        """Check what must hold after every step; raises Broken."""


@dataclass(slots=True, kw_only=True)
class Boundary:
    """Counts calls, applies what is due, and keeps the timeline when `tracing`.

    in_vain: of the refusals, those for which the trader alone is the reason.
    """

    stage: Stage
    disturbances: Sequence[Disturbance]
    latency_seconds: float
    tracing: bool = False
    frames: list[Frame] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    applied: dict[str, int] = field(default_factory=dict)
    total: int = 0
    writes: int = 0
    refusals: int = 0
    in_vain: int = 0
    hidden: dict[str, int] = field(default_factory=dict)
    _due: dict[int, list[Disturbance]] = field(init=False)
    _late: list[tuple[int, str, Callable[[], object]]] = field(default_factory=list)
    _answers: dict[str, list[tuple[datetime, object]]] = field(default_factory=dict)
    _stale_until: int = 0
    _keeps_answers: bool = field(init=False)

    def __post_init__(self) -> None:
        """Sort what is to come by wake; answers are kept where an old one may be given."""
        self._due = {}
        for each in self.disturbances:
            self._due.setdefault(each.wake, []).append(each)
        self._keeps_answers = any(each.kind == "stale" for each in self.disturbances)

    @property
    def frame(self) -> Frame:
        """The tick that is running."""
        return self.frames[-1]

    @property
    def is_disturbed(self) -> bool:
        """Whether something that was set off earlier is still going on."""
        return bool(self._late or self.hidden) or self.total < self._stale_until

    @contextmanager
    def entered(self, wake: Wake) -> Iterator[Frame]:
        """Run one tick inside."""
        self.frames.append(Frame(wake=wake, began_at=self.stage.now()))
        try:
            yield self.frames[-1]
        finally:
            self.frames.pop()

    def calm(self) -> None:
        """End everything that still goes on: what is late happens now."""
        self._stale_until = 0
        self.hidden.clear()
        self._release_late(everything=True)

    def broker_read(self, what: str, perform: Callable[[], T]) -> T:
        """Pass a read of the broker or the market."""
        return self._call(what, perform, error=BrokerUnavailable, reads=True)

    def broker_write(self, what: str, perform: Callable[[], T], *, name: str | None = None) -> T:
        """Pass a request that changes something; `name` is the client id of the order it makes."""
        self.frame.writes += 1
        answer = self._call(what, perform, error=BrokerUnavailable, name=name)
        self.writes += 1
        return answer

    def store_call(self, what: str, perform: Callable[[], T]) -> T:
        """Pass a call of the store."""
        return self._call(what, perform, error=DatabaseUnavailable)

    def is_hidden(self, name: str) -> bool:
        """Whether an order is in no answer yet."""
        return name in self.hidden

    def note(self, what: str, effect: str = "") -> None:
        """Add a line to the timeline."""
        if self.tracing:
            who = self.frame.wake.guard if self.frames else "world"
            now = self.stage.now()
            self.lines.append(
                Line(at=now, depth=len(self.frames), who=who, what=what, effect=effect)
            )

    def _call(
        self,
        what: str,
        perform: Callable[[], T],
        *,
        error: type[BrokerUnavailable] | type[DatabaseUnavailable],
        reads: bool = False,
        name: str | None = None,
    ) -> T:
        frame = self.frame
        frame.calls += 1
        self.total += 1
        self.stage.pass_time(self.latency_seconds)
        self._release_late()
        self.hidden = {each: left - 1 for each, left in self.hidden.items() if left > 1}
        after: str | None = None
        for each in self._due_now(frame, what):
            after = self._disturb(each, what, perform, error=error, reads=reads, name=name) or after
            self.stage.check()
        try:
            answer = self._perform(what, perform, reads=reads)
        except Rejected as refusal:
            self.refusals += 1
            self.note(what, f"refused: {refusal}")
            self.stage.check()
            raise
        self.stage.check()
        if after == "lost_answer":
            self.note(what, "done, and its answer is lost")
            raise error(f"{what}: the answer is lost")
        if after == "kill_after":
            self.note(what, "done, and the process is killed")
            raise KillTick
        if self.tracing:
            self.note(what, _shown(answer))
        return answer

    def _due_now(self, frame: Frame, what: str) -> list[Disturbance]:
        """Return what is to happen at this call: the so-manieth of the tick, or of its kind."""
        due = []
        for each in self._due.get(frame.wake.number, ()):
            if not what.startswith(each.what):
                continue
            seen = frame.seen.get(each.what, set()) | {frame.calls}
            frame.seen[each.what] = seen
            if len(seen) == each.call if each.what else frame.calls == each.call:
                due.append(each)
        return due

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
        """Apply one disturbance; return what is to happen after the effect, or None."""
        frame = self.frame
        self.applied[each.kind] = self.applied.get(each.kind, 0) + 1
        if each.kind == "hand":
            if each.hand is not None:
                # Before the first call nothing was read yet: the tick sees it all.
                frame.hands += frame.calls > 1
                self.note(f"by hand: {each.hand.kind}", self.stage.act_by_hand(each.hand))
            return None
        frame.faults += 1
        match each.kind:
            case "no_answer":
                self.note(what, "no answer, and nothing is done")
                raise error(f"{what}: no answer")
            case "rate_limited" if error is BrokerUnavailable:
                self.note(what, "rate limited")
                raise RateLimited(f"{what}: slow down", retry_after_seconds=RETRY_AFTER_SECONDS)
            case "late_effect" if not reads and error is BrokerUnavailable:
                self._late.append((self.total + int(each.amount), what, perform))
                self.note(what, f"no answer; it takes effect {each.amount:.0f} calls later")
                raise error(f"{what}: no answer yet")
            case "stale":
                self._stale_until = self.total + int(each.amount)
            case "hidden" if name is not None:
                self.hidden[name] = int(each.amount) + 1
            case "slow":
                self.note("time passes", f"{each.amount:g} s")
                self.stage.pass_time(each.amount)
            case "overlap" if each.overlap is not None:
                self.stage.overlap(each.overlap)
            case "kill_before":
                self.note(what, "the process is killed before it")
                raise KillTick
            case "kill_after" | "lost_answer":
                return each.kind
            case _:
                pass
        return None

    def _perform(self, what: str, perform: Callable[[], T], *, reads: bool) -> T:
        if not reads or not self._keeps_answers:
            return perform()
        answer = perform()
        now = self.stage.now()
        known = [each for each in self._answers.get(what, ()) if now - each[0] <= OLDEST_ANSWER]
        self._answers[what] = known
        if self.total <= self._stale_until:
            older = [each for _, each in known if each != answer]
            if older:
                self.note(what, "an older answer is given")
                return older[0]  # type: ignore[return-value]
        if known and known[-1][1] == answer:
            known.pop()
        known.append((now, answer))
        return answer

    def _release_late(self, *, everything: bool = False) -> None:
        if not self._late:
            return
        due = [each for each in self._late if everything or each[0] <= self.total]
        self._late = [each for each in self._late if each not in due]
        for _, what, perform in due:
            try:
                perform()
            except BrokerRejected as refusal:
                self.note(f"late: {what}", f"refused: {refusal}")
            else:
                self.note(f"late: {what}", "takes effect now")
            self.stage.check()


def _shown(answer: object) -> str:
    text = "" if answer is None else str(answer)
    return text if len(text) < 100 else ""
