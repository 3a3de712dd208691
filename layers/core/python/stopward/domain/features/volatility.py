"""How much the symbol moves and trades, by minutes and by days."""

from math import isfinite
from typing import Final

from stopward.domain.daily import daily_atr
from stopward.domain.features.row import Feature
from stopward.domain.features.sight import Sight
from stopward.domain.features.strip import PERIODS, Strip
from stopward.domain.features.trend import BARS
from stopward.rules.geometry import ratio
from stopward.rules.indicators import exponential
from stopward.rules.types import NAN

DAILY: Final = ("daily_bars",)


def _daily_trend(sight: Sight) -> float:
    average, period = NAN, PERIODS.average
    for seen, bar in enumerate(sight.daily, start=1):
        average = exponential(average, bar.close, float(seen), period)
    if len(sight.daily) < period:
        return NAN
    return sight.side * ratio(sight.daily[-1].close - average, daily_atr(sight.daily))


def daily_share(sight: Sight) -> float:
    """Return the daily average true range as a share of the last daily close.

    A share, since a later split changes daily bars and not the prices of the trade.
    """
    return ratio(daily_atr(sight.daily), sight.daily[-1].close) if sight.daily else NAN


def _session_volume(strip: Strip) -> float:
    if not (strip.today and strip.before):
        return NAN
    so_far = strip.today[-1].at - strip.today[0].at
    start = strip.before[0].at
    before = _volume([bar.volume for bar in strip.before if bar.at - start <= so_far])
    return ratio(_volume([bar.volume for bar in strip.today]), before)


def _volume(volumes: list[float]) -> float:
    known = [volume for volume in volumes if isfinite(volume) and volume >= 0.0]
    total = 0.0
    for volume in known:
        total += volume
    return total if known else NAN


ATR_PERCENT: Final = Feature(
    name="atr_percent",
    unit="percent",
    low=0.0,
    high=10.0,
    needs=BARS,
    mirror="none",
    meaning="Average true range of 14 one-minute bars, in percent of the last close.",
    read=lambda sight: 100.0 * ratio(sight.strip.now.atr, sight.strip.close),
)
RELATIVE_VOLUME: Final = Feature(
    name="relative_volume",
    unit="times",
    low=0.0,
    high=50.0,
    needs=BARS,
    meaning="Volume of the last bar against the smoothed mean of the bars before it.",
    read=lambda sight: sight.strip.now.relative_volume,
)
VOLATILITY: Final = (
    ATR_PERCENT,
    Feature(
        name="volatility_regime",
        unit="times",
        low=0.0,
        high=10.0,
        needs=BARS,
        meaning="Average true range of 14 bars against that of 120.",
        read=lambda sight: ratio(sight.strip.now.atr, sight.strip.long_atr),
    ),
    Feature(
        name="daily_atr_percent",
        unit="percent",
        low=0.0,
        high=100.0,
        needs=DAILY,
        mirror="none",
        meaning="Average true range of 14 daily bars, in percent of the last daily close.",
        read=lambda sight: 100.0 * daily_share(sight),
    ),
    Feature(
        name="daily_trend",
        unit="daily ATR",
        low=-10.0,
        high=10.0,
        needs=DAILY,
        meaning="How far the last daily close lies from the exponential average of 20.",
        read=_daily_trend,
    ),
    RELATIVE_VOLUME,
    Feature(
        name="session_volume",
        unit="times",
        low=0.0,
        high=50.0,
        needs=BARS,
        meaning="Volume of the session so far against that of as much of the session before.",
        read=lambda sight: _session_volume(sight.strip),
    ),
)
