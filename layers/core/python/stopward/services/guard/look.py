"""Read the broker: a handful of batched calls, whatever the number of positions."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from stopward.domain.adoption import awaits_entry, refusal
from stopward.domain.fills import fills_needed_since, orders_of_others
from stopward.domain.holding import Holding
from stopward.domain.identity import BrokerOrderId, Symbol
from stopward.domain.orders import PENDING, BrokerOrder, BrokerPosition, Order
from stopward.domain.reconcile import known_causes
from stopward.domain.resting import seems_loosened
from stopward.domain.rulebook.settings import AccountSettings
from stopward.domain.settling import lookups
from stopward.domain.snapshot import Snapshot
from stopward.errors import BrokerRejected, BrokerUnavailable
from stopward.ports import Broker
from stopward.services.guard.entry_tags import EntryTags
from stopward.services.guard.listed import read_again, surplus
from stopward.services.guard.remembered import Remembered
from stopward.services.guard.subject import Picture, by_symbol

FILLS_LOOK_BACK = timedelta(days=7)


def look_at_broker(
    broker: Broker,
    snapshot: Snapshot,
    *,
    now: datetime,
    settings: AccountSettings,
    remembered: Remembered,
    on_failure: Callable[[str, Exception], None],
) -> Picture:
    """Return open orders and positions, and what they leave open: vanished orders and fills.

    Orders are read first: a stop that fills between the reads is then still seen beside shares that
    are gone, and nobody arms what was sold.
    Fills are read only when a quantity or an average entry differs from ours, when a holding is new
    to us, when an order of ours has ended, or when shares that we guard have neither stop nor exit:
    all may have been sold, and as much bought again. In mode `observe` no order of ours tells of
    that, so new ones are looked for at each tick (reentries).
    They are read after the positions; then orders and positions are read once more. So a fill
    between the reads is noticed: a stop that sold the shares that fills speak of is no longer seen
    as resting, and a symbol whose quantity differs between the reads is left for the next tick, as
    is one whose entry order was not yet asked for its tag. An average that fills do not explain is
    asked for a number of times and no more (averages). Where only an ended order or bare shares ask
    and they cannot be read, nothing waits for them but to be armed. on_failure is told. Where all
    but an order of others is read, its fills wait for the next tick, and what is held does not.
    """
    entry_tags, reentries = remembered.entry_tags, remembered.reentries
    orders = _open_orders(broker, snapshot)
    positions = {found.symbol: found for found in broker.positions()}
    found = _vanished(broker, snapshot.orders, orders)
    orders = _with_found(broker, orders, found)
    picture = Picture(
        at=now, positions=positions, orders=orders, found=found, orders_of=by_symbol(orders)
    )
    ours = {position.symbol for position in snapshot.positions}
    strangers = [held for symbol, held in positions.items() if symbol not in ours]
    is_new = any(
        not entry_tags.knows(held) or _may_adopt(settings, snapshot, held, entry_tags)
        for held in strangers
    )
    held_of = [(p, picture.holding(p.symbol)) for p in snapshot.positions]
    differs = remembered.averages.ask_for_fills(held_of)
    unsure = any(awaits_entry(position, now=now) for position in snapshot.positions)
    ended = any(not order.is_working for order in found)
    asks = is_new or differs or unsure or ended or _is_any_bare(settings, snapshot, picture)
    if asks or reentries.ask_for_fills(broker, snapshot, now=now, on_failure=on_failure):
        try:
            picture = _look_again(
                broker, snapshot, picture, strangers, entry_tags, is_new=is_new or unsure
            )
            picture = _with_orders_of_others(broker, snapshot, picture)
        except (BrokerUnavailable, BrokerRejected) as error:
            if is_new or differs or unsure:
                raise
            on_failure("fills", error)
            picture = replace(picture, fills=(), fills_of={})
    picture = _surplus_read_again(broker, snapshot, picture, on_failure=on_failure)
    return remembered.forgotten.told(broker, snapshot, picture, on_failure=on_failure)


def _look_again(
    broker: Broker,
    snapshot: Snapshot,
    first: Picture,
    strangers: Sequence[BrokerPosition],
    entry_tags: EntryTags,
    *,
    is_new: bool,
) -> Picture:
    """Return what the broker holds by its fills, with orders and positions read after them."""
    fills = broker.fills(since=_fills_since(snapshot, first.at, is_new=is_new))
    fills_of = by_symbol(fills)
    entry_tags.learn(broker, strangers, fills_of)
    # A stop that filled after the list was read, or a group whose entry did, shows only now.
    listed = _open_orders(broker, snapshot)
    seen = {order.client_order_id for order in first.found}
    unseen = [order for order in snapshot.orders if order.id not in seen]
    found = (*first.found, *_vanished(broker, unseen, listed))
    orders = _with_found(broker, listed, found)
    ours = {position.symbol for position in snapshot.positions}
    again = {held.symbol: held for held in broker.positions()}
    steady = {
        symbol: held
        for symbol, held in again.items()
        if symbol in ours or (_is_steady(held, first.positions) and entry_tags.was_tried(held))
    }
    return Picture(
        at=first.at,
        positions=steady,
        orders=orders,
        found=found,
        fills=fills,
        orders_of=by_symbol(orders),
        fills_of=fills_of,
        entry_tags={held.symbol: entry_tags.of(held) for held in strangers},
    )


def _with_orders_of_others(broker: Broker, snapshot: Snapshot, picture: Picture) -> Picture:
    """Return the picture with the orders of others that filled: what they were tells the cause."""
    by_others = orders_of_others(picture.fills, snapshot.positions, snapshot.orders)
    read = (broker.order(order_id) for order_id in by_others)
    return replace(picture, found=(*picture.found, *(order for order in read if order is not None)))


def _surplus_read_again(
    broker: Broker,
    snapshot: Snapshot,
    picture: Picture,
    *,
    on_failure: Callable[[str, Exception], None],
) -> Picture:
    """Return the picture with the stops that seem to be surplus read one by one.

    Those of a position that cannot be read leave it for the next tick, and no other.
    """
    orders = picture.orders
    unread: list[Symbol] = []
    for position in snapshot.positions:
        doubtful = surplus(picture.holding(position.symbol), position.side)
        if not doubtful:
            continue
        try:
            orders = read_again(broker, orders, doubtful)
        except (BrokerUnavailable, BrokerRejected) as error:
            on_failure(position.symbol, error)
            unread.append(position.symbol)
    if orders is picture.orders and not unread:
        return picture
    return replace(picture, orders=orders, orders_of=by_symbol(orders), unread=frozenset(unread))


def _is_steady(held: BrokerPosition, before: Mapping[Symbol, BrokerPosition]) -> bool:
    first = before.get(held.symbol)
    return first is not None and first.quantity == held.quantity


def _may_adopt(
    settings: AccountSettings, snapshot: Snapshot, held: BrokerPosition, entry_tags: EntryTags
) -> bool:
    tags = (*snapshot.tags.get(held.symbol, ()), *entry_tags.of(held))
    return refusal(settings, held.symbol, tags) is None


def _is_any_bare(settings: AccountSettings, snapshot: Snapshot, picture: Picture) -> bool:
    """Whether shares that we guard have neither a stop nor an exit; in mode `observe` many may."""
    if snapshot.account.mode == "observe":
        return False
    for position in snapshot.positions:
        symbol, side = position.symbol, position.side
        holding = picture.holding(symbol)
        safe = holding.covered_quantity(side) + holding.leaving(side)
        tags = (*position.tags, *snapshot.tags.get(symbol, ()))
        if safe < holding.quantity(side) and refusal(settings, symbol, tags) is None:
            return True
    return False


def _open_orders(broker: Broker, snapshot: Snapshot) -> tuple[BrokerOrder, ...]:
    """Return the list of open orders; a stop that looks loosened in it is read by its id.

    So it is believed only while it works: the list may be an older one.
    """
    listed = broker.open_orders()
    orders_of = by_symbol(listed)
    causes = known_causes(snapshot.orders, ())
    doubtful: set[BrokerOrderId] = set()
    for position in snapshot.positions:
        symbol = position.symbol
        resting = Holding(symbol=symbol, position=None, orders=orders_of.get(symbol, ()))
        doubtful |= {order.id for order in seems_loosened(position, resting, causes)}
    return read_again(broker, listed, doubtful)


def _vanished(
    broker: Broker, unsettled: Iterable[Order], listed: tuple[BrokerOrder, ...]
) -> tuple[BrokerOrder, ...]:
    """Return the orders of ours that a list does not show, read one by one."""
    wanted = lookups(unsettled, listed)
    by_client = (broker.order_by_client_id(order_id) for order_id in wanted.by_client_id)
    by_id = (broker.order(order_id) for order_id in wanted.by_id)
    return tuple(order for order in (*by_client, *by_id) if order is not None)


def _with_found(
    broker: Broker, listed: tuple[BrokerOrder, ...], found: Sequence[BrokerOrder]
) -> tuple[BrokerOrder, ...]:
    """Return the list with our working orders that it does not show.

    A list without them, or with one that ours has replaced, lags behind: what it shows of their
    symbols is read one by one.
    """
    known = {order.id for order in listed}
    missing = [order for order in found if order.is_working and order.id not in known]
    effective = [o for o in found if o.status not in PENDING and o.status != "rejected"]
    lagging = {order.symbol for order in missing}
    lagging |= {order.symbol for order in effective if order.replaces in known}
    doubtful = {order.id for order in listed if order.symbol in lagging}
    return (*read_again(broker, listed, doubtful), *missing)


def _fills_since(snapshot: Snapshot, now: datetime, *, is_new: bool) -> datetime:
    """Return how far back fills must reach: the last one folded, or a week for a new position."""
    if is_new or not snapshot.positions:
        return now - FILLS_LOOK_BACK
    return min(map(fills_needed_since, snapshot.positions))
