"""Each point is where its values say, winners as dots, losers as crosses."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopward.report.scatter import Point, scatter
from tests.builders.pictures import Element, marks, place, read, title, words


def draw(*found: tuple[float, float, bool]) -> str:
    points = [Point(x=x, y=y, is_gain=gain, name=f"p{n}") for n, (x, y, gain) in enumerate(found)]
    return scatter(
        points, title="MAE and MFE", names=("MAE", "MFE"), kinds=("won", "lost"), line=-1.0
    )


def drawn(tree: Element, kind: str) -> list[Element]:
    """Return the marks of points; a sample in the legend says nothing."""
    return [each for each in marks(tree, kind) if title(each)]


def centre(mark: Element) -> tuple[float, float]:
    if mark.tag == "circle":
        x, y = place(mark, "cx", "cy")
        return x, y
    x, y = map(float, re.findall(r"M(\S+) (\S+?)l", mark.attrib["d"])[0])
    return x + 3, y + 3


def test_winners_are_dots_and_losers_crosses() -> None:
    tree = read(draw((-0.2, 2.0, True), (-1.0, 0.1, False), (-0.9, 0.5, False)))
    assert [title(mark) for mark in drawn(tree, "dot")] == ["p0: -0.20, +2.00"]
    assert [title(mark) for mark in drawn(tree, "cross")] == [
        "p1: -1.00, +0.10",
        "p2: -0.90, +0.50",
    ]
    assert {mark.tag for mark in drawn(tree, "dot")} == {"circle"}
    assert {mark.tag for mark in drawn(tree, "cross")} == {"path"}
    assert {"won: 1", "lost: 2"} <= set(words(tree))


def test_points_lie_where_their_values_say() -> None:
    tree = read(draw((-1.0, 0.0, False), (0.0, 2.0, True), (-0.5, 1.0, True)))
    (low,) = (centre(mark) for mark in drawn(tree, "cross"))
    high, middle = (centre(mark) for mark in drawn(tree, "dot"))
    assert middle == pytest.approx(((low[0] + high[0]) / 2, (low[1] + high[1]) / 2), abs=0.02)
    assert low[0] < high[0]
    assert low[1] > high[1]
    upright, level = marks(tree, "zero")
    assert place(upright, "x1")[0] == pytest.approx(high[0], abs=0.01)
    assert place(level, "y1")[0] == pytest.approx(low[1], abs=0.01)
    (limit,) = marks(tree, "limit")
    assert place(limit, "x1")[0] == pytest.approx(low[0], abs=0.01)


def test_points_of_one_kind_in_one_place_are_one_mark_that_counts_them() -> None:
    tree = read(draw(*[(-1.0, 0.0, False)] * 3, (-1.0, 0.0, True)))
    (cross,) = drawn(tree, "cross")
    assert title(cross) == "p0: -1.00, +0.00, and 2 more"
    assert len(drawn(tree, "dot")) == 1


def test_the_line_is_drawn_only_where_the_scale_reaches_it() -> None:
    assert not marks(read(draw((-0.3, 1.0, True))), "limit")


def test_far_points_stand_at_the_edge_and_are_counted() -> None:
    found = [(-number / 100, number / 50, True) for number in range(100)]
    markup = draw(*found, (-60.0, 0.5, False))
    (far,) = drawn(read(markup), "cross")
    assert "1 lie farther out" in markup
    assert centre(far)[0] < 60
    assert title(far) == "p100: -60.00, +0.50"


@given(
    st.lists(
        st.tuples(st.floats(-1e4, 0), st.floats(0, 1e4), st.booleans()), min_size=1, max_size=120
    )
)
def test_every_point_is_in_the_picture_and_counted_once(
    found: list[tuple[float, float, bool]],
) -> None:
    tree = read(draw(*found))
    seen = drawn(tree, "dot") + drawn(tree, "cross")
    more = [re.search(r"and ([\d,]+) more", title(mark)) for mark in seen]
    assert len(seen) + sum(int(each[1].replace(",", "")) for each in more if each) == len(found)
    for x, y in map(centre, seen):
        assert 0 <= x <= 480
        assert 0 <= y <= 330
