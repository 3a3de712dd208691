"""Sessions in memory: what each source says, and what counts; it answers as Postgres does."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from stopward.adapters.memory_rules import refuse_if
from stopward.domain.market import Session
from stopward.domain.session_claims import (
    MOST_CLOSURES,
    SessionDisagreement,
    SessionSource,
    SessionsPut,
    SessionStretch,
    agreed_session,
    disagrees,
)

NEAR = timedelta(hours=4)
"""A session counts from this long before its open to this long after its close."""
Key = tuple[str, str]
"""Exchange and day."""


class MemorySessions:
    """Claims of all exchanges; `agreed` are the sessions that count."""

    def __init__(self) -> None:
        self.agreed: dict[Key, Session] = {}
        self._claims: dict[Key, dict[SessionSource, Session | None]] = {}

    def of(self, exchange: str) -> tuple[Session, ...]:
        """Return the sessions of an exchange, in order."""
        found = (each for each in self.agreed.values() if each.exchange == exchange)
        return tuple(sorted(found, key=lambda session: session.opens_at))

    def at(self, exchange: str, moment: datetime) -> Session | None:
        """Return the session that is NEAR a moment, the nearest first; None when there is none."""
        near = [
            each
            for each in self.of(exchange)
            if each.opens_at - NEAR <= moment <= each.closes_at + NEAR
        ]
        zero = timedelta(0)
        return min(
            near,
            key=lambda s: (max(s.opens_at - moment, moment - s.closes_at, zero), s.opens_at),
            default=None,
        )

    def day_of(self, exchange: str, moment: datetime) -> str:
        """Return the session of a moment: the one near it, else the last, else the date in UTC."""
        begun = [each for each in self.of(exchange) if each.opens_at <= moment]
        last = self.at(exchange, moment) or (begun[-1] if begun else None)
        return moment.astimezone(UTC).date().isoformat() if last is None else last.day

    def put(
        self,
        sessions: Iterable[Session],
        *,
        source: SessionSource,
        complete: SessionStretch | None,
    ) -> SessionsPut:
        """Store what a source says; in a complete stretch a day that is not listed has none."""
        given: dict[Key, Session | None] = {}
        for session in sessions:
            key = (session.exchange, session.day)
            refuse_if(key in given, "put_sessions_request", f"{key} was given twice")
            given[key] = session
        unlisted = {
            key: None
            for key in {*self._claims, *self.agreed} - set(given)
            if complete is not None and complete.holds(*key)
        }
        closures = sum(key in self.agreed for key in unlisted)
        refuse_if(
            source != "person" and closures > MOST_CLOSURES,
            "put_sessions_implausible",
            f"{closures} known sessions are not listed",
        )
        said = {**given, **unlisted}
        for key, claim in said.items():
            self._claims.setdefault(key, {})[source] = claim
        exchanges = {exchange for exchange, _ in said}
        if complete is not None:
            exchanges.add(complete.exchange)
        return SessionsPut(
            changed=self._merge(said),
            disagreements=self._disagreements(said),
            known_until=self._known_until(exchanges),
        )

    def forget(self, exchange: str, days: Iterable[str]) -> None:
        """Take back what a person said of some days."""
        keys = [
            (exchange, day) for day in days if "person" in self._claims.get((exchange, day), ())
        ]
        for key in keys:
            del self._claims[key]["person"]
        self._merge(keys)

    def _merge(self, keys: Iterable[Key]) -> int:
        changed = 0
        for key in keys:
            session = agreed_session(self._claims[key])
            changed += session != self.agreed.get(key)
            self.agreed.pop(key, None)
            if session is not None:
                self.agreed[key] = session
        return changed

    def _known_until(self, exchanges: Iterable[str]) -> str | None:
        last: dict[str, str] = {}
        for exchange, day in self.agreed:
            last[exchange] = max(day, last.get(exchange, day))
        return min((last[each] for each in exchanges if each in last), default=None)

    def _disagreements(self, keys: Iterable[Key]) -> tuple[SessionDisagreement, ...]:
        return tuple(
            SessionDisagreement(
                exchange=key[0],
                day=key[1],
                claims=dict(self._claims[key]),
                counted=self.agreed.get(key),
            )
            for key in sorted(keys)
            if disagrees(self._claims[key], calendar_is_complete=self._calendar_holds(*key))
        )

    def _calendar_holds(self, exchange: str, day: str) -> bool:
        known = [
            when
            for (of, when), said in self._claims.items()
            if of == exchange and "calendar" in said
        ]
        return bool(known) and min(known) <= day <= max(known)
