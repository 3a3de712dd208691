"""Schedules as EventBridge Scheduler spells them: `rate(1 minute)`, `cron(...)`, a timezone."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from stopward.errors import InvalidInput

SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"
"""Scheduler's context attribute, replaced by the scheduled time in the event's input."""

MINUTE = timedelta(minutes=1)
_RATE = re.compile(r"rate\((\d+) (minute|minutes|hour|hours|day|days)\)")
_CRON = re.compile(r"cron\((.+)\)")
_UNIT_MINUTES = {"minute": 1, "hour": 60, "day": 1440}
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When a function is called, and with what.

    every_minutes: of a rate; None for a cron. fields: minutes, hours, days of month, months, days
    of week (1 is Sunday) and years of a cron, in `timezone`; empty for a rate.
    """

    expression: str
    timezone: ZoneInfo
    payload: str
    every_minutes: int | None
    fields: tuple[frozenset[int], ...]

    def is_due(self, moment: datetime) -> bool:
        """Return whether the schedule fires in the minute that starts at `moment`.

        A rate has no start of its own here: it fires on multiples of its period since midnight UTC.
        """
        if self.every_minutes is not None:
            utc = moment.astimezone(UTC)
            return (utc.hour * 60 + utc.minute) % self.every_minutes == 0
        there = moment.astimezone(self.timezone)
        day_of_week = there.isoweekday() % 7 + 1
        parts = (there.minute, there.hour, there.day, there.month, day_of_week, there.year)
        return all(part in allowed for part, allowed in zip(parts, self.fields, strict=True))

    def times(self, *, first: datetime, last: datetime) -> Iterator[datetime]:
        """Yield scheduled times, whole minutes with first <= time < last, in order, UTC."""
        moment = first.astimezone(UTC).replace(second=0, microsecond=0)
        if moment < first:
            moment += MINUTE
        while moment < last:
            if self.is_due(moment):
                yield moment
            moment += MINUTE

    def event(self, scheduled_at: datetime) -> str:
        """Return the event's JSON text, with the scheduled time as Scheduler writes it (UTC, Z)."""
        return self.payload.replace(
            SCHEDULED_TIME, scheduled_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        )


def parse_schedule(expression: str, *, timezone: str, payload: str) -> Schedule:
    """Read a schedule. Raises InvalidInput for what Scheduler, or the local host, does not take."""
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise InvalidInput(
            f"schedule timezone was {timezone!r}, which is not known here"
        ) from error
    if rate := _RATE.fullmatch(expression):
        count, unit = int(rate[1]), rate[2].removesuffix("s")
        if count < 1:
            raise InvalidInput(f"schedule was {expression!r}; a rate is at least one {unit}")
        every, fields = count * _UNIT_MINUTES[unit], ()
        return Schedule(
            expression=expression,
            timezone=zone,
            payload=payload,
            every_minutes=every,
            fields=fields,
        )
    if cron := _CRON.fullmatch(expression):
        return Schedule(
            expression=expression,
            timezone=zone,
            payload=payload,
            every_minutes=None,
            fields=_cron_fields(cron[1].split(), expression),
        )
    raise InvalidInput(f"schedule was {expression!r}; allowed are rate(...) and cron(...)")


def _cron_fields(words: list[str], expression: str) -> tuple[frozenset[int], ...]:
    limits = ((0, 59), (0, 23), (1, 31), (1, 12), (1, 7), (1970, 2199))
    if len(words) != len(limits):
        raise InvalidInput(
            f"schedule was {expression!r}; a cron has six fields, it has {len(words)}"
        )
    names: tuple[tuple[str, ...], ...] = ((), (), (), _MONTHS, _DAYS, ())
    return tuple(
        frozenset(_values(word, low=low, high=high, names=known, expression=expression))
        for word, (low, high), known in zip(words, limits, names, strict=True)
    )


def _values(
    word: str, *, low: int, high: int, names: tuple[str, ...], expression: str
) -> Iterator[int]:
    for part in word.split(","):
        span, slash, step = part.partition("/")
        if slash and not (step.isdigit() and int(step) > 0):
            raise InvalidInput(
                f"schedule was {expression!r}; the step in {part!r} is no number above 0"
            )
        first, last = low, high
        if span not in {"*", "?"}:
            start, dash, end = span.partition("-")
            first = _number(start, names=names, expression=expression)
            last = _number(end, names=names, expression=expression) if dash else first
            last = high if slash and not dash else last
        if not low <= first <= last <= high:
            raise InvalidInput(f"schedule was {expression!r}; {part!r} is outside {low} to {high}")
        yield from range(first, last + 1, int(step) if slash else 1)


def _number(word: str, *, names: tuple[str, ...], expression: str) -> int:
    if word.upper() in names:
        return names.index(word.upper()) + 1
    if word.isdigit():
        return int(word)
    raise InvalidInput(f"schedule was {expression!r}; {word!r} is not a value the local host knows")
