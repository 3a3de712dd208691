"""When a list of orders is doubted, and is read one by one."""

import pytest

from stopward.domain.money import Side
from stopward.services.guard.listed import surplus
from tests.builders.positions import a_bracket, a_holding, a_stop


@pytest.mark.parametrize("side", ["long", "short"])
@pytest.mark.parametrize(
    ("held", "stops", "doubted"),
    [
        (100, (100,), 0),
        (100, (40, 60), 0),
        (100, (40,), 0),
        (40, (40, 60), 2),
        (99, (100,), 1),
        (0, (100,), 0),
    ],
    ids=["as many", "two parts", "too few", "two for the shares of one", "too many", "none held"],
)
def test_stops_for_more_than_is_held_are_read_again(
    held: int, stops: tuple[int, ...], doubted: int, side: Side
) -> None:
    orders = tuple(a_stop(quantity, side=side) for quantity in stops)
    assert len(surplus(a_holding(*orders, side=side, quantity=held), side)) == doubted


def test_a_bracket_stands_for_its_shares_once() -> None:
    assert not surplus(a_holding(*a_bracket(100)), "long")
    assert len(surplus(a_holding(*a_bracket(100), quantity=60), "long")) == 2
