"""What was said beside what came: shares with their bounds around the line of who is right."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from stopward.report.axes import Scale, ticks, widened
from stopward.report.frame import (
    DOT,
    Frame,
    axis_names,
    bottom_axis,
    frame_for,
    left_axis,
    legend,
)
from stopward.report.markup import LINE, element, picture, titled

HEIGHT: Final = 350


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Trades that were given about the same probability.

    said: its mean. came: the share that won, between low and high. count: trades.
    """

    said: float
    came: float
    low: float
    high: float
    count: int


def calibration(parts: Sequence[Part], *, title: str, names: tuple[str, str]) -> str:
    """Return a dot for each part with its bounds, and the line on which said is what came.

    names: of the axes, across and upwards. parts: not empty.
    """
    marks, top = legend(
        [("dot", "share that won"), ("whisker", "90 % bounds"), ("limit", "as it was said")], top=0
    )
    bottom, upper = _range([value for part in parts for value in (part.low, part.high)])
    low, high = _range([part.said for part in parts])
    values = ticks(bottom, upper)
    frame = frame_for(values, top=top + LINE + 6, bottom=HEIGHT - 24 - LINE)
    across, upwards = frame.across(low, high), frame.upwards(bottom, upper)
    drawn = [
        marks,
        axis_names(names, frame, height=HEIGHT),
        left_axis(frame, upwards, values),
        _diagonal(frame, across, upwards),
    ]
    for part in parts:
        x, y = across.at(part.said), upwards.at(part.came)
        said = (
            f"said {part.said:.3f}, {part.came:.3f} won ({part.low:.3f} to {part.high:.3f}), "
            f"{part.count:,} trades"
        )
        ends = {"y1": upwards.at(part.low), "y2": upwards.at(part.high)}
        drawn.append(titled("line", said, x1=x, x2=x, class_="whisker", **ends))
        drawn.append(titled("circle", said, cx=x, cy=y, r=DOT + 0.8, class_="dot"))
    beneath = [(across.at(tick.value), tick.text) for tick in ticks(low, high)]
    drawn.append(bottom_axis(frame, beneath))
    told = "; ".join(f"said {part.said:.2f}, {part.came:.2f} won" for part in parts)
    return picture("".join(drawn), title=title, description=f"{told}.", height=HEIGHT)


def _range(values: Sequence[float]) -> tuple[float, float]:
    low, high = widened(min(values), max(values))
    return max(low, 0.0), min(high, 1.0)


def _diagonal(frame: Frame, across: Scale, upwards: Scale) -> str:
    """Return the line of equal values as far as both scales reach."""
    low = max(across.low, upwards.low)
    high = min(across.high, upwards.high)
    if low >= high:
        return ""
    return element(
        "line", x1=across.at(low), y1=upwards.at(low), x2=across.at(high), y2=upwards.at(high),
        class_="limit",
    )  # fmt: skip
