"""How fast simulated time may go against real time."""

from datetime import datetime, timedelta

from stopward.ports import Clock


class Pace:
    """Holds simulated steps back to `speed` simulated seconds a real second; None never holds.

    Each step is measured from the one before, so work that took longer than its share is not
    made up for by hurrying later.
    """

    def __init__(self, *, speed: float | None, clock: Clock) -> None:
        self._speed = speed
        self._clock = clock
        self._left: tuple[datetime, datetime] | None = None

    def step_to(self, moment: datetime) -> None:
        """Return when simulated `moment` is due."""
        if self._speed is None:
            return
        if self._left is not None:
            simulated, real = self._left
            self._clock.sleep_until(real + (moment - simulated) / self._speed)
        self._left = (moment, self._clock.now())

    def real_seconds(self, simulated: timedelta) -> float:
        """Return how long a stretch of simulated time takes at least; 0 without a pace."""
        return 0.0 if self._speed is None else simulated.total_seconds() / self._speed
