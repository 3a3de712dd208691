"""Rows of bars: lengths as the numbers say, from one zero, numbers beside them."""

import pytest

from stopward.report.bars import Row, rows
from stopward.report.markup import LETTER
from tests.builders.pictures import marks, place, read, title, words

NAMES = ("closed by", "positions", "mean R")


def draw(*found: tuple[str, int, float]) -> str:
    made = [Row(name=name, count=count, mean=mean) for name, count, mean in found]
    return rows(made, title="Exits by rule", names=NAMES)


def test_counts_and_means_are_as_long_as_they_say() -> None:
    tree = read(draw(("stop", 40, -1.0), ("target", 10, 2.0), ("open", 20, 0.5)))
    widths = [place(bar, "width")[0] for bar in marks(tree, "bar plain")]
    assert widths == pytest.approx([widths[0], widths[0] / 4, widths[0] / 2], abs=0.02)
    (loss,) = marks(tree, "bar loss")
    target, still_open = marks(tree, "bar gain")
    (axis,) = marks(tree, "axis")
    x, width = place(loss, "x", "width")
    assert x + width == pytest.approx(place(axis, "x1")[0], abs=0.02)
    assert place(target, "x") == place(still_open, "x") == place(axis, "x1")
    assert place(target, "width")[0] == pytest.approx(2 * width, abs=0.02)
    assert place(target, "width")[0] == pytest.approx(4 * place(still_open, "width")[0], abs=0.03)


def test_each_number_is_written_and_told() -> None:
    markup = draw(("stop", 1234, -1.0), ("target", 10, 2.0))
    tree = read(markup)
    assert words(tree) == [*NAMES, "stop", "1,234", "-1.000", "target", "10", "+2.000"]
    assert title(marks(tree, "bar plain")[0]) == "stop: 1,234, mean -1.000"
    assert "stop 1,234, mean -1.000; target 10, mean +2.000." in markup


def test_a_heading_has_room_where_every_kind_has_a_short_name() -> None:
    first, second, *_ = read(draw(("stop", 1, -1.0))).iter("text")
    assert place(first, "x")[0] + len(NAMES[0]) * LETTER < place(second, "x")[0]


@pytest.mark.parametrize(
    "found",
    [
        (("stop", 1, -1.0),),
        (("stop", 1, 0.0),),
        (("target", 7, 3.0), ("aged target", 1, 0.01)),
        (("adverse excursion", 1_234_567, -123.456), ("open", 0, 123.456)),
    ],
)
def test_bars_and_their_numbers_stay_inside(found: tuple[tuple[str, int, float], ...]) -> None:
    tree = read(draw(*found))
    for bar in tree.iter("rect"):
        x, width = place(bar, "x", "width")
        assert x >= 0
        assert width >= 0
        assert x + width <= 480
    for word in tree.iter("text"):
        length = len(word.text or "") * 8
        (x,) = place(word, "x")
        begin = x - length if word.get("text-anchor") == "end" else x
        assert begin >= -1
        assert begin + length <= 481
