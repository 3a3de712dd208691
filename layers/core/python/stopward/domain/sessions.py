"""Arithmetic over session rows: minutes of trading, never of the night between."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from stopward.domain.market import Session
from stopward.errors import InvalidState

MINUTE = timedelta(minutes=1)
EVENING = timedelta(hours=12)
"""Before the open: what was opened earlier was opened in an earlier session."""


def check_sessions(sessions: Sequence[Session]) -> None:
    """Raise InvalidState unless the rows are in order, do not overlap and close after they open."""
    for session in sessions:
        if session.closes_at <= session.opens_at:
            raise InvalidState(f"session {session.day} closes at or before its open")
    for before, after in pairwise(sessions):
        if after.opens_at < before.closes_at:
            raise InvalidState(f"session {after.day} opens before {before.day} has closed")


def session_minutes(start: datetime, end: datetime, *, sessions: Sequence[Session]) -> float:
    """Return the minutes of session between two moments; nights and holidays count nothing.

    Negative when `end` is before `start`. Only the rows given count, so they must cover the span.
    """
    if end < start:
        return -session_minutes(end, start, sessions=sessions)
    total = timedelta()
    for session in sessions:
        overlap = min(end, session.closes_at) - max(start, session.opens_at)
        if overlap > timedelta():
            total += overlap
    return total / MINUTE


def session_at(moment: datetime, *, sessions: Sequence[Session]) -> Session | None:
    """Return the session that is open at `moment`, or None; `sessions` are in order."""
    number = session_number(moment, sessions=sessions)
    if number == 0:
        return None
    session = sessions[number - 1]
    return session if session.contains(moment) else None


def session_number(moment: datetime, *, sessions: Sequence[Session]) -> int:
    """Return how many sessions have opened by `moment`; two moments of one day have one number."""
    return bisect_right(sessions, moment, key=_opens_at)


def next_session(moment: datetime, *, sessions: Sequence[Session]) -> Session | None:
    """Return the first session that opens after `moment`, or None when no row is that late."""
    number = session_number(moment, sessions=sessions)
    return sessions[number] if number < len(sessions) else None


def is_overnight(opened_at: datetime, *, session: Session) -> bool:
    """Return whether a position opened at `opened_at` was carried into `session`.

    The trading of a day begins before its open. Twelve hours before the open lie between the end of
    the evening's trading (13.5 hours before it at the NYSE) and the start of the morning's (5.5),
    with room for a change of clocks: bought at 09:15 is of today, bought last evening is not.
    """
    return opened_at < session.opens_at - EVENING


def minute_of_session(moment: datetime, *, session: Session) -> int:
    """Return the minute of the session that holds `moment`, from 0; negative before the open."""
    return (moment - session.opens_at) // MINUTE


def _opens_at(session: Session) -> datetime:
    return session.opens_at
