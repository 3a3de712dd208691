"""Calibration slope and intercept: a logistic regression of outcomes on the odds that were said.

Slope 1 and intercept 0 is calibrated; a slope under 1 says that the model is too sure of itself.
Source: Cox, "Two further applications of a model for binary regression", Biometrika 45, 1958.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import date
from math import exp, isfinite, log, log1p, sqrt
from statistics import NormalDist, fmean, pstdev
from typing import Final, NamedTuple

from stopward.domain.model_tracking.day_bootstrap import LEAST_DAYS, TAIL, UNKNOWN, Estimate
from stopward.domain.model_tracking.outcome import Outcome

CLIP: Final = 1e-6
"""Probabilities are held so far from 0 and 1 before their odds are taken: as in training."""
STEPS: Final = 50
HALVINGS: Final = 30
CLOSE: Final = 1e-10


class Recalibration(NamedTuple):
    """Slope and intercept, with bounds."""

    slope: Estimate
    intercept: Estimate


NONE: Final = Recalibration(UNKNOWN, UNKNOWN)


def recalibration(outcomes: Sequence[Outcome]) -> Recalibration:
    """Return slope and intercept by maximum likelihood; bounds from errors that days share.

    Unknown where the likelihood has no maximum: one outcome is missing, the probabilities are all
    the same, or one of them parts winners from losers. Bounds are unknown for fewer than LEAST_DAYS
    days; else they are those of Student's t with a degree of freedom less than days, over
    variances clustered by day. Source: Liang and Zeger, "Longitudinal data analysis using
    generalized linear models", Biometrika 73, 1986.
    """
    odds = [log_odds(each.probability) for each in outcomes]
    won = [each.won for each in outcomes]
    if not _has_maximum(odds, won):
        return NONE
    mean, scale = fmean(odds), pstdev(odds)
    if scale == 0.0:
        return NONE
    x = [(each - mean) / scale for each in odds]
    fitted = _fitted(x, won)
    if fitted is None:
        return NONE
    level, tilt = fitted
    variances = _variances(x, won, [each.day for each in outcomes], level, tilt)
    slope, intercept = tilt / scale, level - tilt * mean / scale
    if variances is None:
        return Recalibration(_alone(slope), _alone(intercept))
    (v_level, v_both, v_tilt), days = variances
    shift = mean / scale
    v_intercept = v_level - 2.0 * shift * v_both + shift * shift * v_tilt
    reach = student(1.0 - TAIL, days - 1)
    return Recalibration(
        _around(slope, reach * sqrt(v_tilt) / scale),
        _around(intercept, reach * sqrt(max(v_intercept, 0.0))),
    )


def log_odds(probability: float) -> float:
    """Return the logarithm of the odds of a probability, held away from 0 and 1 by CLIP."""
    held = min(max(probability, CLIP), 1.0 - CLIP)
    return log(held / (1.0 - held))


def student(share: float, degrees: int) -> float:
    """Return Student's t quantile of a share; from 4 degrees of freedom on right to 0.2 %.

    Source: Abramowitz and Stegun, "Handbook of Mathematical Functions", 26.7.5.
    """
    z = NormalDist().inv_cdf(share)
    return (
        z
        + (z**3 + z) / (4 * degrees)
        + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * degrees**2)
        + (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * degrees**3)
    )


def _has_maximum(odds: Sequence[float], won: Sequence[bool]) -> bool:
    """Whether winners and losers overlap: strictly, from both sides.

    Source: Silvapulle, "On the existence of maximum likelihood estimators for the binomial response
    models", Journal of the Royal Statistical Society B 43, 1981.
    """
    up = [each for each, is_up in zip(odds, won, strict=True) if is_up]
    down = [each for each, is_up in zip(odds, won, strict=True) if not is_up]
    return bool(up and down) and min(up) < max(down) and min(down) < max(up)


def _fitted(x: Sequence[float], won: Sequence[bool]) -> tuple[float, float] | None:
    """Return level and tilt by Newton's steps, halved while they lose; None without an end."""
    rate = fmean(won)
    level, tilt = log(rate / (1.0 - rate)), 0.0
    reached = _likelihood(x, won, level, tilt)
    for _ in range(STEPS):
        (a, b, c), (g, h) = _information(x, level, tilt), _gradient(x, won, level, tilt)
        determinant = a * c - b * b
        if determinant <= 0.0:
            return None
        d_level, d_tilt = (c * g - b * h) / determinant, (a * h - b * g) / determinant
        for _ in range(HALVINGS):
            found = _likelihood(x, won, level + d_level, tilt + d_tilt)
            if found >= reached:
                break
            d_level, d_tilt = d_level / 2.0, d_tilt / 2.0
        else:
            d_level = d_tilt = 0.0
        level, tilt, reached = level + d_level, tilt + d_tilt, max(found, reached)
        if abs(d_level) + abs(d_tilt) < CLOSE:
            return (level, tilt) if isfinite(level) and isfinite(tilt) else None
    return None


def _likelihood(x: Sequence[float], won: Sequence[bool], level: float, tilt: float) -> float:
    total = 0.0
    for each, is_up in zip(x, won, strict=True):
        z = level + tilt * each
        total -= _softplus(-z if is_up else z)
    return total


def _gradient(
    x: Sequence[float], won: Sequence[bool], level: float, tilt: float
) -> tuple[float, float]:
    rests = [is_up - _chance(level + tilt * each) for each, is_up in zip(x, won, strict=True)]
    return sum(rests), sum(rest * each for rest, each in zip(rests, x, strict=True))


def _information(x: Sequence[float], level: float, tilt: float) -> tuple[float, float, float]:
    a = b = c = 0.0
    for each in x:
        chance = _chance(level + tilt * each)
        weight = chance * (1.0 - chance)
        a += weight
        b += weight * each
        c += weight * each * each
    return a, b, c


def _variances(
    x: Sequence[float], won: Sequence[bool], days: Sequence[date], level: float, tilt: float
) -> tuple[tuple[float, float, float], int] | None:
    """Return the variances of level, of both, and of tilt, with the days; None for too few."""
    sums: defaultdict[date, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for each, is_up, day in zip(x, won, days, strict=True):
        rest = is_up - _chance(level + tilt * each)
        sums[day][0] += rest
        sums[day][1] += rest * each
    count = len(sums)
    if count < LEAST_DAYS:
        return None
    a, b, c = _information(x, level, tilt)
    determinant = a * c - b * b
    own = [((c * g - b * h) / determinant, (a * h - b * g) / determinant) for g, h in sums.values()]
    wider = count / (count - 1)
    return (
        wider * sum(p * p for p, _ in own),
        wider * sum(p * q for p, q in own),
        wider * sum(q * q for _, q in own),
    ), count


def _chance(z: float) -> float:
    return 1.0 / (1.0 + exp(-z)) if z >= 0.0 else exp(z) / (1.0 + exp(z))


def _softplus(z: float) -> float:
    return max(z, 0.0) + log1p(exp(-abs(z)))


def _alone(value: float) -> Estimate:
    return Estimate(value=value, low=None, high=None)


def _around(value: float, reach: float) -> Estimate:
    return Estimate(value=value, low=value - reach, high=value + reach)
