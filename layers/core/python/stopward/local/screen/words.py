"""Numbers and times as people read them."""

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
UNKNOWN = "-"


def r_text(value: float | None) -> str:
    """Return a result in R with its sign, as in `+1.25R`."""
    return UNKNOWN if value is None else f"{value:+.2f}R"


def r_colour(value: float | None) -> str:
    """Return the colour that goes with a result."""
    if value is None or value == 0:
        return "default"
    return "green" if value > 0 else "red"


def plain(number: Decimal) -> str:
    """Return a number without trailing zeros and without an exponent."""
    text = f"{number:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def price_text(price: Decimal) -> str:
    """Return a price with at least two decimals."""
    cents = f"{price:.2f}"
    return cents if Decimal(cents) == price else plain(price)


def clock_text(moment: datetime | None, *, seconds: bool = True) -> str:
    """Return the time of day in New York; empty for no moment."""
    if moment is None:
        return ""
    return moment.astimezone(NEW_YORK).strftime("%H:%M:%S" if seconds else "%H:%M")


def money_text(amount: Decimal) -> str:
    """Return dollars with their sign, as in `+1,234.50`."""
    return f"{amount:+,.2f}"
