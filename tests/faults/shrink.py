"""Make a failing schedule small, and tell it as a timeline."""

from collections.abc import Callable, Iterator
from dataclasses import replace

from tests.builders.faults import Schedule
from tests.faults.result import Result

Run = Callable[[Schedule], Result]
MOST_RUNS = 400


def shrink(schedule: Schedule, run: Run) -> Schedule:
    """Drop events as long as the same invariant stays broken; each pass tries all that are left."""
    kind = _kind(run(schedule))
    runs = 0
    changed = True
    while changed and runs < MOST_RUNS:
        changed = False
        for smaller in _smaller(schedule):
            runs += 1
            if _kind(run(smaller)) == kind:
                schedule, changed = smaller, True
                break
            if runs >= MOST_RUNS:
                break
    return schedule


def timeline(schedule: Schedule, result: Result) -> str:
    """Return the story of a run: time, who, call, effect."""
    lines = [
        f"seed {schedule.seed}: {result.broken}",
        f"mode {schedule.mode}, settling {schedule.settling}, latency {schedule.latency}, "
        f"skew {schedule.skew_seconds}, volume share {schedule.volume_share}",
        f"openings {schedule.openings}",
        *(line for line in schedule.rules.splitlines() if line),
    ]
    lines.extend(
        f"{line.at:%H:%M:%S.%f} {'  ' * line.depth}{line.who}: {line.what}"
        + (f" -> {line.effect}" if line.effect else "")
        for line in result.lines
    )
    return "\n".join(lines)


def _kind(result: Result) -> str | None:
    return None if result.broken is None else result.broken.split(":")[0]


def _smaller(schedule: Schedule) -> Iterator[Schedule]:
    wakes, found = schedule.wakes, schedule.disturbances
    size = len(wakes) // 2
    while size >= 1:
        for first in range(0, len(wakes), size):
            yield replace(schedule, wakes=wakes[:first] + wakes[first + size :])
        size //= 2
    for index in range(len(found)):
        yield replace(schedule, disturbances=found[:index] + found[index + 1 :])
    for index in range(len(schedule.openings)):
        left = schedule.openings[:index] + schedule.openings[index + 1 :]
        yield replace(schedule, openings=left)
    tables = schedule.rules.split("\n[")
    for index in range(1, len(tables)):
        yield replace(schedule, rules="\n[".join(tables[:index] + tables[index + 1 :]) + "\n")
    if schedule.skew_seconds:
        yield replace(schedule, skew_seconds=0.0)
    if schedule.volume_share is not None:
        yield replace(schedule, volume_share=None)
