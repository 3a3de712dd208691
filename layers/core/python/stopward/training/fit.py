"""Fitting: the inner walk chooses among the candidates, the outer walk only reports."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from stopward.training.candidates import LAST, Candidate
from stopward.training.dataset import Booleans, Dataset, Floats, Integers, Matrix
from stopward.training.scores import log_losses
from stopward.training.splits import FOLDS, Fold, walk_forward
from stopward.training.threads import one_thread
from stopward.training.weights import remembered, weights

INNER_FOLDS: Final = 3
LEAST_TO_FIT: Final = 15
"""Trades that a step of the walk needs to learn from."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OutOfFold:
    """What the outer walk said of trades that it had not seen, in order of entry.

    rows: places of the trades. probability: of a win. base: what it is measured against, the win
    rate of the trades that were learned from, weighted alike, or what a plain model of them says.
    fold: step of each. chosen: the candidate's name, models: what was fitted, for each step.
    """

    rows: Integers
    probability: Floats
    base: Floats
    fold: Integers
    chosen: tuple[str, ...]
    models: tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfittable:
    """A step has too little to learn from: its number from 1, and how many trades are left."""

    fold: int
    trades: int


def fitted(candidate: Candidate, trades: Dataset) -> Any:
    """Return the candidate fitted on trades: the same trades give the same model, to the bit.

    What has faded away is left out, so that a long journal takes no longer than its last part.
    """
    known = remembered(trades)
    with one_thread():
        model = candidate.made(known)
        return model.fit(known.x, known.won, **{f"{LAST}__sample_weight": weights(known)})


def probabilities(model: Any, x: Any) -> Floats:
    """Return the probability of a win, a row each."""
    with one_thread():
        return np.asarray(model.predict_proba(x)[:, 1], np.float64)


def select(trades: Dataset, tried: Sequence[Candidate]) -> Candidate:
    """Return the candidate with the lowest log loss on an inner walk; of equals the simplest.

    The simplest where the inner walk has no step to learn from.
    """
    steps = [fold for fold in walk_forward(trades, folds=INNER_FOLDS) if _can_fit(trades, fold)]
    if not steps:
        return tried[0]
    losses = [
        np.concatenate([_losses_of(candidate, trades, fold) for fold in steps]).mean()
        for candidate in tried
    ]
    return tried[int(np.argmin(losses))]


def out_of_fold(
    trades: Dataset,
    tried: Sequence[Candidate],
    *,
    folds: int = FOLDS,
    plain: Sequence[Candidate] = (),
    progress: Callable[[], None] = lambda: None,
) -> OutOfFold | Unfittable:
    """Walk the outer folds: choose, fit and predict in each; `progress` is called after each.

    plain: of which one is chosen and fitted likewise, for the base; the win rate without any.
    Unfittable where purge and embargo leave a step too little to learn from; nothing is fitted.
    """
    steps = walk_forward(trades, folds=folds)
    for number, step in enumerate(steps, start=1):
        if not _can_fit(trades, step):
            return Unfittable(fold=number, trades=len(step.fit))
    said, bases, chosen, models = [], [], [], []
    for step in steps:
        known = trades.take(step.fit)
        candidate = select(known, tried)
        models.append(fitted(candidate, known))
        said.append(probabilities(models[-1], trades.x[step.test]))
        bases.append(_base(known, trades.x[step.test], plain))
        chosen.append(candidate.name)
        progress()
    return OutOfFold(
        rows=np.concatenate([step.test for step in steps]),
        probability=np.concatenate(said),
        base=np.concatenate(bases),
        fold=np.repeat(np.arange(len(steps)), [len(step.test) for step in steps]),
        chosen=tuple(chosen),
        models=tuple(models),
    )


def base_rate(trades: Dataset) -> float:
    """Return the weighted win rate: what a model must beat."""
    return float(np.average(trades.won, weights=weights(trades)))


def _base(known: Dataset, x: Matrix, plain: Sequence[Candidate]) -> Floats:
    if not plain:
        return np.full(len(x), base_rate(known))
    return probabilities(fitted(select(known, plain), known), x)


def _can_fit(trades: Dataset, fold: Fold) -> bool:
    won: Booleans = trades.won[fold.fit]
    # Each side twice and more, so that each block of a calibration can be learned around.
    return len(won) >= LEAST_TO_FIT and min(int(won.sum()), int((~won).sum())) >= 2


def _losses_of(candidate: Candidate, trades: Dataset, fold: Fold) -> Floats:
    model = fitted(candidate, trades.take(fold.fit))
    return log_losses(probabilities(model, trades.x[fold.test]), trades.won[fold.test])
