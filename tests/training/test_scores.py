"""Scores agree with counting, with scikit-learn, and with what they are told by."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from stopward.training.bootstrap import estimates, mean_block, samples
from stopward.training.dataset import Booleans, Floats, Integers
from stopward.training.scores import Pairs, auc, brier_scores, calibration, log_losses, skill

rows = st.lists(
    st.tuples(st.integers(0, 6), st.booleans(), st.integers(0, 3)), min_size=1, max_size=40
)


def columns(found: list[tuple[int, bool, int]]) -> tuple[Floats, Booleans, Integers]:
    """Return scores, outcomes and groups."""
    score, won, group = zip(*found, strict=True)
    return np.array(score, float), np.array(won, bool), np.array(group, np.int64)


def counted(score: Floats, won: Booleans, group: Integers, times: Any) -> float:
    """Return the share of pairs of a group that are in order, by looking at every pair."""
    right = total = 0.0
    for up in np.flatnonzero(won):
        for down in np.flatnonzero(~won):
            if group[up] == group[down]:
                pair = times[up] * times[down]
                total += pair
                right += pair * ((score[up] > score[down]) + 0.5 * (score[up] == score[down]))
    return right / total if total else float("nan")


@given(rows, st.integers(0, 99))
def test_pairs_are_those_that_counting_finds(found: list[tuple[int, bool, int]], seed: int) -> None:
    score, won, group = columns(found)
    times = np.random.default_rng(seed).integers(0, 4, len(score)).astype(float)
    said = Pairs(score, group).auc(times * won, times * ~won)
    assert said == pytest.approx(counted(score, won, group, times), nan_ok=True)
    assert auc(score, won) == pytest.approx(
        counted(score, won, np.zeros_like(group), np.ones(len(score))), nan_ok=True
    )


def test_they_are_scikit_learns() -> None:
    random = np.random.default_rng(3)
    said, won = random.random(400), random.random(400) < 0.4
    assert auc(said, won) == pytest.approx(roc_auc_score(won, said))
    assert log_losses(said, won).mean() == pytest.approx(log_loss(won, said))
    assert brier_scores(said, won).mean() == pytest.approx(brier_score_loss(won, said))


def test_a_level_that_differs_between_groups_counts_for_nothing() -> None:
    group = np.repeat([0, 1], 50)
    won = np.arange(100) % 10 < np.where(group, 8, 2)
    level = group.astype(float)
    assert auc(level, won) > 0.7
    assert auc(level, won, group) == 0.5


def test_certainty_that_was_wrong_is_a_finite_loss() -> None:
    assert np.isfinite(log_losses(np.array([0.0, 1.0]), np.array([True, False]))).all()
    assert skill(0.2, 0.25) == pytest.approx(0.2)
    assert np.isnan(skill(0.0, 0.0))


@settings(max_examples=15, deadline=None)
@given(st.floats(0.4, 2.5), st.floats(-0.5, 0.5))
def test_calibration_finds_the_slope_and_the_intercept(slope: float, shift: float) -> None:
    random = np.random.default_rng(5)
    odds = random.normal(0.0, 1.0, 20_000)
    won = random.random(20_000) < 1.0 / (1.0 + np.exp(-(shift + slope * odds)))
    found = calibration(1.0 / (1.0 + np.exp(-odds)), won)
    assert found == pytest.approx((slope, shift), abs=0.12)


@pytest.mark.parametrize(("said", "won"), [([0.5, 0.5], [True, False]), ([0.4, 0.5], [True, True])])
def test_calibration_is_unknown_where_nothing_differs(said: list[float], won: list[bool]) -> None:
    assert np.isnan(calibration(np.array(said), np.array(won))).all()


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.floats(1.0, 20.0), st.integers(0, 50))
def test_a_sample_is_made_of_runs_of_the_series(count: int, block: float, seed: int) -> None:
    for places in samples(count, block=block, draws=3, seed=seed):
        assert len(places) == count
        assert ((places >= 0) & (places < count)).all()


def test_runs_are_as_long_as_asked_on_average() -> None:
    broken = [
        (np.diff(places) % 5_000 != 1).mean() for places in samples(5_000, block=8.0, draws=20)
    ]
    assert 1.0 / np.mean(broken) == pytest.approx(8.0, rel=0.05)


def test_a_bound_is_that_of_the_normal_where_trades_are_apart() -> None:
    values = np.random.default_rng(1).normal(0.0, 1.0, 2_000)
    (found,) = estimates(
        lambda times: (float(times @ values / times.sum()),), np.arange(2_000), draws=800
    )
    error = values.std() / np.sqrt(2_000)
    assert found.low == pytest.approx(found.value - 1.645 * error, abs=0.25 * error)
    assert found.high == pytest.approx(found.value + 1.645 * error, abs=0.25 * error)


def test_trades_of_a_day_that_move_together_widen_the_bound() -> None:
    day = np.repeat(np.arange(200), 10)
    values = np.random.default_rng(1).normal(0.0, 1.0, 200)[day]

    def width(days: Integers) -> float:
        (found,) = estimates(lambda times: (float(times @ values / times.sum()),), days, draws=300)
        return found.high - found.low

    assert mean_block(day) == pytest.approx(2_000 ** (1 / 3))
    assert width(day) > 2.0 * np.sqrt(2) * 1.645 * values.std() / np.sqrt(2_000)


def test_what_is_nan_in_every_sample_has_no_bounds() -> None:
    (found,) = estimates(lambda times: (float("nan"),), np.arange(9), draws=5)
    assert np.isnan((found.value, found.low, found.high)).all()
