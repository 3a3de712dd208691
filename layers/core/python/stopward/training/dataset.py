"""Closed trades as arrays: what was known at the entry, what came of it, and when."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from stopward.errors import InvalidInput

Matrix = NDArray[np.float32]
Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

DAY: Final = 86_400_000_000
"""Microseconds."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dataset:
    """Closed trades in order of entry, an element or a row each.

    x: features, (n, f), nan where missing. names: of its columns, in the registry's order.
    schema_hash: of the registry that made them. net_r: result after costs, in R. entry_at, exit_at:
    microseconds since 1970 UTC, both ends inclusive.
    """

    x: Matrix
    names: tuple[str, ...]
    schema_hash: str
    net_r: Floats
    entry_at: Integers
    exit_at: Integers

    def __len__(self) -> int:
        """Return how many trades there are."""
        return len(self.net_r)

    @property
    def won(self) -> Booleans:
        """The label: a result over zero after costs."""
        return self.net_r > 0.0

    @property
    def day(self) -> Integers:
        """UTC day of each entry, as days since 1970."""
        return self.entry_at // DAY

    def take(self, rows: Integers) -> "Dataset":
        """Return some trades; `rows` are places in rising order."""
        return Dataset(
            x=self.x[rows],
            names=self.names,
            schema_hash=self.schema_hash,
            net_r=self.net_r[rows],
            entry_at=self.entry_at[rows],
            exit_at=self.exit_at[rows],
        )


def dataset(
    *,
    x: Any,
    names: Sequence[str],
    schema_hash: str,
    net_r: Any,
    entry_at: Any,
    exit_at: Any,
) -> Dataset:
    """Return trades sorted by entry, then exit; what is given is copied.

    Raises InvalidInput for shapes that do not fit, infinite features, results that are not numbers,
    and trades that end before they begin: the first bad row, counted from 1 as given.
    """
    matrix = _matrix(x, names)
    results = np.array(net_r, np.float64)
    begins, ends = (
        _instants(name, at) for name, at in (("entry_at", entry_at), ("exit_at", exit_at))
    )
    for name, column in (("net_r", results), ("entry_at", begins), ("exit_at", ends)):
        if column.shape != (len(matrix),):
            raise InvalidInput(f"{name} had shape {column.shape}; x has {len(matrix)} rows")
    _refuse(
        np.asarray(np.isinf(matrix).any(axis=1)), "a feature was infinite; a missing one is nan"
    )
    _refuse(~np.isfinite(results), "net_r was not a number; leave open trades out")
    _refuse(ends < begins, "exit_at was before entry_at")
    if not schema_hash:
        raise InvalidInput("schema_hash was empty; it is the hash of the registry of features")
    order = np.lexsort((ends, begins))
    given = Dataset(
        x=matrix,
        names=tuple(names),
        schema_hash=schema_hash,
        net_r=results,
        entry_at=begins,
        exit_at=ends,
    )
    return given.take(order)


def _matrix(x: Any, names: Sequence[str]) -> Matrix:
    # A number too large for float32 becomes infinite and is refused as such.
    with np.errstate(over="ignore"):
        matrix = np.array(x, np.float32)
    if matrix.ndim != 2 or matrix.shape[1] != len(names) or not names:
        raise InvalidInput(f"x had shape {matrix.shape}; allowed is (trades, {len(names)} names)")
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise InvalidInput(f"names had {', '.join(twice)} twice; each feature has its own")
    return matrix


def _instants(name: str, at: Any) -> Integers:
    column = np.array(at)
    if column.dtype.kind not in "iu" and len(column):
        raise InvalidInput(f"{name} was {column.dtype}; allowed are whole microseconds since 1970")
    return column.astype(np.int64)


def _refuse(bad: Booleans, words: str) -> None:
    if bad.any():
        raise InvalidInput(f"row {int(bad.argmax()) + 1}: {words}")
