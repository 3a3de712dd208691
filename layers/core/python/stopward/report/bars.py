"""Rows of two bars each: how many there are of a kind, and what they come to on the average."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from stopward.report.axes import Scale
from stopward.report.markup import DIGIT, LETTER, LINE, WIDTH, element, label, picture, titled

ROW: Final = 30
BAR: Final = 16
GAP: Final = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One kind. count: how many; mean: of them."""

    name: str
    count: int
    mean: float


def rows(found: Sequence[Row], *, title: str, names: tuple[str, str, str]) -> str:
    """Return a row for each kind, in the order given, its numbers at the ends of its bars.

    names: over the kinds, over the counts, over the means. Not empty.
    """
    counts = [f"{row.count:,}" for row in found]
    means = [f"{row.mean:+.3f}" for row in found]
    left = max(len(name) for name in (names[0], *(row.name for row in found))) * LETTER + GAP
    half = (WIDTH - left - GAP) / 2
    room = max(map(len, counts)) * DIGIT + 8
    number_room = max(map(len, means)) * DIGIT + 8
    counted = Scale(
        low=0, high=max(1, *(row.count for row in found)), start=left, end=left + half - room
    )
    averaged = _around_zero(found, left + half + GAP, number_room)
    top = LINE + 10
    bottom = top + ROW * len(found)
    drawn = [
        label(names[0], 0, LINE, class_="word muted"),
        label(names[1], left, LINE, class_="word muted"),
        label(names[2], WIDTH, LINE, anchor="end", class_="word muted"),
    ]
    for place, row in enumerate(found):
        y = top + place * ROW
        said = f"{row.name}: {counts[place]}, mean {means[place]}"
        base = y + BAR - 3.5
        drawn.append(label(row.name, 0, base))
        end = counted.at(row.count)
        drawn.append(
            titled("rect", said, x=left, y=y, width=end - left, height=BAR, class_="bar plain")
        )
        drawn.append(label(counts[place], end + 5, base))
        zero, end = averaged.at(0), averaged.at(row.mean)
        drawn.append(
            titled(
                "rect", said, x=min(zero, end), y=y, width=max(abs(end - zero), 0.5), height=BAR,
                class_="bar gain" if row.mean > 0 else "bar loss",
            )
        )  # fmt: skip
        drawn.append(
            label(means[place], end + 5, base)
            if row.mean >= 0
            else label(means[place], end - 5, base, anchor="end")
        )
    zero = averaged.at(0)
    drawn.append(element("line", x1=zero, x2=zero, y1=top - 4, y2=bottom - 8, class_="axis"))
    said = "; ".join(
        f"{row.name} {count}, mean {mean}"
        for row, count, mean in zip(found, counts, means, strict=True)
    )
    return picture("".join(drawn), title=title, description=f"{said}.", height=bottom)


def _around_zero(found: Sequence[Row], start: float, room: float) -> Scale:
    """Return the scale of the means, with room for their numbers on the sides that have any."""
    low = min(0.0, *(row.mean for row in found))
    high = max(0.0, *(row.mean for row in found))
    if low == high:
        high = 1.0
    return Scale(
        low=low,
        high=high,
        start=start + (room if low < 0 else 0),
        end=WIDTH - (room if high > 0 else 0),
    )
