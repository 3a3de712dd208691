"""Bring snapshot and picture together: settle, reconcile, adopt. Pure but for the new one's ATR."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from stopward.domain.adoption import adopt, has_entry, is_doubtful, refusal, with_entry
from stopward.domain.day import after_fills
from stopward.domain.identity import PositionId, Symbol, is_ours
from stopward.domain.market import Instrument
from stopward.domain.orders import BrokerOrder, Order
from stopward.domain.position import Position
from stopward.domain.reconcile import Reconciled, known_causes, reconcile
from stopward.domain.rulebook.settings import AccountSettings
from stopward.domain.settling import abandon, settle
from stopward.domain.snapshot import Alarm, Observation, Snapshot
from stopward.domain.split import SPLIT
from stopward.services.guard.sent import rested
from stopward.services.guard.subject import Beliefs, Picture, Subject

FINAL = frozenset({"filled", "canceled", "rejected", "void"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settled:
    """Orders of ours after the broker's word: all of them, and those that changed."""

    orders: tuple[Order, ...]
    changed: tuple[Order, ...]
    of_position: Mapping[PositionId, tuple[Order, ...]]
    by_client_id: Mapping[str, BrokerOrder]


def believe(
    snapshot: Snapshot,
    picture: Picture,
    settings: AccountSettings,
    *,
    daily_atr: Callable[[Sequence[Symbol]], Mapping[Symbol, float]],
) -> Beliefs:
    """Return what we now believe of every opted-in position, and what is to be recorded of it."""
    settled = _settle_all(snapshot, picture)
    causes = known_causes(settled.orders, picture.found)
    day = snapshot.day
    subjects: list[Subject] = []
    closed: list[Position] = []
    clearing: list[Position] = []
    gone: list[Position] = []
    aside: list[Position] = []
    results: list[Reconciled] = []
    for position in snapshot.positions:
        own = settled.of_position.get(position.id, ())
        holding = picture.holding(position.symbol)
        fills = picture.fills_of.get(position.symbol, ())
        before = _with_partials_of(with_entry(position, fills), own)
        reconciled = reconcile(
            _with_rested(before, own, settled.by_client_id),
            holding,
            fills=fills,
            causes=causes,
            now=picture.at,
        )
        if reconciled.split is not None:
            # What rested before a split, rested at a price of before it.
            reconciled = reconcile(before, holding, fills=fills, causes=causes, now=picture.at)
        may_touch = refusal(settings, position.symbol, _tags(snapshot, position)) is None
        if (
            reconciled.trade is not None
            and may_touch
            and _has_leftovers(snapshot, picture, position)
        ):
            if holding.quantity(position.side) == 0:
                clearing.append(position)
            gone.append(reconciled.position)
            results.append(replace(reconciled, trade=None, observations=(), cleared=()))
            continue
        results.append(reconciled)
        day = after_fills(
            day, before, reconciled.position, reconciled.trade, session=snapshot.session
        )
        if reconciled.trade is not None:
            closed.append(reconciled.position)
        elif may_touch:
            subjects.append(_subject(reconciled.position, picture, own, settled.by_client_id))
        else:
            aside.append(reconciled.position)
    adopted, strangers = _adopt_new(snapshot, picture, settings, daily_atr=daily_atr)
    subjects.extend(adopted)
    return Beliefs(
        subjects=tuple(subjects),
        settled=settled.changed,
        trades=tuple(r.trade for r in results if r.trade is not None),
        closed=tuple(closed),
        clearing=tuple((p, picture.holding(p.symbol)) for p in clearing),
        gone=tuple(gone),
        aside=tuple(aside),
        observations=tuple(o for r in results for o in r.observations)
        + tuple(_adopted_observation(subject.position) for subject in adopted),
        alarms=tuple(a for r in results for a in r.alarms)
        + strangers
        + _rejection_alarms(settled.changed),
        cleared=tuple(key for r in results for key in r.cleared),
        day=day,
        halted_symbols=tuple(r.position.symbol for r in results if r.flipped),
        splits={r.position.symbol: r.split for r in results if r.split is not None},
    )


def _settle_all(snapshot: Snapshot, picture: Picture) -> _Settled:
    known = (*picture.orders, *picture.found)
    by_client_id = {order.client_order_id: order for order in known}
    by_id = {order.id: order for order in known}
    guarded = {position.id for position in snapshot.positions}
    stand = (settle(o, by_client_id=by_client_id, by_id=by_id) for o in snapshot.orders)
    orders = tuple(
        abandon(order) if is_unsent(order) and order.position_id not in guarded else order
        for order in stand
    )
    changed = tuple(
        now for before, now in zip(snapshot.orders, orders, strict=True) if now != before
    )
    of_position: dict[PositionId, tuple[Order, ...]] = {}
    for order in orders:
        of_position[order.position_id] = (*of_position.get(order.position_id, ()), order)
    return _Settled(
        orders=orders, changed=changed, of_position=of_position, by_client_id=by_client_id
    )


def _has_leftovers(snapshot: Snapshot, picture: Picture, position: Position) -> bool:
    """Whether orders of ours rest for a position that is gone; it is closed once they are.

    Where the broker lists shares again, they cover a new position, if fills lead to it. If none do,
    the list may lag: nothing is touched, and the next tick looks again.
    """
    holding = picture.holding(position.symbol)
    if snapshot.account.mode == "observe":
        return False
    if (found := holding.position) is not None and found.side == position.side:
        fills = picture.fills_of.get(position.symbol, ())
        if not is_doubtful(found, fills, now=picture.at):
            return False
    return any(is_ours(order.client_order_id) for order in holding.reducing(position.side))


def _with_partials_of(position: Position, orders: Sequence[Order]) -> Position:
    """Count the partial exits that are finished now."""
    done = max((order.partials for order in orders if is_finished_partial(order)), default=0)
    return with_partials(position, done)


def _with_rested(
    position: Position, orders: Sequence[Order], by_client_id: Mapping[str, BrokerOrder]
) -> Position:
    """Count the stops that rested and ended, at the price that the broker tells.

    A stop of ours that the trader canceled before we saw it rest did rest: what replaces it is no
    looser. Of a position that was split nothing is counted: an order may be older than the split.
    """
    if SPLIT in position.flags:
        return position
    for order in orders:
        found = by_client_id.get(order.id)
        ended = order.status in ("canceled", "filled") and order.step in ("arm", "move")
        if ended and found is not None and found.stop_price is not None:
            position = rested(position, found.stop_price, order.rule)
    return position


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


def _subject(
    position: Position,
    picture: Picture,
    orders: Sequence[Order],
    by_client_id: Mapping[str, BrokerOrder],
) -> Subject:
    exit_order = next(
        (order for order in orders if order.step == "sell" and order.status not in FINAL), None
    )
    return Subject(
        position=position,
        holding=picture.holding(position.symbol),
        exit=exit_order,
        exit_at_broker=None if exit_order is None else by_client_id.get(exit_order.id),
    )


def _adopt_new(
    snapshot: Snapshot,
    picture: Picture,
    settings: AccountSettings,
    *,
    daily_atr: Callable[[Sequence[Symbol]], Mapping[Symbol, float]],
) -> tuple[tuple[Subject, ...], tuple[Alarm, ...]]:
    """Adopt what is opted in; report what is not and stands without a stop."""
    ours = {position.symbol for position in snapshot.positions}
    new: list[Symbol] = []
    alarms: list[Alarm] = []
    for symbol, found in sorted(picture.positions.items()):
        if symbol in ours:
            continue
        why_not = refusal(settings, symbol, _new_tags(snapshot, picture, symbol))
        if why_not is None and is_doubtful(found, picture.fills_of.get(symbol, ()), now=picture.at):
            alarms.append(_doubtful_alarm(symbol))
        elif why_not is None and not has_entry(found):
            alarms.append(_entry_alarm(symbol, found.average_entry))
        elif why_not is None:
            new.append(symbol)
        elif picture.holding(symbol).covered_quantity(found.side) < found.quantity:
            alarms.append(_stranger_alarm(symbol, why_not))
    bare = [s for s in new if not picture.holding(s).stops(picture.positions[s].side)]
    atr = daily_atr(bare) if bare else {}
    subjects = []
    for symbol in new:
        holding = picture.holding(symbol)
        position = adopt(
            picture.positions[symbol],
            holding,
            account_id=snapshot.account.id,
            instrument=snapshot.instruments.get(symbol, Instrument(symbol=symbol)),
            fills=picture.fills_of.get(symbol, ()),
            daily_atr=atr.get(symbol),
            settings=settings,
            tags=_new_tags(snapshot, picture, symbol),
            now=picture.at,
        )
        subjects.append(Subject(position=position, holding=holding, is_new=True))
    return tuple(subjects), tuple(alarms)


def _new_tags(snapshot: Snapshot, picture: Picture, symbol: Symbol) -> tuple[str, ...]:
    """Return the tags of a position to be adopted: the symbol's and its entry order's."""
    both = (*snapshot.tags.get(symbol, ()), *picture.entry_tags.get(symbol, ()))
    return tuple(dict.fromkeys(both))


def _tags(snapshot: Snapshot, position: Position) -> tuple[str, ...]:
    """Return the tags of a guarded position: its own, and those the symbol has by now."""
    return tuple(dict.fromkeys((*position.tags, *snapshot.tags.get(position.symbol, ()))))


def _adopted_observation(position: Position) -> Observation:
    return Observation(
        position_id=PositionId(position.id),
        symbol=position.symbol,
        kind="adopted",
        cause="opted_in",
        detail={
            "side": position.side,
            "quantity": str(position.quantity),
            "entry": str(position.average_entry),
            "initial_stop": str(position.initial_stop),
            "flags": ",".join(position.flags),
        },
    )


def _stranger_alarm(symbol: Symbol, why_not: str) -> Alarm:
    return Alarm(
        key=f"unguarded:{symbol}",
        kind="unguarded",
        symbol=symbol,
        message=(
            f"{symbol} has no full stop and is left alone: {why_not}; `stopward tag` opts it in"
        ),
    )


def _doubtful_alarm(symbol: Symbol) -> Alarm:
    return Alarm(
        key=f"position_doubtful:{symbol}",
        kind="position_doubtful",
        symbol=symbol,
        message=f"{symbol}: fills of the last minute do not lead to the position listed; we wait",
    )


def _entry_alarm(symbol: Symbol, average_entry: Decimal) -> Alarm:
    return Alarm(
        key=f"entry_missing:{symbol}",
        kind="entry_missing",
        symbol=symbol,
        message=(
            f"{symbol} is opted in and left alone: the broker tells an average entry of "
            f"{average_entry}, so there is no risk to guard it by; place its stop by hand"
        ),
    )


def _rejection_alarms(changed: Sequence[Order]) -> tuple[Alarm, ...]:
    return tuple(
        Alarm(
            key=f"order_rejected:{order.symbol}",
            kind="order_rejected",
            symbol=order.symbol,
            message=f"{order.symbol}: the broker rejected {order.step} {order.id}: {order.reason}",
            severity="critical",
        )
        for order in changed
        if order.status == "rejected"
    )
