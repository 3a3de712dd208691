"""From a decision to the goal at the broker: the exit order, the stop, the tranches. Pure."""

from datetime import datetime
from decimal import Decimal

from stopward.domain.decision import Decision, Exit, MoveStop, Reduce
from stopward.domain.holding import Holding, reducing_side
from stopward.domain.identity import derive_order_id
from stopward.domain.money import decimal_of, floor_quantity
from stopward.domain.orders import BrokerOrder, Order
from stopward.domain.position import Position
from stopward.domain.protection import Goal
from stopward.rules.parameters import Rules

ONE_STOP = (Decimal(1),)


def goal_for(
    position: Position,
    holding: Holding,
    decision: Decision | None,
    rules: Rules,
    *,
    exit_order: Order | None,
    exit_at_broker: BrokerOrder | None,
    tick_at: datetime,
    partials: int,
) -> Goal:
    """Return what should be true at the broker, given the decision and an exit already in progress.

    partials: partial steps done once a decided `Reduce` is over.
    """
    stop, stop_rule = position.stop, position.stop_rule
    if exit_order is None:
        match decision:
            case Exit(rule=rule):
                exit_order = exit_of(position, holding, rule=rule, tick_at=tick_at, attempt=0)
            case Reduce(rule=rule, quantity=quantity):
                exit_order = exit_of(
                    position,
                    holding,
                    rule=rule,
                    tick_at=tick_at,
                    attempt=0,
                    quantity=quantity,
                    partials=partials,
                )
            case MoveStop(rule=rule, to=price):
                stop, stop_rule = price, rule
            case _:
                pass
    return Goal(
        position=position,
        stop=stop,
        stop_rule=stop_rule,
        exit=exit_order,
        exit_at_broker=exit_at_broker,
        tranches=tranches(position, rules),
    )


def exit_of(
    position: Position,
    holding: Holding,
    *,
    rule: str,
    tick_at: datetime,
    attempt: int,
    quantity: Decimal | None = None,
    partials: int = 0,
) -> Order | None:
    """Return the order that reduces by `quantity` (None: by all that the broker holds), or None.

    Never more than the quantity last read; None when nothing is held.
    """
    held = holding.quantity(position.side)
    wanted = held if quantity is None else min(quantity, held)
    if wanted <= 0:
        return None
    return Order(
        id=derive_order_id(position.id, "sell", tick_at=tick_at, attempt=attempt),
        position_id=position.id,
        symbol=position.symbol,
        step="sell",
        side=reducing_side(position.side),
        quantity=wanted,
        price=None,
        on=None,
        rule=rule,
        tick_at=tick_at,
        attempt=attempt,
        partials=partials,
    )


def tranches(position: Position, rules: Rules) -> tuple[Decimal, ...]:
    """Return the fractions of the quantity that get a stop of their own; they sum to 1.

    One for each partial exit still to come and one for the rest, where the broker cannot change a
    stop's quantity (fractional shares): a partial exit then releases only its own stop.
    """
    if rules.partial is None or position.lot >= 1 or position.quantity <= 0:
        return ONE_STOP
    fractions = (rules.partial.fraction_1, rules.partial.fraction_2, rules.partial.fraction_3)
    parts: list[Decimal] = []
    left = position.quantity
    for step, fraction in enumerate(fractions, start=1):
        if step <= position.marks.partials or not fraction > 0:
            continue
        part = floor_quantity(position.initial_quantity * decimal_of(fraction), position.lot)
        if 0 < part < left:
            parts.append(part)
            left -= part
    return (*(part / position.quantity for part in parts), left / position.quantity)
