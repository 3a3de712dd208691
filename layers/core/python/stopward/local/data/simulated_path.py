"""A one-minute path inside one real day: the day is real, the way through it is simulated.

No package ships minute bars of US stocks. The path starts at the real open, ends at the real close,
touches the real high and low exactly, trades the real volume, and is the same on every machine.
Whatever shows it says LABEL.
"""

import math
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Final

from stopward.domain.identity import Symbol
from stopward.domain.market import ClosedBar
from stopward.local.data.calendar import new_york_day

LABEL: Final = "simulated path"
STEPS: Final = 6
"""Prices drawn a minute; the bar is made of them."""
PARKINSON: Final = 2.0 * math.sqrt(math.log(2.0))
"""Range over standard deviation of a day. Source: Michael Parkinson, Journal of Business, 1980."""
ROUGHNESS: Final = 0.75
"""Share of that deviation drawn between the fixed points, which themselves carry the rest."""
VOLUME_NOISE: Final = 0.45
"""Deviation of the logarithm of a minute's volume around the U shape."""

_MINUTE: Final = timedelta(minutes=1)


def simulated_path(
    day: ClosedBar, *, symbol: Symbol, opens_at: datetime, minutes: int = 390
) -> tuple[ClosedBar, ...]:
    """Return `minutes` one-minute bars from `opens_at` on, inside the daily bar `day`.

    Seeded by the daily bar's own symbol and day, so a day has one path whatever it is called.
    Prices are on the cent wherever the day's own are; the volumes are whole and sum to the day's.
    """
    # Not a secret: a seed that is the same on every machine and version (str seeds are hashed).
    random = Random(f"{day.symbol} {new_york_day(day.at)}")  # noqa: S311
    prices = _prices(day, random, minutes)
    volumes = _volumes(int(day.volume), random, minutes)
    return tuple(
        _bar(
            prices[minute * STEPS : (minute + 1) * STEPS + 1],
            symbol,
            opens_at + minute * _MINUTE,
            volume,
        )
        for minute, volume in enumerate(volumes)
    )


def u_shape(minutes: int = 390) -> tuple[float, ...]:
    """Return each minute's share of the day's volume: heavy at both ends, thin at noon.

    Source of the shape: Jain and Joh, Journal of Financial and Quantitative Analysis, 1988.
    """
    weights = [_weight((minute + 0.5) / minutes) for minute in range(minutes)]
    total = math.fsum(weights)
    return tuple(weight / total for weight in weights)


def _weight(part: float) -> float:
    return (
        0.6
        + 2.6 * math.exp(-part / 0.07)
        + 1.4 * math.exp(-(1.0 - part) / 0.06)
        + (2 * part - 1) ** 2
    )


def _prices(day: ClosedBar, random: Random, minutes: int) -> list[float]:
    # One more price than steps: bar k is made of prices k * STEPS to (k + 1) * STEPS, both
    # included, so that each bar opens where the last one closed.
    last = minutes * STEPS
    points = _turning_points(day, random, last)
    deviation = ROUGHNESS * (day.high - day.low) / PARKINSON / math.sqrt(last)
    prices = [day.open]
    for (start, low), (end, high) in pairwise(points):
        prices.extend(_bridge(low, high, end - start, deviation=deviation, random=random))
    cents = [_cent(_folded(price, day.low, day.high), day.low, day.high) for price in prices]
    for at, price in points:
        cents[at] = price
    return cents


def _turning_points(day: ClosedBar, random: Random, last: int) -> list[tuple[int, float]]:
    # A day that rises usually makes its low first, and the other way round.
    rises = day.close >= day.open
    low_first = random.random() < (0.8 if rises else 0.2)
    # The extremes lie in the first and in the last two thirds; beta(0.8, 0.8) prefers the ends.
    first = 1 + int(random.betavariate(0.8, 1.2) * (last // 2 - 2))
    second = last // 2 + int(random.betavariate(1.2, 0.8) * (last // 2 - 2))
    early, late = (day.low, day.high) if low_first else (day.high, day.low)
    return [(0, day.open), (first, early), (second, late), (last, day.close)]


def _bridge(
    start: float, end: float, steps: int, *, deviation: float, random: Random
) -> Iterator[float]:
    """Yield `steps` prices of a Brownian bridge that leaves `start` and arrives at `end`."""
    price = start
    for left in range(steps, 0, -1):
        spread = deviation * math.sqrt((left - 1) / left)
        price += (end - price) / left + spread * random.gauss(0.0, 1.0)
        yield price


def _folded(price: float, low: float, high: float) -> float:
    """Return the price reflected at the day's extremes until it lies between them."""
    width = high - low
    if width <= 0.0:
        return low
    part = math.fmod(price - low, 2.0 * width)
    if part < 0.0:
        part += 2.0 * width
    return low + (part if part <= width else 2.0 * width - part)


def _cent(price: float, low: float, high: float) -> float:
    # Inside the day, also where its own extremes are not on the cent (a few are sub-penny prints).
    return min(max(round(price, 2), low), high)


def _volumes(total: int, random: Random, minutes: int) -> list[int]:
    weights = [
        share * math.exp(VOLUME_NOISE * random.gauss(0.0, 1.0)) for share in u_shape(minutes)
    ]
    scale = total / math.fsum(weights)
    volumes = [int(weight * scale) for weight in weights]
    volumes[-1] += total - sum(volumes)
    return volumes


def _bar(prices: Sequence[float], symbol: Symbol, at: datetime, volume: int) -> ClosedBar:
    return ClosedBar(
        symbol=symbol,
        at=at,
        open=prices[0],
        high=max(prices),
        low=min(prices),
        close=prices[-1],
        volume=float(volume),
    )
