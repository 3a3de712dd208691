"""Pictures read back: marks by class, places, words."""

import re
from xml.etree import ElementTree

Element = ElementTree.Element


def read(markup: str) -> Element:
    """Return markup as a tree; raises ParseError when it is not well-formed."""
    return ElementTree.fromstring(markup)  # noqa: S314  our own markup


def marks(tree: Element, class_: str, tag: str | None = None) -> list[Element]:
    """Return the elements of exactly this class, samples in the legend included."""
    return [
        each
        for each in tree.iter()
        if each.get("class") == class_ and (tag is None or each.tag == tag)
    ]


def words(tree: Element) -> list[str]:
    """Return all words that are seen, in order; titles are not."""
    return [each.text or "" for each in tree.iter("text")]


def place(element: Element, *names: str) -> tuple[float, ...]:
    """Return numeric attributes."""
    return tuple(float(element.attrib[name]) for name in names)


def points(element: Element) -> list[tuple[float, float]]:
    """Return the corners of a path of M and L."""
    found = re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", element.attrib["d"])
    return [(float(x), float(y)) for x, y in found]


def title(element: Element) -> str:
    """Return what a mark says when it is pointed at."""
    return element.findtext("title") or ""
