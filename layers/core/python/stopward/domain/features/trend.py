"""Trend and momentum of the symbol, in the direction of the trade: plus is with it."""

from typing import Final

from stopward.domain.features.row import Feature
from stopward.domain.features.sight import Sight
from stopward.domain.features.strip import Strip
from stopward.rules.geometry import ratio
from stopward.rules.types import NAN

BARS: Final = ("sessions", "bars")
WILDER: Final = "J. Welles Wilder, New Concepts in Technical Trading Systems, 1978"
APPEL: Final = "Gerald Appel, Technical Analysis: Power Tools for Active Investors, 2005"


def in_ranges(distance: float, sight: Sight) -> float:
    """Return a distance in dollars, with the trade, in average true ranges of a minute."""
    return sight.side * ratio(distance, sight.strip.now.atr)


def moved(strip: Strip, bars: int) -> float:
    """Return how far the close moved over so many bars, in dollars; nan with fewer."""
    return strip.close - strip.bars[-1 - bars].close if len(strip.bars) > bars else NAN


def session_move(strip: Strip) -> float:
    """Return the move since the session's open, in ranges of the session before."""
    return ratio(strip.close - strip.today[0].open, _range_before(strip)) if strip.today else NAN


def _range_before(strip: Strip) -> float:
    bars = strip.before
    return max(bar.high for bar in bars) - min(bar.low for bar in bars) if bars else NAN


def _gap(strip: Strip) -> float:
    if not (strip.today and strip.before):
        return NAN
    return ratio(strip.today[0].open - strip.before[-1].close, _range_before(strip))


def _range_position(strip: Strip) -> float:
    if not strip.today:
        return NAN
    high = max(bar.high for bar in strip.today)
    low = min(bar.low for bar in strip.today)
    return ratio((strip.close - low) - (high - strip.close), high - low)


FAST_DISTANCE: Final = Feature(
    name="ema_fast_distance",
    unit="ATR",
    low=-10.0,
    high=10.0,
    needs=BARS,
    meaning="How far the last close lies from the exponential average of 12 closes.",
    read=lambda sight: in_ranges(sight.strip.close - sight.strip.fast, sight),
)
VWAP_DISTANCE: Final = Feature(
    name="vwap_distance",
    unit="ATR",
    low=-20.0,
    high=20.0,
    needs=BARS,
    meaning="How far the last close lies from the session's volume-weighted average price.",
    read=lambda sight: in_ranges(sight.strip.close - sight.strip.now.vwap, sight),
)
RSI: Final = Feature(
    name="rsi",
    unit="points",
    low=-50.0,
    high=50.0,
    needs=BARS,
    meaning="RSI of 14 bars less 50.",
    source=WILDER,
    read=lambda sight: sight.side * (sight.strip.now.rsi - 50.0),
)
HISTOGRAM: Final = Feature(
    name="macd_histogram",
    unit="ATR",
    low=-5.0,
    high=5.0,
    needs=BARS,
    meaning="MACD less its signal line.",
    source=APPEL,
    read=lambda sight: in_ranges(sight.strip.now.macd - sight.strip.now.signal, sight),
)
MOMENTUM: Final = Feature(
    name="momentum_5",
    unit="ATR",
    low=-20.0,
    high=20.0,
    needs=BARS,
    meaning="How far the close moved in the last 5 bars.",
    read=lambda sight: in_ranges(moved(sight.strip, 5), sight),
)
TREND: Final = (
    FAST_DISTANCE,
    Feature(
        name="ema_slow_distance",
        unit="ATR",
        low=-10.0,
        high=10.0,
        needs=BARS,
        meaning="How far the last close lies from the exponential average of 26 closes.",
        read=lambda sight: in_ranges(sight.strip.close - sight.strip.slow, sight),
    ),
    Feature(
        name="ema_slope",
        unit="ATR",
        low=-10.0,
        high=10.0,
        needs=BARS,
        meaning="How far the exponential average of 20 closes moved in the last 10 bars.",
        read=lambda sight: in_ranges(sight.strip.now.average - sight.strip.average_before, sight),
    ),
    RSI,
    Feature(
        name="macd",
        unit="ATR",
        low=-10.0,
        high=10.0,
        needs=BARS,
        meaning="MACD: the average of 12 closes less that of 26.",
        source=APPEL,
        read=lambda sight: in_ranges(sight.strip.now.macd, sight),
    ),
    HISTOGRAM,
    Feature(
        name="adx",
        unit="points",
        low=0.0,
        high=100.0,
        needs=BARS,
        meaning="ADX of 14 bars: the strength of a trend, whichever way it goes.",
        source=WILDER,
        read=lambda sight: sight.direction.adx,
    ),
    Feature(
        name="direction",
        unit="points",
        low=-100.0,
        high=100.0,
        needs=BARS,
        meaning="+DI less -DI of 14 bars.",
        source=WILDER,
        read=lambda sight: sight.side * sight.direction.difference,
    ),
    VWAP_DISTANCE,
    MOMENTUM,
    Feature(
        name="momentum_30",
        unit="ATR",
        low=-40.0,
        high=40.0,
        needs=BARS,
        meaning="How far the close moved in the last 30 bars.",
        read=lambda sight: in_ranges(moved(sight.strip, 30), sight),
    ),
    Feature(
        name="session_move",
        unit="ranges of the session before",
        low=-10.0,
        high=10.0,
        needs=BARS,
        meaning="How far the last close lies from the session's open.",
        read=lambda sight: sight.side * session_move(sight.strip),
    ),
    Feature(
        name="gap",
        unit="ranges of the session before",
        low=-10.0,
        high=10.0,
        needs=BARS,
        meaning="How far the session's open lies from the last close of the session before.",
        read=lambda sight: sight.side * _gap(sight.strip),
    ),
    Feature(
        name="range_position",
        unit="share",
        low=-1.0,
        high=1.0,
        needs=BARS,
        meaning="Where in the session's range the last close lies: +1 at the end that the trade "
        "wants, -1 at the other.",
        read=lambda sight: sight.side * _range_position(sight.strip),
    ),
)
