"""Once a night: what the broker's calendar says of the next sessions is stored and merged."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, Protocol

from stopward.domain.market import Session
from stopward.domain.session_claims import (
    SessionDisagreement,
    SessionSource,
    SessionsPut,
    SessionStretch,
)
from stopward.domain.sessions import check_sessions
from stopward.errors import BrokerUnavailable, InvalidState
from stopward.ports import Broker

AHEAD: Final = timedelta(days=731)
"""How far the broker is asked; it may know less."""
FEW_DAYS: Final = 10
"""Fewer calendar days of known sessions are a reason to warn."""
_DAY: Final = timedelta(days=1)


class SessionBook(Protocol):
    """Where sessions are stored."""

    def put_sessions(
        self,
        sessions: Iterable[Session],
        *,
        source: SessionSource = "person",
        complete: SessionStretch | None = None,
    ) -> SessionsPut:
        """Store what a source says; return what changed, and what the sources disagree on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefreshSummary:
    """What a refresh read and changed; `session_days_ahead` are calendar days with known sessions.

    broker_days_ahead: the same by the broker's calendar alone.
    """

    sessions: int
    changed: int
    disagreements: tuple[SessionDisagreement, ...]
    session_days_ahead: int
    broker_days_ahead: int

    @property
    def is_short(self) -> bool:
        """Whether the known sessions end too soon."""
        return self.session_days_ahead < FEW_DAYS

    def counts(self) -> dict[str, int]:
        """Return the numbers, for the log and the metrics."""
        return {
            "sessions": self.sessions,
            "sessions_changed": self.changed,
            "session_disagreements": len(self.disagreements),
            "session_days_ahead": self.session_days_ahead,
            "broker_days_ahead": self.broker_days_ahead,
        }


def refresh_sessions(*, broker: Broker, book: SessionBook, today: date) -> RefreshSummary:
    """Store the broker's sessions from yesterday to as far as it tells.

    Its list counts as complete from today to the last session that it names: a day in between that
    it does not name has no session; a day that is over is never taken away.
    today: the date in UTC, which from the evening in New York on is tomorrow's: on the safe side.

    Raises BrokerUnavailable when it does not answer, or with a calendar that cannot be right, and
    DatabaseRejected when it would close a week of known sessions; nothing is changed then.
    """
    found = broker.sessions(first=str(today - _DAY), last=str(today + AHEAD))
    _check(found)
    last = found[-1]
    complete = (
        SessionStretch(exchange=last.exchange, first=str(today), last=last.day)
        if last.day >= str(today)
        else None
    )
    put = book.put_sessions(found, source="broker", complete=complete)
    return RefreshSummary(
        sessions=len(found),
        changed=put.changed,
        disagreements=put.disagreements,
        session_days_ahead=_days_from(today, put.known_until or last.day),
        broker_days_ahead=_days_from(today, last.day),
    )


def _check(found: tuple[Session, ...]) -> None:
    if not found:
        raise BrokerUnavailable("the broker's calendar was empty; the stored sessions stay")
    try:
        check_sessions(found)
    except InvalidState as error:
        raise BrokerUnavailable(f"the broker's calendar cannot be right: {error}") from error


def _days_from(today: date, day: str) -> int:
    return (date.fromisoformat(day) - today).days
