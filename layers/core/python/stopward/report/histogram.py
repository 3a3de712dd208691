"""How often values lie where: bars for one set, an outline over them for another."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean
from typing import Final

from stopward.report.axes import Step, middle, steps_from, ticks
from stopward.report.frame import bottom_axis, frame_for, left_axis, legend
from stopward.report.markup import element, path, picture, titled

HEIGHT: Final = 300
MOST_BINS: Final = 40
FEWEST_BINS: Final = (6, 20)
"""Of few values, and of many: at the square root of their count in between. [judgement]"""
ROUNDED: Final = 9
"""Decimals that are looked at: a sum of floats that should be 2 is not put below 2."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bins:
    """Bins of one round width between `edges`, 0 among their multiples; a bin holds its lower edge.

    What lies beyond the outermost edges is counted in the outermost bins.
    """

    step: Step
    edges: tuple[float, ...]

    def counts(self, values: Sequence[float]) -> list[int]:
        """Return how many values each bin holds."""
        found = [0] * (len(self.edges) - 1)
        for value in values:
            place = bisect_right(self.edges, round(value, ROUNDED)) - 1
            found[min(max(place, 0), len(found) - 1)] += 1
        return found


def bins_for(values: Sequence[float]) -> Bins:
    """Return bins that show how values lie, MOST_BINS and two at most. values: not empty.

    Width by the rule of Freedman and Diaconis (2 x interquartile range / cube root of the count,
    "On the histogram as a density estimator", 1981), made round, within the number of bins.
    """
    low, high = middle(values)
    low, high = round(low, ROUNDED), round(high, ROUNDED)
    extent = max(high - low, 1e-6)
    ordered = sorted(values)
    quarter = len(ordered) // 4
    spread = ordered[-1 - quarter] - ordered[quarter]
    wished = 2 * spread / len(ordered) ** (1 / 3) if spread > 0 else extent / 10
    few, many = FEWEST_BINS
    fewest = min(max(math.sqrt(len(ordered)), few), many)
    least = min(max(wished, extent / MOST_BINS), extent / fewest)
    step = next(step for step in steps_from(least) if step.times(1) >= least)
    first, last = step.around(low, math.nextafter(high, math.inf))
    return Bins(step=step, edges=tuple(step.times(n) for n in range(first, last + 1)))


def histogram(
    filled: Sequence[float],
    outlined: Sequence[float],
    *,
    names: tuple[str, str],
    title: str,
    unit: str,
) -> str:
    """Return both sets over the same bins, each with its mean. Neither may be empty.

    names: of the filled and of the outlined set.
    """
    bins = bins_for([*filled, *outlined])
    inside, around = bins.counts(filled), bins.counts(outlined)
    means = (fmean(filled), fmean(outlined))
    marks, top = legend(
        [
            ("bar", f"{names[0]}: mean {means[0]:+.3f} {unit}"),
            ("outline", f"{names[1]}: mean {means[1]:+.3f} {unit}"),
        ],
        top=0,
    )
    tallest = max(*inside, *around)
    values = ticks(0, max(tallest * 1.05, 2), whole=True)
    frame = frame_for(values, top=top + 7, bottom=HEIGHT - 24)
    across = frame.across(bins.edges[0], bins.edges[-1])
    upwards = frame.upwards(0, max(tallest * 1.05, 2))
    beneath = ticks(bins.edges[0], bins.edges[-1], most=7)
    drawn = [marks, left_axis(frame, upwards, values)]
    for (low, high), count, other in zip(pairwise(bins.edges), inside, around, strict=True):
        if count == 0:
            continue
        x, y = across.at(low), upwards.at(count)
        drawn.append(
            titled(
                "rect",
                f"{bins.step.text(low)} to {bins.step.text(high)} {unit}: {count:,} {names[0]}, "
                f"{other:,} {names[1]}",
                x=x + 0.5, y=y, width=max(across.at(high) - x - 1, 0.5), height=frame.bottom - y,
                class_="bar gain" if low >= 0 else "bar loss",
            )
        )  # fmt: skip
    outline = [(across.at(bins.edges[0]), frame.bottom)]
    for (low, high), count in zip(pairwise(bins.edges), around, strict=True):
        outline += [(across.at(low), upwards.at(count)), (across.at(high), upwards.at(count))]
    outline.append((across.at(bins.edges[-1]), frame.bottom))
    drawn.append(element("path", d=path(outline), class_="outline"))
    if bins.edges[0] < 0 < bins.edges[-1]:
        drawn.append(frame.upright(across.at(0), "zero"))
    drawn.append(bottom_axis(frame, [(across.at(tick.value), tick.text) for tick in beneath]))
    said = (
        f"{len(filled):,} values in {unit}, in bins of {bins.step.text(bins.step.times(1))}: mean "
        f"{means[0]:+.3f} {names[0]}, {means[1]:+.3f} {names[1]}. "
        f"{beyond(bins, filled):,} lie beyond the ends and are counted in the outermost bins."
    )
    return picture("".join(drawn), title=title, description=said, height=HEIGHT)


def beyond(bins: Bins, values: Sequence[float]) -> int:
    """Return how many values lie outside the edges."""
    low, high = bins.edges[0], bins.edges[-1]
    return sum(not low <= round(value, ROUNDED) < high for value in values)
