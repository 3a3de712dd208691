"""Parity: what skl2onnx converts wrongly without a word is caught, what it converts well holds."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, StandardScaler

from stopward.training.candidates import Candidate, candidates
from stopward.training.dataset import Dataset
from stopward.training.export import exported, served, session, tree_thresholds
from stopward.training.fit import fitted, probabilities
from stopward.training.parity import (
    LEAST_ROWS,
    MOST_DIFFERENCE,
    adversarial_rows,
    clear_of,
    compared,
    gate,
    parity,
)
from tests.builders.simulated_trades import some_trades

TRADES = some_trades(1_400, oracle_auc=0.7, seed=4, features=6)
BOOSTING = {"max_leaf_nodes": 4, "max_iter": 60, "random_state": 0, "max_bins": 32}


def boosting(**changed: Any) -> Any:
    """Return small boosting."""
    return HistGradientBoostingClassifier(**{**BOOSTING, **changed})


def prepared(learner: Any) -> Any:
    """Return a learner behind a median and a scale."""
    return make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), learner)


def with_categories() -> Any:
    """Return boosting that is told that its last feature is a category."""
    return boosting(categorical_features=[5])


WRONG: dict[str, Callable[[], Any]] = {
    "boosting with categories": with_categories,
    "scale before boosting": lambda: make_pipeline(StandardScaler(), boosting()),
    "bins before logistic": lambda: make_pipeline(
        SimpleImputer(), KBinsDiscretizer(8, encode="onehot-dense"), LogisticRegression()
    ),
    "calibration around a pipeline": lambda: CalibratedClassifierCV(
        prepared(LogisticRegression()), method="sigmoid", cv=3
    ),
    "isotonic calibration": lambda: Pipeline(
        [("learner", CalibratedClassifierCV(boosting(), method="isotonic", cv=3))]
    ),
    "forest with missing values": lambda: RandomForestClassifier(
        n_estimators=10, max_depth=4, random_state=0
    ),
}


def rows_of(trades: Dataset, *, are_categories: bool) -> Any:
    """Return features; the last one as whole numbers where it is a category."""
    x = trades.x.copy()
    if are_categories:
        x[:, 5] = np.clip(np.round(np.nan_to_num(x[:, 5]) * 2), -4, 4) + 4
    return x


@pytest.mark.parametrize("name", WRONG)
def test_a_conversion_that_goes_wrong_in_silence_is_caught(name: str) -> None:
    x = rows_of(TRADES, are_categories="categories" in name)
    with warnings.catch_warnings():
        # Bins warn of what they do by default, which is not what is tried here.
        warnings.simplefilter("ignore", FutureWarning)
        model = WRONG[name]().fit(x, TRADES.won)
    graph = exported(model, names=TRADES.names, schema_hash="a")
    _, said, answered = compared(model, graph, x)
    found = parity(said, answered, threshold=0.5)
    assert found.worst > MOST_DIFFERENCE
    assert gate(found).passed is False


@pytest.mark.parametrize("few", [False, True])
def test_every_candidate_converts_faithfully(few: bool) -> None:
    trades = some_trades(300, seed=2, features=15) if few else TRADES
    tried = candidates(trades)
    assert len(tried) == (5 if few else 6)
    for candidate in tried:
        found = compare(candidate, trades)
        assert found.holds, (candidate.name, found)
        assert found.worst < 1e-6
        assert gate(found).passed is True


def compare(candidate: Candidate, trades: Dataset) -> Any:
    """Return the parity of a candidate."""
    model = fitted(candidate, trades)
    graph = exported(model, names=trades.names, schema_hash=trades.schema_hash)
    rows, said, answered = compared(model, graph, trades.x)
    assert len(rows) >= LEAST_ROWS
    return parity(said, answered, threshold=clear_of(0.5, said, answered))


def test_the_rows_lie_on_every_threshold_and_on_both_sides_of_it() -> None:
    model = fitted(candidates(TRADES)[-1], TRADES)
    graph = exported(model, names=TRADES.names, schema_hash="a")
    thresholds = tree_thresholds(graph)
    rows = adversarial_rows(TRADES.x, graph, lambda x: probabilities(model, x))
    assert len(thresholds) > 20
    for column, value in thresholds:
        on = np.float32(value)
        beside = {float(np.nextafter(on, way)) for way in (-np.inf, np.inf)} | {float(on)}
        assert beside <= set(rows[:, column].astype(float).tolist())
    assert np.isnan(rows).all(axis=1).any()
    for column in range(6):
        assert (np.isnan(rows).sum(axis=1) == 1)[np.isnan(rows[:, column])].any()


def test_jumps_are_found_whatever_the_model_makes_of_a_feature() -> None:
    """The graph of another model has no thresholds to tell; the jump is at a third."""
    graph = exported(
        LogisticRegression().fit(np.nan_to_num(TRADES.x[:, :2]), TRADES.won),
        names=("a", "b"),
        schema_hash="a",
    )
    rows = adversarial_rows(
        TRADES.x[:, :2], graph, lambda x: np.where(x[:, 0] * np.float32(3.0) > 1.0, 0.9, 0.1)
    )
    near = np.unique(rows[np.abs(rows[:, 0] - 1 / 3) < 1e-7, 0])
    assert {(value * np.float32(3.0) > 1.0) for value in near} == {True, False}
    assert np.diff(near).min() < 5e-8


@pytest.mark.parametrize(
    ("said", "answered", "expected"),
    [
        ([0.2, 0.6], [0.2, 0.6], (0.0, 0, 0)),
        ([0.2, 0.5], [0.2, 0.500001], (1e-6, 1, 0)),
        ([0.2, 0.6], [0.2, np.nan], (np.inf, 1, 1)),
        ([0.2, 0.99], [0.2, 1.0001], (0.0101, 0, 1)),
    ],
)
def test_parity_counts(said: list[float], answered: list[float], expected: Any) -> None:
    found = parity(np.array(said), np.array(answered), threshold=0.5)
    assert (found.worst, found.flips, found.invalid) == pytest.approx(expected)
    assert not found.holds, "two rows are too few"


def test_a_threshold_between_two_roundings_is_moved_over_them() -> None:
    said, answered = np.array([0.3, 0.5, 0.7]), np.array([0.3, 0.5000001, 0.7])
    moved = clear_of(0.50000005, said, answered)
    assert moved == 0.5000001
    assert parity(said, answered, threshold=moved).flips == 0
    assert clear_of(0.6, said, answered) == 0.6


def test_a_threshold_is_not_moved_over_a_real_difference() -> None:
    said, answered = np.array([0.4]), np.array([0.6])
    assert clear_of(0.5, said, answered) == 0.5
    assert parity(said, answered, threshold=0.5).flips == 1


def test_the_graph_has_one_input_and_says_which_features_it_was_made_for() -> None:
    model = fitted(candidates(TRADES)[0], TRADES)
    opened = session(exported(model, names=TRADES.names, schema_hash=TRADES.schema_hash))
    (given,) = opened.get_inputs()
    assert (given.name, given.type, given.shape) == ("x", "tensor(float)", [None, 6])
    told = opened.get_modelmeta().custom_metadata_map
    assert told == {"schema_hash": TRADES.schema_hash, "features": ",".join(TRADES.names)}
    assert served(opened, TRADES.x[:3]).shape == (3,)
