"""Fold the broker's executions into a position: the only way its quantity changes. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from stopward.domain.holding import reducing_side
from stopward.domain.identity import BrokerOrderId
from stopward.domain.money import SIXTH_PLACE, sign
from stopward.domain.orders import Fill, Order
from stopward.domain.position import REBASED, Position, flagged, in_lots

LATE = timedelta(seconds=60)
"""A fill may turn up this long after a newer one was seen, and is then still folded in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduction:
    """Shares that one fill took from a position, at which price, and of which order it was."""

    order_id: BrokerOrderId
    quantity: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Folded:
    """A position after fills.

    added, reduced: shares it gained and lost. last_price, last_order, last_at: of the newest fill
    that reduced it, also one folded before; None when none reduced it now. reductions: all that
    did, in their order. beyond: shares that the last of them sold and the position did not have.
    """

    position: Position
    added: Decimal
    reduced: Decimal
    last_price: Decimal | None
    last_order: str | None
    last_at: datetime | None
    reductions: tuple[Reduction, ...] = ()
    beyond: Decimal = Decimal(0)


def fold_fills(position: Position, fills: Sequence[Fill]) -> Folded:
    """Return the position after the fills not yet folded in, oldest first.

    A fill on the reducing side books its result against the average entry; one on the other side
    re-bases the average entry, keeps the risk a share of the first entry, and is flagged. Fills of
    other symbols and fills seen before are passed over, so folding twice is folding once. A
    position that fills brought to zero is final: what was traded after that is another position.
    """
    added = reduced = beyond = Decimal(0)
    away = reducing_side(position.side)
    known = [fill for fill in fills if fill.side == away and fill.id in position.fill_ids]
    reductions: list[Reduction] = []
    # Of one instant what enlarges goes first: nothing is closed while shares of it are left.
    for fill in sorted(fills, key=lambda fill: (fill.at, fill.side == away, fill.id)):
        if position.quantity <= 0:
            break
        if fill.symbol != position.symbol or is_folded(position, fill):
            continue
        before = position.quantity
        if fill.side == away:
            position = _reduced(position, fill)
            taken = before - position.quantity
            reduced += taken
            beyond = fill.quantity - taken
            known.append(fill)
            reductions.append(Reduction(order_id=fill.order_id, quantity=taken, price=fill.price))
        else:
            position = _added(position, fill)
            added += fill.quantity
        position = _remembering(position, fill)
    # A fill folded now may be a late one: what reduced it last was folded before.
    last = max(known, key=lambda fill: (fill.at, fill.id)) if reductions else None
    return Folded(
        position=position,
        added=added,
        reduced=reduced,
        last_price=None if last is None else last.price,
        last_order=None if last is None else last.order_id,
        last_at=None if last is None else last.at,
        reductions=tuple(reductions),
        beyond=beyond,
    )


def is_folded(position: Position, fill: Fill) -> bool:
    """Whether the fill is in the position already, or older than the position under guard."""
    if fill.id in position.fill_ids or fill.at < position.adopted_at:
        return True
    return position.fills_at is not None and fill.at < position.fills_at - LATE


def fills_needed_since(position: Position) -> datetime:
    """Return from when on fills may be new to the position: late ones turn up after newer ones."""
    return (position.fills_at or position.adopted_at) - LATE


def orders_of_others(
    fills: Iterable[Fill], positions: Iterable[Position], ours: Iterable[Order]
) -> tuple[BrokerOrderId, ...]:
    """Return the orders, none of `ours`, whose fills a position has yet to learn of.

    They are read one by one, for what they were tells the cause.
    """
    known = {order.broker_order_id for order in ours}
    guarded = {position.symbol: position for position in positions}
    others = {
        fill.order_id
        for fill in fills
        if fill.order_id not in known
        and fill.symbol in guarded
        and not is_folded(guarded[fill.symbol], fill)
    }
    return tuple(sorted(others))


def _remembering(position: Position, fill: Fill) -> Position:
    # Ids are forgotten only once every fill of theirs is older than LATE, for only then is a
    # repetition known by its time.
    newest = position.fills_at
    if newest is None or fill.at - LATE > newest:
        return replace(position, fills_at=fill.at, fill_ids=(fill.id,))
    return replace(position, fills_at=max(fill.at, newest), fill_ids=(*position.fill_ids, fill.id))


def _reduced(position: Position, fill: Fill) -> Position:
    quantity = min(fill.quantity, position.quantity)
    gain = sign(position.side) * (fill.price - position.average_entry) * quantity
    return in_lots(
        replace(
            position,
            quantity=position.quantity - quantity,
            closed_quantity=position.closed_quantity + quantity,
            realised=position.realised + gain,
        )
    )


def _added(position: Position, fill: Fill) -> Position:
    quantity = position.quantity + fill.quantity
    cost = position.quantity * position.average_entry + fill.quantity * fill.price
    return in_lots(
        replace(
            position,
            quantity=quantity,
            initial_quantity=position.initial_quantity + fill.quantity,
            average_entry=(cost / quantity).quantize(SIXTH_PLACE),
            flags=flagged(position, REBASED),
        )
    )
