"""Signals that are asked about, and what is logged of them before anybody knows how they end."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal

from stopward.domain.features.vector import Vector
from stopward.domain.identity import PositionId, Symbol
from stopward.domain.scoring.arm import Arm

Decision = Literal["take", "veto"]
Reason = Literal[
    "no_model", "model_expired", "schema_mismatch", "golden_rows_failed", "model_refused",
    "model_unreachable", "not_a_probability",
]  # fmt: skip
REASONS: Final[dict[Reason, str]] = {
    "no_model": "the account has no champion of this kind",
    "model_expired": "the champion has expired: train again",
    "schema_mismatch": "the vector, the model and this program do not mean the same features",
    "golden_rows_failed": "the model does not answer as it did when it was published",
    "model_refused": "what is stored is not the model that was published",
    "model_unreachable": "the database or the archive gave no usable answer",
    "not_a_probability": "the model said something that is no probability",
}
"""Why there is no score, in words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedSignal:
    """A signal to score: its vector as of `at`, in the order of the schema that it names.

    vector: empty where the schema is not ours. position_id: None while it is no position. lot: what
    its arm is drawn by, where that is not the signal alone: minutes of one position share theirs.
    """

    signal_id: str
    symbol: Symbol
    at: datetime
    schema_hash: str
    vector: Vector
    position_id: PositionId | None = None
    lot: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """One score of one signal, as it is logged.

    at: when it was scored; vector_at: what its vector is as of. latency_ms: its share of the batch.
    """

    model_id: str
    signal_id: str
    position_id: PositionId | None
    symbol: Symbol
    at: datetime
    probability: float
    threshold: float
    decision: Decision
    arm: Arm
    weight: Decimal
    u: float
    schema_hash: str
    latency_ms: float
    vector: Vector
    vector_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredPrediction:
    """What was logged of a signal before, and otherwise: it binds, and the new one does not."""

    model_id: str
    signal_id: str
    probability: float
    decision: Decision
    arm: Arm
    weight: Decimal
