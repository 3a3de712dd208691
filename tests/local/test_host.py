"""The host: schedules, simulated time and function processes together, reproducibly."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from stopward.adapters.clocks import SystemClock
from stopward.errors import InvalidState
from stopward.local.host.host import Host, Occasion, Silence, Watchers
from stopward.local.host.invocation import Answered, Crashed, Outcome, TimedOut
from stopward.local.host.pace import Pace
from stopward.local.host.template import FunctionDefinition
from stopward.local.time_service import Timeline
from tests.builders.tiny_function import a_function

OPEN = datetime(2013, 9, 3, 13, 30, tzinfo=UTC)


def after(seconds: float) -> datetime:
    return OPEN + timedelta(seconds=seconds)


class Diary:
    """Writes down, in order, what happened and at what simulated time."""

    def __init__(self) -> None:
        self.timeline = Timeline(start=OPEN)
        self.entries: list[tuple[float, str]] = []
        self.outcomes: list[tuple[str, Outcome]] = []

    def note(self, what: str) -> None:
        self.entries.append(((self.timeline.now - OPEN).total_seconds(), what))

    def advance_to(self, moment: datetime) -> None:
        self.entries.append(((moment - OPEN).total_seconds(), "world"))

    def outcome(self, name: str, outcome: Outcome) -> None:
        self.note(f"{name} done")
        self.outcomes.append((name, outcome))


def host_of(diary: Diary, folder: Path, *functions: FunctionDefinition, **options: float) -> Host:
    return Host(
        functions,
        timeline=diary.timeline,
        world=diary,
        clock=SystemClock(),
        overrides={},
        log_folder=folder / "logs",
        watchers=Watchers(outcome=diary.outcome),
        **options,
    )


def waits(*moments: float) -> str:
    return json.dumps({"waits": [after(moment).isoformat() for moment in moments]})


def run_twin_functions(folder: Path) -> list[tuple[float, str]]:
    folder.mkdir()
    diary = Diary()
    host = host_of(
        diary,
        folder,
        a_function(folder, name="monitor", payload=waits(20, 40, 70), expression="rate(1 minute)"),
        a_function(folder, name="breakeven", payload=waits(10, 40), expression="rate(2 minutes)"),
    )
    try:
        host.start()
        host.run(
            first=OPEN,
            last=after(90),
            pace=Pace(speed=None, clock=SystemClock()),
            occasions=[Occasion(after(40), "trader", lambda: diary.note("trader acts"))],
        )
    finally:
        host.stop()
    return diary.entries


def test_two_runs_happen_in_the_same_order(tmp_path: Path) -> None:
    first = run_twin_functions(tmp_path / "first")
    assert first == run_twin_functions(tmp_path / "second")
    # Both at 0, by name; the trader before the functions at 40; monitor's second event comes at 60
    # while its first still waits for 70, so it has its turn right after that.
    assert [entry for entry in first if entry[1] != "world"] == [
        (40.0, "trader acts"),
        (40.0, "breakeven done"),
        (70.0, "monitor done"),
        (70.0, "monitor done"),
    ]
    steps = [at for at, what in first if what == "world"]
    assert steps == sorted(steps)
    assert steps == [0.0, 0.0, 10.0, 20.0, 40.0, 40.0, 40.0, 60.0, 70.0]


@pytest.fixture
def diary() -> Iterator[Diary]:
    made = Diary()
    yield made
    made.timeline.close()


def test_a_crash_in_one_minute_does_not_stop_the_next(tmp_path: Path, diary: Diary) -> None:
    host = host_of(diary, tmp_path, a_function(tmp_path, payload='{"do": "crash"}'))
    try:
        host.start()
        host.run(first=OPEN, last=after(120), pace=Pace(speed=None, clock=SystemClock()))
    finally:
        host.stop()
    assert [outcome for _, outcome in diary.outcomes] == [
        Crashed(exit_code=3, message="last words")
    ] * 2
    assert (host.tallies["tiny"].crashed, host.tallies["tiny"].starts) == (2, 2)


def test_a_function_that_never_ends_is_killed_and_time_goes_on(
    tmp_path: Path, diary: Diary
) -> None:
    host = host_of(
        diary, tmp_path, a_function(tmp_path, payload='{"do": "hang"}'), run_seconds=0.05
    )
    try:
        host.start()
        host.run(first=OPEN, last=after(60), pace=Pace(speed=None, clock=SystemClock()))
    finally:
        host.stop()
    assert [outcome for _, outcome in diary.outcomes] == [TimedOut(seconds=0.05)]


def test_an_event_that_waited_over_a_minute_is_dropped(tmp_path: Path, diary: Diary) -> None:
    host = host_of(diary, tmp_path, a_function(tmp_path, payload=waits(200)))
    try:
        host.start()
        host.run(first=OPEN, last=after(240), pace=Pace(speed=None, clock=SystemClock()))
    finally:
        host.stop()
    # Minute 0 waits until 200; minutes 1 and 2 are overtaken by minute 3, which is delivered.
    assert (host.tallies["tiny"].answered, host.tallies["tiny"].dropped) == (2, 2)


def test_each_event_carries_its_scheduled_time(tmp_path: Path, diary: Diary) -> None:
    host = host_of(diary, tmp_path, a_function(tmp_path))
    try:
        host.start()
        host.run(first=OPEN, last=after(120), pace=Pace(speed=None, clock=SystemClock()))
    finally:
        host.stop()
    payloads = [
        json.loads(outcome.payload)
        for _, outcome in diary.outcomes
        if isinstance(outcome, Answered)
    ]
    assert [body["event"]["time"] for body in payloads] == [
        "2013-09-03T13:30:00Z",
        "2013-09-03T13:31:00Z",
    ]


def test_a_handler_that_cannot_be_imported_fails_the_start(tmp_path: Path, diary: Diary) -> None:
    host = host_of(diary, tmp_path, a_function(tmp_path, source="1 / 0"))
    try:
        with pytest.raises(InvalidState, match="ZeroDivisionError"):
            host.start()
    finally:
        host.stop()


class StoppedClock:
    """A real clock that only moves when somebody sleeps."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 1, 1, tzinfo=UTC)
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.moment

    def sleep_until(self, moment: datetime) -> None:
        self.slept.append((moment - self.moment).total_seconds())
        self.moment = max(self.moment, moment)


def test_a_pace_spreads_simulated_seconds_over_real_ones() -> None:
    clock = StoppedClock()
    pace = Pace(speed=10.0, clock=clock)
    for moment in (0.0, 20.0, 60.0):
        pace.step_to(after(moment))
    assert clock.slept == [2.0, 4.0]


def test_without_a_pace_nobody_sleeps() -> None:
    clock = StoppedClock()
    pace = Pace(speed=None, clock=clock)
    pace.step_to(after(0))
    pace.step_to(after(3600))
    assert clock.slept == []


def test_silence_is_a_world_in_which_nothing_happens() -> None:
    world = Silence()
    world.advance_to(OPEN)
    assert vars(world) == {}
