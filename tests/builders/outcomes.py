"""Predictions with their outcomes; each builder takes only what a test is about."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from math import exp
from random import Random
from typing import Any

from stopward.domain.model_tracking.outcome import Outcome

FIRST = datetime(2026, 1, 5, 20, tzinfo=UTC)


def an_outcome(probability: float = 0.5, won: bool = True, **changes: Any) -> Outcome:
    """Return an outcome; day: a number from 0 on, a day each."""
    closed_at = FIRST + timedelta(days=changes.pop("day", 0))
    told: dict[str, Any] = {
        "signal_id": "s",
        "at": closed_at - timedelta(hours=1),
        "closed_at": closed_at,
        "day": closed_at.date(),
        "probability": probability,
        "won": won,
        "latency_ms": 1.5,
    }
    return Outcome(**{**told, **changes})


def outcomes_of(
    probability: Sequence[float], won: Sequence[bool], days: Sequence[int] | None = None
) -> list[Outcome]:
    """Return an outcome for each; without days, ten a day."""
    numbers = [place // 10 for place in range(len(won))] if days is None else days
    return [
        an_outcome(float(chance), bool(is_up), signal_id=f"s{place}", day=int(day))
        for place, (chance, is_up, day) in enumerate(zip(probability, won, numbers, strict=True))
    ]


def said_and_came(
    seed: int, count: int, *, a_day: int = 10, spread: float = 1.0, slope: float = 1.0,
    level: float = 0.0, of_day: float = 0.0,
) -> list[Outcome]:  # fmt: skip
    """Return what a model said and what came: log-odds z are said, level + slope x z are true.

    spread: of z. of_day: spread of what all trades of a day have in common.
    """
    random = Random(seed)  # noqa: S311
    said, came = [], []
    for place in range(count):
        if place % a_day == 0:
            common = random.gauss(0.0, of_day)
        z = random.gauss(0.0, spread)
        said.append(1.0 / (1.0 + exp(-z)))
        came.append(random.random() < 1.0 / (1.0 + exp(-(level + slope * z + common))))
    return outcomes_of(said, came, [place // a_day for place in range(count)])
