"""One vector: the numbers of a kind in the registry's order, as float32; None is missing."""

from math import isfinite
from struct import pack, unpack
from typing import Final

from stopward.domain.features.known import Held, Known, Signal
from stopward.domain.features.registry import ENTRY, OPEN
from stopward.domain.features.row import Feature
from stopward.domain.features.sight import Sight, sight_of
from stopward.rules.types import NAN

Vector = tuple[float | None, ...]
MISSING: Final = NAN
"""What stands for None where a row is all numbers: in bytes, and in the matrix of a model."""


def entry_vector(signal: Signal, known: Known) -> Vector:
    """Return the entry features of a signal, from what was known at `signal.at` and nothing later.

    Every number is finite, inside its range, and a float32. A missing input is None in the features
    that need it.
    """
    return _vector(ENTRY, sight_of(signal, known))


def open_vector(signal: Signal, held: Held, known: Known) -> Vector:
    """Return the features of a position of that signal, from what was known at `held.at`.

    The bars must reach back to the entry, else its excursions are missing.
    """
    return _vector(OPEN, sight_of(signal, known, held))


def as_bytes(vector: Vector) -> bytes:
    """Return a vector as float32, little-endian; one quiet nan for what is missing."""
    return pack(f"<{len(vector)}f", *(MISSING if each is None else each for each in vector))


def as_float32(number: float) -> float:
    """Return the float32 nearest to a finite number of its range."""
    (found,) = unpack("<f", pack("<f", number))
    return float(found)


def _vector(features: tuple[Feature, ...], sight: Sight) -> Vector:
    return tuple(_number(feature, sight) for feature in features)


def _number(feature: Feature, sight: Sight) -> float | None:
    number = feature.read(sight)
    if not isfinite(number):
        return None
    # A zero has no sign: minus nothing plus nothing is nothing.
    return as_float32(min(max(number, feature.low), feature.high) + 0.0) + 0.0
