"""The planner: which steps bring the broker from what it holds to what we want. Pure.

A plan is made from a fresh picture every tick, so a crash, a lost answer or a hand on the keyboard
needs no special path: the next plan starts from what is there.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from stopward.domain.holding import (
    ZERO,
    Holding,
    can_change_quantity,
    group_key,
    is_pending,
    is_tighter,
    reducing_side,
)
from stopward.domain.identity import BrokerOrderId, derive_order_id, is_ours
from stopward.domain.money import floor_quantity
from stopward.domain.orders import BrokerOrder, Order, Step
from stopward.domain.position import Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What should be true at the broker after this tick.

    stop: where every protective stop should rest; never looser than `position.stop`.
    stop_rule: what set it (for the record of moves).
    exit: the recorded sell that is to be finished, or None.
    exit_at_broker: that order as the broker knows it, or None when it was never accepted.
    tranches: fractions of the quantity that get a stop of their own, summing to 1; (1,) for one stop.
    """

    position: Position
    stop: Decimal
    stop_rule: str
    exit: Order | None = None
    exit_at_broker: BrokerOrder | None = None
    tranches: tuple[Decimal, ...] = (Decimal(1),)


def plan(goal: Goal, holding: Holding, *, tick_at: datetime, attempt: int) -> tuple[Order, ...]:
    """Return the steps, in the order in which they must be sent; empty when all is as wanted.

    Each step is an Order to be recorded before it is sent. The sum of all reducing orders never
    exceeds the quantity in `holding`. Nothing is planned on an order that the broker is busy with:
    the next tick sees it settled. Where fills do not explain the broker's quantity (a stale or a
    lagging answer), no more is armed than both agree on, and no stop is taken back.
    """
    quantity = holding.quantity(goal.position.side)
    if quantity <= 0:
        return tuple(_release_leftovers(goal, holding, tick_at=tick_at, attempt=attempt))
    draft = _Draft(goal=goal, tick_at=tick_at, attempt=attempt)
    if goal.exit is not None and goal.exit_at_broker is None:
        return tuple(_exit_steps(draft, holding, quantity, goal.exit))
    reserved = ZERO
    if goal.exit_at_broker is not None and goal.exit_at_broker.is_working:
        reserved = goal.exit_at_broker.open_quantity
    return tuple(_protect_steps(draft, holding, quantity - reserved))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """Builds the orders of one plan; ids follow from position, step, tick, attempt and detail."""

    goal: Goal
    tick_at: datetime
    attempt: int

    def order(
        self,
        step: Step,
        *,
        quantity: Decimal,
        price: Decimal | None = None,
        on: BrokerOrder | None = None,
        detail: str = "",
    ) -> Order:
        position = self.goal.position
        return Order(
            id=derive_order_id(
                position.id, step, tick_at=self.tick_at, attempt=self.attempt, detail=detail
            ),
            position_id=position.id,
            symbol=position.symbol,
            step=step,
            side=reducing_side(position.side),
            quantity=quantity,
            price=price,
            on=None if on is None else on.id,
            rule=self._rule(step),
            tick_at=self.tick_at,
            attempt=self.attempt,
        )

    def arms(self, quantity: Decimal, *, detail: str) -> Iterator[Order]:
        """Yield stops for `quantity` shares, one a tranche; the last takes what rounding leaves."""
        left = quantity
        shares = self.goal.tranches
        for index, share in enumerate(shares):
            last = index == len(shares) - 1
            part = left if last else floor_quantity(quantity * share, self.goal.position.lot)
            left -= part
            if part > 0:
                yield self.order(
                    "arm", quantity=part, price=self.goal.stop, detail=f"{detail}{index}"
                )

    def _rule(self, step: Step) -> str:
        if step in ("arm", "move"):
            return self.goal.stop_rule
        return self.goal.exit.rule if self.goal.exit is not None else self.goal.stop_rule


def _release_leftovers(
    goal: Goal, holding: Holding, *, tick_at: datetime, attempt: int
) -> Iterator[Order]:
    """Cancel what would open the other side: our own reducing orders of a position that is gone."""
    draft = _Draft(goal=goal, tick_at=tick_at, attempt=attempt)
    ours = tuple(
        order for order in holding.reducing(goal.position.side) if is_ours(order.client_order_id)
    )
    for order in _one_per_group(ours):
        yield draft.order("release", quantity=order.open_quantity, on=order, detail=order.id)


def _exit_steps(
    draft: _Draft, holding: Holding, quantity: Decimal, exit_order: Order
) -> Iterator[Order]:
    side = draft.goal.position.side
    wanted = min(exit_order.quantity, quantity)
    shortage = wanted - (quantity - holding.held_quantity(side))
    if shortage > 0:
        if wanted == quantity:
            for order in _one_per_group(holding.reducing(side)):
                yield draft.order(
                    "release", quantity=order.open_quantity, on=order, detail=order.id
                )
        else:
            yield from _free(draft, holding, shortage)
    yield replace(exit_order, quantity=wanted)


def _free(draft: _Draft, holding: Holding, shortage: Decimal) -> Iterator[Order]:
    """Free `shortage` shares for a partial exit while the rest stays protected."""
    stops = holding.stops(draft.goal.position.side)
    shrinkable = [
        order for order in stops if can_change_quantity(order) and order.open_quantity > shortage
    ]
    whole = shortage == shortage.to_integral_value()
    if shrinkable and whole:
        largest = max(shrinkable, key=lambda order: order.open_quantity)
        yield draft.order(
            "shrink",
            quantity=largest.open_quantity - shortage,
            price=largest.stop_price,
            on=largest,
            detail=largest.id,
        )
        return
    freed = ZERO
    for order in _release_candidates(stops, shortage):
        yield draft.order("release", quantity=order.open_quantity, on=order, detail=order.id)
        freed += order.open_quantity
        if freed >= shortage:
            break
    if freed > shortage:
        yield draft.order(
            "arm", quantity=freed - shortage, price=draft.goal.stop, detail="remainder"
        )


def _release_candidates(
    stops: tuple[BrokerOrder, ...], shortage: Decimal
) -> tuple[BrokerOrder, ...]:
    """Return the stops to release: the smallest that is enough, else the largest first."""
    enough = [order for order in stops if order.open_quantity >= shortage]
    if enough:
        return (min(enough, key=lambda order: (order.open_quantity, order.id)),)
    return tuple(sorted(stops, key=lambda order: (-order.open_quantity, order.id)))


def _protect_steps(draft: _Draft, holding: Holding, quantity: Decimal) -> Iterator[Order]:
    side = draft.goal.position.side
    stops = holding.stops(side)
    covered = holding.covered_quantity(side)
    free = holding.quantity(side) - holding.held_quantity(side)
    explained = holding.quantity(side) == draft.goal.position.quantity
    missing = min(quantity - covered, free)
    if not explained:
        missing = min(missing, draft.goal.position.quantity - covered)
    if missing > 0:
        yield from draft.arms(missing, detail="missing")
    touched: set[BrokerOrderId | None] = set()
    if covered > quantity and explained:
        for step in _trim(draft, stops, covered - quantity):
            touched.add(step.on)
            yield step
    for order in stops:
        if order.id not in touched and _should_move(order, draft.goal):
            yield draft.order(
                "move",
                quantity=order.open_quantity,
                price=draft.goal.stop,
                on=order,
                detail=f"{order.id}|{draft.goal.stop}",
            )


def _trim(draft: _Draft, stops: tuple[BrokerOrder, ...], surplus: Decimal) -> Iterator[Order]:
    """Take back stops for shares that are gone, so that a trigger cannot open the other side."""
    for order in sorted(stops, key=lambda order: (order.open_quantity, order.id)):
        if surplus <= 0:
            return
        if is_pending(order):
            continue
        if order.open_quantity <= surplus:
            yield draft.order("release", quantity=order.open_quantity, on=order, detail=order.id)
            surplus -= order.open_quantity
        elif can_change_quantity(order) and surplus == surplus.to_integral_value():
            yield draft.order(
                "shrink",
                quantity=order.open_quantity - surplus,
                price=order.stop_price,
                on=order,
                detail=order.id,
            )
            surplus = ZERO
        else:
            yield draft.order("release", quantity=order.open_quantity, on=order, detail=order.id)
            rest = order.open_quantity - surplus
            yield draft.order("arm", quantity=rest, price=draft.goal.stop, detail=order.id)
            surplus = ZERO


def _should_move(order: BrokerOrder, goal: Goal) -> bool:
    """A stop moves only when that tightens it; a trailing stop of the trader's moves by itself."""
    if order.kind == "trailing_stop" or order.stop_price is None or is_pending(order):
        return False
    return is_tighter(goal.stop, order.stop_price, goal.position.side)


def _one_per_group(orders: tuple[BrokerOrder, ...]) -> Iterator[BrokerOrder]:
    """Yield one order of each group: cancelling one leg cancels the group."""
    seen: set[str] = set()
    for order in orders:
        key = group_key(order)
        if key not in seen and order.status != "pending_cancel":
            seen.add(key)
            yield order
