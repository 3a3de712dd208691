"""The stationary bootstrap: samples of a series that keep what neighbours have in common.

Source: Politis and Romano, "The stationary bootstrap", Journal of the American Statistical
Association 89, 1994.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from stopward.training.dataset import Floats, Integers
from stopward.training.threads import one_thread

DRAWS: Final = 1_000
SEED: Final = 20260101
"""Fixed: the same trades give the same bound."""
TAIL: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure with its one-sided bounds: 5 % of the samples lie under low, 5 % over high."""

    value: float
    low: float
    high: float


def mean_block(day: Integers) -> float:
    """Return how long blocks are on average: a day's trades, and the cube root of all at least.

    The day: trades of one day move together. The root: its growth is the one the source asks for.
    """
    count = len(day)
    if count == 0:
        return 1.0
    root: float = count ** (1.0 / 3.0)
    return max(count / len(np.unique(day)), root, 1.0)


def samples(count: int, *, block: float, draws: int, seed: int = SEED) -> Iterator[Integers]:
    """Yield, for each draw, the places of a sample of `count`; the series is taken as a circle.

    Blocks begin anywhere and have geometric lengths of mean `block`, 1 or more.
    """
    random = np.random.default_rng(seed)
    steps = np.arange(count)
    for _ in range(draws):
        begins = random.random(count) < 1.0 / block
        begins[:1] = True
        at = np.maximum.accumulate(np.where(begins, steps, 0))
        starts = random.integers(0, count, count)
        yield (starts[at] + steps - at) % count


def estimates(
    figures: Callable[[Floats], tuple[float, ...]],
    day: Integers,
    *,
    draws: int = DRAWS,
    tail: float = TAIL,
) -> tuple[Estimate, ...]:
    """Return each figure with its bounds; `tail` is the part of the samples beyond each of them.

    figures: of how often each trade counts. day: of each trade, in order of time. Bounds are nan
    where a figure is nan in every sample, as without winners.
    """
    count = len(day)
    with one_thread():
        values = figures(np.ones(count))
        found = np.array(
            [
                figures(np.bincount(places, minlength=count).astype(np.float64))
                for places in samples(count, block=mean_block(day), draws=draws)
            ]
        )
    told = []
    for value, drawn in zip(values, found.T, strict=True):
        known = drawn[~np.isnan(drawn)]
        low, high = np.quantile(known, [tail, 1.0 - tail]) if len(known) else (np.nan, np.nan)
        told.append(Estimate(value=value, low=float(low), high=float(high)))
    return tuple(told)
