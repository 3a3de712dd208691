"""What a guard writes in a random tick: lawful, if what it read when it began still holds."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

from stopward.domain.decision import Decision, Exit, Hold, MoveStop
from stopward.domain.identity import BrokerOrderId, OrderId, PositionId, Symbol
from stopward.domain.orders import Order, OrderStatus
from stopward.domain.position import Position
from stopward.domain.snapshot import (
    Acknowledgement,
    Alarm,
    DayRow,
    DecisionRow,
    Observation,
    Snapshot,
    TickRecord,
    TradeRow,
)
from tests.builders.store import (
    A_SESSION,
    D,
    a_decision,
    a_position,
    a_reason,
    a_record,
    a_trade,
    a_view,
    an_acknowledgement,
    an_order,
    pulse,
)

SYMBOLS = ("AAPL", "MSFT")
PART = D("25")
"""Fills come in this many shares; positions have four of them."""


@dataclass(slots=True)
class Belief:
    """What a guard holds for true: as read, and as changed by what it wrote itself."""

    snapshot: Snapshot
    tick: int
    source: str
    day: DayRow
    positions: dict[PositionId, Position] = field(default_factory=dict)
    orders: dict[OrderId, Order] = field(default_factory=dict)
    decisions: list[DecisionRow] = field(default_factory=list)
    trades: list[TradeRow] = field(default_factory=list)
    observations: list[Observation] = field(default_factory=list)
    settled: list[Order] = field(default_factory=list)
    intents: list[Order] = field(default_factory=list)

    @classmethod
    def of(cls, snapshot: Snapshot, *, tick: int, source: str) -> "Belief":
        """Return the belief of a guard that has just begun."""
        return cls(
            snapshot,
            tick,
            source,
            snapshot.day,
            positions={each.id: each for each in snapshot.positions},
            orders={each.id: each for each in snapshot.orders},
        )

    def record(self, rng: Random) -> TickRecord:
        """Return what it decides, and what it heard of the orders that it knew."""
        for order in tuple(self.orders.values()):
            if order.id in self.orders and rng.random() < 0.6:
                self._hear(order, rng)
        for position in tuple(self.positions.values()):
            self._decide(position, rng)
        symbol = rng.choice(SYMBOLS)
        if rng.random() < 0.7 and symbol not in {each.symbol for each in self.positions.values()}:
            self._adopt(symbol)
        return a_record(
            self.snapshot.fence,
            tick=self.tick,
            account_id=self.snapshot.account.id,
            source=self.source,
            positions=tuple(self.positions.values()),
            orders=tuple(self.intents),
            settled=tuple(self.settled),
            decisions=tuple(self.decisions),
            views=tuple(a_view(each) for each in SYMBOLS),
            trades=tuple(self.trades),
            observations=tuple(self.observations),
            alarms=tuple(an_alarm(key) for key in "ab" if rng.random() < 0.3),
            cleared=tuple(key for key in "ab" if rng.random() < 0.2),
            day=self._day(),
            unprotected_seconds={Symbol(symbol): rng.random()} if rng.random() < 0.3 else {},
            release=rng.random() < 0.2,
        )

    def overreach(self) -> TickRecord:
        """Return a record that protects the shares of a position twice over."""
        position = self.snapshot.positions[0]
        orders = (
            an_order(position, step="arm", tick=self.tick, id=OrderId(f"sw-{part}"), part=part)
            for part in ("over0", "over1")
        )
        return a_record(
            self.snapshot.fence,
            tick=self.tick,
            account_id=self.snapshot.account.id,
            orders=tuple(orders),
        )

    def acknowledge(self, new: Collection[OrderId], rng: Random) -> Acknowledgement:
        """Return what came of the orders that were new."""
        self.settled, self.trades = [], []
        sent = [order for order in self.intents if order.id in new]
        self.orders |= {order.id: order for order in sent}
        for order in sent:
            if order.id in self.orders and rng.random() < 0.8:
                self._hear(order, rng)
        return an_acknowledgement(
            self.snapshot.fence,
            tick=self.tick,
            account_id=self.snapshot.account.id,
            orders=tuple(self.settled),
            positions=tuple(self.positions.values()),
            trades=tuple(self.trades),
            day=self._day(),
            release=rng.random() < 0.8,
        )

    def _day(self) -> DayRow:
        # One dollar a trade: the day then counts them.
        self.day = replace(
            self.day, session_day=A_SESSION.day, realised=self.day.realised + len(self.trades)
        )
        return self.day

    def _hear(self, order: Order, rng: Random) -> None:
        position = self.positions.get(order.position_id)
        if order.step == "sell" and position is not None and rng.random() < 0.7:
            parts = int((order.quantity - order.filled_quantity) / PART)
            filled = PART * rng.randint(1, parts)
            self._settle(
                order,
                "filled" if filled == parts * PART else "working",
                filled_quantity=order.filled_quantity + filled,
                filled_price=D("101"),
            )
            self._reduce(position, filled)
        else:
            answers: tuple[OrderStatus, ...] = ("working", "rejected", "void")
            self._settle(order, "canceled" if order.status == "working" else rng.choice(answers))

    def _reduce(self, position: Position, filled: Decimal) -> None:
        left = position.quantity - filled
        reduced = replace(
            position, quantity=left, closed_quantity=position.closed_quantity + filled
        )
        self.positions[position.id] = reduced
        if left == 0:
            self.trades.append(a_trade(reduced, closed_at=pulse(self.tick)))
            for order in tuple(self.orders.values()):
                if order.position_id == position.id:
                    self._settle(order, "canceled")

    def _settle(self, order: Order, status: OrderStatus, **changes: Any) -> None:
        told = replace(
            order, status=status, broker_order_id=BrokerOrderId(f"b-{order.id[-8:]}"), **changes
        )
        self.settled = [each for each in self.settled if each.id != order.id] + [told]
        if status == "working":
            self.orders[order.id] = told
        else:
            self.orders.pop(order.id, None)

    def _decide(self, position: Position, rng: Random) -> None:
        if position.quantity == 0:
            return
        sells = any(
            each.position_id == position.id and each.step == "sell" for each in self.orders.values()
        )
        decision: Decision = Hold()
        match rng.choice(("hold", "hold", "tighten", "exit", "by_hand", "split")):
            case "tighten":
                # Spelled the same whoever kept the stop: the order's id holds it.
                to = (position.stop + D(rng.randint(1, 50)) / 100).normalize()
                self.positions[position.id] = replace(position, stop=to)
                decision = MoveStop(rule="breakeven", to=to)
                self.intents.append(
                    an_order(position, step="move", tick=self.tick, price=to, rule="breakeven")
                )
            case "exit" if not sells:
                decision = Exit(rule="give_back")
                self.intents.append(an_order(position, tick=self.tick))
            case "by_hand":
                moved = replace(position, stop=position.stop - D("0.5"))
                self._observe(moved, kind="stop_moved", cause="by_hand")
            case "split":
                moved = replace(
                    position, stop=position.stop - D("0.25"), risk=position.risk + D("0.01")
                )
                self._observe(moved, kind="split", cause="split")
        self.decisions.append(
            a_decision(
                position,
                tick=self.tick,
                source=self.source,
                decision=decision,
                reasons=(a_reason(),) if rng.random() < 0.2 else (),
                closed_bar=rng.random() < 0.1,
            )
        )

    def _observe(self, position: Position, *, kind: str, cause: str) -> None:
        self.positions[position.id] = position
        self.observations.append(
            Observation(
                position_id=position.id,
                symbol=position.symbol,
                kind=kind,
                cause=cause,
                detail={"stop": str(position.stop), "fence": str(self.snapshot.fence)},
            )
        )

    def _adopt(self, symbol: str) -> None:
        account = self.snapshot.account.id
        position = a_position(
            symbol,
            account_id=account,
            id=PositionId(f"{account}/{symbol}/{self.tick}/{self.snapshot.fence}"),
            adopted_at=pulse(self.tick),
            opened_at=pulse(self.tick) - timedelta(seconds=5),
        )
        self.positions[position.id] = position
        self.intents.append(an_order(position, step="arm", tick=self.tick, part="bare0"))


def an_alarm(key: str) -> Alarm:
    """Return an alarm that is its own kind."""
    return Alarm(key=key, kind=key, symbol=None, message="m")
