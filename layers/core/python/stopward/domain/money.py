"""Prices and quantities as Decimal, and the named roundings."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Literal

Side = Literal["long", "short"]

ONE = Decimal(1)
SIXTH_PLACE = Decimal("0.000001")


def sign(side: Side) -> int:
    """Return +1 for long, -1 for short."""
    return 1 if side == "long" else -1


def round_stop(price: Decimal, tick: Decimal, side: Side) -> Decimal:
    """Round a stop to the tick away from triggering: down for a long, up for a short."""
    rounding = ROUND_FLOOR if side == "long" else ROUND_CEILING
    return (price / tick).to_integral_value(rounding=rounding) * tick


def floor_quantity(quantity: Decimal, lot: Decimal) -> Decimal:
    """Round a quantity down to whole lots."""
    return (quantity / lot).to_integral_value(rounding=ROUND_FLOOR) * lot


def decimal_of(number: float, places: Decimal = SIXTH_PLACE) -> Decimal:
    """Return a finite kernel float as Decimal, rounded half-even to `places` (six, as in SQL)."""
    return Decimal(repr(number)).quantize(places).normalize()
