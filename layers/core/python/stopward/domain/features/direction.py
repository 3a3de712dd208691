"""Directional movement: how strong a trend is, and which way.

Source: J. Welles Wilder, "New Concepts in Technical Trading Systems", 1978.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

from stopward.domain.market import ClosedBar
from stopward.rules.indicators import true_range, wilder
from stopward.rules.types import NAN

PERIOD: Final = 14.0


class Direction(NamedTuple):
    """Wilder's ADX, and +DI less -DI, each in points; nan until warm."""

    adx: float = NAN
    difference: float = NAN


def direction(bars: Sequence[ClosedBar]) -> Direction:
    """Return the direction after the last bar, oldest first.

    The difference needs 15 bars, ADX 28. Bars that never moved have neither.
    """
    up = down = spanned = adx = difference = NAN
    strengths = 0.0
    for place in range(1, len(bars)):
        before, bar = bars[place - 1], bars[place]
        risen, fallen = bar.high - before.high, before.low - bar.low
        seen = float(place)
        up = wilder(up, risen if risen > fallen and risen > 0.0 else 0.0, seen, PERIOD)
        down = wilder(down, fallen if fallen > risen and fallen > 0.0 else 0.0, seen, PERIOD)
        spanned = wilder(spanned, true_range(bar.high, bar.low, before.close), seen, PERIOD)
        if seen < PERIOD or not spanned > 0.0:
            continue
        difference = 100.0 * (up - down) / spanned
        moved = up + down
        strengths += 1.0
        strength = 100.0 * abs(up - down) / moved if moved > 0.0 else 0.0
        adx = wilder(adx, strength, strengths, PERIOD)
    return Direction(adx if strengths >= PERIOD else NAN, difference)
