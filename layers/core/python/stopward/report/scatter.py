"""Points of two kinds over two values, told apart by their form and not by colour alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from stopward.report.axes import Scale, middle, ticks, widened
from stopward.report.frame import (
    DOT,
    axis_names,
    bottom_axis,
    cross_path,
    frame_for,
    left_axis,
    legend,
)
from stopward.report.markup import LINE, picture, titled

HEIGHT: Final = 330
CELL: Final = 3.0
"""Marks of one kind nearer than this are one mark, so that a page of many points stays small."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One point. is_gain: whether it is drawn as a dot, else as a cross."""

    x: float
    y: float
    is_gain: bool
    name: str


def scatter(
    points: Sequence[Point],
    *,
    title: str,
    names: tuple[str, str],
    kinds: tuple[str, str],
    line: float,
) -> str:
    """Return the points, not empty. Both axes hold 0; what lies far out stands at the edge.

    names: of the axes, across and upwards. kinds: of dots and of crosses. line: an upright at this
    x, where the scale reaches it.
    """
    gains = sum(point.is_gain for point in points)
    marks, top = legend(
        [("dot", f"{kinds[0]}: {gains:,}"), ("cross", f"{kinds[1]}: {len(points) - gains:,}")],
        top=0,
    )
    low, high = _range([point.x for point in points])
    bottom, upper = _range([point.y for point in points])
    values = ticks(bottom, upper)
    frame = frame_for(values, top=top + LINE + 6, bottom=HEIGHT - 24 - LINE)
    across, upwards = frame.across(low, high), frame.upwards(bottom, upper)
    drawn = [
        marks,
        axis_names(names, frame, height=HEIGHT),
        left_axis(frame, upwards, values),
        frame.upright(across.at(0), "zero"),
        frame.level(upwards.at(0), "zero"),
    ]
    if low <= line <= high:
        drawn.append(frame.upright(across.at(line), "limit"))
    drawn += [_mark(cell, across, upwards) for cell in _cells(points, across, upwards)]
    beneath = ticks(low, high)
    drawn.append(bottom_axis(frame, [(across.at(tick.value), tick.text) for tick in beneath]))
    far = sum(not (low <= point.x <= high and bottom <= point.y <= upper) for point in points)
    said = (
        f"{len(points):,} points, {names[0]} across and {names[1]} upwards: {gains:,} {kinds[0]}, "
        f"{len(points) - gains:,} {kinds[1]}. {far:,} lie farther out and stand at the edge."
    )
    return picture("".join(drawn), title=title, description=said, height=HEIGHT)


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = middle(values)
    return widened(min(low, 0.0), max(high, 0.0))


def _cells(points: Sequence[Point], across: Scale, upwards: Scale) -> list[list[Point]]:
    """Return the points that share a mark, in the order in which the first of each came."""
    found: dict[tuple[bool, int, int], list[Point]] = {}
    for point in points:
        x, y = across.within(point.x), upwards.within(point.y)
        found.setdefault((point.is_gain, int(x / CELL), int(y / CELL)), []).append(point)
    return list(found.values())


def _mark(cell: Sequence[Point], across: Scale, upwards: Scale) -> str:
    point = cell[0]
    x, y = across.within(point.x), upwards.within(point.y)
    said = f"{point.name}: {point.x:+.2f}, {point.y:+.2f}"
    if len(cell) > 1:
        said += f", and {len(cell) - 1:,} more"
    if point.is_gain:
        return titled("circle", said, cx=x, cy=y, r=DOT, class_="dot")
    return titled("path", said, d=cross_path(x, y), class_="cross")
