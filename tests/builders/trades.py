"""Histories of positions that end in a trade, written as ticks write them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Literal

from stopward.domain.cause import known_causes
from stopward.domain.fills import fold_fills
from stopward.domain.holding import reducing_side
from stopward.domain.identity import BrokerOrderId
from stopward.domain.orders import Fill, Order
from stopward.domain.position import Position
from stopward.domain.reconcile import close_trade
from stopward.domain.snapshot import Observation, TradeRow
from tests.builders.store import a_record, an_order, pulse
from tests.builders.store_world import World, begin


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One fill: of our sell, of a stop of ours, by the trader's hand, or one that adds shares.

    is_told: whether a tick observed it; what only an acknowledgement saw is not.
    """

    kind: Literal["sell", "stop", "hand", "add"]
    quantity: Decimal
    price: Decimal
    rule: str = "by_hand"
    is_told: bool = True


def play(world: World, position: Position, events: Sequence[Event], *, tick: int = 0) -> TradeRow:
    """Write a position from its adoption to its trade, one pulse an event, and return the trade."""
    fence = begin(world, tick=pulse(tick)).fence
    position = replace(position, adopted_at=pulse(tick), account_id=world.account_id)
    write(world, fence, tick, positions=(position,))
    orders: list[Order] = []
    for number, event in enumerate(events, start=tick + 1):
        order = _order_of(position, event, number)
        fill = _fill_of(position, event, order, number)
        if order is not None:
            orders.append(order)
        folded = fold_fills(position, (fill,))
        position = folded.position
        trade = None
        if position.quantity <= 0:
            trade = close_trade(folded, known_causes(orders, ()), now=pulse(number))
        write(
            world,
            fence,
            number,
            positions=(position,),
            orders=() if order is None else (order,),
            observations=_observations(position, event),
        )
        if trade is not None:
            write(world, fence, number, positions=(position,), trades=(trade,))
            return trade
    raise AssertionError("the events leave the position open")


def write(world: World, fence: int, tick: int, **parts: Any) -> None:
    """Record a tick of the world's account; what came of its orders is told right after them."""
    orders: tuple[Order, ...] = parts.pop("orders", ())
    if orders:
        held = {each.id: each.quantity for each in parts.get("positions", ())}
        fits = all(order.quantity <= held.get(order.position_id, 0) for order in orders)
        first = {name: parts[name] for name in ("positions", "observations") if name in parts}
        intents = tuple(_as_recorded(order) for order in orders)
        told = a_record(
            fence, tick=tick, account_id=world.account_id, orders=intents, **(first if fits else {})
        )
        world.store.record_tick(told)
        parts["settled"] = tuple(order for order in orders if order not in intents)
    world.store.record_tick(a_record(fence, tick=tick, account_id=world.account_id, **parts))


def _as_recorded(order: Order) -> Order:
    return replace(
        order,
        status="recorded",
        broker_order_id=None,
        filled_quantity=Decimal(0),
        filled_price=None,
        reason="",
    )


def _order_of(position: Position, event: Event, tick: int) -> Order | None:
    if event.kind in ("hand", "add"):
        return None
    order = an_order(
        position,
        step="sell" if event.kind == "sell" else "arm",
        tick=tick,
        quantity=event.quantity,
        rule=event.rule,
    )
    return replace(
        order,
        status="filled",
        broker_order_id=BrokerOrderId(f"b{tick}"),
        filled_quantity=event.quantity,
        filled_price=event.price,
    )


def _fill_of(position: Position, event: Event, order: Order | None, tick: int) -> Fill:
    away = reducing_side(position.side)
    towards: Literal["buy", "sell"] = "buy" if away == "sell" else "sell"
    broker_order_id = None if order is None else order.broker_order_id
    return Fill(
        id=f"f{tick}",
        order_id=broker_order_id or BrokerOrderId(f"hand{tick}"),
        symbol=position.symbol,
        side=towards if event.kind == "add" else away,
        quantity=event.quantity,
        price=event.price,
        at=pulse(tick),
    )


def _observations(position: Position, event: Event) -> tuple[Observation, ...]:
    if not event.is_told:
        return ()
    added = event.kind == "add"
    second = ("entry", position.average_entry) if added else ("price", event.price)
    return (
        Observation(
            position_id=position.id,
            symbol=position.symbol,
            kind="added" if added else "reduced",
            cause=event.rule,
            detail={"quantity": str(event.quantity), second[0]: str(second[1])},
        ),
    )
