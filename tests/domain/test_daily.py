"""Average true range of daily bars."""

import math

import pytest

from stopward.domain.daily import daily_atr
from stopward.domain.market import ClosedBar
from tests.builders.positions import a_closed_bar


def bars(count: int, *, spread: float = 4.0) -> list[ClosedBar]:
    return [
        a_closed_bar(n, 100.0, high=100.0 + spread / 2, low=100.0 - spread / 2)
        for n in range(count)
    ]


def test_a_steady_range_is_its_own_average() -> None:
    assert daily_atr(bars(20)) == pytest.approx(4.0)


@pytest.mark.parametrize("count", [0, 1, 13])
def test_too_few_days_are_unknown(count: int) -> None:
    assert math.isnan(daily_atr(bars(count)))


def test_fourteen_days_are_enough() -> None:
    assert daily_atr(bars(14)) == pytest.approx(4.0)


def test_a_gap_between_days_counts() -> None:
    gap = a_closed_bar(20, 110.0, high=111.0, low=109.0)
    assert daily_atr([*bars(20), gap]) == pytest.approx((4.0 * 13 + 11.0) / 14)
