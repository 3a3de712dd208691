"""Numbers and times as people read them."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
UNKNOWN = "-"


def r_text(value: float | None) -> str:
    """Return a result in R with its sign, as in `+1.25R`; what rounds to nothing is `+0.00R`."""
    return UNKNOWN if value is None else f"{round(value, 2) + 0.0:+.2f}R"


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


def day_text(moment: datetime) -> str:
    """Return the date in New York."""
    return moment.astimezone(NEW_YORK).date().isoformat()


def money_text(amount: Decimal) -> str:
    """Return dollars with their sign, as in `+1,234.50`."""
    return f"{amount:+,.2f}"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, as in `1 position` and `2 positions`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listed(names: Sequence[str], *, most: int) -> str:
    """Return names with commas between, and how many more there are beyond the first `most`."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
