"""What a night says of one model: its figures together, and when somebody must look."""

from dataclasses import replace

import pytest

from stopward.domain.model_tracking.day_bootstrap import Estimate, estimate
from stopward.domain.model_tracking.drift import Spread, stability
from stopward.domain.model_tracking.outcome import Outcome
from stopward.domain.model_tracking.scores import DailySquares
from stopward.domain.model_tracking.statistics import Baseline, drift, statistics
from tests.builders.outcomes import an_outcome, said_and_came

TENTHS = Spread(missing=0.0, edges=tuple(map(float, range(1, 10))), shares=(0.1,) * 10)
TOP = ("a", "b", "c")
BASELINE = Baseline(
    spreads=dict.fromkeys(TOP, TENTHS), importances={"a": 0.03, "b": 0.02, "c": 0.01}
)
NONE: Baseline = Baseline()


def with_values(outcomes: list[Outcome], *, moved: int) -> list[Outcome]:
    """Return outcomes with vectors of which so many features moved."""
    return [
        replace(each, values=tuple(9.5 if n < moved else place % 10 + 0.5 for n in range(3)))
        for place, each in enumerate(outcomes)
    ]


def test_the_order_of_outcomes_has_no_say() -> None:
    outcomes = with_values(said_and_came(4, 240), moved=1)
    assert statistics(outcomes[::-1], BASELINE) == statistics(outcomes, BASELINE)


def test_one_outcome_is_enough_for_what_one_can_tell() -> None:
    found = statistics([an_outcome(0.8, True, latency_ms=7.0)], NONE)
    assert (found.scores.n, found.days, found.recent) == (1, 1, None)
    assert (found.auc.value, found.recalibration.slope.value) == (None, None)
    assert (found.latency.median, found.latency.p99, found.latency.most) == (7.0, 7.0, 7.0)
    assert (found.stability, found.psi_unknown, found.drift) == ({}, "no_spreads", ())


@pytest.mark.parametrize("count", [99, 100, 180])
def test_recent_skill_is_that_of_the_last_hundred_trades(count: int) -> None:
    outcomes = said_and_came(6, count)
    recent = statistics(outcomes, NONE).recent
    if count < 100:
        assert recent is None
        return
    squares = DailySquares(outcomes[-100:])
    assert recent == estimate(squares.skill, 10)


def test_recent_skill_reaches_back_until_it_has_days_enough_for_bounds() -> None:
    outcomes = said_and_came(6, 900, a_day=100)
    recent = statistics(outcomes, NONE).recent
    assert recent == estimate(DailySquares(outcomes[-500:]).skill, 5)
    assert recent is not None
    assert recent.low is not None


def test_features_are_compared_over_the_last_vectors_and_not_over_few() -> None:
    still = with_values(said_and_came(8, 600), moved=0)
    turned = [*still[:100], *with_values(still[100:], moved=3)]
    assert statistics(still, BASELINE).drift == ()
    found = statistics(turned, BASELINE)
    assert (found.psi_n, found.drift) == (500, ("features_moved",))
    assert found.stability == dict.fromkeys(TOP, stability(TENTHS, [9.5] * 500))
    few = statistics(turned[-199:], BASELINE)
    assert (few.stability, few.psi_n, few.psi_unknown, few.drift) == ({}, 199, "few_rows", ())


def test_outcomes_without_a_vector_are_left_out_of_the_comparison_only() -> None:
    outcomes = [*said_and_came(8, 50), *with_values(said_and_came(9, 210), moved=0)]
    found = statistics(outcomes, BASELINE)
    assert (found.scores.n, found.psi_n, found.psi_unknown) == (260, 210, None)


def test_vectors_of_another_length_are_told_and_compared_with_nothing() -> None:
    outcomes = with_values(said_and_came(8, 210), moved=0)
    outcomes[5] = replace(outcomes[5], values=(1.0,))
    found = statistics(outcomes, BASELINE)
    assert (found.stability, found.psi_unknown) == ({}, "other_vector")


def test_a_model_that_says_the_opposite_is_worse_than_the_base_rate() -> None:
    assert statistics(said_and_came(2, 200), NONE).drift == ()
    wrong = statistics(said_and_came(2, 200, slope=-1.0), NONE)
    assert wrong.drift == ("worse_than_base_rate",)
    assert wrong.recent is not None
    assert wrong.recent.high is not None
    assert wrong.recent.high < 0


def test_a_good_model_is_told_to_be_worse_on_about_one_night_in_twenty() -> None:
    nights = [statistics(said_and_came(seed, 100, spread=0.5), NONE) for seed in range(60)]
    assert sum(bool(night.drift) for night in nights) <= 6
    opposite = [
        statistics(said_and_came(seed, 100, spread=0.5, slope=-1.0), NONE) for seed in range(20)
    ]
    assert sum(bool(night.drift) for night in opposite) >= 14


@pytest.mark.parametrize(
    ("recent", "indexes", "told"),
    [
        (None, {}, ()),
        (Estimate(value=-0.5, low=None, high=None), {}, ()),
        (Estimate(value=-0.1, low=-0.2, high=0.0), {}, ()),
        (Estimate(value=-0.1, low=-0.2, high=-0.001), {}, ("worse_than_base_rate",)),
        (None, {"a": 0.21, "d": 0.9}, ()),
        (None, {"a": 0.21, "c": 0.2}, ()),
        (None, {"a": 0.21, "c": 0.201}, ("features_moved",)),
        (
            Estimate(value=-0.1, low=-0.2, high=-0.001),
            {"a": 1.0, "b": 1.0},
            ("worse_than_base_rate", "features_moved"),
        ),
    ],
)
def test_somebody_must_look_when(
    recent: Estimate | None, indexes: dict[str, float], told: tuple[str, ...]
) -> None:
    assert drift(recent, indexes, TOP) == told


def test_the_top_features_are_the_five_that_told_most() -> None:
    told = {name: (9 - place) / 100 for place, name in enumerate("zyxwvut")}
    assert Baseline(importances={**told, "none": 0.0, "less": -0.1}).top == tuple("zyxwv")
    assert Baseline(importances={"b": 0.1, "a": 0.1, "none": 0.0}).top == ("a", "b")
