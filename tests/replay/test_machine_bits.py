"""Bits of whole numbers, compiled: those of Python, by constants, or refused."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopward.errors import InvalidState
from stopward.replay import compiled as subject
from tests.builders.machine import function_of

WHOLE = st.integers(-(2**63), 2**63 - 1)
EDGES = (0, 1, 3, 4, -1, -4, -5, 2**62, 2**63 - 1, -(2**63))
SHIFTS = (0, 1, 2, 31, 63)
MASKS = (0, 1, 3, 63)


@pytest.fixture(scope="module", autouse=True)
def _nothing_kept() -> None:
    subject.keep_in(None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the modules of these functions lie."""
    return tmp_path_factory.mktemp("bits")


def of_whole(expression: str, folder: Path) -> tuple[Any, Any]:
    function = function_of(f"def f(x: int, y: int) -> int:\n    return {expression}\n", folder)
    return function, subject.compiled(function)


@pytest.mark.parametrize("by", SHIFTS)
def test_a_shift_is_pythons(by: int, folder: Path) -> None:
    own, twin = of_whole(f"x >> {by}", folder)

    @given(WHOLE)
    def holds(number: int) -> None:
        assert twin(number, 0) == own(number, 0)

    holds()
    assert [twin(each, 0) for each in EDGES] == [each >> by for each in EDGES]


@pytest.mark.parametrize("mask", MASKS)
def test_what_a_mask_leaves_is_pythons(mask: int, folder: Path) -> None:
    _, twin = of_whole(f"x & {mask}", folder)
    assert [twin(each, 0) for each in EDGES] == [each & mask for each in EDGES]


@pytest.mark.parametrize(
    "expression",
    ["x >> y", "x >> 64", "x >> -1", "x & y", "x & -1", "x & 64", "x << 1", "x | 1", "x ^ 1"],
)
def test_other_bits_are_refused(expression: str, folder: Path) -> None:
    _, twin = of_whole(expression, folder)
    with pytest.raises(InvalidState, match="machine code"):
        twin(1, 1)


@pytest.mark.parametrize("expression", ["x >> 1", "x & 1"])
def test_a_float_has_no_bits(expression: str, folder: Path) -> None:
    function = function_of(f"def f(x: float) -> float:\n    return {expression}\n", folder)
    with pytest.raises(InvalidState, match="machine code"):
        subject.compiled(function)(1.0)
