"""Who looks at an account within a minute, and at which instants."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from stopward.domain.identity import AccountId

if TYPE_CHECKING:
    from stopward.domain.rulebook import Mask

MINUTE_SECONDS: Final = 60.0
OLDEST: Final = timedelta(seconds=60)
"""A pulse that is older is not made up for: the next minute has looked afresh."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardKind:
    """One of the guards of an account.

    source: its name in the journal. mask: the rules that it may apply. half_a_pulse_late: its grid
    lies between that of the others, so that two never wake for the same lease.
    """

    source: str
    mask: "Mask"
    half_a_pulse_late: bool = False

    def pulses(self, minute: datetime, *, pulse_seconds: float) -> tuple[datetime, ...]:
        """Return the instants of its pulses in the minute that starts so; one at least."""
        offset = pulse_seconds / 2 if self.half_a_pulse_late else 0.0
        count = max(1, int((MINUTE_SECONDS - offset - 1e-9) // pulse_seconds) + 1)
        return tuple(
            minute + timedelta(seconds=offset + index * pulse_seconds) for index in range(count)
        )


GUARDS: Final[Mapping[str, GuardKind]] = {
    kind.source: kind
    for kind in (
        GuardKind(source="monitor_positions", mask="all"),
        GuardKind(source="check_breakeven", mask="breakeven", half_a_pulse_late=True),
    )
}
"""By source: who exits, protects profit and keeps limits, and who only tightens stops."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulse:
    """One tick that is due for one account. source: whose, in GUARDS; tick_at: its identity."""

    account_id: AccountId
    source: str
    tick_at: datetime

    def age(self, now: datetime) -> timedelta:
        """Return how long ago it was due; negative before."""
        return now - self.tick_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """The accounts of a fleet, by id. silent: how many have not ticked for a while.

    longest_silent: some of those, the longest first.
    """

    accounts: tuple[AccountId, ...]
    silent: int = 0
    longest_silent: tuple[AccountId, ...] = ()
