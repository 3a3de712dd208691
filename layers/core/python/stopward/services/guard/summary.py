"""What one tick did, in counts: the log line and the metrics are made of it."""

from dataclasses import dataclass, fields
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Counts of one tick, or of several added up.

    ticks: pulses that held the lease; busy: pulses that did not get it. positions: guarded ones.
    unprotected: guarded positions that were found without a full stop. failures: positions or calls
    that failed; the tick went on. unprotected_seconds: time between the release of a stop and the
    acceptance of what follows, or until arming.
    """

    ticks: int = 0
    busy: int = 0
    positions: int = 0
    adopted: int = 0
    decisions: int = 0
    exits: int = 0
    reduces: int = 0
    moves: int = 0
    arms: int = 0
    orders_sent: int = 0
    orders_rejected: int = 0
    trades: int = 0
    alarms: int = 0
    unprotected: int = 0
    unusable_views: int = 0
    failures: int = 0
    unprotected_seconds: float = 0.0

    def plus(self, other: Self) -> Self:
        """Return the sum of both, field by field."""
        return type(self)(
            **{
                item.name: getattr(self, item.name) + getattr(other, item.name)
                for item in fields(self)
            }
        )

    def counts(self) -> dict[str, float]:
        """Return the counts by name."""
        return {item.name: getattr(self, item.name) for item in fields(self)}
