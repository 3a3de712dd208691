"""Settle what we recorded against what the broker knows of it. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from stopward.domain.identity import BrokerOrderId, OrderId
from stopward.domain.orders import DEAD, BrokerOrder, Order, OrderStatus

NOT_SENT = "the broker never saw it"
FORGOTTEN = "the broker took it, and knows it no more"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookups:
    """Which orders must be read one by one, because no list shows them any more."""

    by_client_id: tuple[OrderId, ...]
    by_id: tuple[BrokerOrderId, ...]


def lookups(orders: Iterable[Order], open_orders: Iterable[BrokerOrder]) -> Lookups:
    """Return what to read so that every unsettled order of ours can be settled.

    An order that is listed as open needs no reading; a release is judged by the order it cancels.
    """
    listed = tuple(open_orders)
    client_ids = {order.client_order_id for order in listed}
    ids = {order.id for order in listed}
    by_client_id: list[OrderId] = []
    by_id: list[BrokerOrderId] = []
    for order in orders:
        if order.step == "release":
            if order.on is not None and order.on not in ids:
                by_id.append(order.on)
        elif order.id not in client_ids:
            by_client_id.append(order.id)
    return Lookups(by_client_id=tuple(by_client_id), by_id=tuple(by_id))


def settle(
    order: Order,
    *,
    by_client_id: Mapping[str, BrokerOrder],
    by_id: Mapping[BrokerOrderId, BrokerOrder],
) -> Order:
    """Return the order as the broker's answers say it stands.

    A sell that the broker never saw stays `recorded`: a recorded exit is finished, never decided
    anew. So does what it took and does not show now: it may show again. Any other step that it
    never saw is `void`, a release too whose order is not being canceled: the next plan makes a
    fresh one.
    """
    if order.step == "release":
        return _settle_release(order, by_id.get(order.on) if order.on is not None else None)
    found = by_client_id.get(order.id)
    if found is None:
        if order.step == "sell" or order.broker_order_id is not None:
            return order
        return replace(order, status="void", reason=NOT_SENT)
    return as_acknowledged(order, found)


def abandon(order: Order, *, why: str) -> Order:
    """Return an order that is over without a word of the broker's, and the reason."""
    return replace(order, status="void", reason=why)


def as_acknowledged(order: Order, found: BrokerOrder) -> Order:
    """Return our order with the status, id and fills of the broker's.

    An answer with fewer fills than we know of is an older one, and changes nothing; but where the
    broker had forgotten the order and took it anew, it is another one under its id, with fills of
    its own. The first of its broker's ids stays.
    """
    known = order.broker_order_id or found.id
    quantity, price = found.filled_quantity, found.filled_price
    if quantity < order.filled_quantity:
        if known == found.id:
            return order
        quantity, price = order.filled_quantity, order.filled_price
    return replace(
        order,
        status=status_of(found),
        broker_order_id=known,
        filled_quantity=quantity,
        filled_price=price,
        reason=found.status,
    )


def status_of(found: BrokerOrder) -> OrderStatus:
    """Return our word for a broker status; one that nobody knows is not final: look again."""
    if found.is_working or found.status not in DEAD:
        return "working"
    if found.status == "filled":
        return "filled"
    if found.status == "rejected":
        return "rejected"
    return "canceled"


def _settle_release(order: Order, target: BrokerOrder | None) -> Order:
    if target is None:
        return replace(order, status="void", reason="the order to cancel is unknown")
    if target.is_working and target.status != "pending_cancel":
        # Refused or never sent: a next plan that needs the cancel records its own.
        return replace(order, status="void", reason=f"not canceled, it is {target.status}")
    match status_of(target):
        case "working":
            return replace(order, status="working", reason=target.status)
        case "filled":
            return replace(order, status="void", reason="filled before the cancel")
        case _ if target.status == "replaced":
            return replace(order, status="void", reason="replaced before the cancel")
        case _:
            return replace(order, status="filled", reason=target.status)
