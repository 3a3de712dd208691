"""What became of our orders, by the broker's word."""

from dataclasses import replace

import pytest

from stopward.domain.identity import BrokerOrderId, OrderId
from stopward.domain.orders import DEAD, WORKING, Order
from stopward.domain.settling import abandon, as_acknowledged, lookups, settle, status_of
from tests.builders.positions import a_broker_order, a_stop, an_order, d

MAPPED = {
    "filled": "filled",
    "canceled": "canceled",
    "expired": "canceled",
    "replaced": "canceled",
    "done_for_day": "canceled",
    "rejected": "rejected",
}


def a_release() -> Order:
    return an_order("release", on=BrokerOrderId("b1"))


class TestStatus:
    def test_every_final_status_of_the_broker_has_a_word_of_ours(self) -> None:
        assert set(MAPPED) == DEAD
        for status, word in MAPPED.items():
            assert status_of(a_stop(status=status, time_in_force="day")) == word

    @pytest.mark.parametrize("status", sorted(WORKING))
    def test_every_other_status_works(self, status: str) -> None:
        assert status_of(a_stop(status=status)) == "working"

    def test_a_status_that_nobody_knows_is_not_final(self) -> None:
        assert status_of(a_stop(status="a_word_of_next_year")) == "working"

    def test_done_for_the_day_is_final_only_for_a_day_order(self) -> None:
        assert status_of(a_stop(status="done_for_day", time_in_force="gtc")) == "working"


class TestSettle:
    def test_an_order_at_the_broker_takes_its_id_status_and_fills(self) -> None:
        order = an_order("sell", 100)
        found = a_broker_order(
            "market", 100, filled=40, status="partially_filled", order_id="b9", client_id=order.id
        )
        settled = settle(order, by_client_id={order.id: found}, by_id={})
        assert settled == as_acknowledged(order, found)
        assert (settled.status, settled.broker_order_id, settled.filled_quantity) == (
            "working",
            "b9",
            40,
        )

    def test_a_sell_never_seen_stays_recorded(self) -> None:
        order = an_order("sell")
        assert settle(order, by_client_id={}, by_id={}) == order

    @pytest.mark.parametrize("step", ["arm", "move", "shrink"])
    def test_another_step_never_seen_is_void(self, step: str) -> None:
        order = an_order(step)  # type: ignore[arg-type]
        settled = settle(order, by_client_id={}, by_id={})
        assert settled.status == "void"
        assert settled.reason

    @pytest.mark.parametrize("step", ["arm", "move", "shrink", "sell"])
    def test_what_the_broker_took_and_does_not_show_stays_as_it_was(self, step: str) -> None:
        order = an_order(step, status="working", broker_order_id=BrokerOrderId("b9"))  # type: ignore[arg-type]
        assert settle(order, by_client_id={}, by_id={}) == order

    @pytest.mark.parametrize(
        ("status", "expected"),
        [
            ("new", "void"),
            ("pending_replace", "void"),
            ("pending_cancel", "working"),
            ("a_word_of_next_year", "working"),
            ("canceled", "filled"),
            ("expired", "filled"),
            ("rejected", "filled"),
            ("filled", "void"),
            ("replaced", "void"),
        ],
    )
    def test_a_release_is_judged_by_what_it_cancels(self, status: str, expected: str) -> None:
        target = a_stop(order_id="b1", status=status, time_in_force="day")
        assert settle(a_release(), by_client_id={}, by_id={target.id: target}).status == expected

    def test_a_release_of_what_the_broker_does_not_know_is_void(self) -> None:
        assert settle(a_release(), by_client_id={}, by_id={}).status == "void"
        nothing = an_order("release")
        assert settle(nothing, by_client_id={}, by_id={}).status == "void"

    def test_settling_twice_is_settling_once(self) -> None:
        order = an_order("arm")
        found = a_stop(order_id="b2", client_id=order.id)
        once = settle(order, by_client_id={order.id: found}, by_id={})
        assert settle(once, by_client_id={order.id: found}, by_id={}) == once

    def test_an_exit_of_a_closed_position_has_nothing_left_to_sell(self) -> None:
        over = abandon(an_order("sell"), why="closed")
        assert (over.status, over.reason) == ("void", "closed")


class TestLookups:
    def test_what_a_list_shows_is_not_read_again(self) -> None:
        arm = replace(an_order("arm"), id=OrderId("sw-arm-0-a"))
        release = a_release()
        listed = (a_stop(order_id="b1"), a_stop(client_id=arm.id))
        assert lookups([arm, release], listed) == lookups([], ())

    def test_what_no_list_shows_is_read_by_its_id(self) -> None:
        arm = an_order("arm", 50)
        wanted = lookups([arm, a_release(), an_order("release")], (a_stop(),))
        assert wanted.by_client_id == (arm.id,)
        assert wanted.by_id == ("b1",)


def test_an_order_keeps_what_it_was_for() -> None:
    order = an_order("arm", 60, rule="breakeven", price=d("99"))
    found = a_stop(60, "99", client_id=order.id, status="filled", filled=60)
    settled = as_acknowledged(order, found)
    assert (settled.rule, settled.price, settled.quantity) == ("breakeven", 99, 60)
    assert settled.filled_price == 98


@pytest.mark.parametrize(("filled", "kept"), [(0, 10), (90, 90)])
def test_an_order_that_the_broker_took_anew_keeps_its_first_id_and_no_fewer_fills(
    filled: int, kept: int
) -> None:
    order = replace(an_order("sell"), broker_order_id=BrokerOrderId("b1"), filled_quantity=d("10"))
    found = a_broker_order("market", 90, filled=filled, order_id="b2", client_id=order.id)
    settled = as_acknowledged(order, found)
    assert (settled.broker_order_id, settled.filled_quantity) == ("b1", kept)
    assert settled.reason == found.status
    assert as_acknowledged(order, replace(found, id=BrokerOrderId("b1"))).filled_quantity == kept
