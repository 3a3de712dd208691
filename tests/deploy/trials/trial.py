"""What a function is asked after it was built, and what must come of it."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stopward.local.simulator import Simulator
from tests.deploy.world import World

Counts = Mapping[str, Any]
TIMEOUTS = (8, 24)
"""Seconds given to a function that hangs: less than what hangs; the longer where its start alone
takes more than the shorter, on a machine that is busy.
"""


ANSWERED = "answered"
"""In place of an error's kind: its caller is told by the answer, and nothing is raised."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Error:
    """An event that must fail: what its caller must be told. around: what is broken meanwhile."""

    event: object
    kind: str
    says: str
    around: Callable[[World], AbstractContextManager[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One function's. folder: in functions/. simulator: the broker that it finds.

    prepare: what is there before. event: as its schedule, or its state machine, sends it. came:
    what is wrong with the answer and with the world after it, a line each. line: name of the one
    log line. metric: one that it must emit. hangs: whom it waits for in vain. ends_by: the error
    with which its own patience ends before that time does; empty for none. timeouts: seconds that
    it is given then, one after the other until it has started in them. stands_at: where
    simulated time stands still; None for the machine's clock. needs_secrets: at its start.
    """

    folder: str
    simulator: Callable[[], Simulator]
    prepare: Callable[[World], None]
    event: Callable[[World], object]
    came: Callable[[World, Counts], list[str]]
    line: str
    metric: str
    hangs: Callable[[World], AbstractContextManager[None]]
    error: Error
    ends_by: str = ""
    timeouts: tuple[int, ...] = TIMEOUTS
    stands_at: datetime | None = None
    needs_secrets: bool = True


def differences(found: Mapping[str, Any], **wanted: object) -> list[str]:
    """Return a line for each value that is another than wanted."""
    return [
        f"{name} was {found.get(name)!r}, not {value!r}"
        for name, value in wanted.items()
        if found.get(name) != value
    ]
