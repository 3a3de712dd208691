"""The inner rectangle of a picture, its axes, and the words that tell its marks apart."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from stopward.report.axes import Scale, Tick
from stopward.report.markup import DIGIT, LETTER, LINE, WIDTH, element, label

SAMPLE: Final = 22
"""Width of a sample in a legend."""
DOT: Final = 3.2
"""Radius of a round mark."""
BETWEEN: Final = 14
"""From the words of one to the sample of the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """Where the marks lie, in units of the picture; `top` is above `bottom`."""

    left: float
    right: float
    top: float
    bottom: float

    def across(self, low: float, high: float) -> Scale:
        """Return the scale from left to right."""
        return Scale(low=low, high=high, start=self.left, end=self.right)

    def upwards(self, low: float, high: float) -> Scale:
        """Return the scale from bottom to top."""
        return Scale(low=low, high=high, start=self.bottom, end=self.top)

    def level(self, y: float, class_: str) -> str:
        """Return a line from side to side."""
        return element("line", x1=self.left, x2=self.right, y1=y, y2=y, class_=class_)

    def upright(self, x: float, class_: str) -> str:
        """Return a line from top to bottom."""
        return element("line", x1=x, x2=x, y1=self.top, y2=self.bottom, class_=class_)


def frame_for(
    ticks: Sequence[Tick], *, top: float, bottom: float, right: float = WIDTH - 12
) -> Frame:
    """Return the frame that leaves room for the words of these ticks at its left."""
    longest = max(len(tick.text) for tick in ticks)
    return Frame(left=max(longest * DIGIT + 8, 34), right=right, top=top, bottom=bottom)


def left_axis(frame: Frame, scale: Scale, ticks: Sequence[Tick]) -> str:
    """Return level lines through the frame with their values at its left."""
    return "".join(
        frame.level(y := scale.at(tick.value), "grid")
        + label(tick.text, frame.left - 6, y + 4.5, anchor="end", class_="word muted")
        for tick in ticks
    )


def bottom_axis(frame: Frame, places: Sequence[tuple[float, str]]) -> str:
    """Return short strokes below the frame with words under them, kept inside the picture.

    places: x and words, from left to right.
    """
    drawn = [frame.level(frame.bottom, "axis")]
    for x, text in places:
        half = len(text) * LETTER / 2
        inside = min(max(x, half), WIDTH - half)
        drawn.append(
            element("line", x1=x, x2=x, y1=frame.bottom, y2=frame.bottom + 4, class_="axis")
        )
        drawn.append(label(text, inside, frame.bottom + LINE, anchor="middle", class_="word muted"))
    return "".join(drawn)


def axis_names(names: tuple[str, str], frame: Frame, *, height: float) -> str:
    """Return what lies across, under the frame at the picture's foot, and what upwards, above it.

    names: across, upwards. The frame begins 6 below the words over it.
    """
    return label(names[1], 0, frame.top - 12, class_="word muted") + label(
        names[0], frame.right, height - 4, anchor="end", class_="word muted"
    )


def legend(entries: Sequence[tuple[str, str]], *, top: float) -> tuple[str, float]:
    """Return samples with their words, in as many rows as they need, and where they end.

    entries: the class of a sample (see `style.CHARTS`) and its words.
    """
    drawn: list[str] = []
    x, y = 0.0, top + LINE
    for class_, text in entries:
        width = SAMPLE + 6 + len(text) * LETTER
        if x > 0 and x + width > WIDTH:
            x, y = 0.0, y + LINE
        drawn.append(_sample(class_, x, y - 4.5) + label(text, x + SAMPLE + 6, y))
        x += width + BETWEEN
    return "".join(drawn), y + 8


def _sample(class_: str, x: float, y: float) -> str:
    middle = x + SAMPLE / 2
    match class_.split(maxsplit=1)[0]:
        case "bar":
            return "".join(
                element("rect", x=x + 4 + place * 7, y=y - 5, width=7, height=10, class_=each)
                for place, each in enumerate(("bar loss", "bar gain"))
            )
        case "area" | "outline":
            return element("rect", x=x + 4, y=y - 5, width=14, height=10, class_=class_)
        case "dot":
            return element("circle", cx=middle, cy=y, r=DOT, class_=class_)
        case "cross":
            return element("path", d=cross_path(middle, y), class_=class_)
        case _:
            return element("line", x1=x, x2=x + SAMPLE, y1=y, y2=y, class_=class_)


def cross_path(x: float, y: float) -> str:
    """Return the `d` of a mark of two strokes."""
    return f"M{x - 3:.2f} {y - 3:.2f}l6 6m0 -6l-6 6"
