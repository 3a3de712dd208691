"""The simulator's time as a Clock: to sleep is to move it."""

from datetime import datetime

from stopward.local.simulator import Simulator


class SimulatedClock:
    """A simulator's clock, moved by whoever sleeps."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator

    def now(self) -> datetime:
        """Return the simulated present."""
        return self._simulator.now

    def sleep_until(self, moment: datetime) -> None:
        """Move the simulator's time forward."""
        if moment > self._simulator.now:
            self._simulator.advance_to(moment)
