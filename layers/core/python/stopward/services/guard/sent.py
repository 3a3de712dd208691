"""What came of one position's steps, and where its stop rests after them. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from stopward.domain.holding import is_tighter
from stopward.domain.orders import Order
from stopward.domain.position import Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What came of one position's steps.

    orders: with their new status. complete: every step came out as planned. unplaceable: the broker
    would not let a stop rest at its price. passed: of a stop that was to be armed it said that the
    last trade was there. opposed: nor does it at any, beside an order that the trader has open on
    the other side. unprotected_seconds: from the release of a stop to the acceptance of what
    followed; open while `naked_since` is set.
    covered_at: when the broker first accepted a stop or an exit here.
    """

    position: Position
    orders: tuple[Order, ...] = ()
    complete: bool = True
    unplaceable: bool = False
    passed: bool = False
    opposed: bool = False
    naked_since: datetime | None = None
    covered_at: datetime | None = None
    unprotected_seconds: float = 0.0


def with_tightest(position: Position, price: Decimal) -> Position:
    """Return the position with a stop seen resting at `price`, of all its shares or of some."""
    if position.tightest is None or is_tighter(price, position.tightest, position.side):
        return replace(position, tightest=price)
    return position


def rested(position: Position, price: Decimal, rule: str) -> Position:
    """Return the position with its stop seen resting at `price`; it is never loosened here."""
    position = with_tightest(position, price)
    if is_tighter(price, position.stop, position.side):
        return replace(position, stop=price, stop_rule=rule)
    return position


def as_it_rests(sent: Sent, before: Position, steps: Sequence[Order]) -> Sent:
    """Leave the stop where the loosest rests when some moves took effect and others did not."""
    if sent.complete:
        return sent
    moves = [step for step in steps if step.step == "move"]
    done = [order for order in sent.orders if order.step == "move" and order.status != "rejected"]
    if done and done[-1].status == "working" and done[-1] is sent.orders[-1]:
        done.pop()
    if len(done) >= len(moves):
        return sent
    return replace(
        sent, position=replace(sent.position, stop=before.stop, stop_rule=before.stop_rule)
    )


def with_order(sent: Sent, order: Order, *, complete: bool, unplaceable: bool = False) -> Sent:
    """Return the outcome with one more order."""
    return replace(
        sent,
        orders=(*sent.orders, order),
        complete=complete,
        unplaceable=sent.unplaceable or unplaceable,
    )


def with_word(sent: Sent, order: Order) -> Sent:
    """Return the outcome with an order as it stands now; one not yet told of came before all."""
    if all(each.id != order.id for each in sent.orders):
        return replace(sent, orders=(order, *sent.orders))
    orders = tuple(order if each.id == order.id else each for each in sent.orders)
    return replace(sent, orders=orders)
