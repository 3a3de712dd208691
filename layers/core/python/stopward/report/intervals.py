"""Rows of one value each, with the bounds that it lies between, around zero."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from stopward.report.axes import Scale
from stopward.report.frame import DOT
from stopward.report.markup import DIGIT, LETTER, LINE, WIDTH, element, label, picture, titled

ROW: Final = 24
GAP: Final = 14


@dataclass(frozen=True, slots=True, kw_only=True)
class Between:
    """One value and its bounds; the value may lie beyond them."""

    name: str
    value: float
    low: float
    high: float


def intervals(
    found: Sequence[Between], *, title: str, names: tuple[str, str], decimals: int = 3
) -> str:
    """Return a row for each in the order given: its name, a line from low to high, its value.

    names: over the names, and over the values. Not empty. What is over 0 for sure, its low bound
    too, is drawn as gain, what is under 0 for sure as loss.
    """
    texts = [f"{each.value:+.{decimals}f}" for each in found]
    left = max(len(names[0]), *(len(each.name) for each in found)) * LETTER + GAP
    right = WIDTH - max(map(len, texts)) * DIGIT - GAP
    low = min(0.0, *(min(each.value, each.low) for each in found))
    high = max(0.0, *(max(each.value, each.high) for each in found))
    across = Scale(low=low, high=high if high > low else low + 1.0, start=left, end=right)
    top = LINE + 14
    bottom = top + ROW * len(found)
    drawn = [
        label(names[0], 0, LINE, class_="word muted"),
        label(names[1], WIDTH, LINE, anchor="end", class_="word muted"),
        element("line", x1=across.at(0), x2=across.at(0), y1=top - 8, y2=bottom - 6, class_="axis"),
    ]
    for place, (each, text) in enumerate(zip(found, texts, strict=True)):
        y = top + place * ROW + 4
        kind = "gain" if each.low > 0 else "loss" if each.high < 0 else "plain"
        said = (
            f"{each.name}: {text}, between {each.low:+.{decimals}f} and {each.high:+.{decimals}f}"
        )
        x = across.at(each.value)
        drawn += [
            label(each.name, 0, y + 4.5),
            titled(
                "line", said, x1=across.at(each.low), x2=across.at(each.high), y1=y, y2=y,
                class_=f"whisker {kind}",
            ),
            titled("circle", said, cx=x, cy=y, r=DOT + 0.8, class_=f"mark {kind}"),
            label(text, WIDTH, y + 4.5, anchor="end"),
        ]  # fmt: skip
    told = "; ".join(f"{each.name} {text}" for each, text in zip(found, texts, strict=True))
    return picture("".join(drawn), title=title, description=f"{told}.", height=bottom)
