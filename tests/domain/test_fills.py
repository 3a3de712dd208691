"""Folding executions into a position."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from stopward.domain.fills import LATE, fold_fills, orders_of_others
from stopward.domain.identity import Symbol
from stopward.domain.money import Side
from stopward.domain.orders import Fill
from stopward.domain.position import FRACTIONAL_LOT, Position
from tests.builders.positions import NOW, OPEN, a_fill, a_position, an_order, d, minute

SELL_40 = a_fill(40, "103", at=minute(1))
BUY_50 = a_fill(50, "106", side="buy", at=minute(2))


class TestFolding:
    def test_a_reducing_fill_books_its_result_and_keeps_entry_and_risk(self) -> None:
        folded = fold_fills(a_position(), [SELL_40])
        assert folded.position.quantity == 60
        assert folded.position.closed_quantity == 40
        assert folded.position.realised == 120
        assert folded.position.average_entry == 100
        assert folded.position.risk == 2
        assert (folded.reduced, folded.added, folded.last_price) == (40, 0, 103)

    def test_a_short_mirrors_it(self) -> None:
        folded = fold_fills(a_position("short"), [a_fill(40, "97", side="buy", at=minute(1))])
        assert folded.position.realised == 120

    def test_an_addition_rebases_the_entry_keeps_the_risk_and_is_flagged(self) -> None:
        folded = fold_fills(a_position(), [BUY_50])
        assert folded.position.average_entry == 102
        assert folded.position.quantity == 150
        assert folded.position.initial_quantity == 150
        assert folded.position.risk == 2
        assert folded.position.initial_stop == 98
        assert folded.position.flags == ("rebased",)
        assert folded.added == 50

    def test_what_is_traded_after_the_close_is_another_position(self) -> None:
        fills = [
            a_fill(100, "101", at=minute(1)),
            a_fill(30, "90", side="buy", at=minute(2)),
            a_fill(30, "80", at=minute(3)),
        ]
        folded = fold_fills(a_position(), fills)
        assert folded.position.quantity == 0
        assert folded.position.realised == 100
        assert folded.last_at == minute(1)
        assert folded.position.flags == ()

    def test_a_late_fill_is_not_the_last_one(self) -> None:
        """It closed the position, a second before what was told of first."""
        told, late = a_fill(40, "103", at=minute(2)), a_fill(60, "98", at=minute(1))
        before = fold_fills(a_position(), [told]).position
        folded = fold_fills(before, [late, told])
        assert (folded.position.quantity, folded.reduced) == (0, 60)
        assert (folded.last_at, folded.last_price) == (minute(2), 103)
        assert folded.last_order == told.order_id

    def test_the_last_reduction_is_known_when_much_later_more_is_added(self) -> None:
        folded = fold_fills(a_position(), [SELL_40, a_fill(50, side="buy", at=minute(9))])
        assert folded.last_at == minute(1)

    def test_a_fill_that_crosses_to_the_other_side_closes_no_more_than_there_was(self) -> None:
        folded = fold_fills(a_position(), [a_fill(150, "101", at=minute(1))])
        assert folded.position.quantity == 0
        assert folded.position.closed_quantity == 100
        assert folded.position.realised == 100
        assert folded.reduced == 100

    def test_other_symbols_are_passed_over(self) -> None:
        position = a_position()
        assert fold_fills(position, [replace(SELL_40, symbol=Symbol("MSFT"))]).position == position

    def test_fills_older_than_the_adoption_are_in_it_already(self) -> None:
        position = a_position(adopted_at=minute(5))
        assert fold_fills(position, [SELL_40]).position == position

    def test_a_fill_that_turns_up_after_a_newer_one_is_still_folded(self) -> None:
        late = a_fill(10, "102", at=minute(1) - timedelta(milliseconds=1))
        position = fold_fills(a_position(), [SELL_40]).position
        position = fold_fills(position, [late, SELL_40]).position
        assert position.quantity == 50
        assert position.fills_at == minute(1)
        assert fold_fills(position, [late, SELL_40]).position == position

    def test_ids_are_forgotten_once_time_alone_tells_a_repetition(self) -> None:
        position = fold_fills(a_position(), [SELL_40]).position
        later = a_fill(10, at=minute(1) + LATE + timedelta(seconds=1))
        position = fold_fills(position, [later]).position
        assert position.fill_ids == (later.id,)
        assert fold_fills(position, [SELL_40, later]).position == position

    def test_two_fills_of_one_instant_both_count_and_once(self) -> None:
        twin = a_fill(40, "103", at=minute(1))
        position = fold_fills(a_position(), [SELL_40]).position
        position = fold_fills(position, [SELL_40, twin]).position
        assert position.quantity == 20

    def test_a_whole_position_that_turns_odd_is_sold_in_fractions(self) -> None:
        position = fold_fills(a_position(), [a_fill("0.5", side="buy", at=minute(1))]).position
        assert position.lot == FRACTIONAL_LOT
        position = fold_fills(a_position(), [a_fill("0.5", at=minute(1))]).position
        assert position.lot == FRACTIONAL_LOT
        assert fold_fills(a_position(), [SELL_40]).position.lot == 1


@st.composite
def trades(draw: st.DrawFn) -> list[Fill]:
    at = OPEN
    fills = []
    for number in range(draw(st.integers(0, 8))):
        at += timedelta(seconds=draw(st.sampled_from((0, 0, 1, 20, 90))))
        fills.append(
            a_fill(
                draw(st.integers(1, 60)),
                d(draw(st.integers(9000, 11000))) / 100,
                side=draw(st.sampled_from(("buy", "sell", "sell"))),
                at=at,
                fill_id=f"fill-{number}",
            )
        )
    return fills


@given(trades(), st.sampled_from(("long", "short")))
def test_folding_twice_is_folding_once(fills: list[Fill], side: Side) -> None:
    once = fold_fills(a_position(side), fills).position
    again = fold_fills(once, fills)
    assert again.position == once
    assert (again.added, again.reduced, again.last_order) == (0, 0, None)


@given(trades(), st.data())
def test_any_split_into_batches_with_repetitions_is_the_whole(
    fills: list[Fill], data: st.DataObject
) -> None:
    """The fills of one instant come together: which of them goes first is told among them all."""
    whole = fold_fills(a_position(), fills).position
    cut = data.draw(st.integers(0, len(fills)))
    while 0 < cut < len(fills) and fills[cut].at == fills[cut - 1].at:
        cut += 1
    back = data.draw(st.integers(0, cut))
    position = fold_fills(a_position(), fills[:cut]).position
    position = fold_fills(position, fills[cut - back :]).position
    assert position == whole


@given(trades())
def test_shares_and_money_add_up(fills: list[Fill]) -> None:
    start = a_position()
    folded = fold_fills(start, fills)
    position = folded.position
    assert position.quantity == start.quantity + folded.added - folded.reduced
    assert position.closed_quantity == folded.reduced
    assert sum(each.quantity for each in folded.reductions) == folded.reduced
    assert position.initial_quantity == start.quantity + folded.added
    assert (position.risk, position.initial_stop) == (start.risk, start.initial_stop)
    if folded.added == 0:
        taken, result = Decimal(0), Decimal(0)
        for fill in fills:
            part = min(fill.quantity, start.quantity - taken)
            taken += part
            result += part * (fill.price - 100)
        assert position.realised == result


def test_the_first_fill_under_guard_counts_however_old_the_fills_read_are() -> None:
    position: Position = a_position(adopted_at=NOW, fills_at=None)
    old = a_fill(100, side="buy", at=OPEN)
    new = a_fill(30, at=NOW)
    assert fold_fills(position, [old, new]).position.quantity == 70


def test_orders_of_others_are_those_whose_fills_a_position_has_yet_to_learn_of() -> None:
    position = a_position(fill_ids=("known",), fills_at=NOW)
    ours = an_order(broker_order_id="ours")
    fills = [
        a_fill(order_id="theirs", fill_id="new"),
        a_fill(order_id="theirs", fill_id="newer"),
        a_fill(order_id="another"),
        a_fill(order_id="folded", fill_id="known"),
        a_fill(order_id="ours"),
        a_fill(order_id="of MSFT", symbol=Symbol("MSFT")),
    ]
    assert orders_of_others(fills, [position], [ours]) == ("another", "theirs")
