"""Which plan goes first, and which is not begun because it could not be carried through."""

from datetime import timedelta
from decimal import Decimal

import pytest

from stopward.domain.orders import Order, Step
from stopward.domain.position import Position
from stopward.local.simulator_broker import SimulatorBroker
from stopward.services.guard.act import Executor
from stopward.services.guard.room import NEEDED, RESERVE, SETTLES, affords, has_time, urgency
from tests.builders.simulated_clock import SimulatedClock
from tests.builders.simulator import AAPL, MSFT, a_simulator, at, bars_of, flat, sell
from tests.builders.store import a_position, an_order

EXIT, ARM, MOVE = ("release", "sell"), ("arm",), ("move",)


def steps(*kinds: Step) -> tuple[Order, ...]:
    position = a_position()
    return tuple(an_order(position, step=kind) for kind in kinds)


@pytest.mark.parametrize(
    ("kinds", "remaining", "can"),
    [
        (EXIT, None, True),
        (EXIT, NEEDED, True),
        (EXIT, NEEDED - 1, False),
        (ARM, 0, True),
        (MOVE, RESERVE, True),
        (MOVE, RESERVE - 1, False),
    ],
)
def test_requests_are_kept_for_what_protects(
    kinds: tuple[Step, ...], remaining: int | None, can: bool
) -> None:
    assert affords(steps(*kinds), remaining) is can


@pytest.mark.parametrize(
    ("kinds", "left", "can"),
    [
        (EXIT, SETTLES, True),
        (EXIT, SETTLES - timedelta(milliseconds=1), False),
        (("sell",), timedelta(0), True),
        (ARM, timedelta(0), True),
    ],
)
def test_no_stop_is_released_when_what_follows_would_come_too_late(
    kinds: tuple[Step, ...], left: timedelta, can: bool
) -> None:
    assert has_time(steps(*kinds), left) is can


def test_exits_go_before_arming_and_arming_before_moves() -> None:
    position = a_position()
    work = [(position, steps(*kinds)) for kinds in (MOVE, ARM, EXIT)]
    assert [steps[0].step for _, steps in sorted(work, key=urgency)] == ["release", "arm", "move"]


def test_near_the_deadline_only_the_first_exit_of_a_tick_is_begun() -> None:
    """A release was sent, and then the time was up: the position was bare until the next tick."""
    bars = [*bars_of(*flat(100, 10)), *bars_of(*flat(100, 10), symbol=MSFT)]
    simulator = a_simulator(bars=bars)
    work: list[tuple[Position, tuple[Order, ...]]] = []
    for symbol in (AAPL, MSFT):
        simulator.open_position(symbol, "long", Decimal(100), Decimal(100))
        ticket = sell("100", symbol=symbol, kind="stop", stop_price=Decimal(98))
        stop = simulator.submit(ticket)
        simulator.settle()
        position = a_position(symbol=symbol)
        release = an_order(position, step="release", on=stop.id, price=None)
        work.append((position, (release, an_order(position, step="sell", price=None))))
    broker, clock = SimulatorBroker(simulator), SimulatedClock(simulator)
    executor = Executor(broker=broker, clock=clock, deadline=at(0) + SETTLES / 2)
    results = executor.run(work, lambda *_: None)
    assert [result.complete for result in results] == [True, False]
    assert (simulator.shares(AAPL), simulator.shares(MSFT)) == (0, 100)
    assert [order.status for order in simulator.open_orders(MSFT)] == ["new"]
    assert results[1].orders == ()
