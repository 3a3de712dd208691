"""Thousands of rule sets over the same positions, chosen walk-forward and judged out of sample."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from stopward.domain.opening import PositionRow
from stopward.domain.rulebook import RuleBook
from stopward.replay.deflated import deflated_sharpe, moments, variance_of
from stopward.replay.folds import Fold, Split, folds
from stopward.replay.results import Results
from stopward.replay.table import Floats

SURE = 0.95
"""A deflated Sharpe ratio under it is not told apart from luck. [judgement]"""
Replayed = Callable[[RuleBook], Results]


@dataclass(frozen=True, slots=True, kw_only=True)
class Walked:
    """Net R of every position under every rule set: `net_r[set, position]`. day: place in `days`.

    days: UTC days of entry, sorted.
    """

    net_r: Floats
    day: NDArray[np.int64]
    days: tuple[date, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoldResult:
    """One step: the set that was best on the fit days, its mean R there, and on the test days.

    first_r: mean R of the first set, the present rules, on the same test days. positions: entered
    on the test days.
    """

    first_day: date
    last_day: date
    chosen: int
    fit_r: float
    test_r: float
    first_r: float
    positions: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweep:
    """What choosing among rule sets is worth.

    best: the set with the highest Sharpe ratio of R a position over all days; best_r, first_r: mean
    R of it and of the first set. deflated: probability that its ratio is better than that of the
    best of as many worthless sets. test_r, fit_r: means over all test days of what was chosen
    before them, and of the same choices on their own fit days; test_first_r: of the first set on
    the test days.
    """

    tried: int
    best: int
    best_r: float
    first_r: float
    deflated: float
    fit_r: float
    test_r: float
    test_first_r: float
    folds: tuple[FoldResult, ...]

    @property
    def holds(self) -> bool:
        """Whether the best is told apart from luck, and choosing beat the first set afterwards."""
        return self.deflated >= SURE and self.test_r > max(self.test_first_r, 0.0)


def walk_sets(
    books: Iterable[RuleBook], replayed: Replayed, *, progress: Callable[[int], None]
) -> Walked:
    """Walk the positions under each rule set; the first is the one that others are compared with.

    progress: told after each set.
    """
    rows: list[Floats] = []
    first: Results | None = None
    for book in books:
        results = replayed(book)
        first = first or results
        rows.append(results.net_r)
        progress(1)
    if first is None:
        raise ValueError("a sweep of no rule set has no result")
    day, days = days_of(first.positions)
    return Walked(net_r=np.vstack(rows), day=day, days=days)


def days_of(positions: Sequence[PositionRow]) -> tuple[NDArray[np.int64], tuple[date, ...]]:
    """Return the UTC day of entry of each position, as its place in the days, and the days."""
    entered = [position.entry_at.date() for position in positions]
    days = tuple(sorted(set(entered)))
    place = {day: number for number, day in enumerate(days)}
    return np.array([place[day] for day in entered], np.int64), days


def judge_sets(walked: Walked, split: Split) -> Sweep:
    """Choose on past days, judge on later ones, and correct the best of all for the number tried.

    Raises InvalidInput when the days do not reach for one fold.
    """
    steps = folds(walked.days, split)
    found = tuple(_judged(walked, fold) for fold in steps)
    ratios = _sharpe(walked.net_r)
    best = int(np.argmax(ratios))
    weights = [each.positions for each in found]
    return Sweep(
        tried=len(walked.net_r),
        best=best,
        best_r=float(walked.net_r[best].mean()),
        first_r=float(walked.net_r[0].mean()),
        deflated=deflated_sharpe(
            moments(walked.net_r[best]), tried=len(ratios), variance=variance_of(ratios)
        ),
        fit_r=_mean([each.fit_r for each in found], weights),
        test_r=_mean([each.test_r for each in found], weights),
        test_first_r=_mean([each.first_r for each in found], weights),
        folds=found,
    )


def _judged(walked: Walked, fold: Fold) -> FoldResult:
    fit = walked.net_r[:, _within(walked.day, fold.fit)]
    test = walked.net_r[:, _within(walked.day, fold.test)]
    chosen = int(np.argmax(_sharpe(fit)))
    return FoldResult(
        first_day=walked.days[fold.test.start],
        last_day=walked.days[fold.test.stop - 1],
        chosen=chosen,
        fit_r=float(fit[chosen].mean()),
        test_r=float(test[chosen].mean()),
        first_r=float(test[0].mean()),
        positions=test.shape[1],
    )


def _within(day: NDArray[np.int64], days: range) -> NDArray[np.bool_]:
    return (day >= days.start) & (day < days.stop)


def _sharpe(net_r: Floats) -> Floats:
    """Return the Sharpe ratio of R a position, by rule set; 0 where results do not vary."""
    if net_r.shape[1] < 2:
        return np.zeros(len(net_r))
    deviation = net_r.std(axis=1, ddof=1)
    quiet = np.zeros(len(net_r))
    ratios: Floats = np.divide(net_r.mean(axis=1), deviation, out=quiet, where=deviation > 0.0)
    return ratios


def _mean(values: Sequence[float], weights: Sequence[int]) -> float:
    return float(np.average(values, weights=weights))
