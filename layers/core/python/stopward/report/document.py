"""A page in one file: no script, nothing fetched, readable from disk and in a mail."""

from collections.abc import Iterable, Sequence

from stopward.report.markup import element, words
from stopward.report.style import CHARTS, PAGE

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""What a browser may load for the page: nothing but the styles in it."""


def document(*, title: str, body: str) -> str:
    """Return a whole page around markup: HTML that is well-formed XML too."""
    head = (
        element("meta", charset="utf-8")
        + element("meta", name="viewport", content="width=device-width, initial-scale=1")
        + element(
            "meta", **{"http-equiv": "Content-Security-Policy", "content": POLICY}
        )
        + element("title", words(title))
        + f"<style>\n{PAGE}{CHARTS}</style>"
    )  # fmt: skip
    return (
        '<!DOCTYPE html>\n<html lang="en">\n'
        + element("head", head)
        + "\n"
        + element("body", f"\n{body}\n")
        + "\n</html>\n"
    )


def definitions(pairs: Iterable[tuple[str, str]], *, class_: str) -> str:
    """Return names with what they are."""
    return element(
        "dl",
        "".join(
            element("div", element("dt", words(name)) + element("dd", words(value)))
            for name, value in pairs
        ),
        class_=class_,
    )


def figure(chart: str, *, title: str, caption: str) -> str:
    """Return a chart under its title and a caption."""
    said = element("h3", words(title)) + element("p", words(caption))
    return element("figure", element("figcaption", said) + chart) + "\n"


def table(
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    numbers: frozenset[str],
    prose: frozenset[str] = frozenset(),
) -> str:
    """Return a table that scrolls by itself where it is too wide.

    numbers: columns of numbers. prose: columns of sentences, which may go over several lines.
    """
    kinds = {**dict.fromkeys(prose, "prose"), **dict.fromkeys(numbers, "number")}
    classes = [{"class_": kinds[name]} if name in kinds else {} for name in columns]
    head = "".join(
        element("th", words(name), scope="col", **extra)
        for name, extra in zip(columns, classes, strict=True)
    )
    body = "\n".join(
        element(
            "tr",
            "".join(
                element("td", words(value), **extra)
                for value, extra in zip(row, classes, strict=True)
            ),
        )
        for row in rows
    )
    whole = element("thead", element("tr", head)) + "\n" + element("tbody", body)
    return element("div", element("table", whole), class_="wide", tabindex="0")
