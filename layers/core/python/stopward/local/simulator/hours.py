"""Trading hours from session rows: what is open, what comes next, and when a day order dies."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime, timedelta

from stopward.domain.market import Session
from stopward.local.simulator.instants import is_among, next_after

EARLY = timedelta(hours=5, minutes=30)
"""Pre-market begins this long before the open (04:00 New York)."""
LATE = timedelta(hours=4)
"""After-hours end this long after the close (20:00 New York, 17:00 on half days)."""


class Hours:
    """The sessions of one exchange, oldest first."""

    def __init__(self, sessions: Sequence[Session]) -> None:
        self.sessions = tuple(sorted(sessions, key=lambda session: session.opens_at))
        self._closes = [session.closes_at for session in self.sessions]
        self._edges = sorted(
            {
                edge
                for s in self.sessions
                for edge in (s.opens_at - EARLY, s.opens_at, s.closes_at, s.closes_at + LATE)
            }
        )

    def session_at(self, moment: datetime) -> Session | None:
        """Return the session that is open at `moment`, or None."""
        upcoming = self.current_or_next(moment)
        return upcoming if upcoming is not None and upcoming.contains(moment) else None

    def current_or_next(self, moment: datetime) -> Session | None:
        """Return the session that is open or comes next, or None when the rows end."""
        index = bisect_right(self._closes, moment)
        return self.sessions[index] if index < len(self.sessions) else None

    def is_extended(self, moment: datetime) -> bool:
        """Return whether `moment` lies in the pre-market or after-hours of a session."""
        return any(
            s.opens_at - EARLY <= moment < s.opens_at or s.closes_at <= moment < s.closes_at + LATE
            for s in self.sessions
        )

    def day_end(self, moment: datetime, *, extended: bool) -> datetime | None:
        """Return when a day order sent at `moment` dies: the close of the session it is for.

        extended: orders for extended hours live to the end of the after-hours.
        """
        if extended:
            for session in self.sessions:
                if moment < session.closes_at + LATE:
                    return session.closes_at + LATE
            return None
        upcoming = self.current_or_next(moment)
        return None if upcoming is None else upcoming.closes_at

    def next_edge(self, after: datetime, *, latest: datetime) -> datetime:
        """Return when a session, or the extended hours around one, next begins or ends."""
        return next_after(self._edges, after, latest=latest)

    def is_edge(self, moment: datetime) -> bool:
        """Return whether a session, or the after-hours of one, begins or ends at `moment`."""
        return is_among(self._edges, moment)

    def finished_by(self, moment: datetime) -> tuple[Session, ...]:
        """Return the sessions that have closed by `moment`."""
        return self.sessions[: bisect_right(self._closes, moment)]
