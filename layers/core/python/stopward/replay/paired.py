"""Two replays of the same positions: what one brought more than the other, and how sure that is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stopward.replay.results import Results
from stopward.replay.table import Floats

DRAWS = 2_000
"""Bootstrap samples of days."""
COVERED = 0.95
SEED = 20260101
"""Fixed: the same positions give the same interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A sum in R with its 95 % interval, from days drawn again and again.

    Trades of one day move together, so days are drawn and not trades. days: how many there are;
    with one alone the interval is unknown (nan).
    """

    total: float
    low: float
    high: float
    days: int


def difference(first: Results, second: Results) -> Floats:
    """Return what each position brought more in `first`, net R; nan where that is unknown.

    It is where one outlived its bars, or was held over a hole in them. Of a position that both end
    alike nothing is unknown: it made no difference.
    """
    added: Floats = first.net_r - second.net_r
    doubtful = np.logical_or.reduce([each.is_open | each.misses_bars() for each in (first, second)])
    return np.where(doubtful & differ(first, second), np.nan, added)


def differ(first: Results, second: Results) -> NDArray[np.bool_]:
    """Return which positions came out otherwise: in any fill's bar, price, quantity or rule."""
    same = np.ones(len(first), np.bool_)
    for name in ("price", "bar", "result_r", "partials", "rule"):
        one, other = (np.asarray(getattr(each.outcomes, name)) for each in (first, second))
        same &= one == other
    return ~same


def entry_days(results: Results) -> NDArray[np.int64]:
    """Return the UTC day of each position's entry, as a number."""
    return np.array(
        [position.entry_at.date().toordinal() for position in results.positions], np.int64
    )


def interval(added: Floats, days: NDArray[np.int64]) -> Interval:
    """Return the sum of what is known, with its interval. added: R by position, nan unknown."""
    known = ~np.isnan(added)
    names, place = np.unique(days[known], return_inverse=True)
    by_day = np.bincount(place, weights=added[known], minlength=len(names))
    total = float(by_day.sum())
    if len(names) < 2:
        return Interval(total=total, low=float("nan"), high=float("nan"), days=len(names))
    random = np.random.default_rng(SEED)
    sums = np.array(
        [by_day[random.integers(0, len(names), len(names))].sum() for _ in range(DRAWS)]
    )
    tail = 100 * (1 - COVERED) / 2
    low, high = np.percentile(sums, [tail, 100 - tail])
    return Interval(total=total, low=float(low), high=float(high), days=len(names))
