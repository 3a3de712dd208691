"""A small pure model of the broker: what a plan's steps make of a holding, at once and strictly.

It refuses what the broker refuses (TRADING section 3): orders beyond the quantity held, changes of
quantity where none can be changed, replacements of what is pending or of an OTO's leg.
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from stopward.domain.holding import (
    Holding,
    can_change_quantity,
    is_filling,
    is_pending,
    is_tighter,
    reducing_side,
)
from stopward.domain.identity import BrokerOrderId
from stopward.domain.orders import BrokerOrder, Order
from stopward.domain.position import Position
from tests.builders.positions import a_broker_order


class Refused(AssertionError):
    """The broker would refuse this step, or the step breaks a promise of the planner."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What the broker holds, and what we believe."""

    position: Position
    holding: Holding

    @property
    def held(self) -> Decimal:
        """Shares at the broker."""
        return self.holding.quantity(self.position.side)

    @property
    def excess(self) -> Decimal:
        """Shares that reducing orders hold beyond what is there."""
        return max(self.holding.held_quantity(self.position.side) - self.held, Decimal(0))

    @property
    def bare(self) -> Decimal:
        """Shares without a stop."""
        return max(self.held - self.holding.covered_quantity(self.position.side), Decimal(0))


def applied(world: World, step: Order) -> World:
    """Return the world after one step; raises Refused where the broker, or a promise, says no."""
    target = next((o for o in world.holding.orders if o.id == step.on), None)
    match step.step:
        case "release":
            return _released(world, _known(target, step))
        case "shrink":
            return _shrunk(world, _known(target, step), step)
        case "move":
            return _moved(world, _known(target, step), step)
        case "arm":
            return _armed(world, step)
        case "sell":
            return _sold(world, step)


def _known(target: BrokerOrder | None, step: Order) -> BrokerOrder:
    if target is None or not target.is_working:
        raise Refused(f"{step.step} {step.id}: there is no working order {step.on}")
    return target


def _released(world: World, target: BrokerOrder) -> World:
    group = next(
        group for group in world.holding.groups(world.position.side) if target in group.orders
    )
    return replace(world, holding=world.holding.without(group))


def _shrunk(world: World, target: BrokerOrder, step: Order) -> World:
    if not can_change_quantity(target):
        raise Refused(f"{step.id}: the quantity of {target.id} cannot be changed")
    if step.quantity != step.quantity.to_integral_value() or step.quantity <= 0:
        raise Refused(f"{step.id}: {step.quantity} is no whole quantity")
    if step.quantity >= target.quantity:
        raise Refused(f"{step.id}: a shrink to {step.quantity} of {target.quantity}")
    return _successor(world, target, step, quantity=step.quantity, price=target.stop_price)


def _moved(world: World, target: BrokerOrder, step: Order) -> World:
    if is_pending(target) or is_filling(target) or target.group == "oto":
        raise Refused(f"{step.id}: {target.id} cannot be replaced")
    if target.kind == "trailing_stop":
        raise Refused(f"{step.id}: {target.id} trails by itself")
    if target.stop_price is None or step.price is None:
        raise Refused(f"{step.id}: no price")
    if not is_tighter(step.price, target.stop_price, world.position.side):
        raise Refused(f"{step.id}: {step.price} loosens {target.stop_price}")
    _check_price(world, step.price)
    return _successor(world, target, step, quantity=target.quantity, price=step.price)


def _successor(
    world: World, target: BrokerOrder, step: Order, *, quantity: Decimal, price: Decimal | None
) -> World:
    orders = tuple(
        replace(
            order,
            id=BrokerOrderId(f"of-{step.id}"),
            client_order_id=step.id,
            quantity=quantity,
            stop_price=price,
        )
        if order.id == target.id
        else order
        for order in world.holding.orders
    )
    return replace(world, holding=replace(world.holding, orders=orders))


def _armed(world: World, step: Order) -> World:
    if step.price is None:
        raise Refused(f"{step.id}: no price")
    _check_price(world, step.price)
    _check_available(world, step)
    order = a_broker_order(
        "stop",
        step.quantity,
        side=reducing_side(world.position.side),
        stop=step.price,
        order_id=f"of-{step.id}",
        client_id=step.id,
    )
    return replace(world, holding=replace(world.holding, orders=(*world.holding.orders, order)))


def _sold(world: World, step: Order) -> World:
    _check_available(world, step)
    found = world.holding.position
    if found is None:
        raise Refused(f"{step.id}: nothing is held")
    left = found.quantity - step.quantity
    return replace(
        world,
        holding=replace(world.holding, position=replace(found, quantity=left) if left else None),
        position=replace(
            world.position, quantity=max(world.position.quantity - step.quantity, Decimal(0))
        ),
    )


def _check_available(world: World, step: Order) -> None:
    available = world.held - world.holding.held_quantity(world.position.side)
    if step.quantity <= 0 or step.quantity > available:
        raise Refused(f"{step.step} {step.id}: {step.quantity} of {available} available")


def _check_price(world: World, price: Decimal) -> None:
    if is_tighter(world.position.stop, price, world.position.side):
        raise Refused(f"{price} is looser than the position's stop {world.position.stop}")
