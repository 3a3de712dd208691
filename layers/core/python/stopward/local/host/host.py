"""The host: fires schedules, calls functions, moves simulated time from event to event."""

import heapq
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple, Protocol

from stopward.local.host.function_process import FunctionProcess
from stopward.local.host.invocation import Answered, Crashed, Invocation, Outcome, TimedOut
from stopward.local.host.log_line import LogLine
from stopward.local.host.pace import Pace
from stopward.local.host.template import FunctionDefinition
from stopward.local.time_service import Timeline, TimeService
from stopward.ports import Clock

START_SECONDS = 60.0
"""How long a function may take to import (real time)."""
DEADLINE = timedelta(minutes=30)
"""Real time that the context promises; simulated minutes, not this, bound an invocation."""
EVENT_AGE = timedelta(seconds=60)
"""Oldest event still delivered to a function that was busy, as the template's MaximumEventAge."""
CLOCK_URL = "STOPWARD_CLOCK_URL"


class World(Protocol):
    """What lives in simulated time beside the functions: the simulated broker."""

    def advance_to(self, moment: datetime) -> object:
        """Let everything up to `moment` happen."""


class Silence:
    """A world in which nothing happens."""

    def advance_to(self, moment: datetime) -> None:
        """Do nothing."""


class Occasion(NamedTuple):
    """Something a person or the market does at a moment; before any function at the same one."""

    at: datetime
    name: str
    act: Callable[[], None]


@dataclass(slots=True, kw_only=True)
class Tally:
    """What became of one function's invocations; counts."""

    answered: int = 0
    failed: int = 0
    crashed: int = 0
    timed_out: int = 0
    dropped: int = 0
    starts: int = 0


class _Event(NamedTuple):
    at: datetime
    rank: int
    name: str
    number: int
    act: Callable[[], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Watchers:
    """Whom the host tells of outcomes and printed lines (on any thread) and of steps of time."""

    outcome: Callable[[str, Outcome], None] = field(default=lambda name, outcome: None)
    line: Callable[[str, LogLine], None] = field(default=lambda name, line: None)
    step: Callable[[datetime], None] = field(default=lambda now: None)


class Host:
    """Hosts functions over one stretch of simulated time. `start`, `run`, `stop`; use it once."""

    def __init__(
        self,
        functions: Sequence[FunctionDefinition],
        *,
        timeline: Timeline,
        world: World,
        clock: Clock,
        overrides: Mapping[str, str],
        log_folder: Path,
        watchers: Watchers | None = None,
        run_seconds: float | None = None,
    ) -> None:
        """Take the functions; `clock` is the real one. `overrides` are set in every environment.

        run_seconds: real time a function may run between two waits; None means its own Timeout.
        """
        self._timeline = timeline
        self._world = world
        self._clock = clock
        self._watchers = watchers or Watchers()
        self._run_seconds = run_seconds or max(f.timeout_seconds for f in functions)
        self._numbers = itertools.count()
        self._held: dict[str, tuple[datetime, str]] = {}
        self.tallies = {function.name: Tally() for function in functions}
        self._time_service = TimeService(timeline)
        log_folder.mkdir(parents=True, exist_ok=True)
        self._processes = {
            function.name: FunctionProcess(
                function,
                overrides={**overrides, CLOCK_URL: self._time_service.url_for(function.name)},
                log_path=log_folder / f"{function.name}.log",
                on_outcome=self._on_outcome,
                on_line=self._watchers.line,
            )
            for function in functions
        }

    @property
    def clock_url(self) -> str:
        """Base URL of simulated time, for anybody who wants to read it."""
        return self._time_service.url

    def start(self) -> None:
        """Start every process. Raises InvalidState, with the reason, when one cannot import."""
        for process in self._processes.values():
            process.start()
        for process in self._processes.values():
            process.await_ready(timeout_seconds=START_SECONDS)

    def run(
        self,
        *,
        first: datetime,
        last: datetime,
        pace: Pace,
        occasions: Iterable[Occasion] = (),
    ) -> None:
        """Fire all schedules with first <= time < last, and let every invocation end."""
        agenda = self._agenda(first=first, last=last, occasions=occasions)
        while True:
            self._settle()
            self._deliver_held()
            self._watchers.step(self._timeline.now)  # nobody runs now: what is read is consistent
            event = self._next_event(agenda)
            if event is None:
                return
            pace.step_to(event.at)
            self._world.advance_to(event.at)
            self._timeline.advance(event.at)
            event.act()

    def stop(self) -> None:
        """End all processes and the time service; safe after a failed start."""
        self._timeline.close()
        for process in self._processes.values():
            process.stop()
        self._time_service.stop()

    def _agenda(
        self, *, first: datetime, last: datetime, occasions: Iterable[Occasion]
    ) -> list[_Event]:
        events = [
            _Event(at=max(at, first), rank=0, name=name, number=next(self._numbers), act=act)
            for at, name, act in occasions
        ]
        for name, process in self._processes.items():
            for schedule in process.definition.schedules:
                for at in schedule.times(first=first, last=last):
                    fire = self._firing(name, at=at, event=schedule.event(at))
                    events.append(
                        _Event(at=at, rank=1, name=name, number=next(self._numbers), act=fire)
                    )
        heapq.heapify(events)
        return events

    def _next_event(self, agenda: list[_Event]) -> _Event | None:
        wake = self._timeline.next_wake()
        if wake is not None:
            name = wake.name
            woken = _Event(
                at=wake.at, rank=1, name=name, number=-1, act=lambda: self._timeline.wake(name)
            )
            if not agenda or woken < agenda[0]:
                return woken
        return heapq.heappop(agenda) if agenda else None

    def _firing(self, name: str, *, at: datetime, event: str) -> Callable[[], None]:
        def fire() -> None:
            if self._processes[name].is_busy():
                if name in self._held:
                    self.tallies[name].dropped += 1
                self._held[name] = (at, event)  # reserved concurrency is 1: it waits for its turn
            else:
                self._invoke(name, event)

        return fire

    def _deliver_held(self) -> None:
        for name in sorted(self._held):
            if self._processes[name].is_busy():
                continue
            at, event = self._held.pop(name)
            if self._timeline.now - at > EVENT_AGE:
                self.tallies[name].dropped += 1
            else:
                self._invoke(name, event)
                self._settle()

    def _invoke(self, name: str, event: str) -> None:
        process = self._processes[name]
        self._timeline.begin(name)
        process.invoke(
            Invocation(
                request_id=f"{name}-{next(self._numbers)}",
                event=event,
                deadline=self._clock.now() + DEADLINE,
            )
        )
        self.tallies[name].starts = process.starts

    def _settle(self) -> None:
        for name in self._timeline.settle(timeout_seconds=self._run_seconds):
            self._processes[name].kill(ran_seconds=self._run_seconds)

    def _on_outcome(self, name: str, outcome: Outcome) -> None:
        tally = self.tallies[name]
        match outcome:
            case Answered():
                tally.answered += 1
            case Crashed():
                tally.crashed += 1
            case TimedOut():
                tally.timed_out += 1
            case _:
                tally.failed += 1
        self._watchers.outcome(name, outcome)
        self._timeline.end(name)
