"""Bins are round, split at 0 and hold every value once; bars are as high as their counts."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopward.report.histogram import beyond, bins_for, histogram
from tests.builders.pictures import marks, place, points, read, title, words

VALUES = st.lists(st.floats(-50, 50), min_size=1, max_size=250)


def draw(net: list[float], gross: list[float]) -> str:
    return histogram(
        net, gross, names=("after costs", "before costs"), title="How R is spread", unit="R"
    )


@given(VALUES)
def test_every_value_is_in_one_bin(values: list[float]) -> None:
    bins = bins_for(values)
    counts = bins.counts(values)
    assert sum(counts) == len(values)
    assert 1 <= len(counts) <= 42
    if len(values) < 100:
        assert beyond(bins, values) == 0


@given(VALUES)
def test_winners_and_losers_share_no_bin(values: list[float]) -> None:
    """0 is a multiple of every round width, so no bin reaches over it."""
    edges = bins_for(values).edges
    assert all(low >= 0 or high <= 0 for low, high in pairwise(edges))
    assert list(edges) == sorted(set(edges))


def test_a_bin_holds_its_lower_edge_and_not_its_upper() -> None:
    values = [-1.0] * 4 + [-0.5] * 4 + [0.0] * 2 + [0.1 + 0.2] * 3 + [2.0] * 4
    bins = bins_for(values)
    counts = dict(zip(bins.edges, bins.counts(values), strict=False))
    assert (counts[-1.0], counts[-0.5], counts[0.0], counts[2.0]) == (4, 4, 5, 4)


def test_a_sum_of_floats_that_should_be_an_edge_is_one() -> None:
    values = [0.7 + 0.2 + 0.1, 1.0, -1.0, 0.0, 0.4]
    bins = bins_for(values)
    assert values[0] < 1.0
    assert dict(zip(bins.edges, bins.counts(values), strict=False))[1.0] == 2


def test_what_is_far_out_is_counted_at_the_end() -> None:
    values = [number / 50 for number in range(-50, 51)] + [400.0]
    bins = bins_for(values)
    assert bins.edges[-1] < 3
    assert beyond(bins, values) == 1
    assert sum(bins.counts(values)) == len(values)
    assert "1 lie beyond the ends" in draw(values, values)


def test_bars_are_as_high_as_their_counts() -> None:
    tree = read(draw([-1.0] * 2 + [1.0] * 4, [-0.9] * 2 + [1.1] * 4))
    loss, gain = (marks(tree, f"bar {kind}", "rect")[-1] for kind in ("loss", "gain"))
    assert place(gain, "height")[0] == pytest.approx(2 * place(loss, "height")[0], abs=0.02)
    assert place(loss, "x") < place(gain, "x")
    assert title(loss).startswith("-1.0 to -0.5 R: 2 after costs")


def test_the_outline_shows_what_costs_moved() -> None:
    markup = draw([-1.05] * 3 + [0.5], [-0.95] * 3 + [0.6])
    tree = read(markup)
    heights = {y for _, y in points(marks(tree, "outline", "path")[0])}
    (loss, *_) = [m for m in marks(tree, "bar loss", "rect") if title(m)]
    assert place(loss, "y")[0] in heights
    assert "0 before costs" in title(loss)
    assert "after costs: mean -0.663 R" in words(tree)
    assert "before costs: mean -0.562 R" in words(tree)


@pytest.mark.parametrize("values", [[0.0], [1.5], [-1.0] * 7, [2.0, 2.0], [-1e5, 1e5]])
def test_few_and_equal_values_are_drawn_inside(values: list[float]) -> None:
    tree = read(draw(values, values))
    bars = [m for m in tree.iter("rect") if title(m)]
    assert sum(int(title(bar).split(": ")[1].split()[0]) for bar in bars) == len(values)
    for bar in bars:
        x, y, width, height = place(bar, "x", "y", "width", "height")
        assert x >= 0
        assert x + width <= 480
        assert 0 <= y <= y + height <= 300
