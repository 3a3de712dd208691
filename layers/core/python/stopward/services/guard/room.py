"""Which plan goes first, and whether it can be carried through: requests and time. Pure."""

from collections.abc import Sequence
from datetime import timedelta

from stopward.domain.orders import Order, Step
from stopward.domain.position import Position

NEEDED = 8
"""Requests that a plan which releases a stop may need, so that it is not cut off in between."""
RESERVE = 20
"""Requests left to the next looks before a stop is moved: protection rests already."""
SETTLES = timedelta(seconds=3)
"""A cancel, or a market order in session, settles by then. [judgement]"""
PRIORITY: dict[Step, int] = {"sell": 0, "release": 0, "shrink": 0, "arm": 1, "move": 2}


def urgency(work: tuple[Position, tuple[Order, ...]]) -> tuple[int, str]:
    """Return the place of a plan in the order of sending: exits, then arming, then moves."""
    position, steps = work
    return min((PRIORITY[step.step] for step in steps), default=3), position.symbol


def affords(steps: Sequence[Order], remaining: int | None) -> bool:
    """Whether the rate window has room: exits and arming before moves, and none cut in half.

    remaining: requests left in the window; None when the broker does not tell.
    """
    if remaining is None:
        return True
    if _releases(steps):
        return remaining >= NEEDED
    return remaining >= RESERVE or any(step.step != "move" for step in steps)


def has_time(steps: Sequence[Order], left: timedelta) -> bool:
    """Whether what follows a release is still sent; with too little time left its stop rests on."""
    return left >= SETTLES or not _releases(steps)


def _releases(steps: Sequence[Order]) -> bool:
    return any(step.step == "release" for step in steps)
