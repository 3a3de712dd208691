"""Pulse inside one scheduled minute until the remaining time reaches a margin."""

from collections.abc import Callable
from datetime import datetime, timedelta

from stopward.ports import Clock
from stopward.services.guard.summary import Summary


def run_minute(
    tick: Callable[[datetime], Summary],
    *,
    scheduled_at: datetime,
    clock: Clock,
    pulse_seconds: float,
    offset_seconds: float,
    remaining_seconds: Callable[[], float],
    margin_seconds: float,
) -> Summary:
    """Run the ticks of one minute and return their sum.

    Pulse k has the identity `scheduled_at + offset + k * pulse_seconds`, on a grid that does not
    depend on the clock; a late start skips none, it runs them late. A pulse is not begun when less
    than the margin remains: the next schedule event takes over.
    """
    total = Summary()
    pulses = max(1, int((60.0 - offset_seconds - 1e-9) // pulse_seconds) + 1)
    for index in range(pulses):
        tick_at = scheduled_at + timedelta(seconds=offset_seconds + index * pulse_seconds)
        wait = max(0.0, (tick_at - clock.now()).total_seconds())
        if remaining_seconds() - wait < margin_seconds:
            break
        clock.sleep_until(tick_at)
        total = total.plus(tick(tick_at))
    return total
