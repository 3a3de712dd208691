"""When a resting order meets the path of prices: pure arithmetic, no state.

A stop triggers on touch. A limit needs the price to trade through it by some step, unless it is
already marketable. What jumps over a level (a gap at a bar's open) is met at the price after it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from stopward.local.simulator.order import SimulatedOrder, is_stop_kind
from stopward.local.simulator.prices import Point


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """An order met by the path: where and when, and at which price it would trade."""

    at: datetime
    level: Decimal
    price: Decimal


def effective_limit(order: SimulatedOrder) -> Decimal | None:
    """Return the worst price the order accepts: its limit or collar; None for any."""
    return order.limit_price if order.limit_price is not None else order.collar


def is_dormant(order: SimulatedOrder) -> bool:
    """Return whether the order still waits for its stop price."""
    return is_stop_kind(order.kind) and not order.elected


def is_elected_at(order: SimulatedOrder, price: Decimal) -> bool:
    """Return whether a waiting stop is touched at `price`."""
    if order.stop_price is None:
        return False
    return price >= order.stop_price if order.side == "buy" else price <= order.stop_price


def is_marketable(order: SimulatedOrder, price: Decimal) -> bool:
    """Return whether an order that no longer waits may trade at `price` or better."""
    limit = effective_limit(order)
    if limit is None:
        return True
    return price <= limit if order.side == "buy" else price >= limit


def touch(order: SimulatedOrder, start: Point, end: Point, *, tick: Decimal) -> Touch | None:
    """Return where a straight way from `start` to `end` meets the order, or None.

    A market order that was left over by a lack of volume is met only after a jump: at a bar's open.
    """
    if is_dormant(order):
        if is_elected_at(order, start.price):
            return Touch(at=start.at, level=start.price, price=start.price)
        if is_elected_at(order, end.price) and order.stop_price is not None:
            level = order.stop_price
            return Touch(at=_when(start, end, level), level=level, price=level)
        return None
    limit = effective_limit(order)
    if limit is None:
        return Touch(at=start.at, level=start.price, price=start.price) if start.jump else None
    beyond = limit + tick if order.side == "sell" else limit - tick
    if _is_beyond(order, start.price, limit) or (start.jump and start.price == limit):
        better = start.jump or order.elected
        return Touch(at=start.at, level=start.price, price=start.price if better else limit)
    if _is_beyond(order, end.price, limit):
        level = min(beyond, end.price) if order.side == "sell" else max(beyond, end.price)
        return Touch(at=_when(start, end, level), level=level, price=limit)
    return None


def may_touch(order: SimulatedOrder, *, low: Decimal, high: Decimal) -> bool:
    """Return whether a way without jumps from `low` to `high`, or within, may touch the order.

    A waiting trailing stop moves with every price, so that each may.
    """
    if is_dormant(order):
        nearest = high if order.side == "buy" else low
        return order.kind == "trailing_stop" or is_elected_at(order, nearest)
    limit = effective_limit(order)
    best = low if order.side == "buy" else high
    return limit is not None and _is_beyond(order, best, limit)


def _is_beyond(order: SimulatedOrder, price: Decimal, limit: Decimal) -> bool:
    return price < limit if order.side == "buy" else price > limit


def _when(start: Point, end: Point, level: Decimal) -> datetime:
    # The moment at which a straight line from start to end passes the level.
    if end.price == start.price:
        return start.at
    share = (level - start.price) / (end.price - start.price)
    span = Decimal(str((end.at - start.at).total_seconds()))
    return start.at + timedelta(seconds=float(span * share))
