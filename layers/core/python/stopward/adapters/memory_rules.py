"""The rules of state in memory, by the names that Postgres gives them."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from math import inf

from stopward.domain.decision import Hold
from stopward.domain.money import sign
from stopward.domain.orders import Order, OrderStatus
from stopward.domain.position import Position
from stopward.domain.snapshot import (
    Acknowledgement,
    DecisionRow,
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


def check_intent(order: Order, position: Position, *, is_closed: bool) -> None:
    """Refuse an order of ours that enlarges a position, loosens its stop or comes too late."""
    refuse_if(order.quantity <= 0, "orders_quantity_positive", order.id)
    reducing = "sell" if position.side == "long" else "buy"
    enlarges = order.side != reducing or order.symbol != position.symbol
    refuse_if(order.step != "release" and enlarges, "orders_only_reduce", order.id)
    late = is_closed and order.status in UNSETTLED
    refuse_if(late, "orders_need_open_position", order.id)
    if order.step in ("arm", "move") and order.price is not None:
        slack = position.tick_at(order.price) if order.step == "arm" else Decimal(0)
        behind = sign(position.side) * (position.stop - order.price)
        refuse_if(behind > slack, "orders_stop_tightens", order.id)


def step_key(order: Order) -> tuple[object, ...]:
    """Return what an order is for: two with the same key are the same step, whatever their ids."""
    return order.position_id, order.tick_at, order.step, order.attempt, order.on, order.part


def check_settled(stored: Order, order: Order) -> None:
    """Refuse to open a final order again, to take fills back, or to sell more than was decided."""
    reopened = stored.status not in UNSETTLED and order.status in UNSETTLED
    refuse_if(reopened, "orders_final_stays_final", order.id)
    shrank = order.filled_quantity < stored.filled_quantity
    refuse_if(shrank, "orders_fills_only_grow", order.id)
    refuse_if(order.quantity > stored.quantity, "orders_quantity_only_shrinks", order.id)


def check_change(stored: Position, position: Position, observations: Iterable[Observation]) -> None:
    """Refuse what neither a rule of ours nor an observation of this transaction explains."""
    fixed = (stored.symbol, stored.side, stored.opened_at)
    changed = fixed != (position.symbol, position.side, position.opened_at)
    refuse_if(changed, "positions_identity_is_fixed", position.id)
    refuse_if(position.quantity < 0, "positions_quantity_not_negative", position.id)
    about = [
        each
        for each in observations
        if each.position_id == position.id
        or (each.position_id is None and each.symbol == position.symbol)
    ]
    split = any("split" in (each.kind, each.cause) for each in about)
    by_hand = any(each.kind == "stop_moved" and each.cause == "by_hand" for each in about)
    risk_changed = (stored.initial_stop, stored.risk) != (position.initial_stop, position.risk)
    refuse_if(risk_changed and not split, "positions_risk_is_fixed", position.id)
    loosened = sign(position.side) * (position.stop - stored.stop) < 0
    refuse_if(loosened and not (split or by_hand), "positions_stop_tightens", position.id)


def check_trade(trade: TradeRow) -> None:
    """Refuse excursions that are none: they count from the entry, one on each side of it."""
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
    return row.fired, row.rules_hash, row.rule_version, row.mask, measured, reasons


def refuse_if(broken: bool, rule: str, subject: str) -> None:
    """Raise with the rule's name when it is broken."""
    if broken:
        raise refusal(rule, subject)


def refusal(rule: str, subject: str) -> DatabaseRejected:
    """Return the error that names the rule."""
    return DatabaseRejected(f"{subject} was refused by rule {rule}", rule=rule)
