"""Orders: ours as recorded, the broker's as read, and what passes between."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from stopward.domain.identity import BrokerOrderId, OrderId, PositionId, Symbol
from stopward.domain.money import Side

OrderSide = Literal["buy", "sell"]
OrderKind = Literal["market", "limit", "stop", "stop_limit", "trailing_stop"]
TimeInForce = Literal["day", "gtc", "opg", "cls", "ioc", "fok"]

Step = Literal["arm", "move", "shrink", "release", "sell"]
"""arm: new resting stop; move: replace its price; shrink: replace its quantity; release: cancel it;
sell: the order that reduces (it buys back when the position is short)."""

SIZED: frozenset[Step] = frozenset({"arm", "shrink", "sell"})
"""Steps whose quantity is sent to the broker; a move keeps that of the order it replaces."""

OrderStatus = Literal["recorded", "working", "filled", "canceled", "rejected", "void"]
"""recorded: written, the broker's answer unknown; working: the broker has it, as a stop that rests;
the others are final. filled is also the word for a release that took effect."""

WORKING = frozenset(
    {
        "new",
        "accepted",
        "partially_filled",
        "held",
        "pending_new",
        "pending_replace",
        "pending_cancel",
        "accepted_for_bidding",
        "stopped",
        "suspended",
        "calculated",
    }
)
"""Broker statuses in which an order may still fill (Alpaca's words)."""
PENDING = frozenset({"accepted", "pending_new", "pending_cancel", "pending_replace"})
"""Broker statuses in which a replace is refused."""
DEAD = frozenset({"filled", "canceled", "expired", "replaced", "rejected", "done_for_day"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One step of an intent of ours, recorded before the broker is called.

    quantity: shares, > 0 (for a move: those the stop covers). price: stop price for arm, move and
    shrink, limit for a sell in extended hours, else None. on: the broker order that a move, shrink
    or release acts on.
    partials: for a sell of the rule `partial`, how many of its steps are done once it is over.
    part: for an arm, which part of the position it protects (a tranche, or the order replaced): the
        store takes one order per position, tick, step, attempt, order acted on and part.
    """

    id: OrderId
    position_id: PositionId
    symbol: Symbol
    step: Step
    side: OrderSide
    quantity: Decimal
    price: Decimal | None
    on: BrokerOrderId | None
    rule: str
    tick_at: datetime
    attempt: int
    status: OrderStatus = "recorded"
    broker_order_id: BrokerOrderId | None = None
    filled_quantity: Decimal = Decimal(0)
    filled_price: Decimal | None = None
    reason: str = ""
    partials: int = 0
    part: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerPosition:
    """A position as the broker reports it; quantity is always positive, `side` says which way."""

    symbol: Symbol
    side: Side
    quantity: Decimal
    available: Decimal | None
    average_entry: Decimal
    current_price: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerOrder:
    """An order as the broker reports it. Legs of a group come flat, with `parent` and `group` set.

    quantity: ordered shares; filled_quantity of them are done. group: simple, bracket, oco or oto.
    replaced_by, replaces: the neighbours in a chain of replacements.
    """

    id: BrokerOrderId
    client_order_id: str
    symbol: Symbol
    side: OrderSide
    kind: OrderKind
    status: str
    quantity: Decimal
    filled_quantity: Decimal
    filled_price: Decimal | None
    stop_price: Decimal | None
    limit_price: Decimal | None
    time_in_force: str
    extended_hours: bool
    group: str
    parent: BrokerOrderId | None
    replaces: BrokerOrderId | None
    replaced_by: BrokerOrderId | None
    submitted_at: datetime | None
    updated_at: datetime | None

    @property
    def is_working(self) -> bool:
        """Whether it may still fill; a bracket's `held` leg counts: that is normal protection.

        An order good till canceled that is done for the day fills again on the next.
        """
        if self.status == "done_for_day":
            return self.time_in_force == "gtc"
        return self.status in WORKING

    @property
    def open_quantity(self) -> Decimal:
        """Shares that may still fill."""
        return self.quantity - self.filled_quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRequest:
    """An order to send. It only ever reduces: `intent` says so to the broker."""

    client_order_id: OrderId
    symbol: Symbol
    side: OrderSide
    quantity: Decimal
    kind: OrderKind
    stop_price: Decimal | None = None
    limit_price: Decimal | None = None
    time_in_force: TimeInForce = "day"
    extended_hours: bool = False

    @property
    def intent(self) -> str:
        """Alpaca's position_intent of a reducing order."""
        return "sell_to_close" if self.side == "sell" else "buy_to_close"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fill:
    """One execution, from the broker's account activities."""

    id: str
    order_id: BrokerOrderId
    symbol: Symbol
    side: OrderSide
    quantity: Decimal
    price: Decimal
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAccount:
    """What we use of the account; every field but the number may be missing at the broker."""

    number: str
    status: str | None
    equity: Decimal | None
    last_equity: Decimal | None
    trading_blocked: bool
    shorting_enabled: bool | None
