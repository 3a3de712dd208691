"""The three things a client may ask of orders: send one, replace one, cancel one."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from stopward.domain.identity import BrokerOrderId
from stopward.domain.orders import OrderKind, TimeInForce
from stopward.local.simulator.intake import (
    check,
    check_available,
    check_increment,
    check_stop_level,
)
from stopward.local.simulator.order import (
    Group,
    Role,
    SimulatedOrder,
    Ticket,
    collar_of,
    opposite,
)
from stopward.local.simulator.refusal import forbidden, malformed, not_found, unprocessable
from stopward.local.simulator.state import State

ROLES: Mapping[Group, Role] = {
    "simple": "simple",
    "bracket": "entry",
    "oto": "entry",
    "oco": "take_profit",
}
UNREPLACEABLE = frozenset({"accepted", "pending_new", "pending_cancel", "pending_replace"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a replace asks for; None leaves a value as it is. trail: of a trailing stop."""

    quantity: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    trail: Decimal | None = None
    time_in_force: TimeInForce | None = None
    client_order_id: str | None = None


def submit(state: State, ticket: Ticket) -> SimulatedOrder:
    """Take an order; it is `pending_new` until it settles, or `accepted` until the next open.

    Raises Refused when the broker does not take it.
    """
    if state.trading_blocked:
        raise forbidden("account is restricted to liquidation only")
    if ticket.symbol not in state.tape.symbols:
        raise unprocessable(f'asset "{ticket.symbol}" not found')
    refuse_known_id(state, ticket.client_order_id)
    intent = check(ticket, state.standing(ticket.symbol, ticket.side))
    stamp = state.stamp()
    role = ROLES[ticket.group]
    limit = ticket.take_profit if ticket.group == "oco" else ticket.limit_price
    order = _order(
        state,
        ticket,
        stamp=stamp,
        role=role,
        kind=ticket.kind,
        intent=intent,
        limit_price=limit,
        stop_price=ticket.stop_price,
        client_order_id=ticket.client_order_id or state.book.next_id("client"),
    )
    order = replace(order, status="pending_new" if _is_live(state, order) else "accepted")
    if ticket.group != "simple":
        order = replace(order, legs=_add_legs(state, ticket, order, stamp=stamp))
    state.book.put(order)
    state.ledger.note(order.status, order, at=state.now)
    state.refresh_cover(order.symbol, at=state.now)
    if order.status == "pending_new":
        state.queue.add("accept", order.id, now=state.now, settling=state.options.settling)
    return order


def cancel(state: State, order_id: str) -> SimulatedOrder:
    """Take a cancel; the order is `pending_cancel` until it settles. Raises Refused."""
    order = state.book.get(order_id)
    if order is None:
        raise not_found(f"order not found for {order_id}")
    if not order.is_open or order.status == "pending_cancel":
        raise unprocessable(f'order is already in "{order.status}" state')
    if order.status == "pending_replace":
        raise unprocessable("order pending replacement")
    if state.book.awaits_replacement(order):
        raise unprocessable("order chain not fully replaced")
    changed = state.change(order, "pending_cancel", at=state.now)
    state.queue.add("cancel", order.id, now=state.now, settling=state.options.settling)
    return changed


def replace_order(state: State, order_id: str, change: Change) -> SimulatedOrder:
    """Take a replace: returns the successor, with a new id, which waits for the old order's end.

    The old order is `pending_replace` and may still fill first; then the successor is rejected.
    """
    old = state.book.get(order_id)
    if old is None:
        raise not_found(f"order not found for {order_id}")
    if old.status == "replaced":
        raise unprocessable("order already replaced")
    if state.book.awaits_replacement(old):
        raise unprocessable("order chain not fully replaced")
    if not old.is_open or old.status in UNREPLACEABLE:
        raise unprocessable(f"cannot replace order in {old.status} status")
    successor = _successor(state, old, change)
    refuse_known_id(state, change.client_order_id)
    state.book.put(successor)
    state.ledger.note(successor.status, successor, at=state.now)
    if old.parent is not None:
        parent = state.book.root(old)
        state.book.put(replace(parent, legs=(*parent.legs, successor.id)))
    state.change(old, "pending_replace", at=state.now)
    state.queue.add("replace", successor.id, now=state.now, settling=state.options.settling)
    return successor


def refuse_known_id(state: State, client_order_id: str | None) -> None:
    """Refuse a client order id that was ever used, also by an order that is long dead."""
    if client_order_id is not None and state.book.by_client_id(client_order_id) is not None:
        raise malformed("client_order_id must be unique")


def _successor(state: State, old: SimulatedOrder, change: Change) -> SimulatedOrder:
    standing = state.standing(old.symbol, old.side, leave_out=old.id)
    if old.group == "oto" and old.role != "entry":
        raise unprocessable("oto leg orders cannot be replaced")
    if change.quantity is not None and change.quantity != old.quantity:
        _check_new_quantity(old, change.quantity)
        if old.intent.endswith("close"):
            check_available(old.symbol, change.quantity - old.filled_quantity, standing)
    wanted = {"limit_price": change.limit_price, "stop_price": change.stop_price}
    for name, price in wanted.items():
        if price is None:
            continue
        if getattr(old, name) is None or (name == "stop_price" and old.kind == "trailing_stop"):
            raise unprocessable(f"{old.kind} orders must not have {name}")
        check_increment(name, price, standing)
    if change.trail is not None and old.kind != "trailing_stop":
        raise unprocessable(f"{old.kind} orders must not have trail")
    trail_price = (
        old.trail_price if change.trail is None or old.trail_price is None else change.trail
    )
    trail_percent = (
        old.trail_percent if change.trail is None or old.trail_percent is None else change.trail
    )
    changed = replace(
        old,
        quantity=change.quantity or old.quantity,
        limit_price=change.limit_price or old.limit_price,
        stop_price=change.stop_price or old.stop_price,
        trail_price=trail_price,
        trail_percent=trail_percent,
        time_in_force=change.time_in_force or old.time_in_force,
    )
    if changed == old:
        raise unprocessable("order parameters are not changed")
    if changed.time_in_force != "day" and not changed.is_whole:
        raise unprocessable("fractional orders must be DAY orders")
    if change.stop_price is not None:
        check_stop_level(old.side, change.stop_price, standing)
    stamp = state.stamp()
    return replace(
        changed,
        id=state.book.next_id(),
        client_order_id=change.client_order_id or state.book.next_id("client"),
        collar=_collar(changed, changed.stop_price),
        status="pending_new",
        elected=False,
        legs=(),
        created_at=stamp,
        submitted_at=stamp,
        updated_at=stamp,
        replaces=old.id,
        expires_at=_expiry(state, changed, stamp),
    )


def _check_new_quantity(old: SimulatedOrder, quantity: Decimal) -> None:
    if old.group != "simple":
        raise unprocessable("qty cannot be changed for advanced orders")
    if not old.is_whole:
        raise unprocessable("qty of fractional orders cannot be changed")
    if quantity != quantity.to_integral_value():
        raise unprocessable("qty must be integer")
    if quantity <= old.filled_quantity:
        raise unprocessable("qty must be > filled_qty")


def _is_live(state: State, order: SimulatedOrder) -> bool:
    # Whether the order goes to the market now, or is queued for the next open.
    if state.hours.session_at(state.now) is not None:
        return True
    return order.extended_hours and state.hours.is_extended(state.now)


def _expiry(state: State, order: SimulatedOrder | Ticket, stamp: datetime) -> datetime | None:
    if order.time_in_force != "day":
        return None
    return state.hours.day_end(stamp, extended=order.extended_hours)


def _collar(order: SimulatedOrder | Ticket, stop_price: Decimal | None) -> Decimal | None:
    if order.side != "buy" or order.kind != "stop" or stop_price is None:
        return None
    return collar_of(stop_price)


def _order(
    state: State,
    ticket: Ticket,
    *,
    stamp: datetime,
    role: Role,
    kind: OrderKind,
    intent: str,
    limit_price: Decimal | None,
    stop_price: Decimal | None,
    client_order_id: str,
) -> SimulatedOrder:
    order = SimulatedOrder(
        id=state.book.next_id(),
        client_order_id=client_order_id,
        symbol=ticket.symbol,
        side=ticket.side,
        kind=kind,
        quantity=ticket.quantity,
        time_in_force=ticket.time_in_force,
        intent=intent,
        group=ticket.group,
        role=role,
        status="held",
        created_at=stamp,
        submitted_at=stamp,
        updated_at=stamp,
        extended_hours=ticket.extended_hours,
        limit_price=limit_price,
        stop_price=stop_price,
        trail_price=ticket.trail_price,
        trail_percent=ticket.trail_percent,
        expires_at=_expiry(state, ticket, stamp),
    )
    price = state.price(ticket.symbol)
    if kind == "trailing_stop" and price is not None:
        return replace(order, high_water=price, stop_price=trailing_stop_price(order, price))
    return replace(order, collar=_collar(order, stop_price))


def trailing_stop_price(order: SimulatedOrder, water: Decimal) -> Decimal:
    """Return where a trailing stop rests when the best price so far was `water`, in cents."""
    if order.trail_price is not None:
        distance = order.trail_price
    else:
        distance = water * (order.trail_percent or Decimal(0)) / 100
    return (water + order.direction * distance).quantize(Decimal("0.01"))


def _add_legs(
    state: State, ticket: Ticket, parent: SimulatedOrder, *, stamp: datetime
) -> tuple[BrokerOrderId, ...]:
    side = ticket.side if ticket.group == "oco" else opposite(ticket.side)
    closing = "sell_to_close" if side == "sell" else "buy_to_close"
    wanted: list[tuple[Role, OrderKind, Decimal | None, Decimal | None]] = []
    if ticket.take_profit is not None and ticket.group != "oco":
        wanted.append(("take_profit", "limit", ticket.take_profit, None))
    if ticket.stop_loss is not None:
        kind: OrderKind = "stop" if ticket.stop_loss_limit is None else "stop_limit"
        wanted.append(("stop_loss", kind, ticket.stop_loss_limit, ticket.stop_loss))
    ids = []
    for role, kind, limit_price, stop_price in wanted:
        leg = _order(
            state,
            replace(ticket, side=side, kind=kind),
            stamp=stamp,
            role=role,
            kind=kind,
            intent=closing,
            limit_price=limit_price,
            stop_price=stop_price,
            client_order_id=state.book.next_id("client"),
        )
        leg = replace(leg, parent=parent.id, submitted_at=state.stamp())
        state.book.put(leg)
        state.ledger.note("held", leg, at=state.now)
        ids.append(leg.id)
    return tuple(ids)
