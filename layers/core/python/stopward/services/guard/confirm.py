"""What came of the orders sent: the acknowledgement, and trades proved by fills. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from stopward.domain.day import after_trade
from stopward.domain.fills import fold_fills
from stopward.domain.identity import Symbol
from stopward.domain.orders import Fill, Order
from stopward.domain.position import Position
from stopward.domain.reconcile import close_trade, known_causes
from stopward.domain.snapshot import Alarm, DayRow, TradeRow
from stopward.services.guard.act import Sent
from stopward.services.guard.believe import FINAL, is_finished_partial, with_partials


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """The outcome of a tick's orders. day is None when nothing closed."""

    orders: tuple[Order, ...] = ()
    positions: tuple[Position, ...] = ()
    trades: tuple[TradeRow, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    cleared: tuple[str, ...] = ()
    day: DayRow | None = None
    unprotected_seconds: Mapping[Symbol, float] = field(default_factory=dict)


def sold(sent: Sequence[Sent]) -> bool:
    """Whether fills must be read: an exit of ours has sold something."""
    return any(
        order.step == "sell" and order.filled_quantity > 0 for s in sent for order in s.orders
    )


def confirm(
    sent: Sequence[Sent], fills: Sequence[Fill], day: DayRow, *, now: datetime
) -> Confirmed:
    """Return what to acknowledge. sent: the last word of each position, with all rounds' orders."""
    orders = tuple(order for each in sent for order in each.orders)
    causes = known_causes(orders, ())
    positions: list[Position] = []
    trades: list[TradeRow] = []
    seconds: dict[Symbol, float] = {}
    for each in sent:
        done = max((o.partials for o in each.orders if is_finished_partial(o)), default=0)
        own = fills if sold((each,)) else ()
        folded = fold_fills(with_partials(each.position, done), own)
        position = folded.position
        if each.position.quantity > 0 and position.quantity <= 0:
            trade = close_trade(folded, causes, now=now)
            trades.append(trade)
            day = after_trade(day, trade)
        positions.append(position)
        if each.unprotected_seconds > 0 or each.naked_since is not None:
            seconds[position.symbol] = _naked_seconds(each, position, now)
    return Confirmed(
        orders=orders,
        positions=tuple(positions),
        trades=tuple(trades),
        alarms=tuple(alarm for each in sent for alarm in _alarms(each)),
        cleared=tuple(f"order_rejected:{each.position.symbol}" for each in sent if each.complete),
        day=day,
        unprotected_seconds=seconds,
    )


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
