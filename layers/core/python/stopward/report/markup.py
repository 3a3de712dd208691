"""Markup as text: elements whose words are escaped, numbers that are short, pictures that speak."""

import html
import math
import re
from typing import Final

WIDTH: Final = 480
"""Of every picture, in its own units: narrow, so that its letters stay readable on a phone."""
LETTER: Final = 8.0
"""How wide a letter is at the most, on the average of a word: room is kept by it."""
DIGIT: Final = 9.1
"""How wide a digit is at the most."""
LINE: Final = 19
"""From one line of text to the next."""
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"


def words(text: str) -> str:
    """Return text that says itself in markup and in a quoted attribute, whatever it holds."""
    return html.escape(_NOT_XML.sub(_REPLACEMENT, text), quote=True)


def number(value: float) -> str:
    """Return a coordinate with two decimals at most. Raises ValueError when it is not finite."""
    if not math.isfinite(value):
        raise ValueError(f"a coordinate was {value}: draw only what is known")
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def element(name: str, content: str = "", /, **attributes: str | float) -> str:
    """Return one element around content, which is markup already.

    attributes: text is escaped, numbers are shortened; `class_` is class, `text_anchor` is
    text-anchor.
    """
    inside = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for key, value in attributes.items()
    )
    return f"<{name}{inside}>{content}</{name}>" if content else f"<{name}{inside}/>"


def label(text: str, x: float, y: float, *, anchor: str = "start", class_: str = "word") -> str:
    """Return words in a picture. anchor: which part of them stands at x: start, middle or end."""
    return element("text", words(text), x=x, y=y, text_anchor=anchor, class_=class_)


def titled(name: str, title: str, /, **attributes: str | float) -> str:
    """Return a mark that says its title when it is pointed at."""
    return element(name, element("title", words(title)), **attributes)


def picture(body: str, *, title: str, description: str, height: float) -> str:
    """Return an inline SVG, WIDTH wide, that a screen reader tells by title and description."""
    return element(
        "svg",
        element("title", words(title)) + element("desc", words(description)) + body,
        class_="chart",
        viewBox=f"0 0 {WIDTH} {number(height)}",
        role="img",
        aria_label=f"{title}. {description}",
    )


def path(points: list[tuple[float, float]]) -> str:
    """Return the `d` of straight lines from point to point."""
    return "".join(
        f"{'L' if place else 'M'}{number(x)} {number(y)}" for place, (x, y) in enumerate(points)
    )


def _value(value: str | float) -> str:
    return words(value) if isinstance(value, str) else number(value)
