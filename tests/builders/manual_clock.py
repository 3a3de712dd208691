"""A clock that moves only when somebody sleeps, and remembers how long."""

from dataclasses import dataclass, field
from datetime import UTC, datetime


@dataclass(slots=True)
class ManualClock:
    """Time in a test's hands."""

    present: datetime = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
    slept: list[float] = field(default_factory=list)

    def now(self) -> datetime:
        """Return the present."""
        return self.present

    def sleep_until(self, moment: datetime) -> None:
        """Move the present forward."""
        self.slept.append((moment - self.present).total_seconds())
        self.present = max(self.present, moment)
