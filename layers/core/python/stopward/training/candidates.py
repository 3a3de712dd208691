"""The learners that are tried, simplest first; scikit-learn's, converted by skl2onnx faithfully.

What skl2onnx converts without a word and wrongly is left out: a scaler before trees, categories in
boosting, isotonic calibration, a calibration around a pipeline. The last step has the weights.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from stopward.errors import InvalidInput
from stopward.training.dataset import Dataset
from stopward.training.splits import purged_blocks
from stopward.training.weights import effective_n

STRENGTHS: Final = (0.003, 0.01, 0.03, 0.1)
"""Of the logistic regression: the inverse of the penalty, smallest first."""
CALIBRATED_STRENGTH: Final = 0.03
BOOSTING_FROM: Final = 1_000.0
"""Effective number of trades under which boosting is not tried."""
FEW_TRADES: Final = 500
"""Number of trades under which features are limited to MOST_FEATURES."""
MOST_FEATURES: Final = 12
BLOCKS: Final = 3
"""Held-out blocks of the calibration."""
BINS: Final = 16
"""Of a feature in boosting: enough for trees so small, and weighted bins are slow to find.

[judgement]
"""
SEED: Final = 20260101
LAST: Final = "learner"
"""Name of the pipeline's last step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One learner. made: returns it unfitted, for the trades that it will be fitted on."""

    name: str
    made: Callable[[Dataset], Any]


def candidates(trades: Dataset, *, registered: Sequence[str] = ()) -> tuple[Candidate, ...]:
    """Return what is tried on so many trades.

    registered: features named before anybody looked, at most MOST_FEATURES; under FEW_TRADES only
    they are used, or the first of the registry where none are named.
    """
    columns = chosen_columns(trades, registered)
    found = [
        Candidate(name=f"logistic C={strength:g}", made=_logistic(columns, strength))
        for strength in STRENGTHS
    ]
    found.append(
        Candidate(
            name=f"logistic C={CALIBRATED_STRENGTH:g}, sigmoid",
            made=_logistic(columns, CALIBRATED_STRENGTH, is_calibrated=True),
        )
    )
    if effective_n(trades) >= BOOSTING_FROM:
        found.append(Candidate(name="boosting", made=_boosting))
    return tuple(found)


def plain_candidates(trades: Dataset, names: Sequence[str]) -> tuple[Candidate, ...]:
    """Return the same learners on a few features alone: what a model must know more than.

    Never exported. Without names there are none.
    """
    if not names:
        return ()
    columns = tuple(sorted(trades.names.index(name) for name in names))
    found = [
        Candidate(name=f"plain logistic C={strength:g}", made=_logistic(columns, strength))
        for strength in STRENGTHS
    ]
    if effective_n(trades) >= BOOSTING_FROM:
        found.append(Candidate(name="plain boosting", made=partial(_boosting, columns=columns)))
    return tuple(found)


def chosen_columns(trades: Dataset, registered: Sequence[str] = ()) -> tuple[int, ...] | None:
    """Return the places of the features that may be used; None for all of them.

    Raises InvalidInput for names that are not there, and for too many.
    """
    unknown = sorted(set(registered) - set(trades.names))
    if unknown:
        raise InvalidInput(f"registered features were unknown: {', '.join(unknown)}")
    if len(registered) > MOST_FEATURES:
        raise InvalidInput(
            f"{len(registered)} features were registered; allowed are {MOST_FEATURES} at most"
        )
    if len(trades) >= FEW_TRADES or (not registered and len(trades.names) <= MOST_FEATURES):
        return None
    wanted = registered or trades.names[:MOST_FEATURES]
    return tuple(sorted(trades.names.index(name) for name in set(wanted)))


def _logistic(
    columns: tuple[int, ...] | None, strength: float, *, is_calibrated: bool = False
) -> Callable[[Dataset], Any]:
    def made(trades: Dataset) -> Any:
        learner = LogisticRegression(C=strength, max_iter=1_000)
        # The median of a column that is all missing is 0 by choice, so that its place is kept.
        filled = SimpleImputer(strategy="median", keep_empty_features=True)
        steps: list[tuple[str, Any]] = [("fill", filled)]
        if columns is not None:
            steps = [("fill", ColumnTransformer([("chosen", filled, list(columns))]))]
        steps.append(("scale", StandardScaler()))
        steps.append((LAST, _calibrated(learner, trades) if is_calibrated else learner))
        return Pipeline(steps)

    return made


def _boosting(trades: Dataset, *, columns: tuple[int, ...] | None = None) -> Any:
    del trades
    learner = HistGradientBoostingClassifier(
        max_leaf_nodes=4,
        min_samples_leaf=30,
        max_iter=60,
        max_bins=BINS,
        l2_regularization=10.0,
        learning_rate=0.04,
        early_stopping=False,
        random_state=SEED,
    )
    if columns is None:
        return Pipeline([(LAST, learner)])
    chosen = ColumnTransformer([("chosen", "passthrough", list(columns))])
    return Pipeline([("chosen", chosen), (LAST, learner)])


def _calibrated(learner: Any, trades: Dataset) -> Any:
    won = trades.won
    held = [
        (fold.fit, fold.test)
        for fold in purged_blocks(trades, blocks=BLOCKS)
        if all(len(np.unique(won[rows])) == 2 for rows in (fold.fit, fold.test))
    ]
    if not held:
        # Too few trades to hold any back: the learner says what it says.
        return learner
    return CalibratedClassifierCV(learner, method="sigmoid", cv=held)
