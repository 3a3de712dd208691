"""Ticks on an axis on which things stand one after another in the order of time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip
"""As they are written, whatever the language of the machine."""
MINUTE_STEPS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 240)


@dataclass(frozen=True, slots=True)
class Mark:
    """The place of the first thing of a day, month or minute, from 0, and how that is written."""

    place: int
    text: str


def day_marks(days: Sequence[date], *, most: int) -> tuple[Mark, ...]:
    """Return where days, weeks, months or years begin: the finest of which there are not too many.

    days: of each thing, in order. Marks that would stand nearer than five sixths of an even share
    of the axis are left out, so that no two lie over each other.
    """
    for unit in _UNITS:
        found = _firsts([unit.of(day) for day in days])
        if len(found) <= most:
            break
    kept = _apart(found, len(days), most)
    return tuple(
        Mark(place, unit.text(days[place], None if number == 0 else days[kept[number - 1]]))
        for number, place in enumerate(kept)
    )


def time_marks(moments: Sequence[datetime], *, most: int) -> tuple[Mark, ...]:
    """Return the first moments of round stretches of the day, or days when there are several.

    moments: in order, in the zone in which they are told. One that is left over from a stretch that
    began before is not marked, unless nothing else is.
    """
    days = [moment.date() for moment in moments]
    if days[0] != days[-1]:
        return day_marks(days, most=most)
    minutes = [moment.hour * 60 + moment.minute for moment in moments]
    for step in MINUTE_STEPS:
        found = _firsts([minute // step for minute in minutes])
        if minutes[0] % step and len(found) > 1:
            found = found[1:]
        if len(found) <= most:
            break
    kept = _apart(found, len(moments), most)
    return tuple(Mark(place, f"{moments[place]:%H:%M}") for place in kept)


def _firsts(keys: Sequence[object]) -> list[int]:
    return [place for place, key in enumerate(keys) if place == 0 or key != keys[place - 1]]


def _apart(places: Sequence[int], length: int, most: int) -> list[int]:
    """Return places that are far enough apart; a first unit that is cut short gives way."""

    def is_apart(before: int, after: int) -> bool:
        return (after - before) * most * 6 >= length * 5

    is_cut = len(places) > 1 and not is_apart(places[0], places[1])
    kept: list[int] = []
    for place in places[1:] if is_cut else places:
        if not kept or is_apart(kept[-1], place):
            kept.append(place)
    return kept


def _day(day: date, _: date | None) -> str:
    return f"{day.day} {MONTHS[day.month - 1]}"


def _month(day: date, before: date | None) -> str:
    """Return the month, with its year where that is the first or another than before."""
    name = MONTHS[day.month - 1]
    return name if before is not None and before.year == day.year else f"{name} {day.year}"


def _year(day: date, _: date | None) -> str:
    return str(day.year)


@dataclass(frozen=True, slots=True)
class _Unit:
    """A unit of time: what a day lies in; how the first day in it is written after another."""

    of: Callable[[date], object]
    text: Callable[[date, date | None], str]


_UNITS: Final = (
    _Unit(lambda day: day, _day),
    _Unit(lambda day: day.isocalendar()[:2], _day),
    _Unit(lambda day: (day.year, day.month), _month),
    _Unit(lambda day: (day.year, (day.month - 1) // 3), _month),
    _Unit(lambda day: day.year, _year),
    _Unit(lambda day: day.year // 5, _year),
)
"""From the finest on."""
