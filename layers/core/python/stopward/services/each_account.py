"""The same work for each account that a stack guards: the one, or all of a fleet in turn.

What goes wrong with one account costs no other, and whoever is not come to in time is sooner the
next time, for each run begins elsewhere in the roster.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import gcd
from traceback import extract_tb
from typing import Final, Generic, Protocol, Self, TypeVar

from stopward.domain.identity import AccountId
from stopward.errors import DatabaseUnavailable, StopwardError
from stopward.ports import Fleet

UNANSWERED: Final = 2
"""Accounts running without an answer from the database: then it is the database, not they."""
MOST_NAMED: Final = 10
"""Accounts that a log line names."""
GOLDEN: Final = (5**0.5 - 1) / 2
"""Steps of this share of a circle spread most evenly, however many are taken."""
WEEK, WEEKDAYS = 7, 5


class Summary(Protocol):
    """What a run did, in numbers that add up. failures: a sentence each."""

    failures: list[str]

    def counts(self) -> dict[str, int]:
        """Return the numbers, for the log and the metrics."""

    def add_account(self, account_id: AccountId, other: Self) -> None:
        """Add what was done for an account, its failures left out."""


Found = TypeVar("Found", bound=Summary)


@dataclass(frozen=True, slots=True, kw_only=True)
class Round(Generic[Found]):
    """What one run did for the account, or for those of the fleet together.

    work: its name in the counts. done: accounts whose work came to its end; None where the stack
    guards one. left: accounts that were not come to for want of time, the first ones first.
    """

    summary: Found
    work: str
    done: int | None = None
    left: tuple[AccountId, ...] = ()

    def counts(self) -> dict[str, int]:
        """Return the numbers, for the log and the metrics; of a fleet, of accounts too."""
        counts = self.summary.counts()
        if self.done is not None:
            counts[f"{self.work}_accounts_done"] = self.done
            counts[f"{self.work}_accounts_left"] = len(self.left)
        return counts

    def facts(self) -> dict[str, object]:
        """Return what the numbers do not tell, for the log; nothing where the stack guards one."""
        return {} if self.done is None else {"left": list(self.left[:MOST_NAMED])}


@dataclass(frozen=True, slots=True, kw_only=True)
class EachAccount:
    """Whose work a run does.

    fleet: None where the stack guards account_id alone. work: its name in the counts. turn: counts
    runs, one after the other. margin_seconds: remaining time under which no account is begun.
    """

    account_id: AccountId
    fleet: Fleet | None
    work: str
    turn: Callable[[datetime], int]
    margin_seconds: float

    def run(
        self,
        do: Callable[[AccountId], Found],
        total: Found,
        *,
        at: datetime,
        remaining_seconds: Callable[[], float],
    ) -> Round[Found]:
        """Do the work of the one account, or of each of the fleet as long as there is time.

        total: nothing yet; what is done for accounts of a fleet is added to it. at: when the run
        was scheduled, which says with whom it begins. An account that fails is told in the failures
        by its name. Raises what the work of the one account raises; of a fleet what the roster
        raises, and DatabaseUnavailable when UNANSWERED accounts running, or all there are, got no
        answer.
        """
        if self.fleet is None:
            return Round(summary=do(self.account_id), work=self.work)
        accounts = in_turn(self.fleet.roster(silent_before=at).accounts, self.turn(at))
        done = unanswered = 0
        for place, account_id in enumerate(accounts):
            if remaining_seconds() < self.margin_seconds:
                return Round(summary=total, work=self.work, done=done, left=accounts[place:])
            try:
                found = do(account_id)
            except DatabaseUnavailable as error:
                unanswered += 1
                if unanswered == min(UNANSWERED, len(accounts)):
                    raise
                total.failures.append(f"{account_id}: {error}")
            except Exception as error:
                # As with a batch of messages: whatever one does to us costs no other.
                total.failures.append(f"{account_id}: {_sentence(error)}")
            else:
                done, unanswered = done + 1, 0
                total.failures += [f"{account_id}: {each}" for each in found.failures]
                total.add_account(account_id, found)
        return Round(summary=total, work=self.work, done=done)


def in_turn(accounts: Sequence[AccountId], turn: int) -> tuple[AccountId, ...]:
    """Return accounts from where a turn begins, and round to there.

    In as many turns running as there are accounts each comes first once; and beginnings lie so far
    apart that who is left by some turns is soon come to.
    """
    count = len(accounts)
    if not count:
        return ()
    near = round(count * GOLDEN)
    step = min(
        (each for each in range(1, count + 1) if gcd(each, count) == 1),
        key=lambda each: abs(each - near),
    )
    first = turn * step % count
    return (*accounts[first:], *accounts[:first])


def minute_turn(at: datetime) -> int:
    """Return the number of a run that is scheduled each minute."""
    return int(at.timestamp()) // 60


def day_turn(at: datetime) -> int:
    """Return the number of a run that is scheduled each day."""
    return at.date().toordinal()


def weekday_turn(at: datetime) -> int:
    """Return the number of a run that is scheduled from Monday to Friday."""
    weeks, day = divmod(at.date().toordinal() - 1, WEEK)
    return weeks * WEEKDAYS + min(day, WEEKDAYS - 1)


def _sentence(error: Exception) -> str:
    if isinstance(error, StopwardError):
        return str(error)
    # What nobody foresaw has to be found: where it was raised belongs to it.
    *_, raised = extract_tb(error.__traceback__)
    return f"{type(error).__name__} in {raised.name}, line {raised.lineno}: {error}"
