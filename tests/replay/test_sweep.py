"""Sweeps: a best of many is judged by later days and by how many were tried."""

from datetime import date, timedelta

import numpy as np
import pytest

from stopward.errors import InvalidInput
from stopward.replay.deflated import Moments, deflated_sharpe, expected_best, moments
from stopward.replay.folds import Split, folds
from stopward.replay.grid import parse_grid, rule_sets
from stopward.replay.sweep import Walked, judge_sets

DAYS = tuple(date(2024, 1, 1) + timedelta(days=n) for n in range(200))
RULES = '[account]\nadopt = "all"\n[rules.breakeven]\narm = "1 r"\n'
GRID = """
[grid]
"rules.breakeven.arm" = ["0.5 r", "1 r"]
"rules.time_stop.minutes" = [10, 20, 30]
[split]
fit = 40
"""


def test_the_deflated_ratio_is_that_of_the_papers_example() -> None:
    """Bailey and Lopez de Prado, 2014, section "A numerical example": 0.1132 a day, then 0.9004."""
    variance = 0.5 / 250
    assert expected_best(100, variance) == pytest.approx(0.1132, abs=5e-5)
    best = Moments(count=1250, sharpe=2.5 / np.sqrt(250), skewness=-3.0, kurtosis=10.0)
    assert deflated_sharpe(best, tried=100, variance=variance) == pytest.approx(0.9004, abs=5e-5)


def test_moments_of_a_large_normal_sample_are_those_of_a_normal() -> None:
    found = moments(np.random.default_rng(1).normal(0.2, 1.0, 200_000))
    assert found.sharpe == pytest.approx(0.2, abs=0.01)
    assert found.skewness == pytest.approx(0.0, abs=0.05)
    assert found.kurtosis == pytest.approx(3.0, abs=0.05)
    assert moments(np.ones(5)).sharpe == 0.0


@pytest.mark.parametrize(("tried", "variance"), [(1, 0.5), (100, 0.0), (0, 1.0)])
def test_where_nothing_was_chosen_luck_explains_nothing(tried: int, variance: float) -> None:
    assert expected_best(tried, variance) == 0.0


def test_more_tries_need_more_proof() -> None:
    best = Moments(count=300, sharpe=0.2, skewness=0.0, kurtosis=3.0)
    sure = [deflated_sharpe(best, tried=n, variance=0.003) for n in (1, 10, 100, 10_000)]
    assert sure == sorted(sure, reverse=True)
    assert sure[0] > 0.99
    assert sure[-1] < 0.5
    two = Moments(count=2, sharpe=1.0, skewness=0.0, kurtosis=3.0)
    assert np.isnan(deflated_sharpe(two, tried=2, variance=0.1))


def test_folds_never_look_ahead_and_test_every_later_day_once() -> None:
    split = Split(fit=40, embargo=2, test=15)
    found = folds(DAYS, split)
    tested = [day for fold in found for day in fold.test]
    assert tested == list(range(42, 200))
    for fold in found:
        assert len(fold.fit) == 40
        assert fold.fit.stop + 2 == fold.test.start


@pytest.mark.parametrize(
    ("days", "split", "words"),
    [
        (61, Split(), "were entered on 61 days; the split needs 62 at least"),
        (99, Split(fit=1), "split.fit was 1; allowed is 2 or more days"),
        (99, Split(test=0), "split.test was 0"),
        (99, Split(embargo=-1), "split.embargo was -1"),
    ],
)
def test_a_split_that_cannot_be_is_refused(days: int, split: Split, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        folds(DAYS[:days], split)


def test_a_grid_is_every_combination_over_the_rules() -> None:
    grid = parse_grid(GRID, source="grid.toml")
    assert (len(grid), grid.split) == (6, Split(fit=40))
    base, *found = rule_sets(grid, RULES, source="rules.toml")
    assert (base.source, base.base.breakeven.arm.value) == ("rules.toml", 1.0)  # type: ignore[union-attr]
    assert base.base.time_stop is None
    seen = [(book.base.breakeven.arm.value, book.base.time_stop.minutes) for book in found]  # type: ignore[union-attr]
    assert seen == [(arm, minutes) for arm in (0.5, 1.0) for minutes in (10.0, 20.0, 30.0)]
    assert found[5].source == (
        "rules.toml with rules.breakeven.arm = 1 r, rules.time_stop.minutes = 30"
    )


@pytest.mark.parametrize(("first", "last"), [(0, 7), (0, 1), (0, 3), (1, 2), (2, 6), (6, 7)])
def test_some_sets_of_a_sweep_are_those_of_the_whole(first: int, last: int) -> None:
    grid = parse_grid(GRID, source="grid.toml")
    whole = list(rule_sets(grid, RULES, source="rules.toml"))
    some = list(rule_sets(grid, RULES, source="rules.toml", first=first, last=last))
    assert (len(whole), some) == (7, whole[first:last])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x", "not valid TOML"),
        ("[grids]\n", "unknown table grids"),
        ("", r"\[grid\] is missing or empty"),
        ('[grid]\n"rules.a" = 1\n', 'grid."rules.a" was 1; allowed is a list of values'),
        ('[grid]\n"rules.a" = []\n', "allowed is a list of values"),
        ('[grid]\n"rules.a" = [1, 1]\n', "lists a value twice"),
        ('[grid]\na = [1]\n[split]\nfit = "2"\n', "split.fit was '2'"),
        ("[grid]\na = [1]\n[split]\nfold = 2\n", "may set fit, embargo, test"),
        (f"[grid]\na = {list(range(400))}\nb = {list(range(400))}\n", "160,000 combinations"),
    ],
)
def test_a_grid_that_cannot_be_used_is_refused(text: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        parse_grid(text, source="grid.toml")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[grid]\n"rules.breakeven.arms" = [1]\n', "with rules.breakeven.arms = 1: 1 problem"),
        ('[grid]\n"rules.breakeven.arm.x" = [1]\n', "leads through arm, which is a value"),
    ],
)
def test_a_combination_that_is_no_rules_file_is_refused_by_name(text: str, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        list(rule_sets(parse_grid(text, source="g"), RULES, source="rules.toml"))


def a_walk(seed: int, *, edge: float, sets: int = 60) -> Walked:
    """Return results of rule sets that share most of their luck; the last one has an edge, in R."""
    random = np.random.default_rng(seed)
    day = np.repeat(np.arange(len(DAYS)), 3)
    shared = random.normal(0.0, 0.8, len(day))
    net_r = shared + random.normal(0.0, 0.6, (sets, len(day)))
    net_r[-1] += edge
    return Walked(net_r=net_r, day=day, days=DAYS)


def test_a_sweep_that_only_overfits_says_so() -> None:
    told = [judge_sets(a_walk(seed, edge=0.0), Split()) for seed in range(40)]
    assert sum(each.holds for each in told) <= 2
    assert np.mean([each.fit_r for each in told]) > 0.1
    assert abs(np.mean([each.test_r for each in told])) < 0.03


def test_a_rule_set_with_an_edge_is_found_and_holds() -> None:
    told = [judge_sets(a_walk(seed, edge=0.35), Split()) for seed in range(20)]
    assert sum(each.best == 59 for each in told) >= 18
    assert sum(each.holds for each in told) >= 16


def test_what_a_fold_tells_is_of_its_own_days() -> None:
    walked = a_walk(1, edge=0.0, sets=3)
    found = judge_sets(walked, Split(fit=40, embargo=0, test=100))
    first = found.folds[0]
    assert (first.first_day, first.last_day) == (DAYS[40], DAYS[139])
    fit, test = (walked.day < 40), (walked.day >= 40) & (walked.day < 140)
    ratios = walked.net_r[:, fit].mean(axis=1) / walked.net_r[:, fit].std(axis=1, ddof=1)
    assert first.chosen == int(np.argmax(ratios))
    assert first.test_r == pytest.approx(walked.net_r[first.chosen, test].mean())
    assert first.first_r == pytest.approx(walked.net_r[0, test].mean())
    assert [each.positions for each in found.folds] == [300, 180]
