"""After the close: what each model said is judged by what came of it, and drift is told.

Before that minutes of closed positions learn what came of them; after it old ones are removed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final

from stopward.domain.identity import AccountId
from stopward.domain.model_tracking.outcome import Outcome
from stopward.domain.model_tracking.statistics import DRIFT_ROWS, statistics
from stopward.domain.model_tracking.tracked import Place, TrackedModel
from stopward.errors import DatabaseRejected, InvalidState
from stopward.services.minute_keeping import MinuteKeeper
from stopward.services.tracking_book import TrackingBook

MOST_OUTCOMES: Final = 20_000
"""Of one model, the newest ones: half a minute of arithmetic. Few models live to say as much."""
MARGIN_SECONDS: Final = 90.0
"""Remaining time under which no further model is begun: what the largest one takes, and more."""


@dataclass(slots=True, kw_only=True)
class TrackingSummary:
    """What a run did.

    resolved: predictions that were completed late. completed: rows of minutes of closed positions
    that learned what came of them. trimmed: old ones that were removed. tracked: models whose
    figures were stored. waiting: models of which no outcome is known. done: those that this night
    had judged before. drifting: why somebody must look at a model, by its id. failures: a sentence
    each. is_cut: time ended the run before the models did; those are first the next time.
    """

    resolved: int = 0
    completed: int = 0
    trimmed: int = 0
    tracked: int = 0
    waiting: int = 0
    done: int = 0
    drifting: dict[str, tuple[str, ...]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    is_cut: bool = False

    def add_account(self, account_id: AccountId, other: "TrackingSummary") -> None:
        """Add what was done for an account of a fleet, its failures left out."""
        self.resolved += other.resolved
        self.completed += other.completed
        self.trimmed += other.trimmed
        self.tracked += other.tracked
        self.waiting += other.waiting
        self.done += other.done
        self.drifting |= {f"{account_id}: {model}": why for model, why in other.drifting.items()}
        self.is_cut |= other.is_cut

    def counts(self) -> dict[str, int]:
        """Return the numbers, for the log and the metrics."""
        return {
            "predictions_resolved": self.resolved,
            "minutes_completed": self.completed,
            "minutes_trimmed": self.trimmed,
            "models_tracked": self.tracked,
            "models_waiting": self.waiting,
            "models_done": self.done,
            "models_drifting": len(self.drifting),
            "tracking_failures": len(self.failures),
            "tracking_cut": int(self.is_cut),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelTracker:
    """Judges the models of one account that have a role.

    most_outcomes: of one model; what is older is left out.
    """

    book: TrackingBook
    minutes: MinuteKeeper
    account_id: AccountId
    most_outcomes: int = MOST_OUTCOMES

    def run(self, *, now: datetime, remaining_seconds: Callable[[], float]) -> TrackingSummary:
        """Judge each model over all that it said, the one that waits longest first.

        now: says which session the night belongs to. A model that fails is told, and the others are
        judged. A second run of a night judges what the first did not, or what resolved since. What
        is left of minutes waits for the next night.

        Raises DatabaseUnavailable when the database gives no answer; what was stored stays.
        """
        summary = TrackingSummary()

        def has_time() -> bool:
            return remaining_seconds() >= MARGIN_SECONDS

        try:
            summary.resolved = self.book.resolve(self.account_id)
            summary.completed = self.minutes.complete(has_time=has_time)
        except DatabaseRejected as error:
            summary.failures.append(f"late outcomes: {error}")
        tracked = self.book.read_tracked(self.account_id, at=now)
        summary.failures += tracked.unreadable
        for model in tracked.models:
            if self._is_done(model, tracked.session_day):
                summary.done += 1
                _note(model.model_id, model.tracked_drift, summary)
            elif model.resolved == 0:
                summary.waiting += 1
            elif not has_time():
                summary.is_cut = True
            else:
                self._track(model, tracked.session_day, summary)
        try:
            summary.trimmed = self.minutes.trim(has_time=has_time)
        except DatabaseRejected as error:
            summary.failures.append(f"old minutes: {error}")
        return summary

    def _is_done(self, model: TrackedModel, session_day: date) -> bool:
        known = min(model.resolved, self.most_outcomes)
        return (model.tracked_day, model.tracked_n) == (session_day, known)

    def _track(self, model: TrackedModel, session_day: date, summary: TrackingSummary) -> None:
        try:
            outcomes = self._outcomes(model.model_id)
            if not outcomes:
                summary.waiting += 1
                return
            found = statistics(outcomes, model.baseline)
            self.book.put_statistics(
                self.account_id,
                model.model_id,
                found,
                session_day=session_day,
                notes={"older_left_out": model.resolved > len(outcomes)},
            )
        except (DatabaseRejected, InvalidState, ArithmeticError, ValueError) as error:
            # It is first again the next time; the others must not wait for it.
            summary.failures.append(f"{model.model_id}: {error}")
            return
        summary.tracked += 1
        _note(model.model_id, found.drift, summary)

    def _outcomes(self, model_id: str) -> list[Outcome]:
        """Return the newest outcomes; vectors come along while features are compared over them."""
        found: list[Outcome] = []
        vectors = 0
        after: Place | None = None
        while True:
            page = self.book.read_outcomes(
                self.account_id, model_id, vectors=vectors < DRIFT_ROWS, after=after
            )
            found += page.outcomes
            vectors += sum(each.values is not None for each in page.outcomes)
            after = page.after
            if after is None or len(found) >= self.most_outcomes:
                return found[: self.most_outcomes]


def _note(model_id: str, drift: Sequence[str], summary: TrackingSummary) -> None:
    if drift:
        summary.drifting[model_id] = tuple(drift)
