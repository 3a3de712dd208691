"""Roundings: away from triggering, down to the lot, and never an exponent on the wire."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopward.domain.holding import is_tighter
from stopward.domain.money import Side, decimal_of, floor_quantity, plain, round_stop, sign
from stopward.errors import InvalidState
from tests.builders.positions import d


@pytest.mark.parametrize(
    ("price", "tick", "side", "expected"),
    [
        ("99.999", "0.01", "long", "99.99"),
        ("99.991", "0.01", "short", "100.00"),
        ("99.99", "0.01", "long", "99.99"),
        ("99.99", "0.01", "short", "99.99"),
        ("4500.30", "0.25", "long", "4500.25"),
        ("4500.30", "0.25", "short", "4500.50"),
        ("0.12345", "0.0001", "long", "0.1234"),
    ],
)
def test_a_stop_is_rounded_away_from_triggering(
    price: str, tick: str, side: Side, expected: str
) -> None:
    assert round_stop(d(price), d(tick), side) == d(expected)


@given(
    st.decimals("0.0001", "100000", places=6),
    st.sampled_from(("0.0001", "0.01", "0.25", "1")),
    st.sampled_from(("long", "short")),
)
def test_a_rounded_stop_is_on_the_tick_within_one_and_no_tighter(
    price: Decimal, tick: str, side: Side
) -> None:
    rounded = round_stop(price, d(tick), side)
    assert rounded % d(tick) == 0
    assert abs(rounded - price) < d(tick)
    assert not is_tighter(rounded, price, side)
    assert round_stop(rounded, d(tick), side) == rounded


@given(st.decimals("0", "100000", places=9), st.sampled_from(("1", "0.000000001", "0.5")))
def test_a_quantity_is_rounded_down_to_whole_lots(quantity: Decimal, lot: str) -> None:
    floored = floor_quantity(quantity, d(lot))
    assert 0 <= quantity - floored < d(lot)
    assert floored % d(lot) == 0


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (100.0, "100"),
        (0.1 + 0.2, "0.3"),
        (99.99, "99.99"),
        (1e-9, "0"),
        (-0.0, "0"),
        (1e7, "10000000"),
    ],
)
def test_a_kernel_float_becomes_the_number_that_it_stands_for(number: float, text: str) -> None:
    assert str(decimal_of(number)) == text


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_only_finite_numbers_leave_the_kernel(number: float) -> None:
    with pytest.raises(InvalidState, match="finite"):
        decimal_of(number)


@given(st.decimals(-(10**9), 10**9, places=6))
def test_equal_numbers_have_one_text(number: Decimal) -> None:
    text = plain(number)
    assert Decimal(text) == number
    assert "e" not in text.lower()
    assert plain(number * Decimal("1.000")) == text
    assert plain(number.normalize()) == text


def test_sides_have_signs() -> None:
    assert (sign("long"), sign("short")) == (1, -1)
