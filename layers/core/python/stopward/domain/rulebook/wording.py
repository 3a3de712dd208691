"""Numbers as a trader reads them."""

from collections.abc import Sequence
from typing import Final

from stopward.rules.parameters import ATR, PERCENT, PRICE, TICKS, Distance, R

_UNITS: Final = {PERCENT: "% of entry", ATR: " ATR", TICKS: " ticks", PRICE: " dollars"}


def r_words(value: float) -> str:
    """Return an R-multiple as it was set, with its sign: +1.5R."""
    return f"{value + 0.0:+.10g}R"


def measured_r(value: float) -> str:
    """Return an R-multiple as it was measured, to two decimals: +1.32R."""
    return r_words(round(value, 2))


def distance_words(distance: Distance, *, signed: bool = True) -> str:
    """Return a distance in its unit: +1R, 2.5 ATR, 10 ticks, 0.5% of entry, 0.25 dollars."""
    if distance.unit == R:
        return r_words(distance.value) if signed else f"{distance.value:.10g}R"
    number = f"{distance.value:.10g}"
    if distance.unit == TICKS and distance.value == 1.0:
        return "1 tick"
    return number + _UNITS[distance.unit]


def minutes_words(minutes: float) -> str:
    """Return minutes in words: 1 minute, 20 minutes."""
    number = f"{minutes:.10g}"
    return f"{number} minute{'' if number == '1' else 's'}"


def price_words(price: float) -> str:
    """Return a price with two to four decimals, without needless zeros after the second."""
    text = f"{price:.4f}"
    return text[:-2] if text.endswith("00") else text.rstrip("0")


def percent_words(fraction: float) -> str:
    """Return a fraction as a percentage without needless zeros: 0.5 is 50%, 0.015 is 1.5%."""
    return f"{fraction * 100.0:.6g}%"


def joined(words: Sequence[str]) -> str:
    """Return words as a list: "a", "a and b", "a, b and c"."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"
