"""What moved a score: each feature in turn is replaced by what is usual, and the model asked again.

Rows are packed as float32, row after row: what a model takes, without a number made twice.
"""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from struct import pack
from typing import Final, TypeAlias

from stopward.domain.features.vector import Vector, as_bytes

Rows: TypeAlias = "array[float]"
"""Of typecode f, float32: row after row, nan where missing."""
MOVED: Final = 5
"""Features that are told."""
LEAST_EFFECT: Final = 1e-6
"""What is less is rounding: a graph answers in float32."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """A feature that moved a score.

    value: what it was, usual: the median of the trades that the model learned from; None is
    missing. effect: by how much the probability is higher than it would be at the usual value.
    """

    feature: str
    value: float | None
    usual: float
    effect: float


def packed(vectors: Sequence[Vector]) -> Rows:
    """Return vectors as rows of float32."""
    return array("f", b"".join(as_bytes(each) for each in vectors))


def with_replacements(vectors: Sequence[Vector], usual: Sequence[float | None]) -> Rows:
    """Return for each vector its row, and one for each feature in order, replaced by its usual
    value; None leaves that feature as it is.
    """
    places = [None if each is None else pack("<f", each) for each in usual]
    return array("f", b"".join(_replaced(as_bytes(each), places) for each in vectors))


def most_moved(
    vector: Vector,
    *,
    names: Sequence[str],
    usual: Sequence[float | None],
    probability: float,
    replaced: Sequence[float],
) -> tuple[Moved, ...]:
    """Return the MOVED features with the largest effect, the largest first.

    replaced: what the model says with each feature replaced, in order. Features without an effect
    are left out; of equal ones the registry's order decides.
    """
    effects = [
        Moved(feature=name, value=value, usual=median, effect=probability - each)
        for name, value, median, each in zip(names, vector, usual, replaced, strict=True)
        if median is not None and abs(probability - each) >= LEAST_EFFECT
    ]
    return tuple(sorted(effects, key=lambda moved: -abs(moved.effect))[:MOVED])


def _replaced(row: bytes, places: Sequence[bytes | None]) -> bytes:
    return row + b"".join(_with_one(row, places))


def _with_one(row: bytes, places: Sequence[bytes | None]) -> Iterator[bytes]:
    for place, value in enumerate(places):
        first = 4 * place
        yield row if value is None else row[:first] + value + row[first + 4 :]
