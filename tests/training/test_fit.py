"""Fitting: the same trades give the same bytes, and few trades get few features."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopward.errors import InvalidInput
from stopward.training.candidates import candidates, chosen_columns
from stopward.training.export import exported
from stopward.training.fit import (
    LEAST_TO_FIT,
    OutOfFold,
    Unfittable,
    base_rate,
    fitted,
    out_of_fold,
    probabilities,
    select,
)
from stopward.training.splits import walk_forward
from stopward.training.threshold import threshold
from stopward.training.weights import weights
from tests.builders.simulated_trades import some_trades

EDGE = some_trades(300, oracle_auc=0.75, seed=1, features=6)


def test_the_same_trades_give_the_same_bytes() -> None:
    trades = some_trades(1_200, oracle_auc=0.7, seed=1, features=5)
    for candidate in candidates(trades):
        first, second = (
            exported(fitted(candidate, trades), names=trades.names, schema_hash="a")
            for _ in range(2)
        )
        assert first == second, candidate.name


@pytest.mark.parametrize(
    ("count", "features", "boosting"), [(200, 5, False), (900, 5, False), (1_300, 5, True)]
)
def test_boosting_is_tried_from_a_thousand_separate_trades(
    count: int, features: int, boosting: bool
) -> None:
    names = [candidate.name for candidate in candidates(some_trades(count, features=features))]
    assert names[0] == "logistic C=0.003"
    assert ("boosting" in names) is boosting


@pytest.mark.parametrize(
    ("count", "features", "registered", "expected"),
    [
        (200, 12, (), None),
        (200, 13, (), tuple(range(12))),
        (200, 13, ("feature_12", "feature_3"), (3, 12)),
        (200, 5, ("feature_4",), (4,)),
        (500, 24, ("feature_4",), None),
    ],
)
def test_few_trades_get_few_features(
    count: int, features: int, registered: tuple[str, ...], expected: tuple[int, ...] | None
) -> None:
    assert chosen_columns(some_trades(count, features=features), registered) == expected


def test_a_feature_that_was_not_registered_changes_nothing() -> None:
    trades = some_trades(200, features=14, seed=2)
    (candidate, *_) = candidates(trades, registered=("feature_1", "feature_2"))
    model = fitted(candidate, trades)
    changed = trades.x.copy()
    changed[:, 3:] = 99.0
    assert (probabilities(model, changed) == probabilities(model, trades.x)).all()


def test_registered_names_must_be_there_and_few() -> None:
    with pytest.raises(InvalidInput, match="registered features were unknown: vix"):
        candidates(EDGE, registered=("vix",))
    names = [f"feature_{number}" for number in range(13)]
    with pytest.raises(InvalidInput, match="13 features were registered; allowed are 12 at most"):
        candidates(some_trades(200), registered=names)


def test_the_outer_walk_tests_each_trade_by_a_model_that_never_saw_it() -> None:
    said = out_of_fold(EDGE, candidates(EDGE)[:2], folds=4)
    assert isinstance(said, OutOfFold)
    steps = walk_forward(EDGE, folds=4)
    assert said.rows.tolist() == np.concatenate([step.test for step in steps]).tolist()
    assert len(said.chosen) == 4
    first = EDGE.take(steps[0].fit)
    model = fitted(select(first, candidates(EDGE)[:2]), first)
    expected = probabilities(model, EDGE.x[steps[0].test])
    assert (said.probability[said.fold == 0] == expected).all()
    assert said.base[0] == pytest.approx(np.average(first.won, weights=weights(first)))


def test_later_trades_change_nothing_that_was_said_before_them() -> None:
    whole = some_trades(300, oracle_auc=0.75, seed=1, features=6)
    said = out_of_fold(whole, candidates(whole)[:1], folds=4)
    assert isinstance(said, OutOfFold)
    changed = whole.net_r.copy()
    changed[said.rows[said.fold == 3]] *= -1.0
    again = out_of_fold(replace(whole, net_r=changed), candidates(whole)[:1], folds=4)
    assert isinstance(again, OutOfFold)
    assert (said.probability == again.probability).all()


def test_trades_that_all_overlap_leave_nothing_to_learn_from() -> None:
    trades = some_trades(120, features=4)
    together = replace(trades, exit_at=np.full(120, trades.exit_at.max()))
    found = out_of_fold(together, candidates(trades)[:1], folds=4)
    assert found == Unfittable(fold=1, trades=0)
    assert LEAST_TO_FIT > 0


def test_the_base_rate_is_weighted_as_the_fit_is() -> None:
    assert base_rate(EDGE) == pytest.approx(np.average(EDGE.won, weights=weights(EDGE)))


@given(
    st.lists(st.floats(0.01, 5.0), min_size=1, max_size=60),
    st.lists(st.floats(0.01, 5.0), min_size=1, max_size=60),
)
def test_the_threshold_is_where_the_expected_value_is_zero(
    wins: list[float], losses: list[float]
) -> None:
    net_r = np.array([*wins, *(-loss for loss in losses)])
    found = threshold(net_r)
    p = found.probability
    assert 0.0 < p < 1.0
    assert p * found.mean_win_r - (1.0 - p) * found.mean_loss_r == pytest.approx(0.0, abs=1e-9)
    low, high = sorted((np.mean(wins), np.abs(net_r).mean()))
    assert low - 1e-9 <= found.mean_win_r <= high + 1e-9


def test_a_cost_on_top_raises_the_threshold_and_scratches_are_losses() -> None:
    net_r = np.array([2.0, -1.0, 0.0] * 40)
    assert threshold(net_r, cost_r=0.1).probability > threshold(net_r).probability
    assert threshold(net_r).mean_loss_r < 1.0


@pytest.mark.parametrize("cost", [-0.1, 50.0])
def test_a_cost_that_no_trade_could_bring_is_refused(cost: float) -> None:
    with pytest.raises(InvalidInput, match="cost_r was"):
        threshold(np.array([1.0, -1.0]), cost_r=cost)


def test_results_that_are_all_nothing_have_no_threshold() -> None:
    with pytest.raises(InvalidInput, match="no trade won or lost anything"):
        threshold(np.zeros(5))
