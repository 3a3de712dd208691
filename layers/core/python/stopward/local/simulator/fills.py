"""Fills, and what they do to a position, to the order and to the other orders of its group."""

from dataclasses import replace
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal

from stopward.domain.identity import BrokerOrderId, Symbol
from stopward.local.simulator.ledger import Execution
from stopward.local.simulator.matching import effective_limit, is_dormant, is_marketable
from stopward.local.simulator.order import SimulatedOrder, is_stop_kind
from stopward.local.simulator.state import State


def room(state: State, order: SimulatedOrder, *, at: datetime) -> Decimal:
    """Return how many more shares of the running bar an order may take."""
    symbol, share = order.symbol, state.options.volume_share
    minute = state.tape.minute(symbol, at)
    if minute is not None and state.stalled.get(order.id) == minute.at:
        return Decimal(0)
    if share is None or minute is None:
        return Decimal("Infinity")
    cap = (minute.volume * share).to_integral_value(ROUND_FLOOR)
    since, taken = state.taken.get(symbol, (minute.at, Decimal(0)))
    return max(cap - taken, Decimal(0)) if since == minute.at else cap


def can_trade(state: State, order: SimulatedOrder, *, at: datetime) -> bool:
    """Return whether the market is open to this order; stops sleep outside the session."""
    if state.hours.session_at(at) is not None:
        return True
    return order.extended_hours and state.hours.is_extended(at)


def elect(state: State, order: SimulatedOrder, *, at: datetime) -> SimulatedOrder:
    """Wake a stop that was touched; from now on it is a market or a limit order."""
    elected = replace(order, elected=True, updated_at=at)
    state.book.put(elected)
    state.ledger.note("elected", elected, at=at)
    return elected


def fill_at(state: State, order: SimulatedOrder, *, price: Decimal, at: datetime) -> SimulatedOrder:
    """Fill what may be filled at `price`, which is then kept within the bar's range."""
    quantity = min(order.open_quantity, room(state, order, at=at))
    caps = state.fill_caps.get(order.symbol)
    if caps:
        quantity = min(quantity, caps.pop(0))
        minute = state.tape.minute(order.symbol, at)
        if minute is not None:
            state.stalled[order.id] = minute.at
    if quantity <= 0 or (order.time_in_force == "fok" and quantity < order.open_quantity):
        return order
    return book_fill(
        state, order, quantity=quantity, price=_slipped(state, order, price, at), at=at
    )


def try_now(state: State, order: SimulatedOrder, *, at: datetime) -> SimulatedOrder:
    """Fill an order that has just become live if it is marketable against the quote."""
    quote = state.tape.quote(order.symbol, at)
    if quote is None or is_dormant(order) or not can_trade(state, order, at=at):
        return order
    price = quote.ask if order.side == "buy" else quote.bid
    if is_marketable(order, price):
        order = fill_at(state, order, price=price, at=at)
    if order.time_in_force in {"ioc", "fok"} and order.is_open:
        order = state.change(order, "canceled", at=at)
    return order


def book_fill(
    state: State, order: SimulatedOrder, *, quantity: Decimal, price: Decimal, at: datetime
) -> SimulatedOrder:
    """Book an execution: position, cash, order, ledger and group."""
    realised = state.portfolio.fill(order.symbol, change=order.direction * quantity, price=price)
    filled = replace(
        order,
        filled_quantity=order.filled_quantity + quantity,
        filled_value=order.filled_value + quantity * price,
        updated_at=at,
    )
    state.ledger.executions.append(
        Execution(
            id=state.book.next_id("fill"),
            at=at,
            order_id=order.id,
            symbol=order.symbol,
            side=order.side,
            quantity=quantity,
            price=price,
            cumulative=filled.filled_quantity,
            leaves=filled.open_quantity,
            realised=realised,
        )
    )
    state.ledger.note("fill", filled, at=at, quantity=quantity, price=price)
    if filled.open_quantity == 0:
        filled = state.change(filled, "filled", at=at)
        _after_filled(state, filled, at=at)
        return filled
    # A pending cancel or replace stays pending: it is still to be settled.
    status = filled.status if filled.status.startswith("pending_") else "partially_filled"
    filled = state.change(filled, status, at=at)
    for sibling in state.book.siblings(filled):
        state.book.put(replace(sibling, quantity=sibling.filled_quantity + filled.open_quantity))
    state.refresh_cover(filled.symbol, at=at)
    return filled


def cancel_group(
    state: State, order: SimulatedOrder, *, at: datetime, status: str = "canceled"
) -> None:
    """End the other orders of a group after one of them has ended."""
    if order.role == "entry":
        for leg in list(state.book.current_legs(order)):
            if leg.is_open:
                state.change(leg, status, at=at)
        return
    for sibling in state.book.siblings(order):
        state.change(sibling, status, at=at)


def activate(state: State, parent_id: BrokerOrderId, *, at: datetime) -> None:
    """Let the legs of a filled entry work; a bracket's stop stays `held` by its target."""
    parent = state.book[parent_id]
    for leg in list(state.book.current_legs(parent)):
        if leg.status != "held":
            continue
        working = replace(leg, expires_at=_day_end(state, leg, max(at, state.now)))
        state.book.put(working)
        if parent.group == "bracket" and leg.role == "stop_loss":
            continue
        live = state.hours.session_at(max(at, state.now)) is not None
        state.change(working, "new" if live else "accepted", at=at)
    state.refresh_cover(parent.symbol, at=at)


def _day_end(state: State, order: SimulatedOrder, at: datetime) -> datetime | None:
    if order.time_in_force != "day":
        return None
    return state.hours.day_end(at, extended=order.extended_hours)


def _after_filled(state: State, order: SimulatedOrder, *, at: datetime) -> None:
    if order.role == "entry":
        activate(state, order.id, at=at)
    else:
        cancel_group(state, order, at=at)


def _take(state: State, symbol: Symbol, quantity: Decimal, *, at: datetime) -> None:
    # Count shares against the running bar's volume.
    minute = state.tape.minute(symbol, at)
    if minute is None:
        return
    since, taken = state.taken.get(symbol, (minute.at, Decimal(0)))
    state.taken[symbol] = (minute.at, quantity + (taken if since == minute.at else 0))


def _slipped(state: State, order: SimulatedOrder, price: Decimal, at: datetime) -> Decimal:
    # First slippage of stops, then the bar's range, and never worse than the limit.
    minute = state.tape.minute(order.symbol, at)
    if is_stop_kind(order.kind):
        price += (
            order.direction * state.options.slippage_ticks * state.tape.tick(order.symbol, price)
        )
    if minute is not None:
        price = min(max(price, minute.low), minute.high)
    limit = effective_limit(order)
    if limit is not None:
        price = min(price, limit) if order.side == "buy" else max(price, limit)
    return price
