"""Faults by script: which request is hit, and how; rules count the requests they match.

Kinds, and what the client sees:
  slow               the clock moves `seconds` before the request is served
  rate_limited       429, nothing happens
  server_error       500, nothing happens
  timeout_before     504, nothing happens
  timeout_after      504, yet the request took effect
  lost_answer        the connection closes without an answer, the request took effect
  half_answer        the body breaks off in the middle, the request took effect
  duplicate_request  the request is served twice, and the second answer is the one that arrives
  duplicate_answer   the answer arrives twice on the connection
  stale_quote        quotes are `seconds` older than now
  crossed_quote      quotes have bid above ask
  empty_list         a list or a map of results comes back empty
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Literal

from stopward.local.simulator.ledger import Event

FaultKind = Literal[
    "slow",
    "rate_limited",
    "server_error",
    "timeout_before",
    "timeout_after",
    "lost_answer",
    "half_answer",
    "duplicate_request",
    "duplicate_answer",
    "stale_quote",
    "crossed_quote",
    "empty_list",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One HTTP request as received; `query` with one value a name, `body` None if absent."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Mapping[str, object] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Handled:
    """One request as it was handled. events: what it changed. at: simulated time.

    status: of the answer, also when that never arrived; fault: the kind that hit it, or None.
    """

    number: int
    at: datetime
    request: Request
    status: int
    fault: FaultKind | None
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One rule. method, path: shell patterns (`*` for any), of the path without its query.

    nth: the first matching request that is hit, from 1. times: how many from there on, None for
    all. when: a further condition. seconds: simulated, of `slow` and `stale_quote`.
    hold_milliseconds: real time that the answer is held back, to try a client's time-out.
    """

    kind: FaultKind
    method: str = "*"
    path: str = "*"
    nth: int = 1
    times: int | None = 1
    when: Callable[[Request], bool] | None = None
    seconds: float = 0.0
    hold_milliseconds: int = 0

    def matches(self, request: Request) -> bool:
        """Return whether the rule is about this request, counters aside."""
        if not fnmatchcase(request.method, self.method) or not fnmatchcase(request.path, self.path):
            return False
        return self.when is None or self.when(request)


class FaultScript:
    """The rules in force, each with its count; of several that would hit, the first one does."""

    def __init__(self) -> None:
        self._rules: list[tuple[Fault, list[int]]] = []

    def add(self, *faults: Fault) -> None:
        """Put rules in force; they count from now on."""
        self._rules.extend((fault, [0]) for fault in faults)

    def clear(self) -> None:
        """Drop every rule."""
        self._rules.clear()

    def pick(self, request: Request) -> Fault | None:
        """Count a request with every rule that matches it; return what hits it, or None."""
        hit = None
        for fault, count in self._rules:
            if not fault.matches(request):
                continue
            count[0] += 1
            last = None if fault.times is None else fault.nth + fault.times
            if hit is None and count[0] >= fault.nth and (last is None or count[0] < last):
                hit = fault
        return hit
