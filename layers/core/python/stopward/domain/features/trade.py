"""The trade itself: its side, and its prices against each other and against the market."""

from typing import Final

from stopward.domain.features.row import Feature
from stopward.domain.features.sight import Sight
from stopward.domain.features.trend import in_ranges
from stopward.domain.features.volatility import daily_share
from stopward.rules.geometry import ratio
from stopward.rules.types import NAN


def risk(sight: Sight) -> float:
    """Return the initial risk in dollars a share; nan without a stop on the losing side."""
    if sight.signal.stop is None:
        return NAN
    distance = sight.side * (sight.signal.entry - sight.signal.stop)
    return distance if distance > 0.0 else NAN


def reward(sight: Sight) -> float:
    """Return the gain at the target in dollars a share; nan without one on the winning side."""
    if sight.signal.target is None:
        return NAN
    distance = sight.side * (sight.signal.target - sight.signal.entry)
    return distance if distance > 0.0 else NAN


TRADE: Final = (
    Feature(
        name="side",
        unit="code",
        low=-1.0,
        high=1.0,
        needs=("signal",),
        mirror="opposite",
        null="never",
        meaning="Side of the trade.",
        read=lambda sight: sight.side,
    ),
    Feature(
        name="risk_atr",
        unit="ATR",
        low=0.0,
        high=100.0,
        needs=("signal", "stop", "sessions", "bars"),
        meaning="Distance from entry to stop.",
        read=lambda sight: ratio(risk(sight), sight.strip.now.atr),
    ),
    Feature(
        name="risk_daily_atr",
        unit="daily ATR",
        low=0.0,
        high=20.0,
        needs=("signal", "stop", "daily_bars"),
        mirror="none",
        meaning="Distance from entry to stop as a share of the entry, against the daily range's "
        "share of the close.",
        read=lambda sight: ratio(risk(sight) / sight.signal.entry, daily_share(sight)),
    ),
    Feature(
        name="reward_to_risk",
        unit="R",
        low=0.0,
        high=50.0,
        needs=("signal", "stop", "target"),
        meaning="Distance from entry to target against that from entry to stop.",
        read=lambda sight: ratio(reward(sight), risk(sight)),
    ),
    Feature(
        name="entry_distance",
        unit="ATR",
        low=-20.0,
        high=20.0,
        needs=("signal", "sessions", "bars"),
        meaning="How far the entry lies from the last close: plus chases the price.",
        read=lambda sight: in_ranges(sight.signal.entry - sight.strip.close, sight),
    ),
)
