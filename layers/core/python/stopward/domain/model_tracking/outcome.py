"""A prediction whose trade is over: what was said, and what came of it."""

from dataclasses import dataclass
from datetime import date, datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One prediction with its outcome.

    at: when it was said. closed_at: of its trade; day: of that session at the exchange.
    probability: of a win. values: the vector that it was said of, None in it where a feature was
    missing; None where no vector is stored, or none was asked for.
    """

    signal_id: str
    at: datetime
    closed_at: datetime
    day: date
    probability: float
    won: bool
    latency_ms: float
    values: tuple[float | None, ...] | None = None


def in_order(outcomes: list[Outcome]) -> list[Outcome]:
    """Return outcomes as their trades closed; the same order for the same outcomes."""
    return sorted(outcomes, key=lambda each: (each.closed_at, each.signal_id))
