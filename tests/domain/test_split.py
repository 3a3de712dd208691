"""Telling a split from a trade, and carrying it through."""

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopward.domain.fills import fold_fills
from stopward.domain.holding import reducing_side
from stopward.domain.market import ClosedBar
from stopward.domain.money import Side, sign
from stopward.domain.snapshot import SymbolState
from stopward.domain.split import after_split, split_ratio, symbol_after_split
from stopward.domain.view import fold_symbol
from stopward.rules.indicators import Periods
from stopward.rules.types import NAN
from tests.builders.positions import AAPL, SESSION, a_closed_bar, a_fill, a_position, d, minute


class TestSplits:
    @pytest.mark.parametrize(
        ("quantity", "entry", "ratio"),
        [
            (200, "50", "2"),
            (150, "66.666667", "1.5"),
            (1000, "10", "10"),
            (2000, "5", "20"),
            (50, "200", "0.5"),
            (10, "1000", "0.1"),
            (33, "300", None),  # 100 for 3 leaves a third, paid in cash: see below
            (99, "100", None),
            (200, "100", None),
            (200, "75", None),
            (100, "50", None),
            (0, "50", None),
            (200, "0", None),
        ],
    )
    def test_what_counts_as_a_split(self, quantity: int, entry: str, ratio: str | None) -> None:
        found = split_ratio(a_position(), quantity=d(quantity), average_entry=d(entry))
        if quantity == 33:
            assert found == Decimal(1) / 3
        else:
            assert found == (None if ratio is None else d(ratio))

    def test_figures_after_a_forward_split(self) -> None:
        position = a_position(
            target="110", stop="98.55", tightest="98.55", fees_per_share="0.02", closed_quantity=7
        )
        split = after_split(position, d(2), quantity=d(200))
        assert (split.quantity, split.initial_quantity, split.closed_quantity) == (200, 200, 14)
        assert (split.average_entry, split.risk, split.initial_stop) == (50, 1, 49)
        assert split.stop == split.tightest == d("49.27")  # down, away from triggering
        assert (split.target, split.fees_per_share) == (55, d("0.01"))
        assert (split.marks.best, split.marks.worst) == (50.0, 50.0)
        assert split.flags == ("split",)

    def test_a_reverse_split_pays_fractions_in_cash(self) -> None:
        position = a_position(quantity=101)
        ratio = split_ratio(position, quantity=d(50), average_entry=d(200))
        assert ratio == d("0.5")
        split = after_split(position, ratio, quantity=d(50))
        assert (split.quantity, split.initial_quantity, split.risk) == (50, d("50.5"), 4)
        assert split.lot == 1

    def test_thirds_come_out_even(self) -> None:
        split = after_split(a_position(quantity=99), Decimal(1) / 3, quantity=d(33))
        assert split.initial_quantity == 33
        assert (split.average_entry, split.stop, split.risk) == (300, 294, 6)

    def test_a_penny_share_has_cents_after_a_reverse_split(self) -> None:
        position = a_position(
            average_entry="0.50", stop="0.4501", initial_stop="0.4501", risk="0.05", tick="0.0001"
        )
        split = after_split(position, d("0.1"), quantity=d(10))
        assert split.tick == d("0.01")
        assert split.stop == d("4.50")

    def test_a_short_rounds_up(self) -> None:
        split = after_split(a_position("short", stop="102.01"), d(2), quantity=d(200))
        assert split.stop == d("51.01")


SIZES = st.integers(1, 5000)
MULTIPLES = st.integers(20, 300)


@given(SIZES, SIZES, MULTIPLES)
def test_an_addition_by_hand_is_never_a_split(held: int, added: int, percent: int) -> None:
    position = a_position(quantity=held)
    fill = a_fill(added, d(percent), side="buy", at=minute(1))
    after = fold_fills(position, [fill]).position
    found = split_ratio(position, quantity=after.quantity, average_entry=after.average_entry)
    assert found is None


@given(SIZES, st.data())
def test_a_reduction_by_hand_is_never_a_split(held: int, data: st.DataObject) -> None:
    left = data.draw(st.integers(0, held))
    assert split_ratio(a_position(quantity=held), quantity=d(left), average_entry=d(100)) is None


@given(
    st.sampled_from(("long", "short")),
    st.sampled_from(("2", "3", "1.5", "0.5", "0.1")),
    st.integers(1, 1000),
    st.integers(200, 100000),
    st.integers(1, 90),
)
def test_a_split_keeps_cost_r_and_sides(
    side: Side, ratio: str, quantity: int, cents: int, percent: int
) -> None:
    entry = d(cents) / 100
    stop = entry - sign(side) * entry * percent / 100
    position = a_position(
        side,
        quantity * 10,
        average_entry=entry,
        initial_stop=stop,
        stop=stop,
        risk=abs(entry - stop),
    )
    split = after_split(position, d(ratio), quantity=position.quantity * d(ratio))
    cost = split.average_entry * split.quantity
    assert abs(cost - entry * position.quantity) <= split.quantity * d("0.000001")
    assert split.risk > 0
    assert split.stop > 0
    price = entry * d("1.1")
    before, after = position.r_multiple(price), split.r_multiple(price / d(ratio))
    assert abs(before - after) < d("0.01") * max(abs(before), 1)
    assert reducing_side(split.side) == reducing_side(position.side)


def folded(bars: list[ClosedBar]) -> SymbolState:
    state, _ = fold_symbol(
        SymbolState(symbol=AAPL, daily_atr=4.0),
        bars,
        session=SESSION,
        session_number=1.0,
        usual_volume=NAN,
        periods=Periods(),
    )
    return state


@given(st.lists(st.integers(9000, 11000), min_size=1, max_size=60), st.sampled_from((2, 4, 8)))
def test_a_split_symbol_is_as_if_it_had_always_traded_in_new_shares(
    cents: list[int], ratio: int
) -> None:
    old = [a_closed_bar(n, c / 100, high=c / 100 + 1, low=c / 100 - 1) for n, c in enumerate(cents)]
    new = [
        a_closed_bar(
            n,
            c / 100 / ratio,
            high=(c / 100 + 1) / ratio,
            low=(c / 100 - 1) / ratio,
            volume=1000.0 * ratio,
        )
        for n, c in enumerate(cents)
    ]
    split, always = symbol_after_split(folded(old), d(ratio)), folded(new)
    assert split.highs == pytest.approx(always.highs)
    assert split.lows == pytest.approx(always.lows)
    assert split.daily_atr == 4.0 / ratio
    for found, expected in zip(split.carry, always.carry, strict=True):
        assert found == pytest.approx(expected, abs=1e-9) or (
            math.isnan(found) and math.isnan(expected)
        )
