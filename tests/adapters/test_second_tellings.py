"""A pulse that is run twice and decides otherwise the second time: every store keeps both."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from stopward.domain.decision import Decision, Exit, Hold, MoveStop
from stopward.domain.position import Position
from tests.builders.store import D, a_decision, a_position, a_record, a_view, an_order, ids, pulse
from tests.builders.store_world import MemoryWorld, PostgresWorld, World, begin

EXIT = Exit(rule="time_stop")
MOVE = MoveStop(rule="breakeven", to=D("99"))


@pytest.fixture(params=["memory", "postgres", "postgres 17"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "memory":
        yield MemoryWorld()
        return
    url = "hosted_url" if request.param == "postgres 17" else "database_url"
    found = PostgresWorld(request.getfixturevalue(url))
    yield found
    found.close()


@pytest.fixture
def position(world: World) -> Position:
    return a_position(account_id=world.account_id)


def tell(
    world: World, position: Position, tick: int, decision: Decision, **parts: object
) -> object:
    """Run a pulse as a holder of its own, that gives the lease back."""
    return world.store.record_tick(
        a_record(
            begin(world).fence,
            tick=tick,
            account_id=world.account_id,
            positions=(position,),
            decisions=(a_decision(position, tick=tick, decision=decision),),
            views=(a_view(),),
            release=True,
            **parts,
        )
    )


def told(world: World) -> list[tuple[str, int, int]]:
    """Return kind, first pulse and number of pulses of each decision, in order."""
    first = pulse(0)
    return [
        (run.kind, int((run.tick_at - first).total_seconds()) // 10, run.ticks)
        for run in sorted(world.journal(), key=lambda run: (run.tick_at, run.kind))
    ]


def test_an_exit_of_the_second_run_is_kept_with_its_order_and_its_view(
    world: World, position: Position
) -> None:
    tell(world, position, 1, Hold())
    order = an_order(position, tick=1, rule="time_stop")
    assert tell(world, position, 1, EXIT, orders=(order,)) == ids(order)
    assert told(world) == [("exit", 1, 1), ("hold", 1, 1)]
    assert world.views() == [(pulse(1), "AAPL")] * 2


@pytest.mark.parametrize("tick", [0, 1, 2, 3])
@pytest.mark.parametrize("decision", [EXIT, MOVE])
def test_what_acts_is_kept_at_any_pulse_of_a_run(
    world: World, position: Position, tick: int, decision: Decision
) -> None:
    for number in range(4):
        tell(world, position, number, Hold())
    for _ in range(2):  # told again, it is told once
        tell(world, position, tick, decision)
    kind = "exit" if decision is EXIT else "move_stop"
    assert told(world) == sorted(
        [("hold", 0, 4), (kind, tick, 1)], key=lambda row: (row[1], row[0])
    )
    assert world.views() == [(pulse(0), "AAPL"), (pulse(tick), "AAPL")]


def test_what_acts_at_the_last_pulse_of_a_run_ends_it(world: World, position: Position) -> None:
    for number, decision in ((0, Hold()), (1, Hold()), (1, EXIT), (2, Hold()), (3, Hold())):
        tell(world, position, number, decision)
    assert told(world) == [("hold", 0, 2), ("exit", 1, 1), ("hold", 2, 2)]


def test_a_hold_adds_nothing_to_an_exit_of_its_pulse(world: World, position: Position) -> None:
    for decision in (EXIT, Hold(), EXIT):
        tell(world, position, 1, decision)
    assert told(world) == [("exit", 1, 1)]


def test_holds_of_a_run_are_known_beside_an_exit_that_came_late(
    world: World, position: Position
) -> None:
    for number, decision in ((0, Hold()), (1, Hold()), (2, Hold()), (1, EXIT)):
        tell(world, position, number, decision)
    before = told(world)
    tell(world, position, 2, Hold())
    tell(world, position, 1, Hold())
    assert told(world) == before == [("hold", 0, 3), ("exit", 1, 1)]
    tell(world, position, 3, Hold())
    assert told(world) == [("hold", 0, 4), ("exit", 1, 1)]


def test_two_moves_of_one_pulse_are_two_decisions(world: World, position: Position) -> None:
    further = replace(MOVE, to=D("99.5"))
    for decision in (MOVE, further, MOVE, further):
        tell(world, position, 1, decision)
    assert told(world) == [("move_stop", 1, 1)] * 2


@pytest.mark.parametrize("world", ["postgres", "postgres 17"], indirect=True)
def test_the_last_decision_of_a_pulse_is_what_people_see(world: World, position: Position) -> None:
    assert isinstance(world, PostgresWorld)
    for decision in (Hold(), MOVE, EXIT):
        tell(world, position, 1, decision)
    seen = world._all("select decision from api.open_positions where account_id = %s")
    assert seen == [("exit",)]
    logged = world._all("select kind, bid from api.decision_log where account_id = %s order by 1")
    assert logged == [(kind, D("100.99")) for kind in ("exit", "hold", "move_stop")]
