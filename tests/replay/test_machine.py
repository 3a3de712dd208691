"""The compiler of kernel functions: what it makes does what Python does; it refuses the rest."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from stopward.errors import InvalidState
from stopward.replay import compiled as subject
from stopward.replay.machine.kinds import address_of, described, handed, missing
from stopward.rules.columns import Column, Sink
from stopward.rules.types import NAN

CONSTANTS = (2.0, 3.0, 5.0)
NUMBERS = (0.0, -0.0, 1.0, -2.5, 0.4, 1e18, math.inf, -math.inf, NAN)


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile anew, whatever was kept."""
    monkeypatch.setattr(subject, "_folder", None)


class Pair(NamedTuple):
    """Two numbers, the second by default."""

    first: float
    second: float = 7.0


class Box(NamedTuple):
    """What may be missing, and a pair in a tuple."""

    pair: Pair
    more: Pair | None


def compared(first: float, second: float) -> float:
    total = 0.0
    if first < second or first == second:
        total = total + 1.0
    if first != second and not first >= second:
        total = total + 2.0
    if 0.0 < first <= second:
        total = total + 4.0
    return total + (8.0 if first > second else 16.0)


def counted(numbers: Column, until: int) -> float:
    total = 0.0
    for at in range(until):
        if numbers[at] < 0.0:
            continue
        if numbers[at] > 100.0:
            break
        total = total + numbers[at]
    at = len(numbers)
    while at > until:
        at = at - 1
    return total + at


def taken(box: Box, which: int) -> float:
    pair = remade(box)
    if box.more is None:
        return pair.first - CONSTANTS[which]
    return pair.first + box.more.second * CONSTANTS[which]


def remade(box: Box) -> Pair:
    if box.more is not None:
        return box.pair
    return Pair(box.pair.second)


def rounded(number: float) -> float:
    return float(math.floor(number)) + float(math.ceil(number)) + float(int(number))


def filled(numbers: Column, sink: Sink) -> None:
    for at in range(1, len(numbers)):
        sink[at] = numbers[at - 1] if numbers[at] == numbers[at] else -1.0


def powered(number: float) -> float:
    return number**2.0


def named(number: float) -> str:
    return "one"


def alike(function: Callable[..., Any], *arguments: Any) -> None:
    """Hold compiled to interpreted, to the bit; a nan is like another."""
    found, wanted = subject.compiled(function)(*arguments), function(*arguments)
    assert repr(found) == repr(float(wanted))


def test_comparisons_of_every_number_with_every_other() -> None:
    for first in NUMBERS:
        for second in NUMBERS:
            alike(compared, first, second)


@pytest.mark.parametrize("until", [0, 1, 2, 5])
def test_loops_go_on_and_stop_where_they_are_told(until: int) -> None:
    alike(counted, np.array([1.0, -1.0, 2.0, 101.0, 4.0]), until)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_tuples_with_and_without_what_may_be_missing(which: int) -> None:
    alike(taken, Box(Pair(1.5), None), which)
    alike(taken, Box(Pair(1.5, 2.5), Pair(3.5)), which)


@pytest.mark.parametrize("number", [0.0, 0.3, -0.3, 2.0, -2.0, 1e15 + 0.5])
def test_floors_and_ceilings_are_whole_numbers_without_a_sign_at_nought(number: float) -> None:
    alike(rounded, number)


@pytest.mark.parametrize("apart", [1, 3])
def test_columns_side_by_side_and_apart(apart: int) -> None:
    numbers = np.array([[1.0, 2.0, NAN, 4.0]] * apart).T[:, 0]
    fast, slow = np.zeros((4, apart)).T[0], [0.0] * 4
    subject.compiled(filled)(numbers, fast)
    filled(numbers, slow)
    assert fast.tolist()[:3] == slow[:3] == [0.0, 1.0, -1.0]


def test_a_column_of_nothing_takes_no_memory_and_is_read_as_nan() -> None:
    nothing, sink = missing(1_000_000), np.zeros(1_000_000)
    assert nothing.strides == (0,)
    subject.compiled(filled)(nothing, sink)
    assert set(sink[1:].tolist()) == {-1.0}


def test_kinds_are_one_for_the_same_types_whatever_the_numbers() -> None:
    one, other, without = (
        handed((Box(Pair(number), more),))[0]
        for number, more in ((1.0, Pair(2.0)), (NAN, Pair(NAN)), (1.0, None))
    )
    assert one == other != without
    pair = f"{__name__}.Pair(first:double,second:double)"
    assert described(without[0]) == f"{__name__}.Box(pair:{pair},more:none)"


def test_an_array_is_where_numpy_says_it_is() -> None:
    whole = np.arange(10.0)
    for array in (whole, whole[3:], whole[::-2], np.zeros((3, 4)).T[1]):
        assert address_of(array) == array.ctypes.data


@pytest.mark.parametrize(
    ("function", "arguments", "said"),
    [
        (powered, (2.0,), "number ** 2.0"),
        (named, (2.0,), "returns what Python cannot be handed"),
        (compared, ("one", 2.0), "was 'one'"),
        (filled, (np.zeros(2, np.float32), np.zeros(2)), "was float32"),
        (filled, (np.zeros(2, ">f8"), np.zeros(2)), "was >f8"),
        (filled, (np.zeros((2, 2)), np.zeros(2)), "takes numbers, tuples and columns"),
        (compared, (np.zeros(2), 1.0), "compares two floats or two whole numbers"),
    ],
)  # fmt: skip
def test_beyond_the_subset_it_says_what_it_cannot(
    function: Callable[..., Any], arguments: tuple[Any, ...], said: str
) -> None:
    with pytest.raises(InvalidState) as refused:
        subject.compiled(function)(*arguments)
    assert said in str(refused.value)


def test_what_was_held_is_looked_through_once_and_may_be_written_meanwhile(tmp_path: Path) -> None:
    numbers, sink = np.array([1.0, 2.0]), np.zeros(2)
    held = subject.held(numbers)
    subject.compiled(filled)(held, sink)
    numbers[0] = 5.0
    subject.compiled(filled)(held, sink)
    assert sink[1] == 5.0
    soonest = subject.soonest(filled, steps=0, small=1)
    soonest(held, sink)
    assert sink[1] == 5.0
