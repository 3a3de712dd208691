"""What each feature tells: how much worse the models of the walk get when it is shuffled.

On trades that they had not seen, so that what was only learned by heart counts for nothing.
Source: Breiman, "Random forests", Machine Learning 45, 2001.
"""

from typing import Final

import numpy as np

from stopward.training.bootstrap import DRAWS, Estimate, estimates
from stopward.training.dataset import Dataset, Floats, Integers, Matrix
from stopward.training.fit import OutOfFold, probabilities
from stopward.training.scores import log_losses

REPEATS: Final = 3
"""Shufflings of each feature, whose losses are averaged."""
MOST_ROWS: Final = 1_000
"""Of a fold, taken at even steps: a long journal takes no longer, and so many tell enough."""
AT_ONCE: Final = 50_000
"""Rows that a model is asked at once: few calls, and little memory."""
SAME: Final = 1e-9
"""Less than it is what sums in another order make of the same loss."""
SEED: Final = 20260101


def importances(trades: Dataset, said: OutOfFold, *, draws: int = DRAWS) -> dict[str, Estimate]:
    """Return by feature how much log loss its shuffling costs a trade, in nats, with bounds.

    Shuffled within a fold. Around 0 where the models do without it; below it where it misled them.
    Bounds are of the stationary bootstrap over the trades, shuffles held.
    """
    random = np.random.default_rng(SEED)
    rows, costs = [], []
    for fold, model in enumerate(said.models):
        held = np.flatnonzero(said.fold == fold)
        steps = np.linspace(0, len(held) - 1, min(len(held), MOST_ROWS)).round().astype(np.int64)
        own = said.rows[held[steps]]
        rows.append(own)
        costs.append(_costs(model, trades.x[own], trades.won[own], random))
    place, cost = np.concatenate(rows), np.concatenate(costs)

    def means(times: Floats) -> tuple[float, ...]:
        return tuple((times @ cost / times.sum()).tolist())

    found = estimates(means, trades.day[place], draws=draws)
    return dict(zip(trades.names, found, strict=True))


def _costs(model: object, x: Matrix, won: np.ndarray, random: np.random.Generator) -> Floats:
    """Return (rows, features): what a feature's shuffling costs each trade, over REPEATS."""
    before = log_losses(probabilities(model, x), won)
    orders = np.array([random.permutation(len(x)) for _ in range(REPEATS)])
    together = max(AT_ONCE // (REPEATS * len(x)), 1)
    found = np.empty(x.shape)
    for first in range(0, x.shape[1], together):
        columns = np.arange(first, min(first + together, x.shape[1]))
        losses = log_losses(
            probabilities(model, _shuffled(x, columns, orders)),
            np.tile(won, len(columns) * REPEATS),
        )
        after = losses.reshape(len(columns), REPEATS, len(x)).mean(axis=1)
        found[:, columns] = (after - before).T
    return np.where(np.abs(found) < SAME, 0.0, found)


def _shuffled(x: Matrix, columns: Integers, orders: Integers) -> Matrix:
    """Return the rows once for each column and order, with that column in that order."""
    copies = np.tile(x, (len(columns), len(orders), 1, 1))
    for place, column in enumerate(columns):
        copies[place, :, :, column] = x[orders, column]
    return copies.reshape(-1, x.shape[1])
