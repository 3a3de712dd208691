"""A model that has a role, as the database tells it."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal

from stopward.domain.features.row import Kind

Alias = Literal["champion", "challenger"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentModel:
    """A model that is asked. weight: the share of signals that its ladder lets it decide now."""

    kind: Kind
    alias: Alias
    model_id: str
    sha256: str
    schema_hash: str
    threshold: float
    created_at: datetime
    expires_at: datetime
    stage: str
    weight: Decimal
