"""Bring what we believe in line with what the broker says: per position, pure.

That a position is closed is believed from fills, never from its absence in a list.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from stopward.domain.fills import Folded, after_split, fold_fills, split_ratio
from stopward.domain.holding import STOP_KINDS, Holding, is_tighter, loosest_stop
from stopward.domain.identity import is_ours
from stopward.domain.money import sign
from stopward.domain.orders import BrokerOrder, Fill, Order
from stopward.domain.position import Position
from stopward.domain.snapshot import Alarm, Observation, TradeRow

BY_HAND = "by_hand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """One known position after the broker's word.

    trade: set when fills closed it; the position is then final. missing: the broker lists none, yet
    no fill explains it. flipped: the broker holds the other side.
    """

    position: Position
    trade: TradeRow | None = None
    missing: bool = False
    flipped: bool = False
    observations: tuple[Observation, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    cleared: tuple[str, ...] = ()


def needs_fills(position: Position, holding: Holding) -> bool:
    """Whether the broker's quantity differs from ours, so that fills must say why."""
    return holding.position is None or _signed(holding) != sign(position.side) * position.quantity


def reconcile(
    position: Position,
    holding: Holding,
    *,
    fills: Sequence[Fill],
    causes: Mapping[str, str],
    now: datetime,
) -> Reconciled:
    """Return the position after splits, fills and what was done to its stop.

    causes: by broker order id, why that order was there (`cause_of_order`); absent means by hand.
    """
    if holding.position is not None and holding.position.side == position.side:
        ratio = split_ratio(
            position,
            quantity=holding.position.quantity,
            average_entry=holding.position.average_entry,
        )
        if ratio is not None:
            return _after_split(position, ratio)
    folded = fold_fills(position, fills)
    position = folded.position
    flipped = holding.position is not None and holding.position.side != position.side
    observations = list(_observed_fills(folded, causes))
    if position.quantity <= 0:
        trade = close_trade(folded, causes, now=now)
        return Reconciled(
            position=position,
            trade=trade,
            flipped=flipped,
            observations=tuple(observations),
            alarms=(_flipped_alarm(position),) if flipped else (),
            cleared=_alarm_keys(position),
        )
    if holding.quantity(position.side) <= 0:
        alarm = _flipped_alarm(position) if flipped else _missing_alarm(position)
        return Reconciled(
            position=position,
            missing=not flipped,
            flipped=flipped,
            observations=tuple(observations),
            alarms=(alarm,),
        )
    position, more, alarms, cleared = _reconcile_quantity(position, holding, observations)
    position, stop_observations, stop_alarms, stop_cleared = _reconcile_stop(position, holding)
    return Reconciled(
        position=position,
        observations=(*more, *stop_observations),
        alarms=(*alarms, *stop_alarms),
        cleared=(*cleared, *stop_cleared),
    )


def close_trade(folded: Folded, causes: Mapping[str, str], *, now: datetime) -> TradeRow:
    """Return the trade of a position that fills brought to zero; the result is after fees."""
    position = folded.position
    closed = position.closed_quantity
    average_exit = position.average_entry
    if closed > 0:
        average_exit += sign(position.side) * position.realised / closed
    result = position.realised - position.fees_per_share * closed
    at_risk = position.risk * position.initial_quantity
    return TradeRow(
        position_id=position.id,
        symbol=position.symbol,
        closed_at=folded.last_at or now,
        exit_price=average_exit.quantize(Decimal("0.000001")),
        result=result,
        result_r=float(result / at_risk),
        cause=cause_of(folded.last_order, causes),
    )


def cause_of(broker_order_id: str | None, causes: Mapping[str, str]) -> str:
    """Return why the order that filled was there; an order nobody recorded was the trader's hand."""
    return BY_HAND if broker_order_id is None else causes.get(broker_order_id, BY_HAND)


def known_causes(orders: Iterable[Order], found: Iterable[BrokerOrder]) -> dict[str, str]:
    """Return causes by broker order id: the rule of each order of ours, and stops and targets at the broker.

    found: orders of others that filled, as read from the broker.
    """
    causes: dict[str, str] = {}
    for theirs in found:
        if theirs.kind in STOP_KINDS:
            causes[theirs.id] = "stop"
        elif theirs.group in ("bracket", "oco") and theirs.kind == "limit":
            causes[theirs.id] = "target"
    for order in orders:
        if order.broker_order_id is not None:
            causes[order.broker_order_id] = order.rule
    return causes


def _after_split(position: Position, ratio: Decimal) -> Reconciled:
    return Reconciled(
        position=after_split(position, ratio),
        observations=(
            Observation(
                position_id=position.id,
                symbol=position.symbol,
                kind="split",
                cause="broker",
                detail={"ratio": str(ratio)},
            ),
        ),
    )


def _observed_fills(folded: Folded, causes: Mapping[str, str]) -> list[Observation]:
    position = folded.position
    observations = []
    if folded.added > 0:
        observations.append(
            Observation(
                position_id=position.id,
                symbol=position.symbol,
                kind="added",
                cause=BY_HAND,
                detail={"quantity": str(folded.added), "entry": str(position.average_entry)},
            )
        )
    if folded.reduced > 0:
        observations.append(
            Observation(
                position_id=position.id,
                symbol=position.symbol,
                kind="reduced",
                cause=cause_of(folded.last_order, causes),
                detail={"quantity": str(folded.reduced), "price": str(folded.last_price)},
            )
        )
    return observations


def _reconcile_quantity(
    position: Position, holding: Holding, observations: list[Observation]
) -> tuple[Position, list[Observation], list[Alarm], list[str]]:
    """Where fills do not explain the broker's quantity, say so; its quantity is what we protect."""
    key = f"quantity_unexplained:{position.symbol}"
    seen = holding.quantity(position.side)
    if seen == position.quantity:
        return position, observations, [], [key, f"position_missing:{position.symbol}"]
    alarm = Alarm(
        key=key,
        kind="quantity_unexplained",
        symbol=position.symbol,
        message=(
            f"{position.symbol}: the broker holds {seen}, fills explain {position.quantity}; "
            f"{seen} are protected"
        ),
    )
    return position, observations, [alarm], []


def _reconcile_stop(
    position: Position, holding: Holding
) -> tuple[Position, list[Observation], list[Alarm], list[str]]:
    """Respect a stop that was tightened by hand; report one that was loosened, and do not fight it."""
    side = position.side
    stops = holding.stops(side)
    resting = loosest_stop(stops, side)
    loosened = f"stop_loosened:{position.symbol}"
    if resting is None or resting == position.stop:
        return position, [], [], []
    by_hand = any(
        order.stop_price == resting and not is_ours(order.client_order_id) for order in stops
    )
    covered = holding.covered_quantity(side) >= holding.quantity(side)
    moved = Observation(
        position_id=position.id,
        symbol=position.symbol,
        kind="stop_moved",
        cause=BY_HAND if by_hand else "broker",
        detail={"from": str(position.stop), "to": str(resting)},
    )
    if is_tighter(resting, position.stop, side):
        if not covered:
            return position, [], [], []
        tightest = _tighter(position.tightest, resting, position)
        flags = position.flags
        cleared: list[str] = []
        if tightest == resting:
            flags = tuple(flag for flag in flags if flag != "hand_loosened")
            cleared = [loosened]
        position = replace(
            position, stop=resting, stop_rule=BY_HAND, tightest=tightest, flags=flags
        )
        return position, [moved], [], cleared
    if not by_hand:
        return position, [], [], []
    alarm = Alarm(
        key=loosened,
        kind="stop_loosened",
        symbol=position.symbol,
        message=(
            f"{position.symbol}: the stop was loosened by hand from {position.stop} to {resting}; "
            f"rules leave it alone until it is at {position.tightest} again"
        ),
    )
    flags = position.flags
    if "hand_loosened" not in flags:
        flags = (*flags, "hand_loosened")
    return replace(position, stop=resting, stop_rule=BY_HAND, flags=flags), [moved], [alarm], []


def _tighter(known: Decimal | None, price: Decimal, position: Position) -> Decimal:
    if known is None or is_tighter(price, known, position.side):
        return price
    return known


def _signed(holding: Holding) -> Decimal:
    found = holding.position
    return Decimal(0) if found is None else sign(found.side) * found.quantity


def _missing_alarm(position: Position) -> Alarm:
    return Alarm(
        key=f"position_missing:{position.symbol}",
        kind="position_missing",
        symbol=position.symbol,
        message=f"{position.symbol}: the broker lists no position, and no fill says that it closed",
        severity="critical",
    )


def _flipped_alarm(position: Position) -> Alarm:
    return Alarm(
        key=f"side_flipped:{position.symbol}",
        kind="side_flipped",
        symbol=position.symbol,
        message=(
            f"{position.symbol}: the broker holds the other side of our {position.side} position; "
            "the symbol is halted, close the remainder by hand"
        ),
        severity="critical",
    )


def _alarm_keys(position: Position) -> tuple[str, ...]:
    kinds = (
        "position_missing", "quantity_unexplained", "stop_loosened", "unprotected", "shares_held",
        "order_rejected",
    )  # fmt: skip
    return tuple(f"{kind}:{position.symbol}" for kind in kinds)
