"""Whether the exported graph says what the fitted model says, where conversions go wrong.

skl2onnx converts some pipelines wrongly without a word. So nothing is believed: both are asked
about rows that are as hard as can be found.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from stopward.domain.model_file import MOST_DIFFERENCE
from stopward.training.dataset import Floats, Matrix
from stopward.training.export import served, session, tree_thresholds
from stopward.training.fit import probabilities
from stopward.training.gates import Gate

LEAST_ROWS: Final = 10_000
MOST_TRAINING_ROWS: Final = 5_000
PAIRS: Final = 1_000
"""Pairs of rows between which a jump is looked for."""
HALVINGS: Final = 33
"""Steps after which a pair of 32-bit numbers is next to each other."""
SEED: Final = 20260103
SIGN: Final = np.int64(0x80000000)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parity:
    """rows: compared. worst: largest difference. flips: decisions that differ at the threshold.

    invalid: rows where the graph said nan, or something outside 0 to 1.
    """

    rows: int
    worst: float
    flips: int
    invalid: int

    @property
    def holds(self) -> bool:
        """Whether the graph may be served."""
        return (
            self.rows >= LEAST_ROWS
            and self.worst <= MOST_DIFFERENCE
            and self.flips == 0
            and self.invalid == 0
        )


def parity(said: Floats, answered: Floats, *, threshold: float) -> Parity:
    """Return how far the graph's answers are from what the model said of the same rows."""
    valid = (answered >= 0.0) & (answered <= 1.0)
    differences = np.where(np.isnan(said - answered), np.inf, np.abs(said - answered))
    return Parity(
        rows=len(said),
        worst=float(differences.max(initial=0.0)),
        flips=int(((said > threshold) != (answered > threshold)).sum()),
        invalid=int((~valid).sum()),
    )


def clear_of(threshold: float, said: Floats, answered: Floats) -> float:
    """Return the threshold, moved up where it lies between two answers that are as good as one.

    A row whose two answers differ by rounding may have it between them. No other difference is
    hidden: beyond MOST_DIFFERENCE nothing is moved.
    """
    low, high = np.minimum(said, answered), np.maximum(said, answered)
    close = high - low <= MOST_DIFFERENCE
    while (between := close & (low <= threshold) & (threshold < high)).any():
        threshold = float(high[between].max())
    return threshold


def gate(found: Parity) -> Gate:
    """Return the gate of a comparison."""
    return Gate(
        name="parity",
        kind="parity",
        passed=found.holds,
        figure=found.worst,
        bound=MOST_DIFFERENCE,
        says=f"{found.rows} rows: the graph differs by {found.worst:.1e} at most, {found.flips} "
        f"decisions flip, {found.invalid} answers are no probability; allowed are "
        f"{MOST_DIFFERENCE:.0e}, 0 and 0",
    )


def compared(model: Any, graph: bytes, x: Matrix) -> tuple[Matrix, Floats, Floats]:
    """Return adversarial rows, what the model says of them, and what the graph answers."""
    rows = adversarial_rows(x, graph, lambda some: probabilities(model, some))
    return rows, probabilities(model, rows), served(session(graph), rows)


def adversarial_rows(x: Matrix, graph: bytes, says: Callable[[Matrix], Floats]) -> Matrix:
    """Return LEAST_ROWS rows or more, made from training rows x.

    Training rows; each with one feature missing, and all; on the thresholds of trees and one unit
    in the last place beside them; on both sides of jumps of the model; and jittered rows.
    """
    random = np.random.default_rng(SEED)
    known = (
        x if len(x) <= MOST_TRAINING_ROWS else x[random.permutation(len(x))[:MOST_TRAINING_ROWS]]
    )
    parts = [
        known,
        _with_missing(known, random),
        _around(known, tree_thresholds(graph), random),
        _jumps(known, says, random),
    ]
    count = max(LEAST_ROWS - sum(map(len, parts)), LEAST_ROWS // 4)
    parts.append(_jittered(known, count, random))
    return np.concatenate(parts)


def _with_missing(x: Matrix, random: np.random.Generator) -> Matrix:
    """Return rows with one feature missing, as many for each, and a row with all of them."""
    width = x.shape[1]
    some: Matrix = x[random.integers(0, len(x), 20 * width + 1)].copy()
    some[np.arange(20 * width), np.arange(20 * width) % width] = np.nan
    some[-1] = np.nan
    return some


def _around(
    x: Matrix, thresholds: tuple[tuple[int, float], ...], random: np.random.Generator
) -> Matrix:
    """Return rows that have each threshold's value, the number below it and the number above it."""
    made = []
    for column, value in thresholds:
        # An infinite one parts what is there from what is missing: no number lies beside it.
        if column < x.shape[1] and np.isfinite(np.float32(value)):
            on = np.float32(value)
            some = x[random.integers(0, len(x), 6)].copy()
            some[:, column] = np.repeat(
                [np.nextafter(on, -np.inf), on, np.nextafter(on, np.inf)], 2
            )
            made.append(some)
    around: Matrix = np.concatenate([x[:0], *made])
    return around


def _jumps(x: Matrix, says: Callable[[Matrix], Floats], random: np.random.Generator) -> Matrix:
    """Return pairs of rows that differ by one unit in the last place of one feature.

    Where the model jumps they lie on its two sides, whatever it makes of a feature: between two
    values that it tells apart, halves are taken until nothing lies between.
    """
    low = x[random.integers(0, len(x), PAIRS)].copy()
    rows, columns = np.arange(PAIRS), np.arange(PAIRS) % x.shape[1]
    ends = low[rows, columns], x[random.integers(0, len(x), PAIRS), columns]
    known = ~(np.isnan(ends[0]) | np.isnan(ends[1]))
    low, columns = low[known], columns[known]
    rows = np.arange(len(low))
    first, last = (_ordinal(end[known]) for end in ends)
    high = low.copy()
    high[rows, columns] = _number(last)
    begins, finishes = says(low), says(high)
    for _ in range(HALVINGS):
        middle = (first + last) // 2
        low[rows, columns] = _number(middle)
        said = says(low)
        # The half in which more happens.
        is_first = np.abs(said - begins) >= np.abs(finishes - said)
        last, finishes = np.where(is_first, middle, last), np.where(is_first, said, finishes)
        first, begins = np.where(is_first, first, middle), np.where(is_first, begins, said)
    low[rows, columns], high[rows, columns] = _number(first), _number(last)
    return np.concatenate((low, high))


def _ordinal(values: Matrix) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return numbers of which neighbours are neighbouring floats, in the same order."""
    bits = values.astype(np.float32).view(np.int32).astype(np.int64)
    return np.where(bits < 0, -SIGN - bits, bits)


def _number(ordinals: np.ndarray[Any, np.dtype[np.int64]]) -> Matrix:
    bits = np.where(ordinals < 0, -SIGN - ordinals, ordinals)
    return bits.astype(np.int32).view(np.float32)


def _jittered(x: Matrix, count: int, random: np.random.Generator) -> Matrix:
    """Return rows beside training rows, from a millionth of the usual spread to ten times it."""
    filled = np.where(np.isnan(x), 0.0, x)
    spread = filled.std(axis=0) + np.float32(1e-6)
    size = (10.0 ** random.uniform(-6.0, 1.0, (count, 1))).astype(np.float32)
    noise = random.normal(0.0, 1.0, (count, x.shape[1])).astype(np.float32)
    moved: Matrix = x[random.integers(0, len(x), count)] + noise * spread * size
    return moved.astype(np.float32)
