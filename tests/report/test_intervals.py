"""Each row has its value between its bounds, and sure ones are told apart."""

from hypothesis import given, settings
from hypothesis import strategies as st

from stopward.report.intervals import Between, intervals
from tests.builders.pictures import Element, marks, place, read, title, words

numbers = st.floats(-1e3, 1e3)


def draw(*found: tuple[float, float, float]) -> Element:
    rows = [
        Between(name=f"row {place}", value=value, low=low, high=high)
        for place, (value, low, high) in enumerate(found)
    ]
    return read(intervals(rows, title="what features tell", names=("feature", "cost")))


def test_sure_gains_and_losses_have_their_own_marks() -> None:
    tree = draw((2.0, 1.0, 3.0), (0.5, -0.5, 1.5), (-2.0, -3.0, -1.0), (0.0, 0.0, 0.0))
    kinds = [("mark gain", 1), ("mark plain", 2), ("mark loss", 1)]
    assert [(kind, len(marks(tree, kind))) for kind, _ in kinds] == kinds
    assert title(marks(tree, "mark gain")[0]) == "row 0: +2.000, between +1.000 and +3.000"
    assert words(tree)[-2:] == ["row 3", "+0.000"]
    assert "row 2 -2.000" in (tree.get("aria-label") or "")


def test_zero_is_an_upright_that_the_sides_lie_around() -> None:
    tree = draw((2.0, 1.0, 3.0), (-2.0, -3.0, -1.0))
    (zero,) = place(marks(tree, "axis")[0], "x1")
    (gain,) = place(marks(tree, "whisker gain")[0], "x1")
    (loss,) = place(marks(tree, "whisker loss")[0], "x2")
    assert loss < zero < gain


@settings(max_examples=30)
@given(st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=20))
def test_every_value_lies_on_its_scale(found: list[tuple[float, ...]]) -> None:
    rows = [tuple(sorted(each)) for each in found]
    tree = draw(*((value, low, high) for low, value, high in rows))
    dots = [each for kind in ("gain", "plain", "loss") for each in marks(tree, f"mark {kind}")]
    assert len(dots) == len(rows)
    left = max(len("feature"), len(f"row {len(rows) - 1}")) * 8
    for dot in dots:
        (x,) = place(dot, "cx")
        assert left <= x <= 480
