"""What the broker holds in one symbol: the position and its orders, as read this tick."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal

from stopward.domain.identity import BrokerOrderId, Symbol
from stopward.domain.money import Side, sign
from stopward.domain.orders import PENDING, BrokerOrder, BrokerPosition, OrderSide

STOP_KINDS = frozenset({"stop", "stop_limit", "trailing_stop"})
ZERO = Decimal(0)


def reducing_side(side: Side) -> OrderSide:
    """Return the order side that makes a position smaller."""
    return "sell" if side == "long" else "buy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One symbol at the broker; `position` None says that none is listed, not that it is closed."""

    symbol: Symbol
    position: BrokerPosition | None
    orders: tuple[BrokerOrder, ...] = ()

    def quantity(self, side: Side) -> Decimal:
        """Return the shares held on that side, 0 when none or when the broker holds the other side."""
        if self.position is None or self.position.side != side:
            return ZERO
        return self.position.quantity

    def reducing(self, side: Side) -> tuple[BrokerOrder, ...]:
        """Return working orders that reduce a position of that side, in a stable order."""
        wanted = reducing_side(side)
        found = (order for order in self.orders if order.is_working and order.side == wanted)
        return tuple(sorted(found, key=lambda order: (order.client_order_id, order.id)))

    def stops(self, side: Side) -> tuple[BrokerOrder, ...]:
        """Return the working protective stops of a position of that side."""
        return tuple(order for order in self.reducing(side) if order.kind in STOP_KINDS)

    def held_quantity(self, side: Side) -> Decimal:
        """Return the shares that working reducing orders hold; legs of one group share theirs."""
        groups: dict[str, Decimal] = {}
        for order in self.reducing(side):
            key = group_key(order)
            groups[key] = max(groups.get(key, ZERO), order.open_quantity)
        return sum(groups.values(), ZERO)

    def covered_quantity(self, side: Side) -> Decimal:
        """Return the shares that a working stop protects."""
        return sum((order.open_quantity for order in self.stops(side)), ZERO)

    def without(self, order_id: BrokerOrderId) -> "Holding":
        """Return the holding with one order (and the rest of its group) gone."""
        gone = next((order for order in self.orders if order.id == order_id), None)
        if gone is None:
            return self
        key = group_key(gone)
        return replace(self, orders=tuple(o for o in self.orders if group_key(o) != key))


def group_key(order: BrokerOrder) -> str:
    """Return what legs of one group have in common: the parent's id; a simple order is its own group."""
    return order.parent or order.id


def is_pending(order: BrokerOrder) -> bool:
    """Whether the broker is still busy with the order, so that a replace would be refused."""
    return order.status in PENDING


def can_change_quantity(order: BrokerOrder) -> bool:
    """Whether the broker lets us replace the quantity: whole shares, simple, nothing pending."""
    whole = order.quantity == order.quantity.to_integral_value()
    return whole and order.group in ("", "simple") and not is_pending(order)


def is_tighter(price: Decimal, than: Decimal, side: Side) -> bool:
    """Whether a stop at `price` protects more than one at `than`."""
    return sign(side) * (price - than) > 0


def loosest_stop(stops: Iterable[BrokerOrder], side: Side) -> Decimal | None:
    """Return the least protective stop price, or None when there is no stop with a price."""
    prices = [order.stop_price for order in stops if order.stop_price is not None]
    if not prices:
        return None
    return min(prices) if side == "long" else max(prices)
