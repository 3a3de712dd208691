"""Bring snapshot and picture together: settle, reconcile, adopt. Pure but for the new one's ATR."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from stopward.domain.adoption import is_doubtful, refusal, with_entry
from stopward.domain.day import after_fills
from stopward.domain.identity import Symbol, is_ours
from stopward.domain.orders import BrokerOrder, Order
from stopward.domain.position import Position
from stopward.domain.reconcile import Reconciled, known_causes, reconcile
from stopward.domain.rulebook.settings import AccountSettings
from stopward.domain.snapshot import Alarm, Snapshot
from stopward.domain.split import SPLIT
from stopward.services.guard.sent import rested, with_tightest
from stopward.services.guard.settled import decided_anew, settle_all, subject_of, with_partials_of
from stopward.services.guard.strangers import adopt_new, adopted_observation
from stopward.services.guard.subject import Beliefs, Picture, Subject


def believe(
    snapshot: Snapshot,
    picture: Picture,
    settings: AccountSettings,
    *,
    daily_atr: Callable[[Sequence[Symbol]], Mapping[Symbol, float]],
) -> Beliefs:
    """Return what we now believe of every opted-in position, and what is to be recorded of it."""
    settled = settle_all(snapshot, picture)
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
        before = with_partials_of(with_entry(position, fills), own)
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
            settled = decided_anew(settled, position.id)
        may_touch = refusal(settings, position.symbol, _tags(snapshot, position)) is None
        if (
            reconciled.trade is not None
            and may_touch
            and _has_leftovers(snapshot, picture, position)
        ):
            if holding.quantity(position.side) == 0:
                clearing.append(position)
            gone.append(reconciled.position)
            results.append(replace(reconciled, trade=None, split=None, observations=(), cleared=()))
            continue
        results.append(reconciled)
        day = after_fills(
            day, before, reconciled.position, reconciled.trade, session=snapshot.session
        )
        if reconciled.trade is not None:
            closed.append(reconciled.position)
        elif may_touch:
            subjects.append(subject_of(reconciled.position, holding, settled))
        else:
            aside.append(reconciled.position)
    adopted, strangers = adopt_new(snapshot, picture, settings, settled, daily_atr=daily_atr)
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
        + tuple(adopted_observation(subject.position) for subject in adopted),
        alarms=tuple(a for r in results for a in r.alarms)
        + strangers
        + _rejection_alarms(settled.changed)
        + _forgotten_alarms(snapshot, picture),
        cleared=tuple(key for r in results for key in r.cleared),
        day=day,
        halted_symbols=tuple(r.position.symbol for r in results if r.flipped),
        unread=picture.unread,
        splits={r.position.symbol: r.split for r in results if r.split is not None},
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
        ended = order.status in ("canceled", "filled")
        if not ended or found is None or found.stop_price is None:
            continue
        if order.step in ("arm", "move"):
            position = rested(position, found.stop_price, order.rule)
        elif order.step == "shrink":
            position = with_tightest(position, found.stop_price)
    return position


def _tags(snapshot: Snapshot, position: Position) -> tuple[str, ...]:
    """Return the tags of a guarded position: its own, and those the symbol has by now."""
    return tuple(dict.fromkeys((*position.tags, *snapshot.tags.get(position.symbol, ()))))


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


def _forgotten_alarms(snapshot: Snapshot, picture: Picture) -> tuple[Alarm, ...]:
    guarded = {position.id for position in snapshot.positions}
    return tuple(
        Alarm(
            key=f"order_forgotten:{order.symbol}",
            kind="order_forgotten",
            symbol=order.symbol,
            message=(
                f"{order.symbol}: the broker took {order.step} {order.id} and knows it no more; "
                "it counts as lost"
            ),
        )
        for order in snapshot.orders
        if order.id in picture.forgotten and order.position_id in guarded
    )
