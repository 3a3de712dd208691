"""How good probabilities were: log loss, Brier score, area under the curve, calibration curve."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from math import log
from operator import add, mul
from statistics import fmean
from typing import Final

from stopward.domain.model_tracking.outcome import Outcome

LEAST_CHANCE: Final = 1e-15
"""What was called impossible and came counts as if it had been given this: as in the daily sums."""
CURVE_BINS: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Scores:
    """Means over outcomes, and the same of who always says the share that won.

    base_rate: that share. skill: the part of the base's Brier score that was saved, 1 is perfect;
    None where the base makes no mistake.
    """

    n: int
    base_rate: float
    brier: float
    base_brier: float
    skill: float | None
    log_loss: float
    base_log_loss: float


def scores(outcomes: Sequence[Outcome]) -> Scores:
    """Return the scores of outcomes, of which there is one at least."""
    rate = fmean(each.won for each in outcomes)
    brier, base = fmean(_squares(outcomes)), rate * (1.0 - rate)
    return Scores(
        n=len(outcomes),
        base_rate=rate,
        brier=brier,
        base_brier=base,
        skill=1.0 - brier / base if base > 0.0 else None,
        log_loss=fmean(_loss(each.probability, each.won) for each in outcomes),
        base_log_loss=fmean(_loss(rate, each.won) for each in outcomes),
    )


def curve(outcomes: Sequence[Outcome], *, bins: int = CURVE_BINS) -> list[tuple[float, float, int]]:
    """Return mean probability, share that won and count in bins of equal count, rising.

    Of fewer outcomes than bins, each has its own.
    """
    ranked = sorted(outcomes, key=lambda each: (each.probability, each.closed_at, each.signal_id))
    cuts = [len(ranked) * place // bins for place in range(bins + 1)]
    parts = [ranked[first:last] for first, last in pairwise(cuts)]
    return [
        (fmean(each.probability for each in part), fmean(each.won for each in part), len(part))
        for part in parts
        if part
    ]


class PairedDays:
    """Pairs of a winner and a loser by the days of both: what an area of any choice of days is."""

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        """Count pairs; a day's number is its place among the days that have any outcome."""
        self.days = sorted({each.day for each in outcomes})
        number = {day: place for place, day in enumerate(self.days)}
        count = len(self.days)
        self._winners, self._losers = [0] * count, [0] * count
        # Of the winners of one day: how many losers of each day were given less, ties half.
        self._above = [[0.0] * count for _ in range(count)]
        ranked = sorted(outcomes, key=lambda each: each.probability)
        for _, tie in groupby(ranked, key=lambda each: each.probability):
            halves = [float(each) for each in self._losers]
            up = []
            for each in tie:
                day = number[each.day]
                if each.won:
                    up.append(day)
                else:
                    self._losers[day] += 1
                    halves[day] += 0.5
            for day in up:
                self._winners[day] += 1
                self._above[day] = list(map(add, self._above[day], halves))

    def auc(self, times: Sequence[int]) -> float | None:
        """Return the chance that a winner was given more than a loser, ties half.

        times: how often each day counts. None without a winner or without a loser.
        """
        area = sum(
            often * _dot(times, row) for often, row in zip(times, self._above, strict=True) if often
        )
        pairs = _dot(times, self._winners) * _dot(times, self._losers)
        return area / pairs if pairs > 0 else None


class DailySquares:
    """Sums of squared errors by day: what a skill of any choice of days is made of."""

    def __init__(self, outcomes: Sequence[Outcome]) -> None:
        """Sum outcomes by day; a day's number is its place among the days that have any."""
        self.days = sorted({each.day for each in outcomes})
        sums = {day: [0, 0, 0.0] for day in self.days}
        for each, square in zip(outcomes, _squares(outcomes), strict=True):
            own = sums[each.day]
            own[0] += 1
            own[1] += each.won
            own[2] += square
        self._columns: tuple[tuple[float, ...], ...] = tuple(
            zip(*(sums[day] for day in self.days), strict=True)
        )

    def skill(self, times: Sequence[int]) -> float | None:
        """Return the Brier skill against the share that won; None where that makes no mistake.

        times: how often each day counts.
        """
        n, won, squares = (_dot(times, column) for column in self._columns)
        base = won * (n - won)
        return 1.0 - squares * n / base if base > 0.0 else None


def _squares(outcomes: Sequence[Outcome]) -> list[float]:
    return [(each.probability - each.won) ** 2 for each in outcomes]


def _loss(probability: float, won: bool) -> float:
    return -log(max(LEAST_CHANCE, probability if won else 1.0 - probability))


def _dot(times: Sequence[int], column: Sequence[float]) -> float:
    total: float = sum(map(mul, times, column))
    return total
