"""The trader's own past: executions of a broker's export, and the round trips they make."""

from stopward.domain.history.execution import (
    Effect,
    Execution,
    ExecutionId,
    ExecutionSide,
    Source,
    derived_id,
    distinct,
)
from stopward.domain.history.round_trips import History, round_trips
from stopward.domain.history.trip import Exit, Leg, OpenTrip, RoundTrip, Unopened

__all__ = [
    "Effect",
    "Execution",
    "ExecutionId",
    "ExecutionSide",
    "Exit",
    "History",
    "Leg",
    "OpenTrip",
    "RoundTrip",
    "Source",
    "Unopened",
    "derived_id",
    "distinct",
    "round_trips",
]
