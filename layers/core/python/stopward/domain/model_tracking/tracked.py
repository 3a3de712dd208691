"""What a night finds to do: models with what they were trained on, pages of their outcomes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from stopward.domain.model_tracking.drift import Spread
from stopward.domain.model_tracking.outcome import Outcome
from stopward.domain.model_tracking.statistics import Baseline

Place = tuple[str, str]
"""Of a prediction among others: when it was made, its signal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedModel:
    """A model that has a role.

    resolved: its predictions with an outcome where every signal was traded. tracked_day, tracked_n,
    tracked_drift: of what was stored last; None and nothing before.
    """

    model_id: str
    resolved: int
    tracked_day: date | None = None
    tracked_n: int | None = None
    tracked_drift: tuple[str, ...] = ()
    baseline: Baseline = field(default_factory=Baseline)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracked:
    """The models of an account, the one that waits longest first.

    session_day: the session that the night belongs to. unreadable: what is wrong with the manifests
    of others, a sentence each.
    """

    session_day: date
    models: tuple[TrackedModel, ...]
    unreadable: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomePage:
    """Outcomes, newest first. after: the place of the page's last, None on the last page."""

    outcomes: tuple[Outcome, ...]
    after: Place | None = None


def baseline_of(
    features: Sequence[str] | None,
    spreads: Mapping[str, Any] | None,
    importances: Mapping[str, Any] | None,
) -> Baseline:
    """Return what a manifest says of training, in the order of `features`.

    A manifest from before shares were told has no spreads: deciles alone do not say how much lies
    on each side of a value that many rows have. Raises KeyError, TypeError or ValueError for what
    is no manifest.
    """
    told: dict[str, Spread] = {}
    if features and spreads and all("shares" in each for each in spreads.values()):
        told = {name: _spread(spreads[name]) for name in features}
    return Baseline(
        spreads=told,
        importances={
            name: float(each["value"])
            for name, each in (importances or {}).items()
            if each["value"] is not None
        },
    )


def _spread(told: Mapping[str, Any]) -> Spread:
    edges, shares = (tuple(map(float, told[name])) for name in ("deciles", "shares"))
    if len(shares) != (len(edges) + 1 if edges else 0):
        raise ValueError(f"{len(shares)} shares do not fit {len(edges)} deciles")
    return Spread(missing=float(told["missing"]), edges=edges, shares=shares)
