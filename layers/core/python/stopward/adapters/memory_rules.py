"""The rules of state in memory, by the names that Postgres gives them."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from math import inf

from stopward.domain.decision import Hold
from stopward.domain.market import CENT
from stopward.domain.money import sign
from stopward.domain.orders import SIZED, Order, OrderStatus
from stopward.domain.position import Position
from stopward.domain.snapshot import (
    Acknowledgement,
    DecisionRow,
    Mode,
    Observation,
    TickRecord,
    TradeRow,
)
from stopward.errors import DatabaseRejected

UNSETTLED: frozenset[OrderStatus] = frozenset({"recorded", "working"})


def check_now(told: TickRecord | Acknowledgement, now: datetime) -> None:
    """Refuse a tick of the far future, a lease too long, and what is of another pulse."""
    rule = "record_tick_request" if isinstance(told, TickRecord) else "acknowledge_request"
    latest = now + timedelta(days=1)
    refuse_if(told.tick_at > latest or told.at > latest, rule, told.account_id)
    if isinstance(told, TickRecord):
        refuse_if(not 0 <= told.lease_seconds <= 86400, rule, told.account_id)
        pulses = {row.tick_at for row in told.decisions}
        refuse_if(not pulses <= {told.tick_at}, rule, told.account_id)


def check_new(position: Position) -> None:
    """Refuse a position that nobody can hold."""
    refuse_if(position.quantity < 0, "positions_quantity_not_negative", position.id)
    refuse_if(position.risk <= 0, "positions_risk_positive", position.id)


def check_intent(order: Order, position: Position, *, is_closed: bool, held: Decimal) -> None:
    """Refuse an order of ours that enlarges a position, loosens its stop or comes too late.

    held: shares that the tick saw at the broker beyond what fills explain; 0 when it told nothing.
    """
    is_born = order.status == "recorded" and order.filled_quantity == 0
    refuse_if(not is_born or order.broker_order_id is not None, "orders_born_recorded", order.id)
    reducing = "sell" if position.side == "long" else "buy"
    enlarges = order.side != reducing or order.symbol != position.symbol
    refuse_if(order.step != "release" and enlarges, "orders_only_reduce", order.id)
    refuse_if(is_closed, "orders_need_open_position", order.id)
    beyond = order.quantity > max(position.quantity, held)
    refuse_if(order.step in SIZED and beyond, "orders_within_position", order.id)
    if order.step in ("arm", "move") and order.price is not None:
        slack = min(position.tick_at(order.price), CENT) if order.step == "arm" else Decimal(0)
        behind = sign(position.side) * (position.stop - order.price)
        refuse_if(behind > slack, "orders_stop_tightens", order.id)
    refuse_if(order.quantity <= 0, "orders_quantity_positive", order.id)
    unpriced = order.step in ("arm", "move") and (order.price is None or order.price <= 0)
    refuse_if(unpriced, "orders_stop_has_price", order.id)


def check_together(orders: Iterable[Order], position: Position, *, held: Decimal) -> None:
    """Refuse new orders of one record that together ask for more shares than there are."""
    wanted = sum((each.quantity for each in orders if each.step in SIZED), Decimal(0))
    refuse_if(wanted > max(position.quantity, held), "orders_within_position", position.id)


def step_key(order: Order) -> tuple[object, ...]:
    """Return what an order is for: two with the same key are the same step, whatever their ids."""
    return order.position_id, order.tick_at, order.step, order.attempt, order.on, order.part


def is_withheld(order: Order, known: Iterable[Order], mode: Mode) -> bool:
    """Whether an intent is not written, and so not sent.

    In mode observe nothing is, but what a tick began before is brought to its end; and no sale is
    while an earlier position's may still take the shares.
    """
    stored = tuple(known)
    step = (order.position_id, order.tick_at)
    goes_on = any(
        (each.position_id, each.tick_at) == step and each.attempt < order.attempt for each in stored
    )
    if mode == "observe" and not goes_on:
        return True
    return order.step == "sell" and any(
        each.step == "sell"
        and each.status in UNSETTLED
        and each.symbol == order.symbol
        and each.position_id != order.position_id
        for each in stored
    )


def is_repeated(
    stored: Order, order: Order, *, tick_at: datetime, told: Iterable[tuple[datetime, Order]]
) -> bool:
    """Whether it is the same word of the same pulse, or an older one of an order that went on.

    told: the order as it stood after each change, with the pulse that told it.
    """
    went_on = stored.status not in UNSETTLED or order.filled_quantity < stored.filled_quantity
    if order.quantity < stored.quantity or _word(order) == _word(stored):
        return False
    return any(_word(order) == _word(before) and (at == tick_at or went_on) for at, before in told)


def _word(order: Order) -> tuple[object, ...]:
    fills = (order.filled_quantity, order.filled_price)
    return order.status, order.broker_order_id, *fills, order.reason


def check_settled(stored: Order, order: Order) -> None:
    """Refuse to rewrite what became of an order, or to sell more than was decided."""
    known = stored.broker_order_id
    exchanged = known is not None and order.broker_order_id != known
    refuse_if(exchanged, "orders_broker_id_is_fixed", order.id)
    grew = order.filled_quantity > stored.filled_quantity
    too_much = order.step in SIZED and grew and order.filled_quantity > stored.quantity
    refuse_if(too_much, "orders_fills_fit_quantity", order.id)
    shrank = order.filled_quantity < stored.filled_quantity
    refuse_if(shrank, "orders_fills_only_grow", order.id)
    other = order.status not in (stored.status, "filled")
    repriced = order.filled_price != stored.filled_price and not grew
    rewritten = stored.status not in UNSETTLED and (other or repriced)
    refuse_if(rewritten, "orders_final_stays_final", order.id)
    refuse_if(order.quantity > stored.quantity, "orders_quantity_only_shrinks", order.id)


def check_change(stored: Position, position: Position, observations: Iterable[Observation]) -> None:
    """Refuse what neither a rule of ours nor an observation of this pulse explains."""
    about = [each for each in observations if each.position_id == position.id]
    split = any("split" in (each.kind, each.cause) for each in about)
    added = any(each.kind == "added" for each in about)
    by_hand = any(each.kind == "stop_moved" and each.cause == "by_hand" for each in about)
    size = (stored.initial_quantity, stored.average_entry)
    grew = position.quantity > stored.quantity
    grew = grew or size != (position.initial_quantity, position.average_entry)
    refuse_if(grew and not (split or added), "positions_growth_is_seen", position.id)
    fixed = (stored.symbol, stored.side, stored.opened_at)
    changed = fixed != (position.symbol, position.side, position.opened_at)
    refuse_if(changed, "positions_identity_is_fixed", position.id)
    risk_changed = (stored.initial_stop, stored.risk) != (position.initial_stop, position.risk)
    refuse_if(risk_changed and not split, "positions_risk_is_fixed", position.id)
    stepped = position.tick != stored.tick or position.lot > stored.lot
    refuse_if(stepped and not split, "positions_steps_are_fixed", position.id)
    loosened = sign(position.side) * (position.stop - stored.stop) < 0
    refuse_if(loosened and not (split or by_hand), "positions_stop_tightens", position.id)
    refuse_if(position.quantity < 0, "positions_quantity_not_negative", position.id)


def check_trade(trade: TradeRow, position: Position) -> None:
    """Refuse another symbol, and excursions that are none: they count from the entry."""
    refuse_if(trade.symbol != position.symbol, "trades_symbol_of_position", trade.position_id)
    fine = all(0.0 <= each < inf for each in (trade.mae_r, trade.mfe_r))
    refuse_if(not fine, "trades_excursions_not_negative", trade.position_id)


def extends(run: DecisionRow, last_tick_at: datetime, row: DecisionRow) -> bool:
    """Whether a decision is the same hold as the run's, inside the same bar and later."""
    # What a rule wanted may drift by a cent a pulse; which rules were true, and for what, may not.
    return (
        isinstance(run.decision, Hold)
        and isinstance(row.decision, Hold)
        and not row.closed_bar
        and row.tick_at > last_tick_at
        and _signature(run) == _signature(row)
    )


def ends(last_tick_at: datetime, row: DecisionRow) -> bool:
    """Whether a decision ends a run: a later one does, and at its last pulse one that acts."""
    at_once = row.tick_at == last_tick_at and not isinstance(row.decision, Hold)
    return row.tick_at > last_tick_at or at_once


def is_told(row: DecisionRow, known: Iterable[DecisionRow]) -> bool:
    """Whether a decision adds nothing to those `known` of its pulse: a hold, or the same again."""
    if isinstance(row.decision, Hold):
        return any(True for _ in known)
    return any(each.tick_at == row.tick_at and each.decision == row.decision for each in known)


def _signature(row: DecisionRow) -> tuple[object, ...]:
    reasons = tuple((reason.rule, reason.wanted) for reason in row.reasons)
    # Spelled, for nan is no number's equal.
    measured = repr(row.measured)
    told = row.circumstances
    rules = None if told is None else (told.rule_set, told.hand_loosened)
    return row.fired, row.rules_hash, row.rule_version, row.mask, measured, rules, reasons


def refuse_if(broken: bool, rule: str, subject: str) -> None:
    """Raise with the rule's name when it is broken."""
    if broken:
        raise refusal(rule, subject)


def refusal(rule: str, subject: str) -> DatabaseRejected:
    """Return the error that names the rule."""
    return DatabaseRejected(f"{subject} was refused by rule {rule}", rule=rule)
