"""Markup is well-formed whatever it holds, and asks for nothing from outside."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopward.report.document import definitions, document, figure, table
from stopward.report.markup import element, label, number, picture, titled, words
from tests.builders.pictures import read

HOSTILE = '"><script src="https://example.com/x.js">alert(1)</script>&\x00\x1b'


@given(st.text())
def test_words_come_back_as_they_were_but_for_what_no_markup_may_hold(text: str) -> None:
    found = read(element("p", words(text), title=text))
    allowed = [c if c in "\t\n" or c >= " " else "\N{REPLACEMENT CHARACTER}" for c in text]
    if "\r" not in text and not {"\ufffe", "\uffff"} & set(text):
        assert (found.text or "") == "".join(allowed)


def test_hostile_text_makes_no_element_and_no_attribute() -> None:
    body = (
        definitions([(HOSTILE, HOSTILE)], class_="figures")
        + figure(
            picture(label(HOSTILE, 0, 0), title=HOSTILE, description=HOSTILE, height=10),
            title=HOSTILE,
            caption=HOSTILE,
        )
        + table((HOSTILE,), [(HOSTILE,)], numbers=frozenset())
        + titled("circle", HOSTILE, r=1)
    )
    page = document(title=HOSTILE, body=body)
    tree = read(page)
    assert {each.tag for each in tree.iter()}.isdisjoint({"script", "img", "link", "iframe"})
    assert all("src" not in each.attrib for each in tree.iter())
    assert "<script" not in page
    assert tree.findtext("head/title") == HOSTILE.replace("\x00", "\ufffd").replace(
        "\x1b", "\ufffd"
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [(1, "1"), (0.5, "0.5"), (2.345678, "2.35"), (-0.001, "0"), (-3.10, "-3.1"), (100.0, "100")],
)
def test_numbers_are_short(value: float, text: str) -> None:
    assert number(value) == text


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_known_is_not_drawn(value: float) -> None:
    with pytest.raises(ValueError, match="draw only what is known"):
        number(value)
    with pytest.raises(ValueError, match="draw only what is known"):
        element("circle", cx=value)


def test_a_picture_speaks() -> None:
    tree = read(picture("", title="Sum of R", description="It rose.", height=99.5))
    assert (tree.get("role"), tree.get("aria-label")) == ("img", "Sum of R. It rose.")
    assert (tree.findtext("title"), tree.findtext("desc")) == ("Sum of R", "It rose.")
    assert tree.get("viewBox") == "0 0 480 99.5"


def test_a_table_tells_its_columns_and_aligns_its_numbers() -> None:
    tree = read(table(("name", "R"), [("a", "+1.00"), ("b", "-1.00")], numbers=frozenset({"R"})))
    assert [each.text for each in tree.iter("th")] == ["name", "R"]
    assert [each.get("scope") for each in tree.iter("th")] == ["col", "col"]
    cells = [(each.text, each.get("class")) for each in tree.iter("td")]
    assert cells == [("a", None), ("+1.00", "number"), ("b", None), ("-1.00", "number")]
    with pytest.raises(ValueError, match="zip"):
        table(("name", "R"), [("a",)], numbers=frozenset())
