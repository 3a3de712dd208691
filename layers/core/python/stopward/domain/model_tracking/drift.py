"""Whether features lie otherwise than in training: the population stability index.

Source: Siddiqi, "Credit Risk Scorecards", 2006; under 0.1 nothing moved, over 0.2 much did.
"""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import Final

FLOOR: Final = 1e-4
"""A share under it counts as this: else a value that training never saw would count without end."""
LEAST_ROWS: Final = 200
"""Rows under which no index is told: over 50 it passes 0.2 by chance in half of all features."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How one feature lay in training.

    missing: share of rows without it. edges: cut points, rising, some perhaps the same. shares: of
    the rows that have it, up to the first edge, then after each edge up to the next, then beyond;
    one more than edges, summing to 1. Both are empty where it was never there.
    """

    missing: float
    edges: tuple[float, ...]
    shares: tuple[float, ...]


def stability(spread: Spread, values: Sequence[float | None]) -> float:
    """Return how far values lie from a spread: the sum of (p - q) ln(p / q) over its parts.

    What is missing is a part of its own. values: one at least, None where missing.
    """
    counts = [0] * len(spread.shares or (0,))
    absent = 0
    for value in values:
        if value is None:
            absent += 1
        else:
            counts[bisect_left(spread.edges, value)] += 1
    there = 1.0 - spread.missing
    expected = [there * share for share in spread.shares] or [0.0]
    found = [count / len(values) for count in counts]
    return sum(
        (p - q) * log(p / q)
        for p, q in (
            (max(one, FLOOR), max(other, FLOOR))
            for one, other in zip(
                [*found, absent / len(values)], [*expected, spread.missing], strict=True
            )
        )
    )


def stabilities(
    spreads: Mapping[str, Spread], rows: Sequence[Sequence[float | None]]
) -> dict[str, float]:
    """Return the index of each feature, by name; nothing for fewer than LEAST_ROWS rows.

    spreads: in the order of a row's values.
    """
    if len(rows) < LEAST_ROWS:
        return {}
    columns = zip(*rows, strict=True)
    return {
        name: stability(spread, column)
        for (name, spread), column in zip(spreads.items(), columns, strict=True)
    }
