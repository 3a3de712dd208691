"""Defects that were found where the broker forgets an order that it took."""

from dataclasses import replace

import pytest

from stopward.domain.identity import OrderId
from stopward.domain.orders import BrokerOrder, Order
from stopward.domain.settling import FORGOTTEN
from stopward.local.simulator import SimulatedOrder
from stopward.services.guard.forgotten import PATIENCE
from tests.builders.guard import ACCOUNT, ADOPT_ALL, World, a_world
from tests.builders.simulator import AAPL, flat

TIME_STOP = ADOPT_ALL + "[rules.time_stop]\nminutes = 3\n"
LOOKS = PATIENCE + 5


def test_a_stop_that_the_broker_forgot_is_not_asked_for_for_ever() -> None:
    """A stop was taken, and neither a list nor an answer by its id ever showed it again.

    Another rested in its place; the first was looked up in every tick, for as long as the account
    was guarded.
    """
    with a_world(*flat(100, LOOKS + 5)) as world:
        world.open()
        world.tick(1)
        _forget(world, *world.stops())
        world.run(2, LOOKS + 2)
        asked = len(world.simulator.log)
        world.tick(LOOKS + 3)
        first, second = _orders(world)
        assert (first.status, first.reason) == ("void", FORGOTTEN)
        assert second.status == "working"
        assert world.stop_prices() == ["100@98"]
        assert "order_forgotten" in world.alarms()
        paths = {handled.request.path for handled in world.simulator.log[asked:]}
        assert "/v2/orders:by_client_order_id" not in paths


@pytest.mark.parametrize("available", ["none of it", "not told"])
def test_a_stop_for_which_the_broker_may_hold_shares_is_asked_for_on(available: str) -> None:
    """No answer shows it, and by the broker's own account something holds the shares."""
    with a_world(*flat(100, LOOKS + 5)) as world:
        world.open()
        world.tick(1)
        _hide_stops(world, is_told=available == "none of it")
        world.run(2, LOOKS + 2)
        assert _orders(world)[0].status == "working"
        assert world.stop_prices() == ["100@98"]
        assert "order_forgotten" not in world.alarms()


def test_an_exit_that_the_broker_forgot_and_takes_anew_stops_no_record() -> None:
    """Ten of a hundred were sold, the exit was forgotten, and sent again under its id.

    The order had another id of the broker's by then, which the database refused: nothing could be
    recorded for the account any more, tick after tick.
    """
    with a_world(*flat(100, 8), rules=TIME_STOP) as world:
        world.open()
        world.tick(1)
        world.simulator.cap_next_fill(AAPL, 10)  # type: ignore[arg-type]
        world.tick(3)
        _forget(world, *world.simulator.open_orders(AAPL))
        world.run(4, 6)
        assert world.shares() == 0
        assert [order.status for order in _orders(world) if order.step == "sell"] == ["filled"]
        (trade,) = world.trades()
        assert trade.result == 0


def _forget(world: World, *orders: SimulatedOrder) -> None:
    """Let the broker know nothing more of these orders."""
    world.simulator.settle()
    book = world.simulator.book
    for order in orders:
        del book._orders[order.id]
        del book._by_client_id[order.client_order_id]
        del book._open[order.symbol][order.id]


def _hide_stops(world: World, *, is_told: bool) -> None:
    """Let no answer show a stop that rests, nor, unless `is_told`, how many shares are free."""
    broker = world.guard.broker
    positions, listed, by_client_id = (
        broker.positions, broker.open_orders, broker.order_by_client_id,
    )  # fmt: skip

    def unlisted() -> tuple[BrokerOrder, ...]:
        return tuple(order for order in listed() if order.kind != "stop")

    def unknown(order_id: OrderId) -> BrokerOrder | None:
        found = by_client_id(order_id)
        return None if found is None or found.kind == "stop" else found

    broker.open_orders = unlisted  # type: ignore[method-assign]
    broker.order_by_client_id = unknown  # type: ignore[method-assign]
    broker.order = lambda _: None  # type: ignore[method-assign]
    if not is_told:
        broker.positions = lambda: tuple(replace(p, available=None) for p in positions())  # type: ignore[method-assign]


def _orders(world: World) -> list[Order]:
    return list(world.memory.book(ACCOUNT).orders.values())
