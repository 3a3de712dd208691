"""From which probability a trade is worth taking: where its expected value is over zero."""

from dataclasses import dataclass
from typing import Final

import numpy as np

from stopward.errors import InvalidInput
from stopward.training.dataset import Floats

PRIOR_TRADES: Final = 25
"""Trades at the common mean that each side's mean is shrunk by. [judgement]"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """Take above `probability`. mean_win_r, mean_loss_r: shrunk, both over 0; cost_r: on top."""

    probability: float
    mean_win_r: float
    mean_loss_r: float
    cost_r: float


def threshold(net_r: Floats, *, cost_r: float = 0.0) -> Threshold:
    """Return (L + c) / (W + L) of the mean win W and the mean loss L in R.

    Each mean is shrunk to the mean size of all results by PRIOR_TRADES trades, so that a few
    large winners do not set it. net_r is after costs already; cost_r is what a trade must bring
    more. Raises InvalidInput for a cost under 0 or of W and more, and without any result.
    """
    sizes = np.abs(net_r)
    if not len(sizes) or not sizes.any():
        raise InvalidInput("no trade won or lost anything; a threshold needs results in R")
    common = float(sizes.mean())
    win, loss = (_shrunk(sizes[side], common) for side in (net_r > 0.0, net_r <= 0.0))
    if not 0.0 <= cost_r < win:
        raise InvalidInput(
            f"cost_r was {cost_r:g}; allowed is 0 to under the mean win ({win:.3f} R)"
        )
    return Threshold(
        probability=(loss + cost_r) / (win + loss),
        mean_win_r=win,
        mean_loss_r=loss,
        cost_r=cost_r,
    )


def _shrunk(sizes: Floats, common: float) -> float:
    return float((sizes.sum() + PRIOR_TRADES * common) / (len(sizes) + PRIOR_TRADES))
