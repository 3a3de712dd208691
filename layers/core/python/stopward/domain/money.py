"""Prices and quantities as Decimal, and the named roundings."""

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from math import isfinite
from typing import Literal

from stopward.errors import InvalidState

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
    """Return a finite kernel float as Decimal, rounded half-even to `places` (six, as in SQL).

    Trailing zeros are dropped, and there is never an exponent: 100.0 is 100, not 1E+2. Raises
    InvalidState for nan and infinity.
    """
    if not isfinite(number):
        raise InvalidState(f"a price or quantity of the kernel was {number}, not a finite number")
    return Decimal(plain(Decimal(repr(number)).quantize(places)))


def as_kept(price: Decimal) -> Decimal:
    """Return a price as SQL keeps it: with more than six places, rounded half-even to six."""
    rounded = price.quantize(SIXTH_PLACE)
    return price if rounded == price else rounded


def plain(number: Decimal) -> str:
    """Return the number as text without exponent or trailing zeros: one text for equal numbers."""
    text = f"{number:f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
