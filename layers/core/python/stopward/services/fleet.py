"""Many accounts in one process: one pulse is one tick, and nothing sleeps in between."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from stopward.domain.identity import AccountId
from stopward.domain.pulses import GUARDS, OLDEST, GuardKind, Pulse
from stopward.errors import InvalidInput, Unavailable
from stopward.ports import Clock
from stopward.services.guard import Guard, Summary
from stopward.services.guard.minute import LAST_SECOND

LIFE: Final = timedelta(minutes=15)
"""How long what was wired for an account is used: keys that were exchanged reach us after it."""
MOST: Final = 5_000
"""Accounts for which a process keeps what it wired, the last used ones; some ten kilobytes each."""

MakeGuard = Callable[[GuardKind], Guard]


@dataclass(frozen=True, slots=True, kw_only=True)
class TooOld:
    """A pulse that was refused for its age: the next minute has looked afresh."""

    age: timedelta


@dataclass(slots=True, kw_only=True)
class _Wired:
    until: datetime
    make: MakeGuard
    guards: dict[str, Guard] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class FleetGuard:
    """Guards whichever account a pulse names.

    wire: reads an account's keys and returns what makes its guards; asked again after `life`, once
    an account was pushed out by `most` others, and when the broker refused the keys.
    """

    wire: Callable[[AccountId], MakeGuard]
    clock: Clock
    margin_seconds: float
    life: timedelta = LIFE
    most: int = MOST
    _wired: OrderedDict[AccountId, _Wired] = field(default_factory=OrderedDict)

    def tick(
        self, pulse: Pulse, remaining_seconds: Callable[[], float], *, invocation: str
    ) -> Summary | TooOld:
        """Run the one tick of a pulse, or refuse it for its age.

        Raises InvalidInput for a guard that is not known, Unavailable when less than the margin is
        left of the invocation, and what reading keys and `Guard.tick` raise.
        """
        now = self.clock.now()
        age = pulse.age(now)
        if age > OLDEST:
            return TooOld(age=age)
        if pulse.source not in GUARDS:
            raise InvalidInput(f"pulse of {pulse.source!r}; known are {', '.join(sorted(GUARDS))}")
        left = remaining_seconds()
        if left < self.margin_seconds:
            raise Unavailable(
                f"account {pulse.account_id}: {left:.1f} s are left for it, under the margin of "
                f"{self.margin_seconds:g} s"
            )
        guard = self._guard(pulse, now)
        until = now + timedelta(seconds=left - LAST_SECOND)
        summary = guard.tick(pulse.tick_at, invocation=invocation, until=until)
        if guard.keys_refused:
            del self._wired[pulse.account_id]
        return summary

    def _guard(self, pulse: Pulse, now: datetime) -> Guard:
        account_id = pulse.account_id
        wired = self._wired.get(account_id)
        if wired is None or now >= wired.until:
            wired = _Wired(until=now + self.life, make=self.wire(account_id))
            self._wired[account_id] = wired
        self._wired.move_to_end(account_id)
        while len(self._wired) > self.most:
            self._wired.popitem(last=False)
        if pulse.source not in wired.guards:
            wired.guards[pulse.source] = wired.make(GUARDS[pulse.source])
        return wired.guards[pulse.source]
