"""Bring what we believe in line with what the broker says: per position, pure.

That a position is closed is believed from fills, never from its absence in a list.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from stopward.domain.cause import BY_HAND, cause_of, known_causes
from stopward.domain.excursions import excursions_of
from stopward.domain.fills import Folded, Reduction, fold_fills, is_folded
from stopward.domain.holding import Holding
from stopward.domain.identity import BrokerOrderId
from stopward.domain.money import SIXTH_PLACE, sign
from stopward.domain.orders import Fill
from stopward.domain.position import Position
from stopward.domain.resting import watch_stop
from stopward.domain.snapshot import Alarm, Observation, TradeRow
from stopward.domain.split_fills import close_through_split, fold_through_split
from stopward.domain.unexplained import alarm_keys, explained, flipped_alarm, missing_alarm

__all__ = [
    "Reconciled",
    "cause_of",
    "close_trade",
    "fold_explaining",
    "known_causes",
    "has_other_entry",
    "has_other_quantity",
    "observed_fills",
    "reconcile",
]


CLOCKS_APART = timedelta(seconds=5)
"""How far our clock may be ahead of the broker's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """One known position after the broker's word.

    trade: set when fills closed it; the position is then final. missing: the broker lists none, yet
    no fill explains it. flipped: the broker holds the other side. split: new shares per old share,
    for the symbol's bars (`symbol_after_split`); None when there was none.
    """

    position: Position
    trade: TradeRow | None = None
    missing: bool = False
    flipped: bool = False
    split: Decimal | None = None
    observations: tuple[Observation, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    cleared: tuple[str, ...] = ()


def has_other_quantity(position: Position, holding: Holding) -> bool:
    """Whether the broker's quantity differs from ours; fills must say why."""
    return _signed(holding) != sign(position.side) * position.quantity


def has_other_entry(position: Position, holding: Holding) -> bool:
    """Whether the broker tells another average entry of as many shares; fills may say why.

    They were entered anew, or split and sold in part; or the broker averages otherwise than we do.
    Averages less than half a tick apart are one that was rounded; none is told by zero.
    """
    found = holding.position
    if found is None or has_other_quantity(position, holding):
        return False
    apart = abs(found.average_entry - position.average_entry)
    return found.average_entry > 0 and apart * 2 >= position.tick


def reconcile(
    position: Position,
    holding: Holding,
    *,
    fills: Sequence[Fill],
    causes: Mapping[str, str],
    now: datetime,
) -> Reconciled:
    """Return the position after splits, fills and what was done to its stop.

    causes: by broker order id, why that order was there (`known_causes`); absent means by hand.
    """
    held = position.quantity
    folded = _folded(position, holding, fills)
    seen = holding.position
    flipped = seen is not None and seen.side != position.side
    split = None
    if seen is not None and not flipped and not _isexplained(folded, holding):
        split = _through_split(lambda before: fold_through_split(before, seen, fills), position)
    elif seen is None and not _is_allexplained(folded, holding, fills):
        split = _through_split(lambda before: close_through_split(before, fills), position)
    if split is not None:
        return _split(*split, causes, now=now)
    position = folded.position
    observations = observed_fills(folded, causes)
    if position.quantity <= 0:
        trade = close_trade(folded, causes, now=now)
        return Reconciled(
            position=position,
            trade=trade,
            flipped=flipped,
            observations=observations,
            alarms=(flipped_alarm(position),) if flipped else (),
            cleared=alarm_keys(position),
        )
    if seen is None or flipped:
        alarm = flipped_alarm(position) if flipped else missing_alarm(position)
        return Reconciled(
            position=position,
            missing=not flipped,
            flipped=flipped,
            observations=observations,
            alarms=(alarm,),
        )
    alarms, cleared = explained(position, holding)
    covered = min(held, position.quantity) if folded.added > 0 else None
    stop = watch_stop(position, holding, causes, covered=covered)
    return Reconciled(
        position=stop.position,
        observations=(*observations, *stop.observations),
        alarms=(*alarms, *stop.alarms),
        cleared=(*cleared, *stop.cleared),
    )


def _folded(position: Position, holding: Holding, fills: Sequence[Fill]) -> Folded:
    """Fold the fills; those of just before the adoption too where they explain what is held.

    Our clock may be ahead of the broker's: what was traded after the adoption then seems older.
    """
    return fold_explaining(position, fills, lambda folded: _is_allexplained(folded, holding, fills))


def fold_explaining(
    position: Position, fills: Sequence[Fill], explains: Callable[[Folded], bool]
) -> Folded:
    """Return the position after fills; those of just before its adoption are among them if needed.

    explains: whether a fold leads to what is known otherwise. Where neither does, the narrow one.
    """
    folded = fold_fills(position, fills)
    if explains(folded):
        return folded
    wider = fold_fills(_adopted_early(position), fills)
    return _adopted_as(position, wider) if explains(wider) else folded


def _through_split(
    fold: Callable[[Position], tuple[Folded, Decimal] | None], position: Position
) -> tuple[Folded, Decimal] | None:
    """Return what a split among the fills leads to; those of just before the adoption if needed."""
    narrow = fold(position)
    if narrow is not None:
        return narrow
    wider = fold(_adopted_early(position))
    return None if wider is None else (_adopted_as(position, wider[0]), wider[1])


def _split(
    folded: Folded, ratio: Decimal, causes: Mapping[str, str], *, now: datetime
) -> Reconciled:
    """Return the position after a split and the fills around it; of what they closed, the trade."""
    position = folded.position
    told = _split_observation(position, ratio)
    observations = (*observed_fills(folded, causes), told)
    if position.quantity > 0:
        return Reconciled(position=position, split=ratio, observations=observations)
    in_new = tuple(replace(each, price=each.price / ratio) for each in folded.reductions)
    return Reconciled(
        position=position,
        trade=close_trade(replace(folded, reductions=in_new), causes, now=now),
        split=ratio,
        observations=observations,
        cleared=alarm_keys(position),
    )


def _adopted_early(position: Position) -> Position:
    return replace(position, adopted_at=position.adopted_at - CLOCKS_APART)


def _adopted_as(position: Position, folded: Folded) -> Folded:
    return replace(folded, position=replace(folded.position, adopted_at=position.adopted_at))


def _is_allexplained(folded: Folded, holding: Holding, fills: Sequence[Fill]) -> bool:
    """Whether fills lead to what is held, those after the position's end to what followed it."""
    position = folded.position
    if position.quantity > 0:
        return _isexplained(folded, holding)
    later = [f for f in fills if f.symbol == position.symbol and not is_folded(position, f)]
    after = sum((f.quantity if f.side == "buy" else -f.quantity for f in later), Decimal(0))
    return after - sign(position.side) * folded.beyond == _signed(holding)


def _isexplained(folded: Folded, holding: Holding) -> bool:
    position = folded.position
    return holding.quantity(position.side) == position.quantity and folded.beyond == 0


def close_trade(folded: Folded, causes: Mapping[str, str], *, now: datetime) -> TradeRow:
    """Return the trade of a position that fills brought to zero; the result is after fees."""
    position = folded.position
    closed = position.closed_quantity
    average_exit = position.average_entry
    if closed > 0:
        average_exit += sign(position.side) * position.realised / closed
    result = position.realised - position.fees_per_share * closed
    at_risk = position.risk * position.initial_quantity
    mae_r, mfe_r = excursions_of(position, [each.price for each in folded.reductions])
    return TradeRow(
        position_id=position.id,
        symbol=position.symbol,
        closed_at=folded.last_at or now,
        exit_price=average_exit.quantize(SIXTH_PLACE),
        result=result,
        result_r=float(result / at_risk),
        mae_r=mae_r,
        mfe_r=mfe_r,
        cause=cause_of(folded.last_order, causes),
    )


def _split_observation(position: Position, ratio: Decimal) -> Observation:
    return Observation(
        position_id=position.id,
        symbol=position.symbol,
        kind="split",
        cause="broker",
        detail={"ratio": str(ratio)},
    )


def observed_fills(
    folded: Folded, causes: Mapping[str, str], *, but: Collection[BrokerOrderId | None] = ()
) -> tuple[Observation, ...]:
    """Return what is to be told of fills: shares added, and for each cause those it took.

    but: orders whose fills are told by their own rows.
    """
    position = folded.position
    observations = [_added_observation(folded)] if folded.added > 0 else []
    taken: dict[str, list[Reduction]] = {}
    for each in folded.reductions:
        if each.order_id not in but:
            taken.setdefault(cause_of(each.order_id, causes), []).append(each)
    for cause, reductions in taken.items():
        quantity = sum((each.quantity for each in reductions), Decimal(0))
        observations.append(
            Observation(
                position_id=position.id,
                symbol=position.symbol,
                kind="reduced",
                cause=cause,
                detail={"quantity": str(quantity), "price": str(reductions[-1].price)},
            )
        )
    return tuple(observations)


def _added_observation(folded: Folded) -> Observation:
    position = folded.position
    return Observation(
        position_id=position.id,
        symbol=position.symbol,
        kind="added",
        cause=BY_HAND,
        detail={"quantity": str(folded.added), "entry": str(position.average_entry)},
    )


def _signed(holding: Holding) -> Decimal:
    found = holding.position
    return Decimal(0) if found is None else sign(found.side) * found.quantity
