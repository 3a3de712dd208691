"""What the broker holds in one symbol: the position and its orders, as read this tick."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from decimal import Decimal

from stopward.domain.identity import BrokerOrderId, Symbol
from stopward.domain.money import Side, sign
from stopward.domain.orders import PENDING, BrokerOrder, BrokerPosition, OrderSide

STOP_KINDS = frozenset({"stop", "stop_limit", "trailing_stop"})
LEAVING = frozenset({"pending_cancel", "pending_replace"})
"""Statuses of an order on its way out: it may still fill, and a cancel of it may be refused."""
ZERO = Decimal(0)


def reducing_side(side: Side) -> OrderSide:
    """Return the order side that makes a position smaller."""
    return "sell" if side == "long" else "buy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Working orders that stand for the same shares, so that only one of them fills in the end.

    Legs of a bracket or an OCO; an order that is being replaced and its successor; or one simple
    order. `orders` is never empty, and those that are not on their way out come first.
    """

    orders: tuple[BrokerOrder, ...]

    @property
    def held(self) -> Decimal:
        """Shares that the broker holds back for the group."""
        return max(order.open_quantity for order in self.orders)

    @property
    def covered(self) -> Decimal:
        """Shares that a stop of the group protects."""
        return max((order.open_quantity for order in self.stops), default=ZERO)

    @property
    def stops(self) -> tuple[BrokerOrder, ...]:
        """The group's stops; none when it is a target alone."""
        return tuple(order for order in self.orders if order.kind in STOP_KINDS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One symbol at the broker; `position` None says that none is listed, not that it is closed."""

    symbol: Symbol
    position: BrokerPosition | None
    orders: tuple[BrokerOrder, ...] = ()
    _groups: dict[Side, tuple[Group, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def quantity(self, side: Side) -> Decimal:
        """Return the shares held on that side; 0 when none, or when it is the other side."""
        if self.position is None or self.position.side != side:
            return ZERO
        return self.position.quantity

    def reducing(self, side: Side) -> tuple[BrokerOrder, ...]:
        """Return working orders that reduce a position of that side, in a stable order.

        Legs that wait for their entry to fill are none: they rest nowhere and hold no share.
        """
        wanted = reducing_side(side)
        entries = {o.id for o in self.orders if o.is_working and o.side != wanted}
        found = (
            order
            for order in self.orders
            if order.is_working
            and order.side == wanted
            and order.open_quantity > 0
            and order.parent not in entries
        )
        return tuple(sorted(found, key=lambda order: (order.client_order_id, order.id)))

    def stops(self, side: Side) -> tuple[BrokerOrder, ...]:
        """Return the working protective stops of a position of that side."""
        return tuple(order for order in self.reducing(side) if order.kind in STOP_KINDS)

    def groups(self, side: Side) -> tuple[Group, ...]:
        """Return the reducing orders by the shares that they stand for."""
        if side not in self._groups:
            self._groups[side] = self._grouped(side)
        return self._groups[side]

    def _grouped(self, side: Side) -> tuple[Group, ...]:
        orders = self.reducing(side)
        by_id = {order.id: order for order in orders}
        groups: dict[str, list[BrokerOrder]] = {}
        for order in orders:
            groups.setdefault(_key(order, by_id), []).append(order)
        return tuple(
            Group(orders=tuple(sorted(found, key=lambda order: order.status in LEAVING)))
            for found in groups.values()
        )

    def held_quantity(self, side: Side) -> Decimal:
        """Return the shares that working reducing orders hold; a group holds its own once."""
        return sum((group.held for group in self.groups(side)), ZERO)

    def covered_quantity(self, side: Side) -> Decimal:
        """Return the shares that a working stop protects; a group protects its own once."""
        return sum((group.covered for group in self.groups(side)), ZERO)

    def leaving(self, side: Side) -> Decimal:
        """Return the shares that working market orders are about to sell, or buy back."""
        return sum((o.open_quantity for o in self.reducing(side) if o.kind == "market"), ZERO)

    def without(self, group: Group) -> "Holding":
        """Return the holding with a group gone."""
        gone = {order.id for order in group.orders}
        return replace(self, orders=tuple(o for o in self.orders if o.id not in gone))

    def with_quantity(self, order_id: BrokerOrderId, quantity: Decimal) -> "Holding":
        """Return the holding with one order for another quantity, nothing of it filled."""
        return replace(
            self,
            orders=tuple(
                replace(o, quantity=quantity, filled_quantity=ZERO) if o.id == order_id else o
                for o in self.orders
            ),
        )


def is_pending(order: BrokerOrder) -> bool:
    """Whether the broker is still busy with the order, so that a replace would be refused."""
    return order.status in PENDING


def is_filling(order: BrokerOrder) -> bool:
    """Whether shares of the order are sold already: a stop that was triggered is at work."""
    return order.filled_quantity > 0


def can_change_quantity(order: BrokerOrder) -> bool:
    """Whether the broker lets us replace the quantity: whole shares, simple, at rest."""
    whole = order.quantity == order.quantity.to_integral_value()
    simple = order.group in ("", "simple")
    return whole and simple and not is_pending(order) and not is_filling(order)


def can_change_price(order: BrokerOrder) -> bool:
    """Whether the broker lets us replace the stop price; a leg of an OTO cannot be replaced."""
    return order.group != "oto"


def is_tighter(price: Decimal, than: Decimal, side: Side) -> bool:
    """Whether a stop at `price` protects more than one at `than`."""
    return sign(side) * (price - than) > 0


def tightest(prices: Iterable[Decimal], side: Side) -> Decimal:
    """Return the most protective of several stop prices, of which there is at least one."""
    return max(prices) if side == "long" else min(prices)


def loosest_stop(stops: Iterable[BrokerOrder], side: Side) -> Decimal | None:
    """Return the least protective stop price, or None when there is no stop with a price."""
    prices = [order.stop_price for order in stops if order.stop_price is not None]
    if not prices:
        return None
    return min(prices) if side == "long" else max(prices)


def _key(order: BrokerOrder, by_id: dict[BrokerOrderId, BrokerOrder]) -> str:
    # Legs share their parent; a successor shares the shares of the order that it replaces.
    seen = {order.id}
    while order.replaces is not None and order.replaces in by_id and order.replaces not in seen:
        order = by_id[order.replaces]
        seen.add(order.id)
    return order.parent or order.id
