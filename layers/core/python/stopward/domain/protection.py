"""The planner: which steps bring the broker from what it holds to what we want. Pure.

A plan is made from a fresh picture every tick, so a crash, a lost answer or a hand on the keyboard
needs no special path: the next plan starts from what is there.
"""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal

from stopward.domain.draft import Draft, Goal
from stopward.domain.holding import (
    ZERO,
    Group,
    Holding,
    can_change_price,
    can_change_quantity,
    is_filling,
    is_pending,
    is_tighter,
)
from stopward.domain.identity import is_ours
from stopward.domain.leaving import exit_steps
from stopward.domain.orders import Order
from stopward.domain.resting import is_for_added

__all__ = ["Goal", "plan"]


def plan(goal: Goal, holding: Holding, *, tick_at: datetime, attempt: int) -> tuple[Order, ...]:
    """Return the steps, in the order in which they must be sent; empty when all is as wanted.

    Each step is an Order to be recorded before it is sent. No step makes the reducing orders
    exceed the quantity in `holding`, loosens a stop, or leaves a share without stop or exit that
    had one. Nothing but an exit touches an order that the broker is busy with: the next tick sees
    it settled. Where fills do not explain the broker's quantity (a stale or a lagging answer), no
    more is armed than both agree on, and no stop is taken back.
    """
    draft = Draft(goal=goal, tick_at=tick_at, attempt=attempt)
    if holding.quantity(goal.side) <= 0:
        return tuple(_leftover_steps(draft, holding))
    if goal.exit is not None and goal.exit_at_broker is None:
        return tuple(exit_steps(draft, holding, goal.exit))
    return tuple(_protect_steps(draft, holding))


def _leftover_steps(draft: Draft, holding: Holding) -> Iterator[Order]:
    """Cancel what would open the other side: our own orders of a position that is gone."""
    for group in holding.groups(draft.goal.side):
        ours = any(is_ours(order.client_order_id) for order in group.orders)
        if ours and group.orders[0].status != "pending_cancel":
            yield draft.release(group)


def _protect_steps(draft: Draft, holding: Holding) -> Iterator[Order]:
    goal = draft.goal
    quantity = holding.quantity(goal.side)
    yield from draft.arms(holding, leaving=goal.leaving, free=_free(goal, holding))
    groups = [group for group in holding.groups(goal.side) if group.stops]
    surplus = sum((group.covered for group in groups), ZERO) - quantity
    if surplus > 0 and quantity == goal.position.quantity and goal.exit is None:
        trimmed = tuple(_trim(draft, holding, surplus))
        touched = {step.on for step in trimmed}
        groups = [group for group in groups if touched.isdisjoint(o.id for o in group.orders)]
        yield from trimmed
    for group in groups:
        yield from _tighten(draft, holding, group)


def _free(goal: Goal, holding: Holding) -> Decimal:
    """Return the shares that no order holds; a list may not show the exit that holds some yet."""
    free = holding.quantity(goal.side) - holding.held_quantity(goal.side)
    at_broker = goal.exit_at_broker
    if at_broker is None or any(order.id == at_broker.id for order in holding.orders):
        return free
    return free - goal.leaving


def _trim(draft: Draft, holding: Holding, surplus: Decimal) -> Iterator[Order]:
    """Take back stops for shares that are gone, so that a trigger cannot open the other side.

    Only stops at rest are touched. One that cannot be changed is replaced by a smaller one.
    """
    at_rest = [g for g in holding.groups(draft.goal.side) if g.stops and _is_at_rest(g)]
    for group in sorted(at_rest, key=lambda group: (group.covered, group.orders[0].id)):
        order = group.stops[0]
        rest = group.covered - surplus
        if rest <= 0:
            yield draft.release(group)
        elif can_change_quantity(order) and rest == rest.to_integral_value():
            yield draft.shrink(order, to=rest)
        elif _is_free_without(group, holding, rest, draft):
            yield draft.release(group)
            yield draft.arm_instead(group, rest)
        else:
            continue
        holding = holding.without(group)
        surplus -= group.covered
        if surplus <= 0:
            return


def _tighten(draft: Draft, holding: Holding, group: Group) -> Iterator[Order]:
    """Move the stop of a group where that tightens it.

    A trailing stop of the trader's moves by itself, and the looser stop of shares that he added is
    his. Where the broker replaces none (a leg of an OTO), a new stop takes the place of the old.
    What a target beside it has sold already does not hold a stop back.
    """
    for order in group.stops:
        looser = order.stop_price is not None and is_tighter(
            draft.goal.stop, order.stop_price, draft.goal.side
        )
        his = order.kind == "trailing_stop" or is_for_added(draft.goal.position, order)
        if his or not looser or is_filling(order) or any(map(is_pending, group.orders)):
            continue
        if can_change_price(order):
            yield draft.move(order)
        elif _is_at_rest(group) and _is_free_without(group, holding, order.open_quantity, draft):
            yield draft.release(group)
            yield draft.arm_instead(group, order.open_quantity)


def _is_free_without(group: Group, holding: Holding, quantity: Decimal, draft: Draft) -> bool:
    """Whether the broker would take a stop for so many shares once the group is gone."""
    side = draft.goal.side
    return holding.quantity(side) - holding.without(group).held_quantity(side) >= quantity


def _is_at_rest(group: Group) -> bool:
    return not any(is_pending(order) or is_filling(order) for order in group.orders)
