"""All that a night says of one model, and whether somebody must look."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import quantiles
from typing import Final, Literal

from stopward.domain.model_tracking.day_bootstrap import LEAST_DAYS, Estimate, estimate
from stopward.domain.model_tracking.drift import LEAST_ROWS, Spread, stabilities
from stopward.domain.model_tracking.outcome import Outcome, in_order
from stopward.domain.model_tracking.recalibration import Recalibration, recalibration
from stopward.domain.model_tracking.scores import (
    DailySquares,
    PairedDays,
    Scores,
    curve,
    scores,
)

RECENT: Final = 100
"""Trades, the last ones that closed, that the skill is watched over; all of the last LEAST_DAYS
days where they are more."""
DRIFT_ROWS: Final = 500
"""Vectors, the last ones, that features are compared over: older ones hide what moved. [judgement]
"""
TOP_FEATURES: Final = 5
"""Features that the model leans on most. [judgement]"""
MOVED: Final = 0.2
"""Index over which a feature lies otherwise than in training."""
MOST_MOVED: Final = 1
"""Of the top features that may have moved before somebody must look."""
Drift = Literal["worse_than_base_rate", "features_moved"]
Unknown = Literal["few_rows", "no_spreads", "other_vector"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """How features lay in training, in the order of a vector, and how much each told there.

    importances: what a feature's shuffling cost in log loss, by name; may be empty.
    """

    spreads: Mapping[str, Spread] = field(default_factory=dict)
    importances: Mapping[str, float] = field(default_factory=dict)

    @property
    def top(self) -> tuple[str, ...]:
        """The features that told most, at most TOP_FEATURES; those that told nothing are none."""
        told = [name for name, each in self.importances.items() if each > 0.0]
        return tuple(sorted(told, key=lambda name: (-self.importances[name], name))[:TOP_FEATURES])


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """How long scoring took, in milliseconds."""

    median: float
    p99: float
    most: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Figures of one model over outcomes where every signal was traded.

    recent: Brier skill over the last RECENT trades; None before there are so many. stability:
    the index by feature, over psi_n vectors; empty with the reason in psi_unknown. drift: why
    somebody must look, in the order of `Drift`.
    """

    scores: Scores
    auc: Estimate
    skill: Estimate
    recalibration: Recalibration
    curve: Sequence[tuple[float, float, int]]
    recent: Estimate | None
    stability: Mapping[str, float]
    psi_n: int
    psi_unknown: Unknown | None
    latency: Latency
    days: int
    drift: tuple[Drift, ...]


def statistics(outcomes: Sequence[Outcome], baseline: Baseline) -> Statistics:
    """Return the figures of outcomes, of which there is one at least.

    Their order has no say. Features are compared over the last vectors that came along.
    """
    known = in_order(list(outcomes))
    pairs, squares = PairedDays(known), DailySquares(known)
    recent = _recent(known)
    rows = [each.values for each in known if each.values is not None][-DRIFT_ROWS:]
    unknown = _why_unknown(rows, baseline)
    stability = {} if unknown else stabilities(baseline.spreads, rows)
    return Statistics(
        scores=scores(known),
        auc=estimate(pairs.auc, len(pairs.days)),
        skill=estimate(squares.skill, len(squares.days)),
        recalibration=recalibration(known),
        curve=curve(known),
        recent=recent,
        stability=stability,
        psi_n=len(rows),
        psi_unknown=unknown,
        latency=_latency([each.latency_ms for each in known]),
        days=len(pairs.days),
        drift=drift(recent, stability, baseline.top),
    )


def drift(
    recent: Estimate | None, stability: Mapping[str, float], top: Sequence[str]
) -> tuple[Drift, ...]:
    """Return why somebody must look at a model.

    worse_than_base_rate: the upper bound of its skill over the last RECENT trades is under 0.
    features_moved: more than MOST_MOVED of its top features have an index over MOVED.
    """
    found: list[Drift] = []
    if recent is not None and recent.high is not None and recent.high < 0.0:
        found.append("worse_than_base_rate")
    if sum(stability.get(name, 0.0) > MOVED for name in top) > MOST_MOVED:
        found.append("features_moved")
    return tuple(found)


def _recent(known: Sequence[Outcome]) -> Estimate | None:
    if len(known) < RECENT:
        return None
    days = sorted({each.day for each in known})
    since = days[max(len(days) - LEAST_DAYS, 0)]
    first = len(known) - RECENT
    while first > 0 and known[first - 1].day >= since:
        first -= 1
    last = DailySquares(known[first:])
    return estimate(last.skill, len(last.days))


def _why_unknown(rows: Sequence[tuple[float | None, ...]], baseline: Baseline) -> Unknown | None:
    if not baseline.spreads:
        return "no_spreads"
    if any(len(row) != len(baseline.spreads) for row in rows):
        return "other_vector"
    return "few_rows" if len(rows) < LEAST_ROWS else None


def _latency(milliseconds: Sequence[float]) -> Latency:
    # Quantiles need two values; one twice has those of one.
    twice = [*milliseconds, *milliseconds] if len(milliseconds) == 1 else milliseconds
    cuts = quantiles(twice, n=100, method="inclusive")
    return Latency(median=cuts[49], p99=cuts[98], most=max(milliseconds))
