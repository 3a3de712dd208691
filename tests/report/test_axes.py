"""Scales and ticks: a point lies where the scale says, ticks are round and inside."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from stopward.report.axes import ENOUGH, FEWEST, Scale, Step, middle, ticks, widened

NUMBERS = st.floats(-1e6, 1e6)
ROUND = {1.0, 2.0, 5.0}


def has_extent(low: float, high: float) -> bool:
    return high - low > 1e-6 * max(abs(low), abs(high), 1e-3)


@given(low=NUMBERS, high=NUMBERS, most=st.integers(FEWEST, 12))
def test_ticks_lie_within_are_as_many_as_there_is_room_for_and_two_at_least(
    low: float, high: float, most: int
) -> None:
    assume(low < high and has_extent(low, high))
    found = [tick.value for tick in ticks(low, high, most=most)]
    assert 2 <= len(found) <= most
    assert found == sorted(set(found))
    assert all(low <= value <= high for value in found)


@given(low=NUMBERS, high=NUMBERS)
def test_ticks_are_round_and_evenly_apart(low: float, high: float) -> None:
    assume(low < high and has_extent(low, high))
    found = [tick.value for tick in ticks(low, high)]
    step = found[1] - found[0]
    exponent = math.floor(math.log10(step * (1 + 1e-6)))
    assert round(step / 10.0**exponent, 3) in ROUND
    for value in found:
        assert value / step == pytest.approx(round(value / step), abs=1e-3)


@given(low=st.integers(-500, 500), extent=st.integers(1, 10_000))
def test_ticks_of_counts_are_whole(low: int, extent: int) -> None:
    found = ticks(low, low + extent, whole=True)
    assert len(found) >= 2
    assert all(tick.value.is_integer() and "." not in tick.text for tick in found)


@pytest.mark.parametrize(
    ("low", "high", "written"),
    [
        (0.0, 1.0, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (-1.25, 2.1, ["-1", "0", "1", "2"]),
        (0.1, 0.3, ["0.10", "0.15", "0.20", "0.25", "0.30"]),
        (-2500.0, 0.0, ["-2,500", "-2,000", "-1,500", "-1,000", "-500", "0"]),
        (99.98, 100.03, ["99.98", "99.99", "100.00", "100.01", "100.02", "100.03"]),
    ],
)
def test_ticks_as_they_are_written(low: float, high: float, written: list[str]) -> None:
    assert [tick.text for tick in ticks(low, high)] == written


@given(low=NUMBERS, high=NUMBERS, share=st.floats(0, 1))
def test_a_point_lies_where_the_scale_says(low: float, high: float, share: float) -> None:
    assume(low < high and has_extent(low, high))
    scale = Scale(low=low, high=high, start=300.0, end=20.0)
    assert scale.at(low) == 300.0
    assert scale.at(high) == pytest.approx(20.0)
    assert scale.at(low + share * (high - low)) == pytest.approx(300.0 - 280.0 * share, abs=1e-3)


@given(value=NUMBERS)
def test_what_is_beyond_stands_at_the_edge(value: float) -> None:
    scale = Scale(low=-1.0, high=1.0, start=0.0, end=100.0)
    assert 0.0 <= scale.within(value) <= 100.0
    if -1.0 <= value <= 1.0:
        assert scale.within(value) == scale.at(value)


@pytest.mark.parametrize(("low", "high"), [(1.0, 1.0), (2.0, 1.0), (0.0, math.inf), (math.nan, 1)])
def test_a_scale_without_extent_is_refused(low: float, high: float) -> None:
    with pytest.raises(ValueError, match="low must be below high"):
        Scale(low=low, high=high, start=0, end=1)
    with pytest.raises(ValueError, match="low must be below high"):
        ticks(low, high)


def test_ticks_for_which_there_is_no_room_are_refused() -> None:
    with pytest.raises(ValueError, match="5 ticks at least"):
        ticks(0, 1, most=4)


@given(mantissa=st.sampled_from((1, 2, 5)), exponent=st.integers(-6, 4), multiple=st.integers())
def test_a_multiple_of_a_step_is_the_float_that_a_person_writes(
    mantissa: int, exponent: int, multiple: int
) -> None:
    multiple %= 10_000
    assert Step(mantissa, exponent).times(multiple) == float(f"{mantissa * multiple}e{exponent}")


@given(low=NUMBERS, high=NUMBERS, mantissa=st.sampled_from((1, 2, 5)), exponent=st.integers(-3, 3))
def test_multiples_hold_a_range_tightly(
    low: float, high: float, mantissa: int, exponent: int
) -> None:
    assume(low <= high)
    step = Step(mantissa, exponent)
    first, last = step.around(low, high)
    assert step.times(first) <= low < step.times(first + 1)
    assert step.times(last - 1) < high <= step.times(last)


@given(low=NUMBERS, high=NUMBERS)
def test_a_widened_range_has_extent_and_holds_the_old_one(low: float, high: float) -> None:
    assume(low <= high)
    wide_low, wide_high = widened(low, high)
    assert wide_low <= low <= high <= wide_high
    assert wide_low < wide_high


@given(st.lists(NUMBERS, min_size=1, max_size=ENOUGH - 1))
def test_of_few_values_the_middle_is_all(values: list[float]) -> None:
    assert middle(values) == (min(values), max(values))


def test_a_far_value_is_left_out_of_the_middle_and_a_near_one_is_not() -> None:
    even = [number / 100 for number in range(-100, 101)]
    assert middle(even) == (-1.0, 1.0)
    low, high = middle([*even, 300.0])
    assert (low, high) == (-1.0, pytest.approx(1.97, abs=0.03))
