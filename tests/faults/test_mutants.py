"""Proof that the harness can fail: each planted defect is caught, and without it all is well."""

from collections.abc import Mapping

import pytest

from tests.builders.faults import Schedule
from tests.faults import found, found_lagging, found_looks, found_meanwhile, found_positions
from tests.faults.mutants import MUTANTS
from tests.faults.random_schedules import random_schedule
from tests.faults.stories import STORIES, Story
from tests.faults.world import run

SEEDS = 150
"""Random schedules a mutant may survive before it counts as not caught."""

DIRECTED: Mapping[str, Story] = {
    "loosen_on_rearm": found.canceled_after_a_move,
    "ignore_the_fence": found.lease_taken_over,
    "retry_a_submit_under_a_new_id": found.arm_without_an_answer,
    "skip_the_lease": found.doubled_event_at_once,
    "one_holder_for_a_doubled_event": found.doubled_event_at_once,
    "forget_the_parts_that_were_sold": STORIES["a half is sold"],
    "settle_a_part_before_its_position": found_meanwhile.a_half_is_sold_and_not_acknowledged,
    "believe_an_absence": found_positions.absent_from_a_lagging_list,
    "leave_orders_behind": STORIES["the trader closes past our stop"],
    "adopt_whatever_is_listed": found_positions.lagging_position_list,
    "trust_our_clock": found_positions.clock_ahead,
    "forget_a_stop_that_rested": found.move_rested_unseen,
    "believe_whatever_looks_loosened": found_lagging.canceled_and_his_old_stop_listed,
    "believe_a_surplus": found_looks.a_stop_that_has_filled_is_listed_again,
    "decide_an_exit_anew": found.exit_recorded_and_killed,
    "send_in_observe_mode": found.naked_and_only_looked_at,
    "see_half_of_the_orders": STORIES["a bracket's stop moves"],
}
"""The story that catches a mutant which random schedules meet only now and then."""


@pytest.mark.parametrize("name", MUTANTS)
def test_the_harness_kills(name: str) -> None:
    with MUTANTS[name]():
        assert any(_breaks(schedule) for schedule in _schedules(name)), f"{name} survived"


@pytest.mark.parametrize("name", DIRECTED)
def test_the_story_that_catches_a_mutant_is_whole_without_it(name: str) -> None:
    assert run(DIRECTED[name]()).broken is None


def _schedules(name: str) -> list[Schedule]:
    directed = [DIRECTED[name]()] if name in DIRECTED else []
    return directed or [random_schedule(seed) for seed in range(SEEDS)]


def _breaks(schedule: Schedule) -> bool:
    return run(schedule).broken is not None
