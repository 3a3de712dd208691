"""Nights of the tracking of models: a book that is only kept in memory, manifests, a run."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from stopward.domain.identity import AccountId
from stopward.domain.model_tracking.outcome import Outcome
from stopward.domain.model_tracking.statistics import Baseline, Statistics
from stopward.domain.model_tracking.tracked import OutcomePage, Place, Tracked, TrackedModel
from stopward.errors import DatabaseRejected
from stopward.services.model_tracking import ModelTracker, TrackingSummary
from tests.builders.minutes import a_keeper

NIGHT = datetime(2026, 3, 2, 23, 45, tzinfo=UTC)
TENTHS = {
    "missing": 0.0,
    "deciles": [float(place) for place in range(1, 10)],
    "shares": [0.1] * 10,
}
"""How a feature lies that is spread evenly from 0 to 10."""


def a_manifest(*features: str) -> dict[str, Any]:
    """Return what a manifest says of training, the first feature the one that told most."""
    return {
        "features": list(features),
        "baseline": dict.fromkeys(features, TENTHS),
        "importances": {
            name: {"value": 0.05 / (place + 1), "low": 0.0, "high": 0.1}
            for place, name in enumerate(features)
        },
    }


@dataclass(slots=True)
class TrackingInMemory:
    """The TrackingBook of one account. refuses: models whose figures are not taken."""

    said: dict[str, list[Outcome]]
    baselines: Mapping[str, Baseline] = field(default_factory=dict)
    page_outcomes: int = 100
    refuses: tuple[str, ...] = ()
    late: int = 0
    unreadable: tuple[str, ...] = ()
    put: dict[str, tuple[date, Statistics, Mapping[str, bool]]] = field(default_factory=dict)
    asked: list[tuple[str, bool, int]] = field(default_factory=list)

    def resolve(self, account_id: AccountId) -> int:
        return self.late

    def read_tracked(self, account_id: AccountId, *, at: datetime) -> Tracked:
        models = [self._tracked(each) for each in self.said]
        return Tracked(
            session_day=at.date(),
            models=tuple(sorted(models, key=lambda each: each.tracked_day or date.min)),
            unreadable=self.unreadable,
        )

    def _tracked(self, model_id: str) -> TrackedModel:
        day, found, _ = self.put.get(model_id, (None, None, None))
        return TrackedModel(
            model_id=model_id,
            resolved=len(self.said[model_id]),
            tracked_day=day,
            tracked_n=None if found is None else found.scores.n,
            tracked_drift=() if found is None else found.drift,
            baseline=self.baselines.get(model_id, Baseline()),
        )

    def read_outcomes(
        self, account_id: AccountId, model_id: str, *, vectors: bool, after: Place | None = None
    ) -> OutcomePage:
        first = 0 if after is None else int(after[1])
        last = first + self.page_outcomes
        newest = sorted(self.said[model_id], key=lambda each: each.at, reverse=True)
        self.asked.append((model_id, vectors, first))
        return OutcomePage(
            outcomes=tuple(newest[first:last]), after=("", str(last)) if newest[last:] else None
        )

    def put_statistics(
        self,
        account_id: AccountId,
        model_id: str,
        found: Statistics,
        *,
        session_day: date,
        notes: Mapping[str, bool],
    ) -> None:
        if model_id in self.refuses:
            raise DatabaseRejected("a figure was none", rule="model_statistics_slope_is_number")
        self.put[model_id] = (session_day, found, notes)


def track(book: TrackingInMemory, *, seconds: float = 900.0, **changes: Any) -> TrackingSummary:
    """Run a night with so many seconds left."""
    tracker = ModelTracker(
        book=book, account_id=AccountId("main"), **{"minutes": a_keeper(), **changes}
    )
    return tracker.run(now=NIGHT, remaining_seconds=lambda: seconds)
