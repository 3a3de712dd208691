"""What models said and what came of it, over functions of schema api."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, cast

from stopward.adapters.functions import Functions
from stopward.adapters.rows import JsonValue
from stopward.domain.features.vector import as_float32
from stopward.domain.identity import AccountId
from stopward.domain.model_tracking.day_bootstrap import Estimate
from stopward.domain.model_tracking.outcome import Outcome
from stopward.domain.model_tracking.statistics import Statistics
from stopward.domain.model_tracking.tracked import (
    OutcomePage,
    Place,
    Tracked,
    TrackedModel,
    baseline_of,
)
from stopward.errors import InvalidState

PAGE_OUTCOMES = 500


class FunctionTracking:
    """The TrackingBook over api functions; each call is one transaction, and may be repeated."""

    def __init__(self, functions: Functions, *, page_outcomes: int = PAGE_OUTCOMES) -> None:
        self._functions = functions
        self._page_outcomes = page_outcomes

    def resolve(self, account_id: AccountId) -> int:
        """Complete predictions whose trade is written; return how many."""
        answer = self._functions.call("resolve_predictions", "request", {"account_id": account_id})
        return int(cast("int", answer["resolved"]))

    def read_tracked(self, account_id: AccountId, *, at: datetime) -> Tracked:
        """Return the models that have a role; one whose manifest cannot be read is told."""
        request: dict[str, JsonValue] = {"account_id": account_id, "at": at.isoformat()}
        found = cast("Any", self._functions.call("read_tracked", "request", request))
        models: list[TrackedModel] = []
        unreadable: list[str] = []
        for each in found["models"]:
            try:
                models.append(_model(each))
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                unreadable.append(f"{each['model_id']}: its manifest cannot be read: {error!r}")
        return Tracked(
            session_day=date.fromisoformat(found["session_day"]),
            models=tuple(models),
            unreadable=tuple(unreadable),
        )

    def read_outcomes(
        self, account_id: AccountId, model_id: str, *, vectors: bool, after: Place | None = None
    ) -> OutcomePage:
        """Return the page of outcomes after a place, the newest ones after None."""
        request: dict[str, JsonValue] = {
            "account_id": account_id,
            "model_id": model_id,
            "vectors": vectors,
            "limit": self._page_outcomes,
        }
        if after is not None:
            request["after"] = list(after)
        found = cast("Any", self._functions.call("read_outcomes", "request", request))
        last = found["after"]
        return OutcomePage(
            outcomes=tuple(_outcome(each) for each in found["outcomes"]),
            after=None if last is None else cast("Place", tuple(last)),
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
        """Store the figures of a model up to a day; told again, the last word stays."""
        slope = found.recalibration.slope
        request: dict[str, JsonValue] = {
            "account_id": account_id,
            "model_id": model_id,
            "session_day": session_day.isoformat(),
            "n": found.scores.n,
            "auc": found.auc.value,
            "auc_low": found.auc.low,
            "auc_high": found.auc.high,
            "slope": slope.value,
            "slope_low": slope.low,
            "slope_high": slope.high,
            "psi": dict(found.stability),
            "more": {**_more(found), **notes},
        }
        self._functions.call("put_model_performance", "request", request)


def _more(found: Statistics) -> dict[str, JsonValue]:
    scores, latency = found.scores, found.latency
    return {
        "days": found.days,
        "intercept": _told(found.recalibration.intercept),
        "skill": _told(found.skill),
        "recent": None if found.recent is None else _told(found.recent),
        "base_rate": scores.base_rate,
        "brier": scores.brier,
        "base_brier": scores.base_brier,
        "log_loss": scores.log_loss,
        "base_log_loss": scores.base_log_loss,
        "calibration_curve": [list(each) for each in found.curve],
        "psi_n": found.psi_n,
        "psi_unknown": found.psi_unknown,
        "latency_ms": {"median": latency.median, "p99": latency.p99, "max": latency.most},
        "drift": list(found.drift),
    }


def _told(estimate: Estimate) -> dict[str, JsonValue]:
    return {"value": estimate.value, "low": estimate.low, "high": estimate.high}


def _model(row: Mapping[str, Any]) -> TrackedModel:
    day = row["tracked_day"]
    return TrackedModel(
        model_id=row["model_id"],
        resolved=int(row["resolved"]),
        tracked_day=None if day is None else date.fromisoformat(day),
        tracked_n=row["tracked_n"],
        tracked_drift=tuple(row["tracked_drift"]),
        baseline=baseline_of(row["features"], row["baseline"], row["importances"]),
    )


def _outcome(row: Mapping[str, Any]) -> Outcome:
    values = row["values"]
    try:
        return Outcome(
            signal_id=row["signal_id"],
            at=datetime.fromisoformat(row["at"]),
            closed_at=datetime.fromisoformat(row["closed_at"]),
            day=date.fromisoformat(row["day"]),
            probability=float(row["probability"]),
            won=row["won"],
            latency_ms=float(row["latency_ms"]),
            # A float32's shortest text, read as a double and rounded, is that float32 again.
            values=None
            if values is None
            else tuple(None if each is None else as_float32(float(each)) for each in values),
        )
    except (TypeError, ValueError) as error:
        raise InvalidState(f"prediction {row['signal_id']} cannot be read: {error!r}") from error
