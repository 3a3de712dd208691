"""What was done to the resting stop since we last looked, by hand or by a lost answer. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from stopward.domain.cause import BY_HAND, GUARD
from stopward.domain.holding import ZERO, Holding, is_tighter, loosest_stop, tightest
from stopward.domain.identity import is_ours
from stopward.domain.orders import BrokerOrder
from stopward.domain.position import HAND_LOOSENED, REBASED, Position
from stopward.domain.snapshot import Alarm, Observation


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """The position as its stop rests, and what is to be told of it."""

    position: Position
    observations: tuple[Observation, ...] = ()
    alarms: tuple[Alarm, ...] = ()
    cleared: tuple[str, ...] = ()


def watch_stop(
    position: Position,
    holding: Holding,
    causes: Mapping[str, str],
    *,
    covered: Decimal | None = None,
) -> Watched:
    """Respect a stop that was tightened by hand; report one that was loosened, and do not fight it.

    covered: shares that the stop covered before some were added just now; None when none were. A
    looser stop that the trader gave to shares he added loosens nothing while the old shares keep
    theirs: it is left where it is.

    Of several stops the loosest counts. A stop of ours at another price than we believe is a move
    whose answer was lost: tighter, it is believed; looser, the next plan moves it. A looser stop
    that is being canceled was loosened by nobody.
    """
    side = position.side
    stops = _but_for_added(position, holding, causes, covered)
    resting = loosest_stop(stops, side)
    if resting is None or resting == position.stop:
        return Watched(position=position)
    cause = _cause_of_stop(stops, resting, causes)
    moved = Observation(
        position_id=position.id,
        symbol=position.symbol,
        kind="stop_moved",
        cause=cause,
        detail={"from": str(position.stop), "to": str(resting)},
    )
    if is_tighter(resting, position.stop, side):
        if holding.covered_quantity(side) + holding.leaving(side) < holding.quantity(side):
            return Watched(position=position)
        return _tightened(position, resting, moved)
    if _is_ours_alone(stops, resting) or _is_leaving(stops, resting):
        return Watched(position=position)
    return _loosened(position, resting, moved)


def is_for_added(position: Position, order: BrokerOrder) -> bool:
    """Whether a stop of the trader's may be that of shares he added: it is looser than the rest."""
    return (
        REBASED in position.flags
        and not is_ours(order.client_order_id)
        and order.stop_price is not None
        and is_tighter(position.stop, order.stop_price, position.side)
    )


def seems_loosened(
    position: Position, holding: Holding, causes: Mapping[str, str]
) -> tuple[BrokerOrder, ...]:
    """Return the trader's stops that `watch_stop` may take for loosened: to be read by id first.

    An older list may show one that is gone, and its price would be armed again.
    """
    return tuple(
        order
        for order in _but_for_added(position, holding, causes, None)
        if order.stop_price is not None
        and is_tighter(position.stop, order.stop_price, position.side)
        and not is_ours(order.client_order_id)
    )


def _but_for_added(
    position: Position, holding: Holding, causes: Mapping[str, str], covered: Decimal | None
) -> tuple[BrokerOrder, ...]:
    """Return the stops without those of added shares, unless these took the place of others.

    They did when one replaced an order of ours, or when the stops at our price or tighter cover
    less than before. What these covered before is known in the tick that sees the addition; later
    on it is enough that some rest, and more than what was moved by hand.
    """
    side = position.side
    stops = holding.stops(side)
    late = holding.quantity(side) > position.quantity
    seen = replace(position, flags=(*position.flags, REBASED)) if late else position
    apart = {order.id for order in stops if is_for_added(seen, order)}
    if not apart or any(order.id in apart and order.replaces in causes for order in stops):
        return stops
    kept = replace(holding, orders=tuple(o for o in holding.orders if o.id not in apart))
    needed = position.quantity if late else covered
    left = kept.covered_quantity(side)
    moved = sum((o.open_quantity for o in stops if o.id in apart and o.replaces is not None), ZERO)
    if left <= moved or (needed is not None and left < needed):
        return stops
    return kept.stops(side)


def _cause_of_stop(stops: Sequence[BrokerOrder], price: Decimal, causes: Mapping[str, str]) -> str:
    """Return whose stop rests at `price`: by hand when one is the trader's, else its rule."""
    if not _is_ours_alone(stops, price):
        return BY_HAND
    at_price = (order for order in stops if order.stop_price == price)
    return next((causes[order.id] for order in at_price if order.id in causes), GUARD)


def _is_ours_alone(stops: Sequence[BrokerOrder], price: Decimal) -> bool:
    """Whether no stop of the trader's is at that price; the rule of ours may be `by_hand`."""
    return all(is_ours(o.client_order_id) for o in stops if o.stop_price == price)


def _is_leaving(stops: Sequence[BrokerOrder], price: Decimal) -> bool:
    """Whether every stop at that price is being canceled."""
    return all(order.status == "pending_cancel" for order in stops if order.stop_price == price)


def _tightened(position: Position, resting: Decimal, moved: Observation) -> Watched:
    best = position.stop if position.tightest is None else position.tightest
    best = tightest((resting, best), position.side)
    flags = position.flags
    cleared: tuple[str, ...] = ()
    if best == resting:
        flags = tuple(flag for flag in flags if flag != HAND_LOOSENED)
        cleared = (_loosened_key(position),)
    return Watched(
        position=replace(position, stop=resting, stop_rule=moved.cause, tightest=best, flags=flags),
        observations=(moved,),
        cleared=cleared,
    )


def _loosened(position: Position, resting: Decimal, moved: Observation) -> Watched:
    best = position.stop if position.tightest is None else position.tightest
    alarm = Alarm(
        key=_loosened_key(position),
        kind="stop_loosened",
        symbol=position.symbol,
        message=(
            f"{position.symbol}: the stop was loosened by hand from {position.stop} to {resting}; "
            f"rules leave it alone until it is at {best} again"
        ),
    )
    flags = position.flags
    if HAND_LOOSENED not in flags:
        flags = (*flags, HAND_LOOSENED)
    return Watched(
        position=replace(position, stop=resting, stop_rule=BY_HAND, tightest=best, flags=flags),
        observations=(moved,),
        alarms=(alarm,),
    )


def _loosened_key(position: Position) -> str:
    return f"stop_loosened:{position.symbol}"
