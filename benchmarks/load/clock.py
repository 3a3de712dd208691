"""Time in slow motion, the same in every process of a run.

A minute of a fleet is more work than two processors do in a minute. Time is stretched for all, so
that who waits for whom, and what comes too late, is as it would be on a machine so much faster.
"""

import time
from datetime import UTC, datetime
from multiprocessing.context import SpawnContext
from typing import Any


class SlowClock:
    """A clock that stands at `start` until `go`, and then runs `slower` times slower than ours.

    It is passed to other processes as it is: what it shares is memory.
    """

    def __init__(self, context: SpawnContext, *, start: datetime) -> None:
        # Seconds since 1970 at the origin, the origin by the machine's own counter, and the speed.
        # Without a lock: it is written only while nobody works.
        self._shared: Any = context.Array("d", [start.timestamp(), 0.0, 0.0], lock=False)

    def go(self, *, slower: float) -> None:
        """Let time run from where it stands."""
        self._shared[:] = [self.seconds(), time.monotonic(), 1 / slower]

    def stand(self, at: datetime) -> None:
        """Let time stand at a moment."""
        self._shared[:] = [at.timestamp(), 0.0, 0.0]

    def seconds(self) -> float:
        """Return the present in seconds since 1970."""
        stood, origin, speed = self._shared
        return float(stood + (time.monotonic() - origin) * speed)

    def now(self) -> datetime:
        """Return the present."""
        return datetime.fromtimestamp(self.seconds(), UTC)

    def sleep_until(self, moment: datetime) -> None:
        """Return once `moment` has come."""
        while (left := moment.timestamp() - self.seconds()) > 0:
            speed = self._shared[2]
            time.sleep(min(left / speed, 0.5) if speed else 0.05)
