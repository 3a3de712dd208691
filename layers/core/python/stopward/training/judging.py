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


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What taking over a threshold would have come to, out of fold, in R after costs.

    taken, vetoed: trades. mean_r: of all; mean_r_taken, mean_r_vetoed: of each side, nan where it
    has none. paired_r: mean of what its vetoes would have changed a trade: what there is beside the
    trade less its R for one, else 0.
    """

    taken: int
    vetoed: int
    mean_r: Estimate
    mean_r_taken: Estimate
    mean_r_vetoed: Estimate
    paired_r: Estimate


def decision(
    trades: Dataset,
    said: OutOfFold,
    *,
    threshold: float,
    aside: Floats | None = None,
    draws: int = DRAWS,
) -> Decision:
    """Return what a threshold would have come to, with bounds of the stationary bootstrap.

    aside: for each trade the result in R of who is not in it; without it 0, for who never was.
    Where it is nan, the trade is left out; it must be known somewhere.
    """
    beside = np.zeros(len(said.rows)) if aside is None else aside[said.rows]
    known = ~np.isnan(beside)
    rows, beside = said.rows[known], beside[known]
    taken, net_r = said.probability[known] > threshold, trades.net_r[rows]

    def figures(times: Floats) -> tuple[float, ...]:
        up, down = float(times @ taken), float(times @ ~taken)
        kept, left = float(times @ (taken * net_r)), float(times @ (~taken * net_r))
        return (
            (kept + left) / (up + down),
            kept / up if up > 0.0 else np.nan,
            left / down if down > 0.0 else np.nan,
            float(times @ (~taken * beside) - left) / (up + down),
        )

    mean_r, mean_r_taken, mean_r_vetoed, paired_r = estimates(
        figures, trades.day[rows], draws=draws
    )
    return Decision(
        taken=int(taken.sum()),
        vetoed=int((~taken).sum()),
        mean_r=mean_r,
        mean_r_taken=mean_r_taken,
        mean_r_vetoed=mean_r_vetoed,
        paired_r=paired_r,
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
