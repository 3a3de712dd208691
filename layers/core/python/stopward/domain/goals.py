"""From a decision to the goal at the broker: the exit order, the stop, the tranches. Pure."""

from datetime import datetime
from decimal import Decimal

from stopward.domain.decision import Decision, Exit, MoveStop, Reduce
from stopward.domain.draft import Goal
from stopward.domain.holding import Holding, is_tighter, reducing_side
from stopward.domain.identity import derive_order_id
from stopward.domain.money import decimal_of
from stopward.domain.orders import BrokerOrder, Order
from stopward.domain.position import FRACTIONAL_LOT, Position
from stopward.rules.geometry import floor_lot
from stopward.rules.parameters import Rules


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

    partials: partial steps done once a decided `Reduce` is over, or an exit by the same rule: to
    what is added to its shares meanwhile they are done too.
    """
    stop, stop_rule = position.stop, position.stop_rule
    if exit_order is None:
        match decision:
            case Exit(rule=rule):
                exit_order = exit_of(
                    position,
                    holding,
                    rule=rule,
                    tick_at=tick_at,
                    attempt=0,
                    partials=partials if rule == "partial" else 0,
                )
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
            case _:
                pass
        wanted = _stop_of(decision)
        if wanted is not None and is_tighter(wanted[0], stop, position.side):
            stop, stop_rule = wanted
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
    """Return the shares of each partial exit still to come; each gets a stop of its own.

    Only where the broker cannot change a stop's quantity (fractional shares), so that a partial
    exit releases only its own stop. The sizes are those that the rule `partial` will ask for.
    """
    if rules.partial is None or position.lot >= 1:
        return ()
    fractions = (rules.partial.fraction_1, rules.partial.fraction_2, rules.partial.fraction_3)
    initial, lot = float(position.initial_quantity), float(position.lot)
    parts: list[Decimal] = []
    left = position.quantity
    for step, fraction in enumerate(fractions, start=1):
        if step <= position.marks.partials or not fraction > 0:
            continue
        part = decimal_of(floor_lot(fraction * initial, lot), FRACTIONAL_LOT)
        if 0 < part < left:
            parts.append(part)
            left -= part
    return tuple(parts)


def _stop_of(decision: Decision | None) -> tuple[Decimal, str] | None:
    """Return where a decision wants the stop, and by which rule; None when it moves none."""
    match decision:
        case MoveStop(rule=rule, to=price):
            return price, rule
        case Reduce(stop=Decimal() as price, stop_rule=str() as rule):
            return price, rule
        case _:
            return None
