"""Everything that is deployed, broken at the wire: nothing is lost, doubled, loosened or naked."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stopward.domain.identity import AccountId
from stopward.local.host.template import read_template
from tests.builders.faults import Schedule
from tests.conftest import MakeDatabase
from tests.faults.mutants import MUTANTS
from tests.faults.result import Result
from tests.faults.shrink import shrink, timeline
from tests.faults.stack.connections import Connections
from tests.faults.stack.function import FOLDERS
from tests.faults.stack.schedules import FAULTS, random_stack_schedule
from tests.faults.stack.world import TIMEOUT_SECONDS, run

SCHEDULES = 500
NIGHTLY = 2_000
BATCH = 50
Run = Callable[..., Result]


@pytest.fixture
def run_here(make_database: MakeDatabase, template_database: str) -> Iterator[Run]:
    """Run schedules in a database of this test's own, each for an account of its own."""
    connections = Connections(make_database(template=template_database))
    runs = iter(range(10**6))

    def run_one(schedule: Schedule, *, tracing: bool = False, account: str = "") -> Result:
        name = AccountId(account or f"stack-{next(runs)}")
        return run(schedule, over=connections, account_id=name, tracing=tracing)

    yield run_one
    connections.close()


@pytest.mark.parametrize("first", range(0, SCHEDULES, BATCH))
def test_every_invariant_holds_when_the_wire_breaks(run_here: Run, first: int) -> None:
    hold(run_here, first)


@pytest.mark.nightly
@pytest.mark.parametrize("first", range(SCHEDULES, NIGHTLY, BATCH))
def test_every_invariant_holds_however_often_the_wire_breaks(run_here: Run, first: int) -> None:
    hold(run_here, first)


def hold(run_here: Run, first: int) -> None:
    """Run a batch of schedules; fail with the smallest story of the first that breaks."""
    for seed in range(first, first + BATCH):
        schedule = random_stack_schedule(seed)
        if run_here(schedule).broken is not None:
            small = shrink(schedule, run_here)
            pytest.fail(timeline(small, run_here(small, tracing=True)))


def test_a_run_is_the_same_every_time(make_database: MakeDatabase, template_database: str) -> None:
    for seed in range(6):
        results = []
        for _ in range(2):
            connections = Connections(make_database(template=template_database))
            schedule, account_id = random_stack_schedule(seed), AccountId("same")
            results.append(run(schedule, over=connections, account_id=account_id, tracing=True))
            connections.close()
        assert results[0] == results[1]


def test_the_seeds_reach_every_fault(run_here: Run) -> None:
    wanted = {*FAULTS, "hand"}
    reached: set[str] = set()
    for seed in range(1_000, 1_060):
        if drawn := {each.kind for each in random_stack_schedule(seed).disturbances} - reached:
            reached |= run_here(random_stack_schedule(seed)).applied.keys()
            assert drawn
        if reached >= wanted:
            return
    pytest.fail(f"never reached: {wanted - reached}")


def test_a_function_has_the_time_that_the_template_gives() -> None:
    root = Path(__file__).resolve().parents[3]
    functions = read_template(root / "template.yaml")
    found = {each.code_folder.name: each.timeout_seconds for each in functions}
    assert {found[name] for name in FOLDERS.values()} == {TIMEOUT_SECONDS}


@pytest.mark.parametrize(
    "name",
    [
        "act_before_record",
        "sell_without_the_release_wait",
        "skip_the_position_reread",
        "touch_what_is_hands_off",
    ],
)
def test_the_stack_catches_what_is_planted(run_here: Run, name: str) -> None:
    with MUTANTS[name]():
        broken = (run_here(random_stack_schedule(seed)).broken for seed in range(12))
        assert any(broken), f"{name} survived"
