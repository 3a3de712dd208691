"""A file of sessions that a person writes, one day a line, in New York time.

# day        opens  closes
2026-12-03   09:30  13:00
2026-12-04   closed
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Final

from stopward.domain.market import Session
from stopward.errors import InvalidInput
from stopward.local.data.calendar import EXCHANGE, NEW_YORK

CLOSED: Final = "closed"
ALLOWED: Final = "allowed is `2026-12-03 09:30 13:00`, or `2026-12-03 closed`"


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenSessions:
    """What a file says: days with hours, and days (YYYY-MM-DD) without a session."""

    sessions: tuple[Session, ...]
    closed: tuple[str, ...]


def read_session_file(path: Path) -> WrittenSessions:
    """Return what a file says. Raises InvalidInput, with the line, for what cannot be read."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path}: cannot be read: {error}") from error
    found: dict[str, Session | None] = {}
    for place, words in _lines(text):
        day, session = _session(words, place=f"{path}, line {place}")
        if day in found:
            raise InvalidInput(f"{path}, line {place}: {day} was there before; say each day once")
        found[day] = session
    if not found:
        raise InvalidInput(f"{path}: no day was in it; {ALLOWED}")
    return WrittenSessions(
        sessions=tuple(session for session in found.values() if session is not None),
        closed=tuple(day for day, session in found.items() if session is None),
    )


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    for place, line in enumerate(text.splitlines(), start=1):
        words = line.partition("#")[0].split()
        if words:
            yield place, words


def _session(words: list[str], *, place: str) -> tuple[str, Session | None]:
    try:
        day, *hours = words
        when = date.fromisoformat(day)
        if hours == [CLOSED]:
            return when.isoformat(), None
        opens, closes = (time.fromisoformat(each) for each in hours)
    except ValueError as error:
        raise InvalidInput(f'{place}: it was "{" ".join(words)}"; {ALLOWED}') from error
    if opens.tzinfo is not None or closes.tzinfo is not None or closes <= opens:
        raise InvalidInput(f"{place}: a session from {opens} to {closes} is none; {ALLOWED}")
    return when.isoformat(), Session(
        exchange=EXCHANGE,
        day=when.isoformat(),
        opens_at=_utc(when, opens),
        closes_at=_utc(when, closes),
    )


def _utc(day: date, at: time) -> datetime:
    return datetime.combine(day, at, tzinfo=NEW_YORK).astimezone(UTC)
