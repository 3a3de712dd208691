"""Our unsettled orders after the broker's word, and what they say of their positions. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from stopward.domain.holding import Holding, reducing_side
from stopward.domain.identity import PositionId
from stopward.domain.orders import BrokerOrder, Order
from stopward.domain.position import Position
from stopward.domain.settling import FORGOTTEN, abandon, settle
from stopward.domain.snapshot import Snapshot
from stopward.services.guard.subject import Picture, Subject

FINAL = frozenset({"filled", "canceled", "rejected", "void"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """Orders of ours after the broker's word: all of them, and those that changed.

    by_client_id: every order that the picture shows, also the trader's.
    """

    orders: tuple[Order, ...]
    changed: tuple[Order, ...]
    of_position: Mapping[PositionId, tuple[Order, ...]]
    by_client_id: Mapping[str, BrokerOrder]


def settle_all(snapshot: Snapshot, picture: Picture) -> Settled:
    """Return the orders of the snapshot as the broker says they stand; what cannot be sent ends.

    So does what the broker knows no more of.
    """
    known = (*picture.orders, *picture.found)
    by_client_id = {order.client_order_id: order for order in known}
    by_id = {order.id: order for order in known}
    guarded = {position.id for position in snapshot.positions}
    stand = (settle(o, by_client_id=by_client_id, by_id=by_id) for o in snapshot.orders)
    orders = tuple(
        _over(order, guarded=order.position_id in guarded, forgotten=order.id in picture.forgotten)
        for order in stand
    )
    changed = tuple(
        now for before, now in zip(snapshot.orders, orders, strict=True) if now != before
    )
    of_position: dict[PositionId, tuple[Order, ...]] = {}
    for order in orders:
        of_position[order.position_id] = (*of_position.get(order.position_id, ()), order)
    return Settled(
        orders=orders, changed=changed, of_position=of_position, by_client_id=by_client_id
    )


def _over(order: Order, *, guarded: bool, forgotten: bool) -> Order:
    if forgotten:
        return abandon(order, why=FORGOTTEN)
    if is_unsent(order) and not guarded:
        return abandon(order, why="the position is closed")
    return order


def decided_anew(settled: Settled, position_id: PositionId) -> Settled:
    """Return the orders with the unsent exit of a position that was split ended.

    Its quantity is of before the split: a half of the old shares may be all of the new ones.
    """
    ended = {
        order.id: abandon(order, why="the shares were split before it was sent")
        for order in settled.of_position.get(position_id, ())
        if is_unsent(order)
    }
    if not ended:
        return settled
    own = settled.of_position[position_id]
    return replace(
        settled,
        orders=tuple(ended.get(order.id, order) for order in settled.orders),
        changed=(*(o for o in settled.changed if o.id not in ended), *ended.values()),
        of_position={
            **settled.of_position,
            position_id: tuple(ended.get(order.id, order) for order in own),
        },
    )


def subject_of(
    position: Position, holding: Holding, settled: Settled, *, is_new: bool = False
) -> Subject:
    """Return the position with the exit that is in progress for its shares.

    It may be that of the position before: what still works of it takes shares of whatever is held.
    """
    exit_order = next(
        (
            order
            for order in settled.orders
            if order.symbol == position.symbol
            and order.side == reducing_side(position.side)
            and order.step == "sell"
            and order.status not in FINAL
        ),
        None,
    )
    return Subject(
        position=position,
        holding=holding,
        exit=exit_order,
        exit_at_broker=None if exit_order is None else settled.by_client_id.get(exit_order.id),
        is_new=is_new,
    )


def with_partials_of(position: Position, orders: Sequence[Order]) -> Position:
    """Count the partial exits that are finished now."""
    done = max((order.partials for order in orders if is_finished_partial(order)), default=0)
    return with_partials(position, done)


def with_partials(position: Position, done: int) -> Position:
    """Return the position with at least that many partial steps done."""
    marks = position.marks
    if done <= marks.partials:
        return position
    return replace(position, marks=marks._replace(partials=float(done)))


def is_unsent(order: Order) -> bool:
    """Whether the order is an exit that the broker has not seen yet."""
    return order.step == "sell" and order.status == "recorded"


def is_finished_partial(order: Order) -> bool:
    """Whether the order is a partial exit that is over and sold something."""
    return (
        order.step == "sell"
        and order.rule == "partial"
        and order.status in FINAL
        and order.filled_quantity > 0
    )
