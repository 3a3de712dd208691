"""Pulse inside one scheduled minute until the remaining time reaches a margin."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from stopward.domain.pulses import GuardKind
from stopward.errors import StopwardError
from stopward.ports import Clock
from stopward.services.guard.summary import Summary

LAST_SECOND = 1.0
"""Kept free at the end of an invocation, so that none is ended in the middle of a request."""


class Tick(Protocol):
    """Runs one pulse, sending nothing after `until`."""

    def __call__(self, tick_at: datetime, *, until: datetime) -> Summary:
        """Run the pulse of that instant."""


def run_minute(
    tick: Tick,
    *,
    kind: GuardKind,
    scheduled_at: datetime,
    clock: Clock,
    pulse_seconds: float,
    remaining_seconds: Callable[[], float],
    margin_seconds: float,
    on_failure: Callable[[str, Exception], None],
) -> Summary:
    """Run the ticks of one minute and return their sum.

    The grid of `kind` does not depend on the clock; a late start skips no pulse, it runs them late.
    A pulse is not begun when less than the margin remains: the next schedule event takes over. A
    pulse that fails is reported and costs no other; only when none succeeded is its error raised.
    """
    total = Summary()
    lost: StopwardError | None = None
    for tick_at in kind.pulses(scheduled_at, pulse_seconds=pulse_seconds):
        wait = max(0.0, (tick_at - clock.now()).total_seconds())
        if remaining_seconds() - wait < margin_seconds:
            break
        clock.sleep_until(tick_at)
        until = clock.now() + timedelta(seconds=remaining_seconds() - LAST_SECOND)
        try:
            total = total.plus(tick(tick_at, until=until))
        except StopwardError as error:
            on_failure("pulse", error)
            total = total.plus(Summary(failures=1))
            lost = error
    if lost is not None and total.ticks == 0:
        raise lost
    return total
