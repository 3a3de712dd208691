"""Everyday stories, broken at each of their boundary calls: the calls are counted, not listed."""

from dataclasses import replace

import pytest

from tests.builders.faults import FaultKind, Schedule
from tests.faults.result import Result
from tests.faults.shrink import timeline
from tests.faults.stories import STORIES, fault
from tests.faults.world import CALM_NUMBER, run


@pytest.mark.parametrize("name", STORIES)
def test_a_story_goes_well_when_nothing_goes_wrong(name: str) -> None:
    result = run(STORIES[name](), tracing=True)
    assert result.broken is None, timeline(STORIES[name](), result)
    assert result.failures == ()


@pytest.mark.parametrize("name", STORIES)
@pytest.mark.parametrize("kind", ["kill_after", "lost_answer"])
def test_a_story_survives_a_fault_at_each_of_its_calls(name: str, kind: FaultKind) -> None:
    schedule = STORIES[name]()
    for wake, call in boundaries(run(schedule)):
        broken = replace(
            schedule, disturbances=(*schedule.disturbances, fault(wake, call, kind, amount=3))
        )
        assert_whole(broken)


@pytest.mark.nightly
@pytest.mark.parametrize("name", STORIES)
@pytest.mark.parametrize(
    "kind",
    ["kill_before", "no_answer", "late_effect", "hidden", "stale", "rate_limited", "slow"],
)
def test_a_story_survives_every_other_fault_too(name: str, kind: FaultKind) -> None:
    schedule = STORIES[name]()
    amount = 16.0 if kind == "slow" else 3.0
    for wake, call in boundaries(run(schedule)):
        broken = replace(
            schedule, disturbances=(*schedule.disturbances, fault(wake, call, kind, amount=amount))
        )
        assert_whole(broken)


def boundaries(result: Result) -> list[tuple[int, int]]:
    """Return every call of every wake of the story; the calm ticks after it are left alone."""
    return [
        (wake, call)
        for wake, calls in result.calls_of.items()
        if wake < CALM_NUMBER
        for call in range(1, calls + 1)
    ]


def assert_whole(schedule: Schedule) -> None:
    """Fail with the story when an invariant does not hold."""
    if run(schedule).broken is not None:
        pytest.fail(timeline(schedule, run(schedule, tracing=True)))
