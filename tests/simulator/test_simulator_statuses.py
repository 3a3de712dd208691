"""The status machine as tables: what may be asked of an order in each status, and what it holds."""

from datetime import timedelta
from decimal import Decimal

import pytest
from alpaca.trading.enums import OrderStatus

from stopward.domain.orders import DEAD, PENDING, WORKING
from stopward.local.simulator import Change, Options, Refused, Settling, Simulator, Ticket
from tests.builders.sdk import clients_of
from tests.builders.simulator import AAPL, a_simulator, at, flat

D = Decimal
ALL_STATUSES = sorted(WORKING | PENDING | DEAD)


def with_a_stop(status: str) -> tuple[Simulator, str]:
    """Ten shares with a stop at 95 that was put into a status."""
    simulator = a_simulator((100, 100, 94, 96), *flat(96, 3))
    opened = simulator.open_position(AAPL, "long", D(10), D(100), stop=D(95))
    assert opened.stop is not None
    simulator.force_status(opened.stop, status)
    return simulator, opened.stop


@pytest.mark.parametrize("status", sorted(DEAD | PENDING))
def test_a_replace_is_refused_from_what_is_dead_or_changing(status):
    simulator, stop = with_a_stop(status)
    with pytest.raises(Refused) as caught:
        simulator.replace(stop, Change(stop_price=D(96)))
    assert (caught.value.status, caught.value.code) == (422, 42210000)


@pytest.mark.parametrize("status", sorted(WORKING - PENDING))
def test_a_replace_is_taken_from_an_order_that_works(status):
    simulator, stop = with_a_stop(status)
    assert simulator.replace(stop, Change(stop_price=D(96))).replaces == stop


@pytest.mark.parametrize("status", sorted(DEAD | {"pending_cancel", "pending_replace"}))
def test_a_cancel_is_refused_from_what_is_dead_or_already_ending(status):
    simulator, stop = with_a_stop(status)
    with pytest.raises(Refused) as caught:
        simulator.cancel(stop)
    assert (caught.value.status, caught.value.code) == (422, 42210000)


@pytest.mark.parametrize("status", sorted(WORKING - {"pending_cancel", "pending_replace"}))
def test_a_cancel_is_taken_from_what_is_open(status):
    simulator, stop = with_a_stop(status)
    simulator.cancel(stop)
    simulator.settle()
    assert simulator.book[stop].status == "canceled"


@pytest.mark.parametrize("status", ALL_STATUSES)
def test_shares_are_held_as_long_as_the_order_is_open(status):
    simulator, _ = with_a_stop(status)
    held = simulator.book.held(AAPL, "sell")
    assert held == (0 if status in DEAD else 10)


@pytest.mark.parametrize(
    ("status", "fills"),
    [
        ("new", True),
        ("partially_filled", True),
        ("pending_cancel", True),  # the market does not know yet
        ("pending_replace", True),
        ("accepted", False),
        ("suspended", False),
        ("done_for_day", False),
        ("canceled", False),
        ("rejected", False),
    ],
)
def test_only_orders_in_the_market_fill(status, fills):
    simulator, stop = with_a_stop(status)
    simulator.advance_to(at(0.99))
    assert (simulator.book[stop].status == "filled") is fills
    assert simulator.shares(AAPL) == (0 if fills else 10)


@pytest.mark.parametrize("status", ALL_STATUSES)
def test_the_sdk_knows_every_status(status):
    simulator, stop = with_a_stop(status)
    with clients_of(simulator) as clients:
        assert clients.trading.get_order_by_id(stop).status == OrderStatus(status)


@pytest.mark.parametrize(
    ("status", "field"),
    [
        ("filled", "filled_at"),
        ("canceled", "canceled_at"),
        ("expired", "expired_at"),
        ("replaced", "replaced_at"),
        ("rejected", "failed_at"),
    ],
)
def test_a_final_status_has_its_own_timestamp(status, field):
    simulator, stop = with_a_stop(status)
    assert getattr(simulator.book[stop], field) == simulator.now


def test_a_fill_wins_over_a_pending_cancel():
    simulator = a_simulator((100, 100, 94, 96), *flat(96, 2))
    opened = simulator.open_position(AAPL, "long", D(10), D(100), stop=D(95))
    simulator.force_status(opened.stop, "pending_cancel")
    simulator.advance_to(at(1))
    assert simulator.book[opened.stop].status == "filled"


def test_a_partial_fill_does_not_undo_a_pending_cancel():
    simulator, stop = with_a_stop("pending_cancel")
    simulator.cap_next_fill(AAPL, D(3))
    simulator.advance_to(at(0.9))
    order = simulator.book[stop]
    assert (order.status, order.filled_quantity, simulator.shares(AAPL)) == ("pending_cancel", 3, 7)


def test_a_successor_that_waits_holds_no_shares_and_cannot_be_touched():
    simulator, stop = with_a_stop("new")
    successor = simulator.replace(stop, Change(stop_price=D(96)))
    assert simulator.book.held(AAPL, "sell") == 10
    for act in (
        lambda: simulator.cancel(successor.id),
        lambda: simulator.replace(successor.id, Change(stop_price=D(97))),
    ):
        with pytest.raises(Refused, match="order chain not fully replaced"):
            act()
    with pytest.raises(Refused, match="pending replacement"):
        simulator.cancel(stop)


def test_a_successor_whose_order_filled_first_holds_no_shares_until_it_is_rejected():
    slow = Options(settling=Settling(calls=None, after=timedelta(seconds=45)))
    simulator = a_simulator((100, 100, 94, 96), *flat(96, 3), options=slow)
    simulator.open_position(AAPL, "long", D(10), D(100))
    stop = simulator.hand_stop(AAPL, D(99), quantity=D(6))
    successor = simulator.replace(stop.id, Change(quantity=D(4)))
    simulator.advance_to(at(0.7))
    assert (simulator.book[stop.id].status, simulator.shares(AAPL)) == ("filled", 4)
    assert [o.status for o in simulator.open_orders(AAPL)] == ["pending_new"]
    assert simulator.book.held(AAPL, "sell") == 0
    assert simulator.ledger.unprotected_now() == (AAPL,)
    with pytest.raises(Refused, match="order chain not fully replaced"):
        simulator.cancel(successor.id)
    sold = simulator.submit(Ticket(symbol=AAPL, side="sell", quantity=D(4), kind="market"))
    simulator.advance_to(at(2))
    assert simulator.book[successor.id].status == "rejected"
    assert simulator.book[sold.id].status == "filled"


@pytest.mark.parametrize(("filled", "status"), [(3, "new"), (4, "rejected"), (6, "rejected")])
def test_a_successor_is_for_more_than_filled_on_the_way(filled, status):
    slow = Options(settling=Settling(calls=None, after=timedelta(seconds=45)))
    simulator = a_simulator((100, 100, 94, 96), *flat(96, 3), options=slow)
    opened = simulator.open_position(AAPL, "long", D(10), D(100), stop=D(99))
    simulator.cap_next_fill(AAPL, D(filled))
    successor = simulator.replace(opened.stop, Change(quantity=D(4)))
    simulator.advance_to(at(0.75))
    assert simulator.book[successor.id].status == status
    works = opened.stop if status == "rejected" else successor.id
    (listed,) = simulator.open_orders(AAPL)
    assert (listed.id, listed.filled_quantity) == (works, filled)
    assert simulator.book.held(AAPL, "sell") == listed.open_quantity > 0
    simulator.advance_to(at(3))
    assert simulator.book[works].status == "filled"


def test_a_chain_of_replacements_is_one_order_at_a_time():
    simulator, stop = with_a_stop("new")
    ids = [stop]
    for cents in (9510, 9520, 9530):
        ids.append(simulator.replace(ids[-1], Change(stop_price=D(cents) / 100)).id)
        simulator.settle()
    assert len(set(ids)) == 4
    assert [simulator.book[i].status for i in ids] == ["replaced"] * 3 + ["new"]
    assert [simulator.book[i].replaced_by for i in ids] == [*ids[1:], None]
    assert [o.id for o in simulator.open_orders(AAPL)] == [ids[-1]]
    with pytest.raises(Refused, match="order already replaced"):
        simulator.replace(stop, Change(stop_price=D(96)))


def test_a_replaced_oco_is_listed_once():
    simulator = a_simulator()
    simulator.open_position(AAPL, "long", D(10), D(100))
    oco = simulator.submit(
        Ticket(
            symbol=AAPL, side="sell", quantity=D(10), kind="limit", group="oco",
            take_profit=D(110), stop_loss=D(95),
        )
    )  # fmt: skip
    simulator.settle()
    moved = simulator.replace(oco.id, Change(limit_price=D(108)))
    with clients_of(simulator) as clients:
        rows = clients.trading.get("/orders", {"status": "open", "nested": "true"})
    assert [(row["id"], len(row["legs"])) for row in rows] == [(moved.id, 1)]


def test_two_runs_of_one_script_are_the_same_to_the_letter():
    def run() -> list[object]:
        simulator = a_simulator((100, 101, 99, 100), (100, 102, 97, 98), *flat(98, 3))
        opened = simulator.open_position(AAPL, "long", D(10), D(100), stop=D("98.5"))
        moved = simulator.replace(opened.stop, Change(stop_price=D("98.75")))
        simulator.advance_to(at(2))
        return [simulator.ledger.events, simulator.ledger.fills(), moved]

    assert run() == run()
