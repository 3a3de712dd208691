"""What the broker holds: which orders count, and for how many shares."""

from decimal import Decimal

import pytest

from stopward.domain.holding import (
    can_change_price,
    can_change_quantity,
    is_filling,
    is_pending,
    is_tighter,
    loosest_stop,
    reducing_side,
    tightest,
)
from stopward.domain.orders import PENDING, BrokerOrder
from tests.builders.positions import a_bracket, a_broker_order, a_holding, a_stop, d

ENTRY = a_broker_order("limit", side="buy", limit="95", order_id="entry", group="bracket")
PARTLY = a_broker_order(
    "limit", side="buy", limit="95", order_id="part", status="partially_filled", filled=10
)


@pytest.mark.parametrize(
    ("orders", "held", "covered"),
    [
        ((), "0", "0"),
        ((a_stop(60),), "60", "60"),
        ((a_stop(60), a_stop(40)), "100", "100"),
        (a_bracket(), "100", "100"),
        ((*a_bracket(60), a_stop(40)), "100", "100"),
        ((a_broker_order("limit", 30, limit="110"), a_stop(70)), "100", "70"),
        ((a_stop(100, filled=30, status="partially_filled"),), "70", "70"),
        ((a_stop(status="canceled"), a_stop(status="expired")), "0", "0"),
        ((a_stop(status="a_word_of_next_year"),), "0", "0"),
        ((a_stop(status="pending_cancel"),), "100", "100"),
        ((a_broker_order("market", side="buy"),), "0", "0"),
        ((ENTRY, a_stop(status="held", group="bracket", parent="entry")), "0", "0"),
        ((PARTLY, a_stop(status="held", group="bracket", parent="part")), "0", "0"),
        (
            (
                a_broker_order("limit", limit="110", order_id="oco", group="oco"),
                a_stop(status="held", group="oco", parent="oco"),
            ),
            "100",
            "100",
        ),
        (
            (
                a_stop(order_id="first", status="pending_replace"),
                a_stop(order_id="second", status="pending_replace", replaces="first"),
                a_stop(80, order_id="third", status="pending_new", replaces="second"),
            ),
            "100",
            "100",
        ),
    ],
)
def test_each_share_is_counted_once(
    orders: tuple[BrokerOrder, ...], held: str, covered: str
) -> None:
    holding = a_holding(*orders)
    assert holding.held_quantity("long") == d(held)
    assert holding.covered_quantity("long") == d(covered)


def test_the_other_side_of_a_position_is_no_quantity() -> None:
    holding = a_holding(a_stop(side="short"), side="short")
    assert holding.quantity("long") == 0
    assert holding.quantity("short") == 100
    assert holding.covered_quantity("short") == 100
    assert holding.covered_quantity("long") == 0
    assert a_holding(quantity=0).quantity("long") == 0


def test_a_group_that_is_gone_takes_all_its_legs() -> None:
    stop = a_stop(40)
    holding = a_holding(*a_bracket(60), stop)
    bracket = next(g for g in holding.groups("long") if len(g.orders) == 2)
    assert holding.without(bracket).orders == (stop,)


def test_another_quantity_replaces_what_was_ordered_and_filled() -> None:
    stop = a_stop(100, order_id="s")
    assert a_holding(stop).with_quantity(stop.id, d(30)).covered_quantity("long") == 30


def test_an_order_on_its_way_out_comes_last_in_its_group() -> None:
    old = a_stop(order_id="a", client_id="a", status="pending_replace")
    new = a_stop(order_id="b", client_id="b", status="pending_new", replaces="a")
    (group,) = a_holding(old, new).groups("long")
    assert [order.id for order in group.orders] == ["b", "a"]


def test_replacements_that_name_each_other_do_not_hang() -> None:
    one = a_stop(order_id="one", replaces="two")
    two = a_stop(order_id="two", replaces="one")
    assert a_holding(one, two).covered_quantity("long") in (100, 200)


@pytest.mark.parametrize("status", sorted(PENDING))
def test_a_pending_order_cannot_change(status: str) -> None:
    order = a_stop(status=status)
    assert is_pending(order)
    assert not can_change_quantity(order)


def test_only_a_whole_simple_stop_at_rest_changes_its_quantity() -> None:
    assert can_change_quantity(a_stop(100))
    assert not can_change_quantity(a_stop("1.5"))
    assert not can_change_quantity(a_bracket()[1])
    triggered = a_stop(100, filled=1, status="partially_filled")
    assert is_filling(triggered)
    assert not can_change_quantity(triggered)


def test_a_leg_of_an_oto_cannot_be_replaced() -> None:
    assert can_change_price(a_bracket()[1])
    assert can_change_price(a_stop("1.5"))
    assert not can_change_price(a_stop(group="oto"))


def test_tight_and_loose_mirror_each_other() -> None:
    assert is_tighter(d("99"), d("98"), "long")
    assert is_tighter(d("98"), d("99"), "short")
    assert not is_tighter(d("98"), d("98"), "long")
    prices = [a_stop(1, "97"), a_stop(1, "99"), a_broker_order("trailing_stop", 1)]
    assert loosest_stop(prices, "long") == 97
    assert loosest_stop(prices, "short") == 99
    assert loosest_stop(prices[2:], "long") is None
    assert tightest([Decimal(97), Decimal(99)], "long") == 99
    assert tightest([Decimal(97), Decimal(99)], "short") == 97
    assert (reducing_side("long"), reducing_side("short")) == ("sell", "buy")
