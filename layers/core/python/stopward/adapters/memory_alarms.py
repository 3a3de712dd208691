"""How alarms in memory are raised, counted and cleared."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from stopward.adapters.memory_rows import AlarmRow
from stopward.domain.snapshot import Alarm

SEVERITIES = ("notice", "warning", "critical")


def raise_alarms(
    rows: Sequence[AlarmRow],
    tick_at: datetime,
    at: datetime,
    alarms: Iterable[Alarm],
    cleared: Iterable[str],
) -> list[AlarmRow]:
    """Return the rows with alarms raised or counted by key, and those cleared whose time is over.

    A pulse counts once, and the gravest word about it stays.
    """
    raised = _gravest(alarms)
    over, lasting = set(cleared), frozenset(raised)
    found = []
    for row in rows:
        if row.cleared_at is not None:
            found.append(row)
            continue
        is_over = row.alarm.key in over or row.alarm.kind in over
        kept = replace(row, cleared_at=at) if is_over and row.alarm.key not in lasting else row
        alarm = raised.pop(row.alarm.key, None)
        found.append(kept if alarm is None else _seen_again(row, alarm, tick_at))
    new = (AlarmRow(alarm=alarm, first_at=at, last_tick_at=tick_at) for alarm in raised.values())
    return [*found, *new]


def _seen_again(row: AlarmRow, alarm: Alarm, tick_at: datetime) -> AlarmRow:
    later = tick_at > row.last_tick_at
    if later or (tick_at == row.last_tick_at and _is_graver(alarm, row.alarm)):
        return replace(row, alarm=alarm, last_tick_at=tick_at, count=row.count + later)
    return row


def _gravest(alarms: Iterable[Alarm]) -> dict[str, Alarm]:
    """Return one alarm a key: the gravest, and of equals the last."""
    found: dict[str, Alarm] = {}
    for each in alarms:
        if each.key not in found or not _is_graver(found[each.key], each):
            found[each.key] = each
    return found


def _is_graver(alarm: Alarm, other: Alarm) -> bool:
    return SEVERITIES.index(alarm.severity) > SEVERITIES.index(other.severity)
