"""One order as the simulated broker keeps it: a value; every change is a new value."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from stopward.domain.identity import BrokerOrderId, Symbol
from stopward.domain.orders import DEAD, OrderKind, OrderSide, TimeInForce

Group = Literal["simple", "bracket", "oco", "oto"]
Role = Literal["simple", "entry", "take_profit", "stop_loss"]
"""What an order is in its group; in an oco the take_profit is the parent of the stop_loss."""

COLLAR_SPLIT = Decimal(50)
COLLAR_BELOW = Decimal("1.04")
COLLAR_FROM = Decimal("1.025")
CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """An order as it was asked for; prices in dollars, `quantity` in shares.

    take_profit, stop_loss, stop_loss_limit: prices of the legs of a group; None without such a leg.
    trail_price (dollars) or trail_percent: of a trailing stop. client_order_id None: the broker
    makes one.
    """

    symbol: Symbol
    side: OrderSide
    quantity: Decimal
    kind: OrderKind
    time_in_force: TimeInForce = "day"
    group: Group = "simple"
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_price: Decimal | None = None
    trail_percent: Decimal | None = None
    extended_hours: bool = False
    client_order_id: str | None = None
    intent: str | None = None
    take_profit: Decimal | None = None
    stop_loss: Decimal | None = None
    stop_loss_limit: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedOrder:
    """An order at the broker.

    elected: a stop that was touched; from then on it fills as a market order, or as a limit when it
    has one. collar: the limit of a buy stop, which the broker turns into a stop-limit by itself.
    filled_value: sum of price times shares of its fills. high_water: of a trailing stop.
    expires_at: when a day order dies; None for good-till-canceled.
    """

    id: BrokerOrderId
    client_order_id: str
    symbol: Symbol
    side: OrderSide
    kind: OrderKind
    quantity: Decimal
    time_in_force: TimeInForce
    intent: str
    group: Group
    role: Role
    status: str
    created_at: datetime
    submitted_at: datetime
    updated_at: datetime
    extended_hours: bool = False
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail_price: Decimal | None = None
    trail_percent: Decimal | None = None
    high_water: Decimal | None = None
    collar: Decimal | None = None
    elected: bool = False
    filled_quantity: Decimal = Decimal(0)
    filled_value: Decimal = Decimal(0)
    parent: BrokerOrderId | None = None
    legs: tuple[BrokerOrderId, ...] = ()
    replaces: BrokerOrderId | None = None
    replaced_by: BrokerOrderId | None = None
    expires_at: datetime | None = None
    filled_at: datetime | None = None
    expired_at: datetime | None = None
    canceled_at: datetime | None = None
    failed_at: datetime | None = None
    replaced_at: datetime | None = None

    @property
    def is_open(self) -> bool:
        """Whether it may still change; an order waiting to replace another is open as well."""
        return self.status not in DEAD

    @property
    def open_quantity(self) -> Decimal:
        """Shares that are still to be filled."""
        return self.quantity - self.filled_quantity

    @property
    def average_price(self) -> Decimal | None:
        """Average price of its fills, or None before the first."""
        if not self.filled_quantity:
            return None
        return (self.filled_value / self.filled_quantity).quantize(Decimal("0.000001")).normalize()

    @property
    def is_whole(self) -> bool:
        """Whether it is for whole shares."""
        return self.quantity == self.quantity.to_integral_value()

    @property
    def direction(self) -> int:
        """+1 for a buy, -1 for a sell."""
        return 1 if self.side == "buy" else -1


def is_stop_kind(kind: OrderKind) -> bool:
    """Return whether an order of this kind sleeps until its stop price is touched."""
    return kind in {"stop", "stop_limit", "trailing_stop"}


def collar_of(stop_price: Decimal) -> Decimal:
    """Return the limit that the broker gives a buy stop: 4 % above it under $50, else 2.5 %."""
    factor = COLLAR_BELOW if stop_price < COLLAR_SPLIT else COLLAR_FROM
    return (stop_price * factor).quantize(CENT)


def opposite(side: OrderSide) -> OrderSide:
    """Return the other side."""
    return "sell" if side == "buy" else "buy"
