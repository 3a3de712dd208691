"""A running sum as a line, with what it lies below its peak shaded."""

from collections.abc import Sequence
from datetime import date
from itertools import accumulate
from typing import Final

from stopward.report.axes import ticks, widened
from stopward.report.frame import bottom_axis, frame_for, left_axis, legend
from stopward.report.markup import element, path, picture
from stopward.report.moment import day_marks

HEIGHT: Final = 300
MOST_POINTS: Final = 900
"""Of a line: about two for each unit of the picture's width, more cannot be seen."""


def running_sum(totals: Sequence[float], days: Sequence[date], *, title: str, unit: str) -> str:
    """Return the line of a sum that starts at 0, and the falls below its peak so far.

    totals: the sum after each thing, in the order of time; days: of each. Not empty.
    """
    line = [0.0, *totals]
    peak = list(accumulate(line, max))
    fall = max(high - low for high, low in zip(peak, line, strict=True))
    deepest = max(range(len(line)), key=lambda place: peak[place] - line[place])
    marks, top = legend(
        [
            ("line", f"sum of {unit}: {totals[-1]:+,.2f}"),
            ("area loss", f"deepest fall: {fall:,.2f}"),
        ],
        top=0,
    )
    low, high = widened(min(line), max(line))
    values = ticks(low, high)
    frame = frame_for(values, top=top + 7, bottom=HEIGHT - 24)
    across, upwards = frame.across(0, len(totals)), frame.upwards(low, high)
    shown = sorted({*thinned(line, MOST_POINTS), deepest})
    points = [(across.at(place), upwards.at(line[place])) for place in shown]
    above = [(across.at(place), upwards.at(peak[place])) for place in shown]
    first = _places(days)
    body = (
        marks
        + left_axis(frame, upwards, values)
        + element("path", d=path([*above, *reversed(points)]) + "Z", class_="area loss")
        + frame.level(upwards.at(0), "zero")
        + element("path", d=path(points), class_="line")
        + bottom_axis(frame, [(across.at(place), text) for place, text in first])
    )
    said = (
        f"{len(totals):,} results from {days[0]} to {days[-1]} sum to {totals[-1]:+,.2f} {unit}; "
        f"the deepest fall below a peak is {fall:,.2f}."
    )
    return picture(body, title=title, description=said, height=HEIGHT)


def thinned(values: Sequence[float], most: int) -> list[int]:
    """Return places in order, `most` at most: the ends, and the extremes of even stretches.

    most: 4 at least.
    """
    if len(values) <= most:
        return list(range(len(values)))
    stretches = (most - 2) // 2
    kept = {0, len(values) - 1}
    for number in range(stretches):
        stretch = range(number * len(values) // stretches, (number + 1) * len(values) // stretches)
        kept.add(min(stretch, key=values.__getitem__))
        kept.add(max(stretch, key=values.__getitem__))
    return sorted(kept)


def _places(days: Sequence[date]) -> list[tuple[int, str]]:
    """Return where days are written: a result ends at its number, so the first begins at 0."""
    return [(mark.place, mark.text) for mark in day_marks(days, most=6)]
