"""Send the pulses of a minute for all accounts of a fleet, the earliest first."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Final

from stopward.domain.identity import AccountId
from stopward.domain.pulses import GUARDS, Pulse
from stopward.errors import StopwardError, Unavailable
from stopward.ports import Clock, Fleet, PulseQueue

BATCH: Final = 10
"""Messages that SQS takes in one call."""
AT_ONCE: Final = 8
"""Calls under way at a time."""
ATTEMPTS: Final = 3
PAUSE: Final = timedelta(seconds=1)
"""Before what was not taken is sent again."""
SILENCE: Final = timedelta(minutes=3)
"""An account that has not ticked for so long is silent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatched:
    """What became of a minute's pulses, in counts.

    accounts: in the fleet; silent_accounts: those without a tick for SILENCE, some by name in
    `longest_silent`. pulses_sent_again: also counted among those sent, or lost.
    """

    accounts: int
    silent_accounts: int
    pulses_sent: int
    pulses_sent_again: int
    pulses_lost: int
    longest_silent: tuple[AccountId, ...]

    def counts(self) -> dict[str, int]:
        """Return the counts by name."""
        return {name: each for name, each in asdict(self).items() if isinstance(each, int)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Dispatcher:
    """Dispatches one fleet. on_failure: told of the first call of each attempt that failed."""

    fleet: Fleet
    queue: PulseQueue
    clock: Clock
    pulse_seconds: float
    margin_seconds: float
    on_failure: Callable[[str, Exception], None]

    def run(self, minute: datetime, remaining_seconds: Callable[[], float]) -> Dispatched:
        """Send one message an account and pulse; what is not taken is sent again, then counted.

        Nothing is begun with less than the margin left. A call without an answer may have been
        taken: its pulses come twice then, and count once. Raises what the roster raises, and the
        queue's error when it took nothing at all.
        """
        roster = self.fleet.roster(silent_before=minute - SILENCE)
        due = pulses_of(roster.accounts, minute, pulse_seconds=self.pulse_seconds)
        waiting, again = due, 0
        lost: StopwardError | None = None
        for attempt in range(ATTEMPTS):
            if attempt and waiting:
                self.clock.sleep_until(self.clock.now() + PAUSE)
                again += len(waiting)
            waiting, error = self._send(waiting, remaining_seconds)
            if error is not None:
                lost = error
                self.on_failure("dispatch", error)
            if not waiting or remaining_seconds() < self.margin_seconds:
                break
        if lost is not None and due and len(waiting) == len(due):
            raise lost
        return Dispatched(
            accounts=len(roster.accounts),
            silent_accounts=roster.silent,
            pulses_sent=len(due) - len(waiting),
            pulses_sent_again=again,
            pulses_lost=len(waiting),
            longest_silent=roster.longest_silent,
        )

    def _send(
        self, pulses: Sequence[Pulse], remaining_seconds: Callable[[], float]
    ) -> tuple[tuple[Pulse, ...], StopwardError | None]:
        """Return what was not taken, in order, and the first error of a call that failed."""

        def send(first: int) -> tuple[Sequence[Pulse], StopwardError | None]:
            batch = pulses[first : first + BATCH]
            if remaining_seconds() < self.margin_seconds:
                return batch, None
            try:
                return self.queue.send(batch, now=self.clock.now()), None
            except Unavailable as error:
                return batch, error

        with ThreadPoolExecutor(AT_ONCE) as pool:
            answers = list(pool.map(send, range(0, len(pulses), BATCH)))
        errors = (error for _, error in answers if error is not None)
        return tuple(pulse for left, _ in answers for pulse in left), next(errors, None)


def pulses_of(
    accounts: Sequence[AccountId], minute: datetime, *, pulse_seconds: float
) -> tuple[Pulse, ...]:
    """Return the pulses of a minute, of all guards of all accounts, the earliest first."""
    instants = sorted(
        (tick_at, kind.source)
        for kind in GUARDS.values()
        for tick_at in kind.pulses(minute, pulse_seconds=pulse_seconds)
    )
    return tuple(
        Pulse(account_id=account_id, source=source, tick_at=tick_at)
        for tick_at, source in instants
        for account_id in accounts
    )
