"""The market around the symbol, in the direction of the trade: an index, the VIX, breadth."""

from typing import Final

from stopward.domain.features.row import Feature
from stopward.domain.features.trend import session_move
from stopward.rules.geometry import ratio

INDEX: Final = ("sessions", "market_bars")

MARKET_TREND: Final = Feature(
    name="market_trend",
    unit="ATR of the index",
    low=-10.0,
    high=10.0,
    needs=INDEX,
    meaning="How far the index lies from the exponential average of its last 26 closes.",
    read=lambda sight: (
        sight.side * ratio(sight.market.close - sight.market.slow, sight.market.now.atr)
    ),
)
MARKET: Final = (
    MARKET_TREND,
    Feature(
        name="market_move",
        unit="ranges of the session before",
        low=-10.0,
        high=10.0,
        needs=INDEX,
        meaning="How far the index lies from its open of the session.",
        read=lambda sight: sight.side * session_move(sight.market),
    ),
    Feature(
        name="vix",
        unit="points",
        low=5.0,
        high=100.0,
        needs=("vix",),
        meaning="The last reading of the VIX.",
        read=lambda sight: sight.vix,
    ),
    Feature(
        name="breadth",
        unit="share",
        low=-1.0,
        high=1.0,
        needs=("breadth",),
        meaning="Advancing less declining stocks: +1 when all go with the trade.",
        read=lambda sight: sight.side * (2.0 * sight.breadth - 1.0),
    ),
)
