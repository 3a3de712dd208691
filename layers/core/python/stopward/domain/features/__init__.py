"""Features of a trade: what was known when it was entered, or while it is open, as numbers."""

from stopward.domain.features.known import AccountState, Held, Known, Reading, Result, Signal
from stopward.domain.features.registry import ENTRY, OPEN, REGISTRY, names, schema_hash
from stopward.domain.features.row import VOCABULARY, Feature, Kind
from stopward.domain.features.vector import Vector, as_bytes, entry_vector, open_vector

__all__ = [
    "AccountState",
    "Feature",
    "Held",
    "Kind",
    "Known",
    "Reading",
    "Result",
    "Signal",
    "Vector",
    "ENTRY",
    "OPEN",
    "REGISTRY",
    "VOCABULARY",
    "as_bytes",
    "entry_vector",
    "names",
    "open_vector",
    "schema_hash",
]
