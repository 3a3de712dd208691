"""The deflated Sharpe ratio: how sure a best of many is better than luck among so many.

Source: Bailey and Lopez de Prado, "The Deflated Sharpe Ratio", Journal of Portfolio Management
40 (5), 2014. The Sharpe ratio here is of R a trade, not of a year.
"""

from dataclasses import dataclass
from math import e, isfinite, sqrt
from statistics import NormalDist
from typing import Final

import numpy as np

from stopward.replay.table import Floats

EULER: Final = 0.5772156649015329
NORMAL: Final = NormalDist()


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """Of a sample of results: how many, Sharpe ratio, skewness, and kurtosis (3 for a normal)."""

    count: int
    sharpe: float
    skewness: float
    kurtosis: float


def moments(results: Floats) -> Moments:
    """Return the moments of results; a Sharpe ratio of 0 where they do not vary."""
    count = len(results)
    if count < 2 or float(results.std()) == 0.0:
        return Moments(count=count, sharpe=0.0, skewness=0.0, kurtosis=3.0)
    centred = results - results.mean()
    deviation = float(results.std())
    return Moments(
        count=count,
        sharpe=float(results.mean() / results.std(ddof=1)),
        skewness=float((centred**3).mean()) / deviation**3,
        kurtosis=float((centred**4).mean()) / deviation**4,
    )


def expected_best(tried: int, variance: float) -> float:
    """Return the Sharpe ratio that the best of so many worthless tries is expected to show.

    variance: of the Sharpe ratios of the tries. 0 for a single try: there was nothing to choose.
    """
    if tried < 2 or not variance > 0.0:
        return 0.0
    low = NORMAL.inv_cdf(1.0 - 1.0 / tried)
    high = NORMAL.inv_cdf(1.0 - 1.0 / (tried * e))
    return sqrt(variance) * ((1.0 - EULER) * low + EULER * high)


def deflated_sharpe(best: Moments, *, tried: int, variance: float) -> float:
    """Return the probability that the true Sharpe ratio of the best of `tried` is above luck's.

    best: of the chosen one; variance: of the Sharpe ratios of all that were tried. nan for fewer
    than three results.
    """
    if best.count < 3:
        return float("nan")
    luck = expected_best(tried, variance)
    shape = 1.0 - best.skewness * best.sharpe + (best.kurtosis - 1.0) / 4.0 * best.sharpe**2
    if not (isfinite(shape) and shape > 0.0):
        return float("nan")
    return NORMAL.cdf((best.sharpe - luck) * sqrt(best.count - 1) / sqrt(shape))


def variance_of(ratios: Floats) -> float:
    """Return the variance of Sharpe ratios over what was tried; 0 for a single one."""
    return float(np.var(ratios, ddof=1)) if len(ratios) > 1 else 0.0
