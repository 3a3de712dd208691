"""Leaks fire, honest features do not, and permuted labels are refused."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopward.errors import InvalidInput
from stopward.training.candidates import candidates
from stopward.training.dataset import Dataset
from stopward.training.leaks import (
    TOGETHER,
    feature_gate,
    joined_days,
    permute,
    permuted_gate,
    planted_gate,
    suspects,
)
from tests.builders.simulated_trades import some_trades

HONEST = some_trades(400, oracle_auc=0.645, seed=3, features=6)


def with_feature(trades: Dataset, values: object) -> Dataset:
    """Return trades whose last feature is this one."""
    x = trades.x.copy()
    x[:, -1] = np.asarray(values, np.float32)
    return replace(trades, x=x)


def test_honest_features_pass_and_the_best_is_told() -> None:
    found = feature_gate(HONEST)
    assert found.passed is True
    assert 0.5 < found.figure <= 0.75
    assert suspects(HONEST)[0].name in found.says


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_feature_that_knows_the_outcome_blocks_until_it_is_allowed(sign: float) -> None:
    noise = np.random.default_rng(0).normal(0.0, 0.8, len(HONEST))
    leaking = with_feature(HONEST, sign * (HONEST.net_r + noise))
    found = feature_gate(leaking)
    assert found.passed is False
    assert found.figure > 0.75
    assert "feature_5" in found.says
    assert feature_gate(leaking, allowed=("feature_5",)).passed is True


def test_a_feature_that_is_missing_only_where_trades_lost_blocks() -> None:
    there = HONEST.won | (np.arange(len(HONEST)) % 4 == 0)
    leaking = with_feature(HONEST, np.where(there, 1.0, np.nan))
    found = feature_gate(leaking)
    assert found.passed is False
    assert "feature_5" in found.says


def test_few_values_are_not_told_apart_from_chance() -> None:
    rare = np.full(len(HONEST), np.nan)
    rare[:40] = HONEST.net_r[:40]
    assert feature_gate(with_feature(HONEST, rare)).passed is True


def test_a_planted_leak_is_found() -> None:
    found = planted_gate(HONEST)
    assert found.passed is True
    assert found.figure > 0.9


def test_a_detector_that_is_blind_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stopward.training.leaks.auc", lambda column, won: 0.5)
    assert planted_gate(HONEST).passed is False


def test_an_unknown_name_cannot_be_allowed() -> None:
    with pytest.raises(InvalidInput, match="allow-listed features were unknown: vix"):
        feature_gate(HONEST, allowed=("vix",))


@given(st.lists(st.integers(0, 30), min_size=1, max_size=120))
def test_days_are_joined_whole_until_there_is_something_to_permute(days: list[int]) -> None:
    day = np.sort(np.array(days, np.int64))
    found = joined_days(day)
    assert (np.diff(found) >= 0).all()
    for one in np.unique(day):
        assert len(np.unique(found[day == one])) == 1
    if len(day) >= TOGETHER:
        assert np.bincount(found).min() >= TOGETHER


@given(st.integers(1, 200), st.integers(1, 9))
def test_a_permutation_keeps_each_day_s_results(count: int, a_day: int) -> None:
    groups = np.arange(count) // a_day
    net_r = np.random.default_rng(count).normal(size=count)
    found = permute(net_r, groups)
    for group in np.unique(groups):
        assert sorted(found[groups == group]) == sorted(net_r[groups == group])


def test_an_edge_of_the_single_trade_is_refused_under_the_permutation() -> None:
    strong = some_trades(400, oracle_auc=0.8, seed=5, features=6)
    found = permuted_gate(strong, candidates(strong), folds=4, draws=200)
    assert found.passed is True
    assert found.figure < 0.5


def test_good_days_that_a_model_rightly_knows_raise_no_alarm() -> None:
    """Within the day nothing can be told; between days nearly everything."""
    regime = np.random.default_rng(2).normal(size=100)[np.arange(400) // 4]
    random = np.random.default_rng(3)
    won = random.random(400) < 1.0 / (1.0 + np.exp(-2.0 * regime))
    trades = replace(with_feature(HONEST, regime), net_r=np.where(won, 1.0, -1.0))
    found = permuted_gate(trades, candidates(trades), folds=4, draws=200)
    assert found.passed is True
    assert "gain +" in found.says


def test_a_model_that_sees_its_test_labels_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The alarm is not decoration: with test labels in the fit, permuted ones are told too."""
    from stopward.training import fit

    honest = fit.probabilities

    def peeking(model: object, x: object) -> object:
        place = {row.tobytes(): won for row, won in zip(HONEST.x, peeked, strict=True)}
        known = np.array([place[row.tobytes()] for row in np.asarray(x)])
        return 0.9 * honest(model, x) + 0.1 * known

    groups = joined_days(HONEST.day)
    peeked = permute(HONEST.net_r, groups) > 0.0
    monkeypatch.setattr(fit, "probabilities", peeking)
    found = permuted_gate(HONEST, candidates(HONEST), folds=4, draws=200)
    assert found.passed is False
