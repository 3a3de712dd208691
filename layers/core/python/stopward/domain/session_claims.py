"""What several sources say of one session, and what counts then.

The database decides in SQL (stopward.agreed_sessions); this is the same rule for the store in
memory. One table of cases is run on both (tests/builders/session_cases.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from stopward.domain.market import Session

SessionSource = Literal["calendar", "broker", "person"]
"""calendar: the exchange's published rules; broker: its calendar; person: overrides both."""

SessionClaims = Mapping[SessionSource, Session | None]
"""What each source says of one day; None is "no session", an absent source says nothing."""

MOST_CLOSURES: Final = 5
"""Known sessions that one list of a calendar may close: more is likelier a hole in the list."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionStretch:
    """Days of an exchange for which a list is complete: YYYY-MM-DD, both included."""

    exchange: str
    first: str
    last: str

    def holds(self, exchange: str, day: str) -> bool:
        """Return whether a day of an exchange is in it."""
        return exchange == self.exchange and self.first <= day <= self.last


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDisagreement:
    """A day of which the sources say different things; `counted` None: it counts as closed."""

    exchange: str
    day: str
    claims: SessionClaims
    counted: Session | None

    def sentence(self) -> str:
        """Return it in words, hours in UTC."""
        said = ", ".join(
            f"{source} {_hours(self.claims[source])}" for source in sorted(self.claims)
        )
        return f"{self.exchange} {self.day}: {said}; what counts is {_hours(self.counted)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionsPut:
    """What came of storing sessions.

    changed: sessions that are new, gone, or have other hours; disagreements: all that last, of the
    days that were put; known_until: last day with a session (YYYY-MM-DD), None when there is none.
    """

    changed: int = 0
    disagreements: tuple[SessionDisagreement, ...] = ()
    known_until: str | None = None


def agreed_session(claims: SessionClaims) -> Session | None:
    """Return the session that counts, or None when the market counts as closed.

    A person's word counts. Else the broker knows best whether there is a session, for it hears of
    closures at short notice; and where both calendars have hours, those common to both count: the
    earlier close, for being late is a night with open positions, and the later open, for rules that
    act before it act on quotes of a closed market, while stops rest at the broker anyway. Without
    a common minute it is the session that closes earlier.
    """
    if "person" in claims:
        return claims["person"]
    broker, calendar = claims.get("broker"), claims.get("calendar")
    if broker is None or calendar is None:
        return broker if "broker" in claims else calendar
    opens_at = max(broker.opens_at, calendar.opens_at)
    closes_at = min(broker.closes_at, calendar.closes_at)
    if opens_at >= closes_at:
        return broker if broker.closes_at == closes_at else calendar
    return Session(exchange=broker.exchange, day=broker.day, opens_at=opens_at, closes_at=closes_at)


def disagrees(claims: SessionClaims, *, calendar_is_complete: bool) -> bool:
    """Return whether two sources differ.

    calendar_is_complete: the calendar's silence means that there is no session that day.
    """
    said = {None if one is None else (one.opens_at, one.closes_at) for one in claims.values()}
    unlisted = claims.get("broker") is not None and "calendar" not in claims
    return len(said) > 1 or (unlisted and calendar_is_complete)


def _hours(session: Session | None) -> str:
    if session is None:
        return "closed"
    return f"{session.opens_at:%H:%M} to {session.closes_at:%H:%M} UTC"
