"""A position, its kernel state, and results in R."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopward.domain.money import Side
from stopward.domain.position import Marks, marks_of
from stopward.rules.types import State
from tests.builders.positions import a_position, d


@pytest.mark.parametrize(
    ("side", "price", "expected"),
    [("long", "102", 1), ("long", "98", -1), ("short", "98", 1), ("short", "103", "-1.5")],
)
def test_results_are_in_units_of_the_risk_at_entry(side: Side, price: str, expected: str) -> None:
    assert a_position(side).r_multiple(d(price)) == d(expected)
    assert a_position(side, stop="100").r_multiple(d(price)) == d(expected)


def test_the_kernel_state_has_every_number() -> None:
    state = a_position("short", "10.5", tick="0.25", target="95", fees_per_share="0.02").state()
    assert len(state) == len(State._fields)
    assert (state.side, state.quantity, state.per_unit) == (-1.0, 10.5, 4.0)
    assert (state.entry, state.risk, state.stop) == (100.0, 2.0, 102.0)
    assert (state.target, state.fees, state.pending) == (95.0, 0.02, 0.0)
    assert math.isnan(a_position().state().target)


@given(st.lists(st.floats(0, 1000), min_size=8, max_size=8))
def test_marks_survive_the_kernel(numbers: list[float]) -> None:
    marks = Marks(*numbers)
    assert marks_of(a_position(marks=marks).state()) == marks


@pytest.mark.parametrize(
    ("entry", "tick", "price", "expected"),
    [
        ("100", "0.01", "99", "0.01"),
        ("0.90", "0.0001", "0.95", "0.0001"),
        ("0.90", "0.0001", "1.05", "0.01"),
        ("1.10", "0.0001", "1.05", "0.0001"),
        ("4500", "0.25", "4400", "0.25"),
    ],
)
def test_a_price_has_the_step_of_its_level(
    entry: str, tick: str, price: str, expected: str
) -> None:
    position = a_position(average_entry=entry, tick=tick)
    assert position.tick_at(d(price)) == d(expected)
