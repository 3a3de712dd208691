"""How good probabilities were: log loss, Brier score, area under the curve, calibration."""

from math import nan

import numpy as np

from stopward.training.dataset import Booleans, Floats, Integers

CLIP = 1e-6
"""Probabilities are held so far from 0 and 1 before their logarithm is taken."""


def log_losses(probability: Floats, won: Booleans) -> Floats:
    """Return minus the logarithm of the probability that each outcome was given."""
    held = np.clip(probability, CLIP, 1.0 - CLIP)
    losses: Floats = -np.log(np.where(won, held, 1.0 - held))
    return losses


def brier_scores(probability: Floats, won: Booleans) -> Floats:
    """Return the squared distance of each probability from its outcome."""
    return (probability - won) ** 2


def skill(score: float, base: float) -> float:
    """Return what part of a base's mean score was saved; nan where the base makes no mistake."""
    return 1.0 - score / base if base > 0.0 else nan


def auc(score: Floats, won: Booleans, groups: Integers | None = None) -> float:
    """Return the chance that a winner scores over a loser, ties half; nan without a pair.

    groups: only pairs of one group are compared, so that a level that differs between groups
    counts for nothing; without, all pairs.
    """
    return Pairs(score, groups).auc(won.astype(np.float64), (~won).astype(np.float64))


class Pairs:
    """Scores in order, ready to be paired under many weights of the same trades."""

    def __init__(self, score: Floats, groups: Integers | None = None) -> None:
        own = np.zeros(len(score), np.int64) if groups is None else groups
        self._order = np.lexsort((score, own))
        ranked, kept = score[self._order], own[self._order]
        is_new = np.ones(len(score), np.bool_)
        is_new[1:] = (np.diff(ranked) != 0.0) | (np.diff(kept) != 0)
        self._tie = np.cumsum(is_new) - 1
        self._group = kept[is_new]

    def auc(self, winners: Floats, losers: Floats) -> float:
        """Return the area under the curve where each trade counts so often; nan without a pair."""
        count = len(self._group)
        up = np.bincount(self._tie, weights=winners[self._order], minlength=count)
        down = np.bincount(self._tie, weights=losers[self._order], minlength=count)
        first = np.concatenate(([True], np.diff(self._group) != 0)) if count else np.empty(0, bool)
        place = np.cumsum(first) - 1
        own_up, own_down = np.bincount(place, weights=up), np.bincount(place, weights=down)
        below = np.cumsum(down) - down - (np.cumsum(own_down) - own_down)[place]
        pairs = float(own_up @ own_down)
        return float(up @ (below + 0.5 * down)) / pairs if pairs > 0.0 else nan


def calibration(probability: Floats, won: Booleans) -> tuple[float, float]:
    """Return slope and intercept of the outcome on the log-odds; (1, 0) is calibrated.

    By the maximum likelihood of a logistic regression without a penalty; nan where either outcome
    is missing or the probabilities do not differ.
    """
    from sklearn.linear_model import LogisticRegression

    held = np.clip(probability, CLIP, 1.0 - CLIP)
    odds = np.log(held / (1.0 - held))
    if won.all() or not won.any() or np.ptp(odds) == 0.0:
        return nan, nan
    scale = float(odds.std())
    fitted = LogisticRegression(C=np.inf, max_iter=1_000).fit((odds / scale)[:, None], won)
    return float(fitted.coef_[0, 0]) / scale, float(fitted.intercept_[0])
