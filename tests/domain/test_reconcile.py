"""The broker's word against ours: fills, splits, hands on the stop, and what closed a position."""

from dataclasses import replace

import pytest

from stopward.domain.cause import BY_HAND, GUARD, cause_of, known_causes
from stopward.domain.fills import fold_fills
from stopward.domain.holding import Holding
from stopward.domain.money import Side
from stopward.domain.orders import Fill
from stopward.domain.position import Position
from stopward.domain.reconcile import (
    Reconciled,
    close_trade,
    has_other_entry,
    has_other_quantity,
    reconcile,
)
from tests.builders.positions import (
    NOW,
    a_broker_order,
    a_fill,
    a_holding,
    a_position,
    a_stop,
    an_order,
    d,
    minute,
)


def reconciled(
    position: Position,
    holding: Holding,
    *fills: Fill,
    causes: dict[str, str] | None = None,
) -> Reconciled:
    return reconcile(position, holding, fills=fills, causes=causes or {}, now=NOW)


def kinds(found: Reconciled) -> list[tuple[str, str]]:
    return [(o.kind, o.cause) for o in found.observations]


class TestQuantity:
    def test_nothing_new_changes_nothing(self) -> None:
        position = a_position()
        found = reconciled(position, a_holding(a_stop()))
        assert found.position == position
        assert (found.observations, found.alarms) == ((), ())
        assert "quantity_unexplained:AAPL" in found.cleared

    def test_fills_are_needed_where_figures_differ(self) -> None:
        assert not has_other_quantity(a_position(), a_holding())
        assert has_other_quantity(a_position(), a_holding(quantity=99))
        assert has_other_quantity(a_position(), a_holding(quantity=0))
        assert has_other_quantity(a_position(), a_holding(side="short"))
        assert not has_other_quantity(a_position("short"), a_holding(side="short"))

    @pytest.mark.parametrize(
        ("entry", "needed"),
        [
            ("100.5", True),
            ("100.005", True),  # half a tick
            ("99.995", True),
            ("100.0049", False),  # an average that was rounded
            ("0", False),  # the broker tells none
        ],
    )
    def test_fills_are_needed_where_as_many_shares_cost_something_else(
        self, entry: str, *, needed: bool
    ) -> None:
        held = a_holding(entry=entry)
        assert has_other_entry(a_position(), held) is needed
        assert not has_other_quantity(a_position(), held)

    def test_an_addition_by_hand_is_observed(self) -> None:
        fill = a_fill(50, "106", side="buy", at=minute(1))
        found = reconciled(a_position(), a_holding(a_stop(), quantity=150), fill)
        assert found.position.average_entry == 102
        assert kinds(found) == [("added", BY_HAND)]

    def test_a_reduction_carries_the_cause_of_its_order(self) -> None:
        fill = a_fill(40, "103", at=minute(1), order_id="x")
        found = reconciled(
            a_position(), a_holding(a_stop(60), quantity=60), fill, causes={"x": "partial"}
        )
        assert kinds(found) == [("reduced", "partial")]

    def test_each_cause_tells_what_it_took(self) -> None:
        fills = (
            a_fill(10, "103", at=minute(1), order_id="x"),
            a_fill(20, "104", at=minute(2), order_id="hand"),
            a_fill(5, "105", at=minute(3), order_id="x"),
        )
        found = reconciled(
            a_position(), a_holding(a_stop(65), quantity=65), *fills, causes={"x": "partial"}
        )
        assert kinds(found) == [("reduced", "partial"), ("reduced", BY_HAND)]
        assert [dict(o.detail) for o in found.observations] == [
            {"quantity": "15", "price": "105"},
            {"quantity": "20", "price": "104"},
        ]

    def test_closed_is_believed_from_fills(self) -> None:
        fill = a_fill(100, "98", at=minute(1), order_id="x")
        found = reconciled(a_position(), a_holding(quantity=0), fill, causes={"x": "stop"})
        assert found.trade is not None
        assert (found.trade.cause, found.trade.exit_price, found.trade.result_r) == ("stop", 98, -1)
        assert not found.missing

    def test_closed_is_not_believed_from_absence(self) -> None:
        found = reconciled(a_position(), a_holding(quantity=0))
        assert found.trade is None
        assert found.missing
        assert [a.kind for a in found.alarms] == ["position_missing"]
        assert found.position.quantity == 100

    def test_a_stale_list_does_not_reopen_what_fills_closed(self) -> None:
        found = reconciled(a_position(), a_holding(quantity=100), a_fill(100, at=minute(1)))
        assert found.trade is not None
        assert found.position.quantity == 0

    def test_an_unexplained_quantity_is_an_alarm_and_clears(self) -> None:
        found = reconciled(a_position(), a_holding(a_stop(), quantity=130))
        assert [a.kind for a in found.alarms] == ["quantity_unexplained"]
        assert "100 are protected" in found.alarms[0].message
        assert "quantity_unexplained:AAPL" not in found.cleared
        later = reconciled(
            found.position,
            a_holding(a_stop(), quantity=130),
            a_fill(30, "100", side="buy", at=minute(1)),
        )
        assert later.alarms == ()
        assert "quantity_unexplained:AAPL" in later.cleared

    def test_the_other_side_is_an_alarm_and_halts(self) -> None:
        found = reconciled(a_position(), a_holding(side="short", quantity=50))
        assert found.flipped
        assert not found.missing
        assert [a.kind for a in found.alarms] == ["side_flipped"]

    def test_a_crossing_that_fills_explain_closes_and_halts(self) -> None:
        fill = a_fill(150, "101", at=minute(1))
        found = reconciled(a_position(), a_holding(side="short", quantity=50), fill)
        assert found.trade is not None
        assert found.trade.result == 100
        assert found.flipped


class TestSplits:
    def test_a_split_rescales_everything_in_one_event(self) -> None:
        found = reconciled(a_position(), a_holding(quantity=200, entry="50"))
        assert found.position.quantity == 200
        assert found.position.stop == 49
        assert found.split == 2
        assert kinds(found) == [("split", "broker")]
        assert found.alarms == ()

    def test_hands_that_look_like_a_split_are_told_by_their_fills(self) -> None:
        fills = (a_fill(100, "50", at=minute(1)), a_fill(200, "50", side="buy", at=minute(2)))
        found = reconciled(a_position(), a_holding(quantity=200, entry="50"), *fills)
        assert found.trade is not None
        assert found.trade.result == -5000

    def test_a_sale_before_the_split_is_folded_first(self) -> None:
        fill = a_fill(40, "103", at=minute(1))
        found = reconciled(a_position(), a_holding(quantity=120, entry="50"), fill)
        assert found.position.quantity == 120
        assert found.position.closed_quantity == 80
        assert kinds(found) == [("reduced", BY_HAND), ("split", "broker")]


class TestTrades:
    @pytest.mark.parametrize(
        ("side", "exit_price", "gain"), [("long", "103", 300), ("short", "97", 300)]
    )
    def test_the_result_is_after_fees_and_in_r_of_the_entry(
        self, side: Side, exit_price: str, gain: int
    ) -> None:
        fill = a_fill(100, exit_price, side="sell" if side == "long" else "buy", at=minute(3))
        folded = fold_fills(a_position(side, fees_per_share="0.01", stop="99"), [fill])
        trade = close_trade(folded, {}, now=NOW)
        assert trade.exit_price == d(exit_price)
        assert trade.result == gain - 1
        assert trade.result_r == pytest.approx(1.495)
        assert trade.closed_at == minute(3)
        assert trade.cause == BY_HAND

    def test_parts_sold_at_several_prices_average(self) -> None:
        fills = [a_fill(50, "104", at=minute(1)), a_fill(50, "98", at=minute(2), order_id="s")]
        trade = close_trade(fold_fills(a_position(), fills), {"s": "stop"}, now=NOW)
        assert (trade.exit_price, trade.result, trade.cause) == (101, 100, "stop")

    @pytest.mark.parametrize(
        ("side", "best", "worst", "exits", "expected"),
        [
            ("long", 103.0, 99.5, ("102",), (0.25, 1.5)),
            ("short", 97.0, 100.5, ("98",), (0.25, 1.5)),
            ("long", 103.0, 99.5, ("98",), (1.0, 1.5)),
            ("long", 103.0, 99.5, ("104", "97"), (1.5, 2.0)),
            ("short", 97.0, 100.5, ("96", "103"), (1.5, 2.0)),
            ("long", 100.0, 100.0, ("101",), (0.0, 0.5)),
        ],
    )
    def test_excursions_are_of_bars_and_of_every_exit(
        self,
        side: Side,
        best: float,
        worst: float,
        exits: tuple[str, ...],
        expected: tuple[float, float],
    ) -> None:
        position = a_position(side)
        position = replace(position, marks=position.marks._replace(best=best, worst=worst))
        share = 100 // len(exits)
        fills = [
            a_fill(share, price, side="sell" if side == "long" else "buy", at=minute(number))
            for number, price in enumerate(exits, start=1)
        ]
        trade = close_trade(fold_fills(position, fills), {}, now=NOW)
        assert (trade.mae_r, trade.mfe_r) == expected


class TestCauses:
    def test_an_order_of_ours_is_caused_by_its_rule(self) -> None:
        order = replace(an_order("sell", rule="time_stop"), broker_order_id="b1")
        assert known_causes([order], []) == {"b1": "time_stop"}
        assert known_causes([an_order("sell")], []) == {}

    @pytest.mark.parametrize(
        ("found", "cause"),
        [
            (a_stop(order_id="x"), "stop"),
            (a_broker_order("stop_limit", stop="98", order_id="x"), "stop"),
            (a_broker_order("trailing_stop", order_id="x"), "stop"),
            (a_broker_order("limit", limit="110", group="bracket", order_id="x"), "target"),
            (a_broker_order("limit", limit="110", group="oco", order_id="x"), "target"),
            (a_broker_order("limit", limit="110", order_id="x"), BY_HAND),
            (a_broker_order("market", order_id="x"), BY_HAND),
            (a_broker_order("market", order_id="x", client_id="sw-sell-0-y"), GUARD),
        ],
    )
    def test_an_order_that_no_record_explains(self, found: object, cause: str) -> None:
        assert cause_of("x", known_causes([], [found])) == cause  # type: ignore[list-item]

    def test_no_order_at_all_is_by_hand(self) -> None:
        assert cause_of(None, {}) == BY_HAND
