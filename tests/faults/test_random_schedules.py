"""Schedules from seeds: whatever goes wrong, nothing is lost, doubled, loosened or left naked."""

from math import inf

import pytest

from tests.faults.random_schedules import random_schedule
from tests.faults.shrink import shrink, timeline
from tests.faults.soak import soak
from tests.faults.world import run

SCHEDULES = 20_000
NIGHTLY = 60_000
BATCH = 1_000


@pytest.mark.parametrize("first", range(0, SCHEDULES, BATCH))
def test_every_invariant_holds_under_random_faults(first: int) -> None:
    hold(first)


@pytest.mark.nightly
@pytest.mark.parametrize("first", range(SCHEDULES, NIGHTLY, BATCH))
def test_every_invariant_holds_under_more_random_faults(first: int) -> None:
    hold(first)


def hold(first: int) -> None:
    """Run a batch of schedules; fail with the smallest story of the first that breaks."""
    seeds = range(first, first + BATCH)
    tally = soak(seeds, until=inf, draw=random_schedule, run_one=run)
    assert tally.schedules == BATCH
    if (seed := tally.first_broken()) is not None:
        small = shrink(random_schedule(seed), run)
        pytest.fail(timeline(small, run(small, tracing=True)))


def test_a_schedule_is_the_same_every_time_it_runs() -> None:
    for seed in range(20):
        one, other = (run(random_schedule(seed), tracing=True) for _ in range(2))
        assert one == other


def test_the_seeds_reach_every_kind_of_fault() -> None:
    reached: set[str] = set()
    for seed in range(60):
        reached |= run(random_schedule(seed)).applied.keys()
    assert reached >= {
        "hand", "no_answer", "lost_answer", "rate_limited", "late_effect", "stale", "hidden",
        "slow", "overlap", "kill_before", "kill_after",
    }  # fmt: skip
