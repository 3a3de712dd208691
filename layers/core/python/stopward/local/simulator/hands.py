"""What the trader does by hand at the broker, past the interface that we use; all at once."""

from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Literal

from stopward.domain.identity import BrokerOrderId, Symbol
from stopward.domain.money import Side
from stopward.domain.orders import OrderSide, TimeInForce
from stopward.errors import InvalidInput
from stopward.local.simulator.advance import settle
from stopward.local.simulator.fills import book_fill
from stopward.local.simulator.order import SimulatedOrder, Ticket, is_stop_kind
from stopward.local.simulator.requests import Change, cancel, replace_order, submit
from stopward.local.simulator.state import State

OnOrders = Literal["cancel", "keep"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """An entry that already happened, and the orders around it, None when absent."""

    entry: BrokerOrderId
    stop: BrokerOrderId | None = None
    target: BrokerOrderId | None = None


def open_position(
    state: State,
    *,
    symbol: Symbol,
    side: Side,
    quantity: Decimal,
    price: Decimal,
    at: datetime | None,
    stop: Decimal | None,
    target: Decimal | None,
    client_order_id: str | None,
    time_in_force: TimeInForce,
) -> Opened:
    """Book an entry at `price`, with a simple stop, a simple target or, with both, a bracket."""
    when = state.now if at is None else at
    entry_side: OrderSide = "buy" if side == "long" else "sell"
    is_group = stop is not None and target is not None
    entry = SimulatedOrder(
        id=state.book.next_id(),
        client_order_id=client_order_id or state.book.next_id("client"),
        symbol=symbol,
        side=entry_side,
        kind="market",
        quantity=quantity,
        time_in_force=time_in_force if is_group else "day",
        intent="buy_to_open" if side == "long" else "sell_to_open",
        group="bracket" if is_group else "simple",
        role="entry" if is_group else "simple",
        status="new",
        created_at=when,
        submitted_at=when,
        updated_at=when,
    )
    if not is_group:
        state.book.put(entry)
        book_fill(state, entry, quantity=quantity, price=price, at=when)
        return Opened(
            entry=entry.id,
            stop=None if stop is None else place_stop(
                state, symbol, price=stop, quantity=quantity, time_in_force=time_in_force
            ).id,
            target=None if target is None else _place_target(
                state, symbol, price=target, quantity=quantity, time_in_force=time_in_force
            ).id,
        )  # fmt: skip
    legs = _bracket_legs(state, entry, stop=stop, target=target)
    entry = replace(entry, legs=tuple(leg.id for leg in legs))
    for order in (entry, *legs):
        state.book.put(order)
    book_fill(state, entry, quantity=quantity, price=price, at=when)
    target_leg, stop_leg = legs
    return Opened(entry=entry.id, stop=stop_leg.id, target=target_leg.id)


def place_stop(
    state: State,
    symbol: Symbol,
    *,
    price: Decimal,
    quantity: Decimal | None = None,
    time_in_force: TimeInForce = "gtc",
) -> SimulatedOrder:
    """Rest a stop for the position, or for `quantity` of it; fractions are day orders."""
    shares = _shares(state, symbol)
    size = abs(shares) if quantity is None else quantity
    whole = size == size.to_integral_value()
    ticket = Ticket(
        symbol=symbol,
        side="sell" if shares > 0 else "buy",
        quantity=size,
        kind="stop",
        stop_price=price,
        time_in_force=time_in_force if whole else "day",
    )
    return _at_once(state, submit(state, ticket))


def close(
    state: State,
    symbol: Symbol,
    *,
    quantity: Decimal | None,
    orders: OnOrders,
    price: Decimal | None,
) -> SimulatedOrder:
    """Close the position, or part of it, at `price` (the last price by default).

    orders: `cancel` first ends what rests on the symbol, as the broker's own page does; `keep`
    leaves it, so that a resting order may then sell what is no longer there.
    """
    shares = _shares(state, symbol)
    if orders == "cancel":
        cancel_all(state, symbol)
    size = abs(shares) if quantity is None else quantity
    return _by_hand(state, symbol, side="sell" if shares > 0 else "buy", quantity=size, price=price)


def add(
    state: State, symbol: Symbol, *, quantity: Decimal, price: Decimal | None
) -> SimulatedOrder:
    """Enlarge the position at `price` (the last price by default)."""
    shares = _shares(state, symbol)
    return _by_hand(
        state, symbol, side="buy" if shares > 0 else "sell", quantity=quantity, price=price
    )


def move_stop(state: State, symbol: Symbol, price: Decimal) -> SimulatedOrder:
    """Replace the price of the newest resting stop; returns its successor."""
    stops = [o for o in state.book.open_orders(symbol) if is_stop_kind(o.kind)]
    if not stops:
        raise InvalidInput(f"{symbol}: no stop rests there; place one first")
    return _at_once(state, replace_order(state, stops[-1].id, Change(stop_price=price)))


def cancel_all(state: State, symbol: Symbol) -> None:
    """End every open order of a symbol."""
    for listed in state.book.open_orders(symbol):
        order = state.book[listed.id]
        if order.is_open and not order.status.startswith("pending_"):
            cancel(state, order.id)
            settle(state, state.queue.drain(), at=state.now)


def split(state: State, symbol: Symbol, ratio: Decimal) -> None:
    """Split the shares, `ratio` new ones for each old one; resting orders are canceled."""
    cancel_all(state, symbol)
    state.portfolio.split(symbol, ratio)
    state.tape.split(symbol, at=state.now, ratio=ratio)
    state.stretch = None
    shares = state.portfolio.shares(symbol)
    state.ledger.note_symbol("split", symbol, at=state.now, quantity=shares, note=f"{ratio} for 1")
    state.refresh_cover(symbol, at=state.now)


def _bracket_legs(
    state: State, entry: SimulatedOrder, *, stop: Decimal | None, target: Decimal | None
) -> tuple[SimulatedOrder, SimulatedOrder]:
    leg = replace(
        entry,
        side="sell" if entry.side == "buy" else "buy",
        intent="sell_to_close" if entry.side == "buy" else "buy_to_close",
        status="held",
        parent=entry.id,
    )
    take_profit = replace(
        leg,
        id=state.book.next_id(),
        client_order_id=state.book.next_id("client"),
        role="take_profit",
        kind="limit",
        limit_price=target,
    )
    stop_loss = replace(
        leg,
        id=state.book.next_id(),
        client_order_id=state.book.next_id("client"),
        role="stop_loss",
        kind="stop",
        stop_price=stop,
    )
    return take_profit, stop_loss


def _place_target(
    state: State, symbol: Symbol, *, price: Decimal, quantity: Decimal, time_in_force: TimeInForce
) -> SimulatedOrder:
    ticket = Ticket(
        symbol=symbol,
        side="sell" if _shares(state, symbol) > 0 else "buy",
        quantity=quantity,
        kind="limit",
        limit_price=price,
        time_in_force=time_in_force,
    )
    return _at_once(state, submit(state, ticket))


def _by_hand(
    state: State, symbol: Symbol, *, side: OrderSide, quantity: Decimal, price: Decimal | None
) -> SimulatedOrder:
    paid = state.price(symbol) if price is None else price
    if paid is None:
        raise InvalidInput(f"{symbol}: no price yet; give one")
    shares = state.portfolio.shares(symbol)
    closes = (shares > 0) == (side == "sell")
    stamp = state.stamp()
    order = SimulatedOrder(
        id=state.book.next_id(),
        client_order_id=state.book.next_id("client"),
        symbol=symbol,
        side=side,
        kind="market",
        quantity=quantity,
        time_in_force="day",
        intent=f"{side}_to_{'close' if closes else 'open'}",
        group="simple",
        role="simple",
        status="new",
        created_at=stamp,
        submitted_at=stamp,
        updated_at=stamp,
    )
    state.book.put(order)
    state.ledger.note("by_hand", order, at=state.now)
    return book_fill(state, order, quantity=quantity, price=paid, at=state.now)


def _at_once(state: State, order: SimulatedOrder) -> SimulatedOrder:
    settle(state, state.queue.drain(), at=state.now)
    return state.book[order.id]


def _shares(state: State, symbol: Symbol) -> Decimal:
    shares = state.portfolio.shares(symbol)
    if not shares:
        raise InvalidInput(f"{symbol}: there is no position")
    return shares
