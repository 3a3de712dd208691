"""Slope and intercept agree with scikit-learn and numpy, and say 1 and 0 of who is calibrated."""

from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import t
from sklearn.linear_model import LogisticRegression

from stopward.domain.model_tracking.outcome import Outcome
from stopward.domain.model_tracking.recalibration import (
    NONE,
    Recalibration,
    log_odds,
    recalibration,
    student,
)
from tests.builders.outcomes import outcomes_of, said_and_came


def by_numpy(outcomes: list[Outcome]) -> tuple[np.ndarray, np.ndarray]:
    """Return intercept and slope by scikit-learn, and their variances clustered by day."""
    x = np.array([log_odds(each.probability) for each in outcomes])
    won = np.array([each.won for each in outcomes])
    fitted = LogisticRegression(C=np.inf, max_iter=10_000, tol=1e-10).fit(x[:, None], won)
    found = np.array([fitted.intercept_[0], fitted.coef_[0, 0]])
    design = np.column_stack((np.ones_like(x), x))
    chance = 1.0 / (1.0 + np.exp(-design @ found))
    bread = np.linalg.inv((design * (chance * (1.0 - chance))[:, None]).T @ design)
    days = [each.day for each in outcomes]
    each_day = sorted(set(days))
    rests = np.array(
        [
            (design * (won - chance)[:, None])[[day == own for day in days]].sum(axis=0)
            for own in each_day
        ]
    )
    wider = len(each_day) / (len(each_day) - 1)
    return found, np.diag(bread @ (rests.T @ rests * wider) @ bread)


@pytest.mark.parametrize(
    ("seed", "changes"),
    [(1, {}), (2, {"slope": 0.3, "level": -1.0}), (3, {"spread": 3.0, "of_day": 0.7})],
)
def test_it_is_that_of_two_other_libraries(seed: int, changes: dict[str, float]) -> None:
    outcomes = said_and_came(seed, 200, **changes)
    found, variances = by_numpy(outcomes)
    own = recalibration(outcomes)
    reach = t.ppf(0.95, 19) * np.sqrt(variances)
    for estimate, value, wide in zip((own.intercept, own.slope), found, reach, strict=True):
        assert estimate.value == pytest.approx(value, abs=1e-4)
        assert estimate.low == pytest.approx(value - wide, abs=5e-3)
        assert estimate.high == pytest.approx(value + wide, abs=5e-3)


@pytest.mark.parametrize("degrees", [4, 5, 9, 20, 60, 1_000])
def test_students_quantile_is_scipys(degrees: int) -> None:
    assert student(0.95, degrees) == pytest.approx(t.ppf(0.95, degrees), rel=2e-3)


@pytest.mark.parametrize("of_day", [0.0, 0.5])
def test_who_is_calibrated_has_slope_1_in_nine_of_ten_cases(of_day: float) -> None:
    found = [recalibration(said_and_came(seed, 200, of_day=of_day)) for seed in range(50)]
    assert 0.8 <= _share(found, "slope", 1.0) <= 0.98
    assert 0.8 <= _share(found, "intercept", 0.0) <= 0.98


def _share(found: list[Recalibration], name: str, value: float) -> float:
    held = [getattr(each, name) for each in found]
    return sum(each.low <= value <= each.high for each in held) / len(held)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.3, 3.0), st.floats(-1.0, 1.0))
def test_odds_that_are_stretched_have_a_slope_that_is_as_much_smaller(
    seed: int, times: float, more: float
) -> None:
    outcomes = said_and_came(seed, 60, spread=0.6)
    stretched = outcomes_of(
        [1 / (1 + np.exp(-(log_odds(e.probability) * times + more))) for e in outcomes],
        [e.won for e in outcomes],
    )
    plain, other = recalibration(outcomes), recalibration(stretched)
    if plain.slope.value is None or plain.intercept.value is None:
        assert other == NONE
        return
    assert other.slope.value == pytest.approx(plain.slope.value / times, rel=1e-5, abs=1e-7)
    expected = plain.intercept.value - plain.slope.value * more / times
    assert other.intercept.value == pytest.approx(expected, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize(
    ("probability", "won"),
    [
        ([0.2, 0.4, 0.6, 0.8], [False, False, True, True]),  # parted
        ([0.2, 0.4, 0.4, 0.8], [False, False, True, True]),  # they touch
        ([0.2, 0.4, 0.6, 0.8], [True, True, False, False]),  # parted, the wrong way
        ([0.2, 0.4, 0.6, 0.8], [True, True, True, True]),
        ([0.5, 0.5, 0.5, 0.5], [True, False, True, False]),
    ],
)
def test_it_is_unknown_where_there_is_no_maximum(probability: list[float], won: list[bool]) -> None:
    assert recalibration(outcomes_of(probability, won)) == NONE


def test_winners_around_a_loser_have_one_and_few_days_no_bounds() -> None:
    found = recalibration(outcomes_of([0.2, 0.4, 0.8], [True, False, True]))
    assert found.slope.value is not None
    assert (found.slope.low, found.slope.high) == (None, None)
    few = said_and_came(1, 40)
    assert len({each.day for each in few}) == 4
    assert recalibration(few).slope.low is None
    assert recalibration(said_and_came(1, 50)).slope.low is not None


def test_certainty_is_held_away_from_0_and_1() -> None:
    found = recalibration(outcomes_of([0.0, 1.0, 0.0, 1.0], [False, True, True, False]))
    assert found.slope.value == pytest.approx(0.0, abs=1e-9)
    assert date(2026, 1, 5) == outcomes_of([0.5], [True])[0].day
