"""What came of the orders sent: the acknowledgement, and trades proved by fills. Pure."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from stopward.domain.day import after_fills
from stopward.domain.fills import Folded, is_folded
from stopward.domain.identity import BrokerOrderId, Symbol
from stopward.domain.market import Session
from stopward.domain.orders import PENDING, BrokerOrder, Fill, Order
from stopward.domain.position import EXIT_REFUSED, Position, flagged
from stopward.domain.reconcile import (
    close_trade,
    fold_explaining,
    known_causes,
    observed_fills,
)
from stopward.domain.snapshot import Alarm, DayRow, Observation, TradeRow
from stopward.services.guard.sent import Sent
from stopward.services.guard.settled import FINAL, with_partials_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """The outcome of a tick's orders. day is None when nothing closed."""

    orders: tuple[Order, ...] = ()
    positions: tuple[Position, ...] = ()
    trades: tuple[TradeRow, ...] = ()
    observations: tuple[Observation, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    cleared: tuple[str, ...] = ()
    day: DayRow | None = None
    unprotected_seconds: Mapping[Symbol, float] = field(default_factory=dict)


def sold(sent: Sequence[Sent]) -> bool:
    """Whether fills must be read: an exit of ours has sold something."""
    return any(
        order.step == "sell" and order.filled_quantity > 0 for s in sent for order in s.orders
    )


def superseded(orders: Sequence[Order], recorded: Sequence[Order]) -> tuple[Order, ...]:
    """Return the recorded orders that these replaced or released, now over.

    Told here, they need not be read one by one in the next tick.
    """
    told = {order.id for order in orders}
    gone = {
        order.on: "replaced" if order.step in ("move", "shrink") else "canceled"
        for order in orders
        if order.on is not None and _took_effect(order)
    }
    return tuple(
        replace(order, status="canceled", reason=gone[order.broker_order_id])
        for order in recorded
        if order.broker_order_id in gone and order.id not in told and order.step != "release"
    )


def _took_effect(order: Order) -> bool:
    if order.step in ("move", "shrink"):
        return order.status == "working" and order.reason not in PENDING
    return order.step == "release" and order.status == "filled"


def confirm(
    sent: Sequence[Sent],
    fills: Sequence[Fill],
    day: DayRow,
    *,
    recorded: Sequence[Order],
    found: Sequence[BrokerOrder] = (),
    now: datetime,
    session: Session | None = None,
) -> Confirmed:
    """Return what to acknowledge.

    sent: the last word of each position, with all rounds' orders. recorded: orders of ours that
    were not final when the tick began. found: orders of others whose fills are among `fills`.
    session: the day's, which tells what was held overnight.
    """
    orders = tuple(order for each in sent for order in each.orders)
    orders = (*orders, *superseded(orders, recorded))
    causes = known_causes((*recorded, *orders), found)
    positions: list[Position] = []
    trades: list[TradeRow] = []
    observations: list[Observation] = []
    seconds: dict[Symbol, float] = {}
    for each in sent:
        own = fills if sold((each,)) else ()
        exits = frozenset(o.broker_order_id for o in each.orders if o.step == "sell")
        folded = _folded(with_partials_of(each.position, each.orders), own, exits)
        observations.extend(observed_fills(folded, causes, but=exits))
        position = _after_sells(folded.position, each)
        trade: TradeRow | None = None
        if each.position.quantity > 0 and position.quantity <= 0:
            trade = close_trade(folded, causes, now=now)
            trades.append(trade)
        day = after_fills(day, each.position, position, trade, session=session)
        positions.append(position)
        if each.unprotected_seconds > 0 or each.naked_since is not None:
            seconds[position.symbol] = _naked_seconds(each, position, now)
    return Confirmed(
        orders=orders,
        positions=tuple(positions),
        trades=tuple(trades),
        observations=tuple(observations),
        alarms=tuple(alarm for each in sent for alarm in _alarms(each)),
        cleared=tuple(
            f"{kind}:{each.position.symbol}"
            for each in sent
            if each.complete
            for kind in ("order_rejected", "order_forgotten")
        ),
        day=day,
        unprotected_seconds=seconds,
    )


def _folded(
    position: Position, fills: Sequence[Fill], exits: Collection[BrokerOrderId | None]
) -> Folded:
    """Return the position after fills: all that our exits sold was of it."""
    new = (f for f in fills if f.order_id in exits and not is_folded(position, f))
    sold_now = sum((fill.quantity for fill in new), Decimal(0))

    def explains(folded: Folded) -> bool:
        taken = (each.quantity for each in folded.reductions if each.order_id in exits)
        return sum(taken, Decimal(0)) == sold_now

    return fold_explaining(position, fills, explains)


def _after_sells(position: Position, sent: Sent) -> Position:
    """Return the position with `exit_refused` set or taken off, as its last sell came out."""
    sells = [order for order in sent.orders if order.step == "sell"]
    if not sells:
        return position
    if sells[-1].status == "rejected":
        return replace(position, flags=flagged(position, EXIT_REFUSED))
    return replace(position, flags=tuple(f for f in position.flags if f != EXIT_REFUSED))


def _naked_seconds(sent: Sent, position: Position, now: datetime) -> float:
    """Return the seconds without stop or exit; they end with a position that is closed now."""
    seconds = sent.unprotected_seconds
    if sent.naked_since is not None and position.quantity > 0:
        seconds += (now - sent.naked_since).total_seconds()
    return seconds


def _alarms(sent: Sent) -> tuple[Alarm, ...]:
    rejected = [order for order in sent.orders if order.status == "rejected"]
    symbol = sent.position.symbol
    alarms = [
        Alarm(
            key=f"order_rejected:{symbol}",
            kind="order_rejected",
            symbol=symbol,
            message=f"{symbol}: the broker rejected {order.step} {order.id}: {order.reason}",
            severity="critical",
        )
        for order in rejected[-1:]
    ]
    if not sent.complete and not sent.orders:
        alarms.append(
            Alarm(
                key=f"steps_unsent:{symbol}",
                kind="steps_unsent",
                symbol=symbol,
                message=f"{symbol}: time or the rate limit ran out before anything was sent",
            )
        )
    if sent.naked_since is not None and not _sold_all(sent):
        alarms.append(
            Alarm(
                key=f"unprotected:{symbol}",
                kind="unprotected",
                symbol=symbol,
                message=(
                    f"{symbol}: no stop rests and no exit works since "
                    f"{sent.naked_since:%H:%M:%S} UTC"
                ),
                severity="critical",
            )
        )
    return tuple(alarms)


def _sold_all(sent: Sent) -> bool:
    return any(order.step == "sell" and order.status in FINAL for order in sent.orders)
