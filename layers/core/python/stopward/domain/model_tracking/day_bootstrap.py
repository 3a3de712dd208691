"""Bounds by the stationary bootstrap over days: what trades of a day have in common stays together.

Source: Politis and Romano, "The stationary bootstrap", Journal of the American Statistical
Association 89, 1994. Training resamples trades in their order; live, the unit is the session.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from statistics import quantiles
from typing import Final

DRAWS: Final = 1_000
SEED: Final = 20260101
"""Fixed: the same outcomes give the same bounds."""
TAIL: Final = 0.05
"""Share of the samples under the lower bound, and over the upper one."""
LEAST_DAYS: Final = 5
"""Days under which no bound is told: so few hardly differ from one another. [judgement]"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A figure with its bounds, TAIL beyond each; None is unknown."""

    value: float | None
    low: float | None
    high: float | None


UNKNOWN: Final = Estimate(value=None, low=None, high=None)


def samples(days: int, *, draws: int = DRAWS, seed: int = SEED) -> Iterator[list[int]]:
    """Yield for each draw how often each day counts; a sample has as many days as there are.

    Days are taken as a circle, in blocks that begin anywhere and have geometric lengths; their mean
    is the cube root of the days, whose growth is the one that the source asks for.
    """
    random = Random(seed)  # noqa: S311 - a bootstrap keeps no secret
    begins = 1.0 / max(days ** (1.0 / 3.0), 1.0)
    for _ in range(draws):
        times = [0] * days
        day = 0
        for place in range(days):
            if place == 0 or random.random() < begins:
                day = int(random.random() * days)
            times[day] += 1
            day = (day + 1) % days
        yield times


def estimate(
    figure: Callable[[Sequence[int]], float | None], days: int, *, draws: int = DRAWS
) -> Estimate:
    """Return a figure of how often each day counts, with its bounds.

    Bounds are None for fewer than LEAST_DAYS days, and where hardly any sample has the figure, as
    with a single winner; samples without it are left out.
    """
    value = figure([1] * days)
    if value is None or days < LEAST_DAYS:
        return Estimate(value=value, low=None, high=None)
    found = [each for times in samples(days, draws=draws) if (each := figure(times)) is not None]
    if len(found) < draws / 2:
        return Estimate(value=value, low=None, high=None)
    cuts = quantiles(found, n=round(1 / TAIL), method="inclusive")
    return Estimate(value=value, low=cuts[0], high=cuts[-1])
