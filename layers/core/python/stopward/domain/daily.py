"""Average true range of daily bars: the measure of risk for a position that came without a stop."""

from collections.abc import Sequence

from stopward.domain.market import ClosedBar
from stopward.rules.indicators import Carry, Periods, advance, readings
from stopward.rules.types import NAN


def daily_atr(bars: Sequence[ClosedBar]) -> float:
    """Return Wilder's ATR(14) after the last bar, oldest first; nan with fewer than 14 bars."""
    carry, periods = Carry(), Periods()
    for bar in bars:
        carry = advance(carry, bar.high, bar.low, bar.close, bar.volume, NAN, 0.0, periods)
    return readings(carry, periods).atr
