"""What out-of-fold probabilities are worth against the base rate, with intervals."""

from dataclasses import dataclass

import numpy as np

from stopward.training.bootstrap import DRAWS, Estimate, estimates
from stopward.training.dataset import Dataset, Floats
from stopward.training.fit import OutOfFold
from stopward.training.scores import Pairs, brier_scores, calibration, log_losses, skill


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """Figures over all trades that were tested, each once.

    log_loss, base_log_loss, brier, base_brier: means. gain: base log loss less the model's.
    brier_skill: part of the base's Brier score that was saved. auc: over pairs of one fold, for
    models of different folds are not compared. calibration_slope, calibration_intercept: nan where
    they cannot be told.
    """

    tested: int
    log_loss: float
    base_log_loss: float
    brier: float
    base_brier: float
    gain: Estimate
    brier_skill: Estimate
    auc: Estimate
    calibration_slope: float
    calibration_intercept: float


def metrics(trades: Dataset, said: OutOfFold, *, draws: int = DRAWS) -> Metrics:
    """Return the figures of what was said, with bounds of the stationary bootstrap."""
    won, day = trades.won[said.rows], trades.day[said.rows]
    losses, base_losses = log_losses(said.probability, won), log_losses(said.base, won)
    scores, base_scores = brier_scores(said.probability, won), brier_scores(said.base, won)
    pairs = Pairs(said.probability, said.fold)
    saved = base_losses - losses

    def figures(times: Floats) -> tuple[float, ...]:
        return (
            float(times @ saved / times.sum()),
            skill(float(times @ scores), float(times @ base_scores)),
            pairs.auc(times * won, times * ~won),
        )

    gain, brier_skill, auc = estimates(figures, day, draws=draws)
    slope, intercept = calibration(said.probability, won)
    return Metrics(
        tested=len(won),
        log_loss=float(losses.mean()),
        base_log_loss=float(base_losses.mean()),
        brier=float(scores.mean()),
        base_brier=float(base_scores.mean()),
        gain=gain,
        brier_skill=brier_skill,
        auc=auc,
        calibration_slope=slope,
        calibration_intercept=intercept,
    )


def calibration_curve(
    trades: Dataset, said: OutOfFold, *, bins: int = 10
) -> tuple[tuple[float, float, int], ...]:
    """Return mean probability, share won and count of trades in bins of equal count, rising."""
    order = np.argsort(said.probability, kind="stable")
    won = trades.won[said.rows]
    return tuple(
        (float(said.probability[part].mean()), float(won[part].mean()), len(part))
        for part in np.array_split(order, bins)
        if len(part)
    )
