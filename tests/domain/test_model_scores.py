"""Scores of live predictions agree with scikit-learn, with counting, and with training's own."""

from itertools import pairwise, product
from math import exp, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from stopward.domain.model_tracking.day_bootstrap import estimate, samples
from stopward.domain.model_tracking.outcome import Outcome
from stopward.domain.model_tracking.scores import DailySquares, PairedDays, curve, scores
from tests.builders.outcomes import an_outcome, outcomes_of, said_and_came

SAID = said_and_came(1, 300)
PROBABILITY = [each.probability for each in SAID]
WON = [each.won for each in SAID]

few = st.lists(
    st.tuples(st.sampled_from([0.0, 0.1, 0.4, 0.5, 0.9, 1.0]), st.booleans(), st.integers(0, 3)),
    min_size=1,
    max_size=30,
).map(lambda rows: outcomes_of(*zip(*rows, strict=True)))


def auc(outcomes: list[Outcome]) -> float | None:
    pairs = PairedDays(outcomes)
    return pairs.auc([1] * len(pairs.days))


def test_they_are_scikit_learns() -> None:
    found = scores(SAID)
    assert auc(SAID) == pytest.approx(roc_auc_score(WON, PROBABILITY))
    assert found.brier == pytest.approx(brier_score_loss(WON, PROBABILITY))
    assert found.log_loss == pytest.approx(log_loss(WON, PROBABILITY))
    rate = sum(WON) / len(WON)
    assert found.base_rate == pytest.approx(rate)
    assert found.base_log_loss == pytest.approx(log_loss(WON, [rate] * len(WON)))
    assert found.base_brier == pytest.approx(brier_score_loss(WON, [rate] * len(WON)))
    assert found.skill == pytest.approx(1.0 - found.brier / found.base_brier)


@settings(max_examples=40)
@given(few, st.lists(st.integers(0, 3), min_size=4, max_size=4))
def test_pairs_of_days_are_those_that_counting_finds(
    outcomes: list[Outcome], often: list[int]
) -> None:
    pairs = PairedDays(outcomes)
    times = often[: len(pairs.days)]
    counted = dict(zip(pairs.days, times, strict=True))
    right = total = 0.0
    for up, down in product(outcomes, outcomes):
        if up.won and not down.won:
            weight = counted[up.day] * counted[down.day]
            total += weight
            right += weight * (
                (up.probability > down.probability) + 0.5 * (up.probability == down.probability)
            )
    assert pairs.auc(times) == (pytest.approx(right / total) if total else None)


@settings(max_examples=40)
@given(few, st.lists(st.integers(0, 3), min_size=4, max_size=4))
def test_skill_of_days_is_that_of_their_outcomes_told_so_often(
    outcomes: list[Outcome], often: list[int]
) -> None:
    squares = DailySquares(outcomes)
    times = often[: len(squares.days)]
    counted = dict(zip(squares.days, times, strict=True))
    repeated = [each for each in outcomes for _ in range(counted[each.day])]
    expected = scores(repeated).skill if repeated else None
    assert squares.skill(times) == (None if expected is None else pytest.approx(expected))


@settings(max_examples=40)
@given(few)
def test_the_area_does_not_change_under_what_keeps_the_order(outcomes: list[Outcome]) -> None:
    bent = [
        an_outcome(exp(each.probability) / 3.0, each.won, day=(each.day - outcomes[0].day).days)
        for each in outcomes
    ]
    assert auc(bent) == auc(outcomes)


@settings(max_examples=40)
@given(few)
def test_the_area_of_the_opposite_is_the_rest(outcomes: list[Outcome]) -> None:
    turned = outcomes_of([1.0 - e.probability for e in outcomes], [e.won for e in outcomes])
    found = auc(outcomes)
    assert auc(turned) == (None if found is None else pytest.approx(1.0 - found))


def test_one_class_has_no_area_and_no_skill() -> None:
    only = outcomes_of([0.2, 0.9], [True, True])
    assert (auc(only), scores(only).skill) == (None, None)


def test_what_was_called_impossible_costs_a_finite_loss_as_in_the_daily_sums() -> None:
    assert scores([an_outcome(0.0, True)]).log_loss == pytest.approx(-log(1e-15))


def test_the_curve_is_that_of_training() -> None:
    found = curve(SAID)
    order = np.argsort(PROBABILITY, kind="stable")
    for (chance, share, count), part in zip(found, np.array_split(order, 10), strict=True):
        assert chance == pytest.approx(np.array(PROBABILITY)[part].mean())
        assert share == pytest.approx(np.array(WON)[part].mean())
        assert count == len(part)
    assert [count for *_, count in curve(SAID[:3])] == [1, 1, 1]


@settings(max_examples=40)
@given(st.integers(1, 40), st.integers(0, 9))
def test_a_sample_has_as_many_days_as_there_are(days: int, seed: int) -> None:
    for times in samples(days, draws=3, seed=seed):
        assert (len(times), sum(times)) == (days, days)
        assert min(times) >= 0


def test_neighbours_are_drawn_together_nine_times_of_ten_in_blocks_of_ten() -> None:
    # How often a day counts has variance 1; what it shares with the next is that times 9/10.
    shared = [
        (up - 1) * (down - 1) for times in samples(1_000, draws=60) for up, down in pairwise(times)
    ]
    assert sum(shared) / len(shared) == pytest.approx(0.9, abs=0.05)


def test_bounds_of_a_mean_are_those_that_its_error_gives() -> None:
    random = np.random.default_rng(5)
    values = random.normal(0.0, 1.0, 400)
    found = estimate(lambda times: float(np.dot(times, values)) / sum(times), 400)
    assert found.low is not None
    assert found.high is not None
    error = values.std() / 400**0.5
    assert found.high - found.low == pytest.approx(2 * 1.645 * error, rel=0.15)
    assert found.low < float(values.mean()) < found.high


def test_the_same_days_have_the_same_bounds_and_few_days_have_none() -> None:
    pairs = PairedDays(SAID)
    assert estimate(pairs.auc, 30) == estimate(pairs.auc, 30)
    week = PairedDays(SAID[:40])
    found = estimate(week.auc, len(week.days))
    assert found.value is not None
    assert (found.low, found.high) == (None, None)


def test_a_figure_that_most_samples_lack_has_no_bounds() -> None:
    lone = outcomes_of([0.5] * 60, [place == 0 for place in range(60)], list(range(60)))
    pairs = PairedDays(lone)
    assert estimate(pairs.auc, 60).value == 0.5
    # Its day is in 63 % of the samples; one of a day in ten thousand is in hardly any.
    rare = estimate(lambda times: 1.0 if min(times) > 0 else None, 60, draws=50)
    assert (rare.value, rare.low, rare.high) == (1.0, None, None)
