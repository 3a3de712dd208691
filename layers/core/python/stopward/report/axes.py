"""Where a value lies in a picture, and the round values that are written beside it."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

MANTISSAS: Final = (1, 2, 5)
"""Steps are these times a power of ten."""
FEWEST: Final = 5
"""Ticks that an axis has room for; with so much room there are always two."""
ENOUGH: Final = 100
"""Values from which on the farthest of them may be left out of a picture's middle. [judgement]"""
OUTER: Final = 0.01
"""Share of the values on each side that has no say in how far the middle reaches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """A straight scale: `low` lies at `start`, `high` at `end`, in units of the picture.

    Raises ValueError unless low < high, both finite.
    """

    low: float
    high: float
    start: float
    end: float

    def __post_init__(self) -> None:
        """Refuse a scale without extent."""
        if not (math.isfinite(self.low) and math.isfinite(self.high) and self.low < self.high):
            raise ValueError(f"a scale was from {self.low} to {self.high}: low must be below high")

    def at(self, value: float) -> float:
        """Return where a value lies; one outside the scale lies outside the picture."""
        share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def within(self, value: float) -> float:
        """Return where a value lies, at the edge when it is beyond."""
        return self.at(min(max(value, self.low), self.high))


@dataclass(frozen=True, slots=True)
class Tick:
    """A round value and how it is written."""

    value: float
    text: str


@dataclass(frozen=True, slots=True)
class Step:
    """A round distance: mantissa x 10 ** exponent. Its multiples are the nearest floats."""

    mantissa: int
    exponent: int

    def times(self, multiple: int) -> float:
        """Return a multiple of the step."""
        whole = self.mantissa * multiple
        power: int = 10 ** abs(self.exponent)
        return whole / power if self.exponent < 0 else float(whole * power)

    def text(self, value: float) -> str:
        """Return a multiple as it is written: as many decimals as the step has."""
        return f"{value + 0.0:,.{max(-self.exponent, 0)}f}"

    def around(self, low: float, high: float) -> tuple[int, int]:
        """Return the multiples that hold low to high between them: the last below, the first above.

        A value that is a multiple is held by itself.
        """
        size = self.times(1)
        first, last = math.floor(low / size) + 1, math.ceil(high / size) - 1
        while self.times(first) > low:
            first -= 1
        while self.times(last) < high:
            last += 1
        return first, last


def steps_from(size: float) -> Iterator[Step]:
    """Yield round steps that grow, from the last power of ten up to size on. size: above 0."""
    for exponent in count(math.floor(math.log10(size))):
        for mantissa in MANTISSAS:
            yield Step(mantissa, exponent)


def ticks(low: float, high: float, *, most: int = 6, whole: bool = False) -> tuple[Tick, ...]:
    """Return the round values from low to high, at least two, as near together as `most` allows.

    whole: whole numbers only, for counts; low is one too, and high 1 or more above it.

    Raises ValueError unless low < high, and `most` is FEWEST at least.
    """
    if most < FEWEST:
        raise ValueError(f"most was {most}; an axis has room for {FEWEST} ticks at least")
    Scale(low=low, high=high, start=0.0, end=1.0)
    for step in steps_from(max((high - low) / most, 1.0 if whole else 0.0)):
        first, last = step.around(low, high)
        values = [step.times(multiple) for multiple in range(first, last + 1)]
        found = [Tick(value, step.text(value)) for value in values if low <= value <= high]
        if len(found) <= most:
            return tuple(found)
    raise AssertionError("steps grow without end")


def widened(low: float, high: float, *, room: float = 0.05) -> tuple[float, float]:
    """Return a range with some room on both sides; one value gets a range around it."""
    extent = high - low
    if extent <= 1e-9 * max(abs(low), abs(high), 1.0):
        extent = max(abs(low), 1.0)
        room = 0.5
    return low - room * extent, high + room * extent


def middle(values: Sequence[float]) -> tuple[float, float]:
    """Return the range that shows nearly all values well.

    It reaches half as far again as all but the OUTER share on each side do, and never farther than
    the values; of fewer than ENOUGH values none is left out.
    """
    ordered = sorted(values)
    if len(ordered) < ENOUGH:
        return ordered[0], ordered[-1]
    outside = math.floor(len(ordered) * OUTER)
    low, high = ordered[outside], ordered[-1 - outside]
    reach = (high - low) / 2
    return max(ordered[0], low - reach), min(ordered[-1], high + reach)
