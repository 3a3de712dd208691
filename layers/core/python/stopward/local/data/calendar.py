"""New York stock exchange sessions as rows, built from the exchange's published rules.

For local mode, and for `stopward sessions load --nyse`; without --nyse that command stores the
broker's calendar for a deployed stack. Years FIRST_YEAR to LAST_YEAR.
Source: NYSE Rule 7.2 and the exchange's yearly holiday notices. Days closed for other causes
(mourning, attacks, storms) are listed one by one, for no rule knows them; add to them as they come.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Final
from zoneinfo import ZoneInfo

from stopward.domain.market import Session
from stopward.errors import InvalidInput

EXCHANGE: Final = "XNYS"
NEW_YORK: Final = ZoneInfo("America/New_York")
OPENS: Final = time(9, 30)
CLOSES: Final = time(16)
CLOSES_EARLY: Final = time(13)
FIRST_YEAR: Final = 2000
LAST_YEAR: Final = 2035

_MONDAY, _THURSDAY, _FRIDAY, _SATURDAY, _SUNDAY = 0, 3, 4, 5, 6
_DAY: Final = timedelta(days=1)

EXTRA_CLOSURES: Final = frozenset(
    {
        date(2001, 9, 11), date(2001, 9, 12), date(2001, 9, 13), date(2001, 9, 14),
        date(2004, 6, 11), date(2007, 1, 2), date(2012, 10, 29), date(2012, 10, 30),
        date(2018, 12, 5), date(2025, 1, 9),
    }
)  # fmt: skip
EXTRA_EARLY_CLOSES: Final = frozenset({date(2002, 7, 5), date(2003, 12, 26)})


def session_of(day: date) -> Session | None:
    """Return the session of a day, or None when the exchange is closed.

    Raises InvalidInput outside FIRST_YEAR to LAST_YEAR, for which the rules here were not checked.
    """
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise InvalidInput(
            f"{day}: the local calendar knows {FIRST_YEAR} to {LAST_YEAR}; use bars of those years"
        )
    if day.weekday() >= _SATURDAY or day in _holidays(day.year) or day in EXTRA_CLOSURES:
        return None
    closes = CLOSES_EARLY if _closes_early(day) else CLOSES
    return Session(
        exchange=EXCHANGE,
        day=day.isoformat(),
        opens_at=_utc(day, OPENS),
        closes_at=_utc(day, closes),
    )


def sessions_between(first: date, last: date) -> tuple[Session, ...]:
    """Return the sessions from day to day, both included, in order."""
    return tuple(_sessions(first, last))


def sessions_before(day: date, *, count: int) -> tuple[Session, ...]:
    """Return the last `count` sessions before a day, in order."""
    found: list[Session] = []
    while len(found) < count:
        day -= _DAY
        session = session_of(day)
        if session is not None:
            found.append(session)
    return tuple(reversed(found))


def new_york_day(moment: datetime) -> date:
    """Return the date in New York at a moment."""
    return moment.astimezone(NEW_YORK).date()


def _sessions(first: date, last: date) -> Iterator[Session]:
    for number in range((last - first).days + 1):
        session = session_of(first + number * _DAY)
        if session is not None:
            yield session


def _utc(day: date, at: time) -> datetime:
    return datetime.combine(day, at, tzinfo=NEW_YORK).astimezone(UTC)


def _closes_early(day: date) -> bool:
    if day in EXTRA_EARLY_CLOSES:
        return True
    if (day.month, day.day) == (12, 24):
        return True
    if (day.month, day.day) == (7, 3):
        # On a Monday, Tuesday or Thursday; a Wednesday eve became an early close in 2013.
        return day.weekday() != 2 or day.year >= 2013
    return day == _nth_weekday(day.year, 11, _THURSDAY, 4) + _DAY


@cache
def _holidays(year: int) -> frozenset[date]:
    days = {
        _nth_weekday(year, 1, _MONDAY, 3),  # Martin Luther King Jr.
        _nth_weekday(year, 2, _MONDAY, 3),  # Washington
        _easter(year) - 2 * _DAY,  # Good Friday
        _nth_weekday(year, 6, _MONDAY, 1) - 7 * _DAY,  # Memorial Day
        _observed(date(year, 7, 4)),
        _nth_weekday(year, 9, _MONDAY, 1),  # Labor Day
        _nth_weekday(year, 11, _THURSDAY, 4),  # Thanksgiving
        _observed(date(year, 12, 25)),
    }
    new_year = date(year, 1, 1)
    if new_year.weekday() != _SATURDAY:  # on a Saturday it is not made up on Friday
        days.add(_observed(new_year))
    if year >= 2022:
        days.add(_observed(date(year, 6, 19)))  # Juneteenth
    return frozenset(days)


def _observed(day: date) -> date:
    if day.weekday() == _SATURDAY:
        return day - _DAY
    return day + _DAY if day.weekday() == _SUNDAY else day


def _nth_weekday(year: int, month: int, weekday: int, number: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (number - 1))


def _easter(year: int) -> date:
    # The anonymous Gregorian algorithm. Source: Jean Meeus, Astronomical Algorithms.
    golden, century, rest = year % 19, year // 100, year % 100
    correction = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - century // 4 - correction + 15) % 30
    week = (32 + 2 * (century % 4) + 2 * (rest // 4) - epact - rest % 4) % 7
    shift = (golden + 11 * epact + 22 * week) // 451
    month, day = divmod(epact + week - 7 * shift + 114, 31)
    return date(year, month, day + 1)
