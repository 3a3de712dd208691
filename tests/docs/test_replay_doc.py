"""docs/replay.md: each line of its table is walked, and its pictures are of that walk."""

import pytest

from tests.builders.bar_cases import CASES, BarCase
from tests.builders.pictures import marks, read
from tests.docs.bar_picture import bar_picture
from tests.docs.pages import page, refreshed
from tests.docs.replay_document import BLOCKS, PICTURES

NAME = "docs/replay.md"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_booked_is_as_told(case: BarCase) -> None:
    found = case.walked()
    starts = case.starts()
    sales = tuple((starts.index(sale.at), sale.price, sale.rule) for sale in found.sales(0))
    assert sales == tuple(case.fills)
    assert bool(found.is_ambiguous[0]) == case.ambiguous


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_picture_is_of_its_case(case: BarCase) -> None:
    drawn = bar_picture(case)
    lies = (PICTURES / f"{case.name}.svg").read_text(encoding="utf-8")
    assert lies == drawn + "\n", "run: python -m tests.docs.replay_document"
    tree = read(drawn.replace(' xmlns="http://www.w3.org/2000/svg"', ""))
    assert len(marks(tree, "range")) == len(case.bars)
    assert len(marks(tree, "fill")) == len(case.fills)
    assert len(marks(tree, "target")) == (case.target is not None)


def test_no_picture_is_left_over() -> None:
    assert {path.stem for path in PICTURES.iterdir()} == {case.name for case in CASES}


def test_the_generated_parts_are_those_of_the_code() -> None:
    text = page(NAME)
    assert refreshed(text, BLOCKS) == text, "run: python -m tests.docs.replay_document"
    assert text.count("<!-- generated: ") == len(BLOCKS)
