"""Alarms of what the broker holds and no fill explains: another quantity, none, the other side."""

from stopward.domain.holding import Holding
from stopward.domain.position import Position
from stopward.domain.snapshot import Alarm


def explained(position: Position, holding: Holding) -> tuple[tuple[Alarm, ...], tuple[str, ...]]:
    """Return alarms raised and cleared: whether fills explain the broker's quantity."""
    key = f"quantity_unexplained:{position.symbol}"
    missing = f"position_missing:{position.symbol}"
    seen = holding.quantity(position.side)
    if seen == position.quantity:
        return (), (key, missing)
    alarm = Alarm(
        key=key,
        kind="quantity_unexplained",
        symbol=position.symbol,
        message=(
            f"{position.symbol}: the broker holds {seen}, fills explain {position.quantity}; "
            f"{min(seen, position.quantity)} are protected"
        ),
    )
    return (alarm,), (missing,)


def missing_alarm(position: Position) -> Alarm:
    """Return the alarm of a position that no list shows, and no fill closed."""
    return Alarm(
        key=f"position_missing:{position.symbol}",
        kind="position_missing",
        symbol=position.symbol,
        message=f"{position.symbol}: the broker lists no position, and no fill says that it closed",
        severity="critical",
    )


def flipped_alarm(position: Position) -> Alarm:
    """Return the alarm of a position whose other side the broker holds."""
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


def alarm_keys(position: Position) -> tuple[str, ...]:
    """Return the keys of all alarms that end with the position."""
    kinds = (
        "position_missing", "quantity_unexplained", "stop_loosened", "unprotected", "shares_held",
        "order_rejected", "order_forgotten",
    )  # fmt: skip
    return tuple(f"{kind}:{position.symbol}" for kind in kinds)
