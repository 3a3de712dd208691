"""Compiled kernel functions stop where Python raises, and never read what is not theirs."""

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import pytest

from stopward.errors import InvalidState
from stopward.replay import compiled as subject
from stopward.replay.machine.kinds import missing
from stopward.rules.columns import Column, Indices, Sink
from stopward.rules.types import NAN

TABLE = (2.0, -0.0, 5.5)
LEAST, MOST = -(2**63), 2**63 - 1


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compile anew, whatever was kept."""
    monkeypatch.setattr(subject, "_folder", None)


class Pair(NamedTuple):
    """Two numbers."""

    first: float
    second: float


class Box(NamedTuple):
    """Two pairs."""

    one: Pair
    other: Pair


class Both(NamedTuple):
    """Two columns, which may be of two lengths."""

    one: Column
    other: Column


def divided(x: float, y: float) -> float:
    return x / y


def counted_up(x: int, y: int) -> int:
    return x + y


def counted_down(x: int, y: int) -> int:
    return x - y


def counted_times(x: int, y: int) -> int:
    return x * y


def turned_round(x: int) -> int:
    return -x


def whole(x: float) -> int:
    return int(x)


def floored(x: float) -> float:
    return float(math.floor(x))


def raised(x: float) -> float:
    return float(math.ceil(x))


def from_table(at: int) -> float:
    return TABLE[at]


def read(numbers: Column, at: int) -> float:
    return numbers[at]


def written(numbers: Sink, at: int) -> None:
    numbers[at] = 1.0


def read_both(both: Both, at: int) -> float:
    return both.one[at] + both.other[at]


def read_between(numbers: Column, at: int) -> bool:
    return 0 <= at < len(numbers) and numbers[at] > 0.0


def chained(numbers: Sink, x: float) -> bool:
    return 0.0 < x < put(numbers, 0, 5.0) < put(numbers, 1, 7.0)


def put(numbers: Sink, at: int, x: float) -> float:
    numbers[at] = x
    return x


def of_two(box: Box, x: float) -> float:
    return (box.one if x > 0.0 else box.other).second


def column_of_two(both: Both, x: float) -> float:
    return (both.one if x > 0.0 else both.other)[1]


def first_below(pair: Pair, x: float, known: Pair | None) -> float:
    for part in pair:
        if known is None:
            return part
        x = x + part
    return x


def emptied(numbers: Sink, x: float) -> None:
    if x > 0.0:
        return forgotten(numbers)


def forgotten(numbers: Sink) -> None:
    numbers[0] = 0.0


def fused(x: float, y: float, z: float) -> float:
    return x * y + z


def added_up(numbers: Column) -> float:
    total = 0.0
    for at in range(len(numbers)):
        total = total + numbers[at]
    return total


def last_of(rows: Indices, at: int) -> int:
    return rows[at] + 1


def alike(function: Callable[..., Any], *arguments: Any) -> None:
    """Hold compiled to interpreted, to the bit; where the one raises, the other stops."""
    plain = [each.tolist() if isinstance(each, np.ndarray) else each for each in arguments]
    try:
        wanted = function(*plain)
    except (ArithmeticError, IndexError, ValueError):
        with pytest.raises(InvalidState, match="stopped"):
            subject.compiled(function)(*arguments)
        return
    assert repr(subject.compiled(function)(*arguments)) == repr(wanted)


FLOATS = (0.0, -0.0, 1.0, -2.5, 5e-324, 1e308, 9.3e18, -9.3e18, 2.0**63, math.inf, -math.inf, NAN)


def test_a_division_by_nought_stops_and_no_other() -> None:
    for x in FLOATS:
        for y in FLOATS:
            alike(divided, x, y)


@pytest.mark.parametrize("function", [floored, raised])
def test_what_has_no_whole_number_stops(function: Callable[..., Any]) -> None:
    for x in FLOATS:
        alike(function, x)


@pytest.mark.parametrize("x", [9e18, -(2.0**63), 0.9, -0.9])
def test_a_float_is_cut_as_python_cuts_it(x: float) -> None:
    alike(whole, x)


@pytest.mark.parametrize("x", [2.0**63, -9.3e18, math.inf, NAN])
def test_a_float_that_no_64_bits_hold_is_not_cut(x: float) -> None:
    with pytest.raises(InvalidState, match="no whole number"):
        subject.compiled(whole)(x)


@pytest.mark.parametrize("function", [counted_up, counted_down, counted_times])
def test_whole_numbers_never_wrap(function: Callable[..., Any]) -> None:
    for x in (LEAST, -3, 0, 2, 2**32, MOST):
        for y in (LEAST, -1, 0, 1, 2**32, MOST):
            if LEAST <= function(x, y) <= MOST:
                alike(function, x, y)
                continue
            with pytest.raises(InvalidState, match="beyond 64 bits"):
                subject.compiled(function)(x, y)


def test_the_least_whole_number_has_no_other_sign() -> None:
    alike(turned_round, MOST)
    with pytest.raises(InvalidState, match="beyond 64 bits"):
        subject.compiled(turned_round)(LEAST)


@pytest.mark.parametrize("at", [LEAST, -4, -1, 3, MOST])
def test_a_place_beyond_the_ends_stops(at: int) -> None:
    numbers = np.arange(9.0)[3:6]
    for column in (numbers, numbers[::-1], np.zeros((3, 4)).T[1, :3], missing(3)):
        with pytest.raises(InvalidState, match="beyond the ends"):
            subject.compiled(read)(column, at)
    with pytest.raises(InvalidState, match="beyond the ends"):
        subject.compiled(written)(numbers, at)
    with pytest.raises(InvalidState, match="beyond the ends"):
        subject.compiled(from_table)(at)
    assert numbers.tolist() == [3.0, 4.0, 5.0]


def test_every_place_inside_is_read() -> None:
    numbers = np.arange(9.0)[3:6]
    for at in range(3):
        for column in (numbers, numbers[::-1], np.zeros((3, 4)).T[1, :3], np.arange(3.0) - 0.0):
            alike(read, column, at)
        alike(from_table, at)


@pytest.mark.parametrize(("one", "other"), [(3, 3), (3, 2), (2, 3), (0, 3), (3, 0)])
def test_columns_of_two_lengths_are_read_as_far_as_each_goes(one: int, other: int) -> None:
    both = Both(np.arange(float(one)), np.arange(float(other)))
    for at in range(4):
        if at < min(one, other):
            assert subject.compiled(read_both)(both, at) == 2.0 * at
            continue
        with pytest.raises(InvalidState, match="beyond the ends"):
            subject.compiled(read_both)(both, at)


@pytest.mark.parametrize("at", [-1, 0, 1, 2])
def test_a_chain_does_not_read_once_it_is_decided(at: int) -> None:
    alike(read_between, np.array([1.0, -1.0]), at)


@pytest.mark.parametrize("x", [-1.0, 1.0, 6.0])
def test_a_chain_does_nothing_more_once_it_is_decided(x: float) -> None:
    fast, slow = np.zeros(2), [0.0, 0.0]
    assert subject.compiled(chained)(fast, x) == chained(slow, x)
    assert fast.tolist() == slow


@pytest.mark.parametrize("x", [1.0, -1.0])
def test_one_of_two_that_are_in_memory_is_the_one_that_was_asked_for(x: float) -> None:
    alike(of_two, Box(Pair(1.0, 2.0), Pair(3.0, 4.0)), x)
    both = Both(np.array([1.0, 2.0]), np.array([3.0, 4.0, 5.0]))
    assert subject.compiled(column_of_two)(both, x) == column_of_two(both, x)


def test_a_loop_over_a_tuple_ends_where_it_returns() -> None:
    for known in (None, Pair(1.0, 2.0)):
        alike(first_below, Pair(3.0, 4.0), 5.0, known)


def test_what_is_returned_is_done_first_even_when_it_is_nothing() -> None:
    numbers = np.ones(2)
    subject.compiled(emptied)(numbers, 1.0)
    assert numbers.tolist() == [0.0, 1.0]


def test_products_are_rounded_before_they_are_added() -> None:
    x = 1.0 + 2.0**-30
    assert math.fsum([x * x, -1.0 - 2.0**-29]) == 0.0 != x * x - 1.0
    alike(fused, x, x, -(1.0 + 2.0**-29))
    alike(fused, 5e-324, 0.5, 5e-324)


def test_sums_are_made_in_order() -> None:
    numbers = np.array([1e16, 1.0, -1e16, 1.0] * 8 + [5e-324, 0.1, 0.2, 0.3])
    alike(added_up, numbers)


def test_threads_stop_each_for_itself() -> None:
    twin, column = subject.compiled(read), np.arange(8.0)

    def asked(at: int) -> float:
        try:
            return twin(column, at)
        except InvalidState:
            return -1.0

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(asked, [at % 16 for at in range(4000)]))
    assert found == [float(at % 16) if at % 16 < 8 else -1.0 for at in range(4000)]


def test_columns_of_whole_numbers_are_read_whole() -> None:
    alike(last_of, np.array([2**53 + 1, -7]), 0)
