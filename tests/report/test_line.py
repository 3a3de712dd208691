"""The running sum: it starts at 0, keeps its extremes, and shades what lies below its peak."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopward.report.line import running_sum, thinned
from tests.builders.pictures import marks, place, points, read, words

MONDAY = date(2024, 1, 1)


def draw(*totals: float) -> str:
    days = [MONDAY + timedelta(days=number) for number in range(len(totals))]
    return running_sum(totals, days, title="Sum", unit="R")


def test_each_result_is_a_corner_at_its_height() -> None:
    tree = read(draw(1.0, -1.0, 3.0))
    line = points(marks(tree, "line", "path")[0])
    xs, ys = zip(*line, strict=True)
    assert len(line) == 4
    assert xs[1] - xs[0] == pytest.approx(xs[3] - xs[2], abs=0.02)
    (zero,) = marks(tree, "zero")
    assert place(zero, "y1") == (ys[0],)
    assert ys[0] - ys[1] == pytest.approx((ys[2] - ys[3]) / 4, abs=0.02)
    assert ys[3] < ys[1] < ys[0] < ys[2]


def test_what_lies_below_the_peak_is_shaded() -> None:
    tree = read(draw(1.0, -1.0, 3.0))
    line = points(marks(tree, "line", "path")[0])
    shade = points(marks(tree, "area loss", "path")[0])
    above, below = shade[:4], shade[4:]
    assert below == line[::-1]
    assert [y for _, y in above] == [line[0][1], line[1][1], line[1][1], line[3][1]]


def test_it_says_the_sum_and_the_deepest_fall() -> None:
    markup = draw(1.0, -1.0, 3.0)
    assert "sum of R: +3.00" in words(read(markup))
    assert "deepest fall: 2.00" in words(read(markup))
    assert "3 results from 2024-01-01 to 2024-01-03 sum to +3.00 R" in markup


@pytest.mark.parametrize("totals", [(0.0,), (2.5,), (-1.0,), (0.0, 0.0), (1e-9,), (1e6, -1e6)])
def test_few_equal_and_great_sums_are_drawn(totals: tuple[float, ...]) -> None:
    tree = read(draw(*totals))
    for x, y in points(marks(tree, "line", "path")[0]):
        assert 0 <= x <= 480
        assert 0 <= y <= 300


def test_a_long_line_keeps_its_deepest_fall_and_stays_short() -> None:
    totals = [float(number) for number in range(20_000)]
    totals[12_345] = -50_000.0
    tree = read(draw(*totals))
    line = points(marks(tree, "line", "path")[0])
    assert len(line) <= 902
    assert "deepest fall: 62,344.00" in words(tree)
    frame_bottom = max(y for _, y in line)
    assert sum(y == frame_bottom for _, y in line) == 1


@given(st.lists(st.floats(-100, 100), min_size=1, max_size=400), st.integers(4, 60))
def test_thinned_keeps_ends_and_extremes(values: list[float], most: int) -> None:
    kept = thinned(values, most)
    assert kept == sorted(set(kept))
    assert len(kept) <= max(most, 4)
    assert {kept[0], kept[-1]} == {0, len(values) - 1}
    shown = [values[number] for number in kept]
    assert (min(shown), max(shown)) == (min(values), max(values))
