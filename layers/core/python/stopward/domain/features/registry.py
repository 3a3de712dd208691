"""The registry: the features of each kind in the order of its vector, and their schema's hash."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from hashlib import sha256
from typing import Final

from stopward.domain.features.account import ACCOUNT, DAY_R
from stopward.domain.features.holding import HOLDING
from stopward.domain.features.inputs import INPUTS, Input
from stopward.domain.features.market import MARKET, MARKET_TREND
from stopward.domain.features.row import DTYPE, VOCABULARY, Feature, Kind
from stopward.domain.features.session_time import SESSION_TIME, TO_CLOSE
from stopward.domain.features.trade import TRADE
from stopward.domain.features.trend import (
    FAST_DISTANCE,
    HISTOGRAM,
    MOMENTUM,
    RSI,
    TREND,
    VWAP_DISTANCE,
)
from stopward.domain.features.volatility import ATR_PERCENT, RELATIVE_VOLUME, VOLATILITY

CODE_VERSION: Final = 1
"""Rises when any number may come out otherwise for the same inputs: a test watches the numbers."""

ENTRY: Final = (*TREND, *VOLATILITY, *MARKET, *SESSION_TIME, *TRADE, *ACCOUNT)
_ALSO_OPEN: Final = (
    FAST_DISTANCE, VWAP_DISTANCE, RSI, HISTOGRAM, MOMENTUM, ATR_PERCENT, RELATIVE_VOLUME,
    MARKET_TREND, TO_CLOSE, DAY_R,
)  # fmt: skip
OPEN: Final = (*HOLDING, *(replace(feature, kind="open") for feature in _ALSO_OPEN))
REGISTRY: Final[Mapping[Kind, tuple[Feature, ...]]] = {"entry": ENTRY, "open": OPEN}


def names(kind: Kind) -> tuple[str, ...]:
    """Return the names of a vector, in its order."""
    return tuple(feature.name for feature in REGISTRY[kind])


def schema_hash(kind: Kind) -> str:
    """Return the hash of what the numbers of a kind mean: stored with each of its vectors."""
    return hash_of(REGISTRY[kind], inputs=INPUTS, vocabulary=VOCABULARY, code_version=CODE_VERSION)


def hash_of(
    features: Sequence[Feature],
    *,
    inputs: Mapping[str, Input],
    vocabulary: Mapping[str, Mapping[str, float]],
    code_version: int,
) -> str:
    """Return the sha256, in hex, of a registry in canonical form: its rows in the vector's order.

    Words that explain (meaning, source) are left out: to say it better is no other schema.
    """
    canonical = {
        "code_version": code_version,
        "dtype": DTYPE,
        "inputs": {name: _numbers(each) for name, each in inputs.items()},
        "vocabulary": {name: dict(codes) for name, codes in vocabulary.items()},
        "features": [dict(_told(feature)) for feature in features],
    }
    text = json.dumps(canonical, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return sha256(text.encode()).hexdigest()


def _numbers(given: Input) -> dict[str, float | None]:
    return {name: number for name, number in asdict(given).items() if name != "meaning"}


def _told(feature: Feature) -> Iterator[tuple[str, object]]:
    for name in ("name", "kind", "unit", "low", "high", "needs", "mirror", "null", "version"):
        yield name, getattr(feature, name)
