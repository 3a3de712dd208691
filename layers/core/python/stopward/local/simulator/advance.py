"""Time passes: pending changes settle, sessions open and close, prices walk and meet the orders."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from stopward.domain.identity import Symbol
from stopward.local.simulator import matching
from stopward.local.simulator.fills import can_trade, cancel_group, elect, fill_at, room, try_now
from stopward.local.simulator.order import SimulatedOrder
from stopward.local.simulator.prices import Point
from stopward.local.simulator.requests import trailing_stop_price
from stopward.local.simulator.settlement import Pending
from stopward.local.simulator.state import State, Stretch

FOREVER: Final = datetime.max.replace(tzinfo=UTC)


def settle(state: State, due: list[Pending], *, at: datetime) -> None:
    """Carry out pending changes, in the order in which they were asked for."""
    for pending in due:
        order = state.book[pending.order_id]
        match pending.kind:
            case "accept":
                _accept(state, order, at=at)
            case "cancel":
                if order.status == "pending_cancel":
                    cancel_group(state, state.change(order, "canceled", at=at), at=at)
            case "replace":
                _replace(state, order, at=at)


def advance(state: State, moment: datetime) -> None:
    """Move the clock to `moment`, not in the past, and do all that happens on the way."""
    settle(state, state.queue.due_by(state.now), at=state.now)
    while state.now < moment:
        stretch = _stretch(state)
        until = state.queue.next_due(state.now, latest=min(moment, stretch.until))
        _walk_all(state, stretch.in_reach, until)
        state.now = until
        settle(state, state.queue.due_by(until), at=until)
        if until == stretch.until:
            _cross(state, until)


def _stretch(state: State) -> Stretch:
    """Return the stretch that the clock is in; it holds until it ends or an order changes."""
    known, changes = state.stretch, state.book.changes
    if known is None or known.until <= state.now or known.changes != changes:
        until = state.hours.next_edge(state.now, latest=FOREVER)
        until = state.tape.next_start(state.now, latest=until)
        in_reach = tuple(s for s in state.book.symbols_with_orders() if _is_in_reach(state, s))
        known = state.stretch = Stretch(until=until, in_reach=in_reach, changes=changes)
    return known


def _is_in_reach(state: State, symbol: Symbol) -> bool:
    # Most orders lie beyond the whole running bar: then no way inside it need be looked at.
    bar = state.tape.minute(symbol, state.now)
    return bar is not None and any(
        matching.may_touch(order, low=bar.low, high=bar.high)
        for order in state.book.open_orders(symbol)
    )


def _cross(state: State, edge: datetime) -> None:
    # Where changes have settled, in order: sessions end and begin, orders end, bars open.
    for session in state.hours.sessions if state.hours.is_edge(edge) else ():
        if session.closes_at == edge:
            state.closing_equity = state.equity()
            _close(state, edge)
        if session.opens_at == edge and state.closing_equity is not None:
            state.last_equity = state.closing_equity
    _expire(state, edge)
    if state.hours.session_at(edge) is not None or state.hours.is_extended(edge):
        _open(state, edge)
    for symbol in state.book.symbols_with_orders():
        if state.tape.opens_at(symbol, edge):
            price = state.tape.price(symbol, edge)
            if price is not None:
                point = Point(at=edge, price=price, jump=True)
                _meet(state, symbol, point, point)


def _walk_all(state: State, symbols: Iterable[Symbol], until: datetime) -> None:
    for symbol in symbols:
        price = state.price(symbol)
        if price is None:
            continue
        here = Point(at=state.now, price=price)
        for there in state.tape.path(symbol, state.now, until):
            _meet(state, symbol, here, there)
            here = there


def _meet(state: State, symbol: Symbol, start: Point, end: Point) -> None:
    # Let the orders of a symbol meet one straight way, nearest first, until none is left to meet.
    here, spent = start, set()
    while True:
        met = []
        for number, open_order in enumerate(state.book.open_orders(symbol)):
            if open_order.id in spent or not state.book.is_resting(open_order):
                continue
            if not can_trade(state, open_order, at=here.at):
                continue
            order = _trail(state, open_order, here)
            tick = state.tape.tick(symbol, here.price)
            found = matching.touch(order, here, end, tick=tick)
            if found is not None:
                # At one level the stop goes before the target: the worse outcome is assumed.
                met.append(
                    (
                        abs(found.level - here.price),
                        order.limit_price is not None,
                        number,
                        order,
                        found,
                    )
                )
        if not met:
            break
        _, _, _, order, found = min(met, key=lambda row: row[:3])
        if matching.is_dormant(order):
            order = elect(state, order, at=found.at)
            spent |= _fill_elected(state, order, found)
        elif room(state, order, at=found.at) <= 0:
            spent.add(order.id)
        else:
            fill_at(state, order, price=found.price, at=found.at)
            spent.add(order.id)
        here = Point(at=found.at, price=found.level, jump=here.jump and found.level == here.price)
    for order in state.book.open_orders(symbol):
        _trail(state, order, end)


def _fill_elected(state: State, order: SimulatedOrder, found: matching.Touch) -> set[str]:
    # A stop that was just touched trades where it was touched, unless its limit is worse than that.
    if matching.is_marketable(order, found.price) and room(state, order, at=found.at) > 0:
        fill_at(state, order, price=found.price, at=found.at)
    return {order.id}


def _trail(state: State, order: SimulatedOrder, point: Point) -> SimulatedOrder:
    # Move a trailing stop's water mark and stop with the price; never back.
    if order.kind != "trailing_stop" or order.elected or not state.book.is_resting(order):
        return order
    water = order.high_water
    better = max if order.side == "sell" else min
    best = point.price if water is None else better(water, point.price)
    if best == water:
        return order
    moved = replace(order, high_water=best, stop_price=trailing_stop_price(order, best))
    state.book.put(moved)
    return moved


def _accept(state: State, order: SimulatedOrder, *, at: datetime) -> None:
    if order.status != "pending_new":
        return
    reasons = state.rejections.get(order.symbol)
    if reasons:
        cancel_group(state, state.change(order, "rejected", at=at, note=reasons.pop(0)), at=at)
        return
    try_now(state, state.change(order, "new", at=at), at=at)


def _replace(state: State, successor: SimulatedOrder, *, at: datetime) -> None:
    if successor.replaces is None or successor.status != "pending_new":
        return
    old = state.book[successor.replaces]
    parent = state.book.root(old) if old.parent is not None else None
    if old.status != "pending_replace":
        # The old order filled, or died with its group, before the new one reached the market.
        state.change(successor, "rejected", at=at, note=f"order {old.id} is {old.status}")
        gone = successor.id
    elif successor.quantity <= old.filled_quantity:
        # On the way as much filled as the new one is for: it comes too late, and the old one works.
        told = f"{old.filled_quantity} of order {old.id} are filled"
        state.change(successor, "rejected", at=at, note=told)
        state.change(old, "partially_filled", at=at)
        gone = successor.id
    else:
        status = "held" if old.role == "stop_loss" and old.group in {"bracket", "oco"} else "new"
        if not state.book.is_triggered(old):
            status = "held"
        state.book.put(replace(old, replaced_by=successor.id, legs=()))
        state.change(state.book[old.id], "replaced", at=at)
        filled = replace(
            successor,
            filled_quantity=old.filled_quantity,
            filled_value=old.filled_value,
            legs=old.legs,
        )
        state.book.put(filled)
        filled = state.change(filled, status, at=at)
        gone = old.id
        if status == "new":
            try_now(state, filled, at=at)
    if parent is not None:
        parent = state.book[parent.id]
        state.book.put(replace(parent, legs=tuple(leg for leg in parent.legs if leg != gone)))


def _open(state: State, edge: datetime) -> None:
    # Queued orders go to the market; a replaced or triggered leg keeps its own status.
    for symbol in state.book.symbols_with_orders():
        for listed in state.book.open_orders(symbol):
            order = state.book[listed.id]
            if order.status == "accepted" and can_trade(state, order, at=edge):
                status = "partially_filled" if order.filled_quantity else "new"
                queued = state.change(order, status, at=edge)
                if not state.tape.opens_at(symbol, edge):
                    try_now(state, queued, at=edge)


def _close(state: State, edge: datetime) -> None:
    # Good-till-canceled orders are queued overnight, where a replace is refused.
    for symbol in state.book.symbols_with_orders():
        for order in state.book.open_orders(symbol):
            if order.expires_at is None and order.status in {"new", "partially_filled"}:
                state.change(order, "accepted", at=edge)


def _expire(state: State, edge: datetime) -> None:
    for symbol in state.book.symbols_with_orders():
        for listed in state.book.open_orders(symbol):
            order = state.book[listed.id]
            if order.is_open and order.expires_at is not None and order.expires_at <= edge:
                cancel_group(
                    state, state.change(order, "expired", at=edge), at=edge, status="expired"
                )
