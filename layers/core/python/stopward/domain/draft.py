"""The goal of a plan, and the orders that a plan is drafted from. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from stopward.domain.holding import ZERO, Group, Holding, reducing_side, tightest
from stopward.domain.identity import derive_order_id
from stopward.domain.money import Side, plain
from stopward.domain.orders import BrokerOrder, Order, Step
from stopward.domain.position import Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What should be true at the broker after this tick.

    stop: where every protective stop should rest; never looser than `position.stop`.
    stop_rule: what set it (for the record of moves).
    exit: the recorded sell that is to be finished, or None.
    exit_at_broker: that order as the broker knows it, or None when it was never accepted.
    tranches: shares of each partial exit still to come, where each gets a stop of its own; the
        rest of the position has one more. Empty: one stop for all.
    """

    position: Position
    stop: Decimal
    stop_rule: str
    exit: Order | None = None
    exit_at_broker: BrokerOrder | None = None
    tranches: tuple[Decimal, ...] = ()

    @property
    def side(self) -> Side:
        """The position's side."""
        return self.position.side

    @property
    def leaving(self) -> Decimal:
        """Shares that the exit at the broker may still sell."""
        found = self.exit_at_broker
        return found.open_quantity if found is not None and found.is_working else ZERO


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """Protection before a plan released some of it: the shares covered, and the stops released."""

    covered: Decimal
    stops: tuple[BrokerOrder, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """Builds the orders of one plan; ids follow from position, step, tick, attempt and detail."""

    goal: Goal
    tick_at: datetime
    attempt: int

    def release(self, group: Group) -> Order:
        """Return the cancel of a group: ending one of its orders ends them all."""
        return self._order("release", quantity=group.held, on=group.orders[0])

    def shrink(self, order: BrokerOrder, *, to: Decimal) -> Order:
        """Return the replacement of a stop by one for fewer shares, at its own price."""
        return self._order("shrink", quantity=to, price=order.stop_price, on=order)

    def move(self, order: BrokerOrder) -> Order:
        """Return the replacement of a stop by one at the goal's price."""
        stop = self.goal.stop
        return self._order(
            "move", quantity=order.open_quantity, price=stop, on=order, detail=plain(stop)
        )

    def arm_instead(self, group: Group, quantity: Decimal) -> Order:
        """Return a stop in a group's place, at the goal's price or the group's tighter one."""
        return self._order(
            "arm",
            quantity=quantity,
            price=self.tighter_of(group.stops),
            detail=group.orders[0].id,
        )

    def sell(self, exit_order: Order, quantity: Decimal) -> Order:
        """Return the recorded exit for what is there to be sold; its id stays."""
        return replace(exit_order, quantity=quantity)

    def tighter_of(self, stops: tuple[BrokerOrder, ...]) -> Decimal:
        """Return the goal's stop, or the tightest of these where that protects more."""
        prices = [order.stop_price for order in stops if order.stop_price is not None]
        return tightest((self.goal.stop, *prices), self.goal.side)

    def arms(
        self, holding: Holding, *, leaving: Decimal, free: Decimal, again: Rest | None = None
    ) -> Iterator[Order]:
        """Yield stops for the shares that neither rest under a stop nor leave.

        leaving: shares of the exit. free: shares that nothing holds; never more are armed. Where
        fills do not explain the broker's quantity, no more than both agree on; but what had a stop
        that is released in this plan (`again`) has one again, and no looser.
        """
        side = self.goal.side
        held = holding.quantity(side)
        staying = min(held, self.goal.position.quantity) - leaving
        price = self.goal.stop
        if again is not None:
            staying = max(staying, min(again.covered, held - leaving))
            price = self.tighter_of(again.stops)
        bare = min(staying - holding.covered_quantity(side), free)
        if bare <= 0:
            return
        for index, part in enumerate(self._parts(holding, staying=staying, bare=bare)):
            yield self._order("arm", quantity=part, price=price, detail=f"bare{index}")

    def _parts(self, holding: Holding, *, staying: Decimal, bare: Decimal) -> list[Decimal]:
        """Return the tranches that have no stop yet; all in one where they do not add up."""
        parts: list[Decimal] = []
        left = staying
        for tranche in self.goal.tranches:
            if tranche < left:
                parts.append(tranche)
                left -= tranche
        parts.append(left)
        for group in holding.groups(self.goal.side):
            if group.covered in parts:
                parts.remove(group.covered)
        return parts if sum(parts) == bare else [bare]

    def _order(
        self,
        step: Step,
        *,
        quantity: Decimal,
        price: Decimal | None = None,
        on: BrokerOrder | None = None,
        detail: str = "",
    ) -> Order:
        position = self.goal.position
        subject = detail if on is None else f"{on.id}|{detail}"
        return Order(
            id=derive_order_id(
                position.id, step, tick_at=self.tick_at, attempt=self.attempt, detail=subject
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
            part=detail if step == "arm" else "",
        )

    def _rule(self, step: Step) -> str:
        if step == "shrink":
            # Its successor is the same stop for fewer shares: when that fills, this is why.
            return self.goal.position.stop_rule
        if step in ("arm", "move") or self.goal.exit is None:
            return self.goal.stop_rule
        return self.goal.exit.rule
