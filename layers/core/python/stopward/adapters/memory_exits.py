"""What closed parts of a trade, of the store in memory, as `stopward.write_exits` tells it."""

from datetime import datetime
from decimal import Decimal

from stopward.adapters.memory_book import Book
from stopward.domain.identity import PositionId
from stopward.domain.orders import Order
from stopward.domain.position import Position


def exits_of(book: Book, position: Position) -> tuple[str, ...]:
    """Return what closed parts of a position: of our orders, of what was seen, then the cause."""
    left = position.closed_quantity or position.initial_quantity
    sold: dict[str, Decimal] = {}
    for order in _filled(book, position.id):
        rule = _rule_of(book, order, position)
        sold[rule] = sold.get(rule, Decimal(0)) + order.filled_quantity
    seen: dict[str, Decimal] = {}
    for _, each in book.observations:
        if each.position_id == position.id and each.kind == "reduced":
            seen[each.cause] = seen.get(each.cause, Decimal(0)) + Decimal(each.detail["quantity"])
    left -= sum(sold.values(), Decimal(0))
    for rule, quantity in seen.items():
        unexplained = min(max(quantity - sold.get(rule, Decimal(0)), Decimal(0)), left)
        if unexplained > 0:
            sold[rule] = sold.get(rule, Decimal(0)) + unexplained
            left -= unexplained
    rules = {*sold, book.trades[position.id].cause} if left > 0 else set(sold)
    return tuple(sorted(rules))


def _filled(book: Book, position_id: PositionId) -> list[Order]:
    return [
        order
        for order in book.orders.values()
        if order.position_id == position_id
        and order.filled_quantity > 0
        and order.step != "release"
    ]


def _rule_of(book: Book, order: Order, position: Position) -> str:
    """Return whose order it is; a stop made smaller is still that of the rule that put it there."""
    if order.step != "shrink":
        return order.rule
    before = [
        other
        for other in book.orders.values()
        if other.position_id == order.position_id
        and other.step in ("arm", "move")
        and other.price == order.price
        and other.tick_at <= order.tick_at
    ]
    if before:
        return max(before, key=lambda other: other.tick_at).rule
    return position.stop_rule if position.stop == order.price else "stop"


def exit_at(book: Book, position_id: PositionId, rule: str) -> datetime:
    """Return when the last that a rule closed of a position was known."""
    known = [
        min(e.at for e in book.events if e.order.id == order.id and e.order.filled_quantity > 0)
        for order in _filled(book, position_id)
        if order.rule == rule
    ]
    return max(known, default=book.trades[position_id].closed_at)
