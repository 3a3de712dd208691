"""Each dot is where its part says, its bounds around it, and the dashed line is of equal values."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopward.report.calibration import Part, calibration
from tests.builders.pictures import Element, marks, place, read, title

shares = st.floats(0.0, 1.0)


def draw(*parts: Part) -> Element:
    return read(calibration(parts, title="said and came", names=("said", "won")))


def part(said: float, came: float, low: float, high: float, count: int = 50) -> Part:
    return Part(said=said, came=came, low=low, high=high, count=count)


def drawn(tree: Element, kind: str) -> list[Element]:
    """Return the marks of parts; a sample in the legend says nothing."""
    return [each for each in marks(tree, kind) if title(each)]


def test_a_part_is_told_in_words_and_its_bounds_hold_its_dot() -> None:
    tree = draw(part(0.4, 0.35, 0.2, 0.5), part(0.6, 0.7, 0.55, 0.8, 1_200))
    assert [title(each) for each in drawn(tree, "dot")] == [
        "said 0.400, 0.350 won (0.200 to 0.500), 50 trades",
        "said 0.600, 0.700 won (0.550 to 0.800), 1,200 trades",
    ]
    for dot, line in zip(drawn(tree, "dot"), drawn(tree, "whisker"), strict=True):
        (x, y), (x1, x2, y1, y2) = place(dot, "cx", "cy"), place(line, "x1", "x2", "y1", "y2")
        assert x1 == x2 == x
        assert y2 < y < y1
    assert tree.get("aria-label") == "said and came. said 0.40, 0.35 won; said 0.60, 0.70 won."


def test_who_says_what_comes_lies_on_the_dashed_line() -> None:
    tree = draw(part(0.3, 0.3, 0.2, 0.4), part(0.5, 0.5, 0.4, 0.6), part(0.6, 0.6, 0.5, 0.7))
    x1, y1, x2, y2 = place(marks(tree, "limit")[-1], "x1", "y1", "x2", "y2")
    for dot in drawn(tree, "dot"):
        x, y = place(dot, "cx", "cy")
        assert y == pytest.approx(y1 + (x - x1) * (y2 - y1) / (x2 - x1), abs=0.1)


def test_what_lies_far_from_the_line_has_none() -> None:
    assert len(marks(draw(part(0.9, 0.1, 0.05, 0.2)), "limit")) == 1, "the legend's sample"


@settings(max_examples=30)
@given(st.lists(st.tuples(shares, shares, shares, shares), min_size=1, max_size=12))
def test_every_mark_lies_in_the_picture(found: list[tuple[float, ...]]) -> None:
    parts = [part(said, *sorted(rest)[1:2], min(rest), max(rest)) for said, *rest in found]
    tree = draw(*parts)
    assert len(drawn(tree, "dot")) == len(parts)
    for dot in drawn(tree, "dot"):
        x, y = place(dot, "cx", "cy")
        assert 0 <= x <= 480
        assert 0 <= y <= 350
