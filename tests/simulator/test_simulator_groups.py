"""Brackets, ocos and otos: which leg works, which is held, and what ends a group."""

from decimal import Decimal

import pytest

from stopward.local.simulator import Change, Refused, Ticket
from tests.builders.simulator import AAPL, CLOSE, NEXT_OPEN, a_bar, a_simulator, at, bars_of, flat

D = Decimal


def a_bracket(**changes) -> Ticket:
    """A market entry of ten shares with a target at 110 and a stop at 95."""
    fields = {
        "symbol": AAPL, "side": "buy", "quantity": D(10), "kind": "market", "group": "bracket",
        "time_in_force": "day", "take_profit": D(110), "stop_loss": D(95),
    }  # fmt: skip
    return Ticket(**fields | changes)


def statuses(simulator, parent_id) -> dict[str, str]:
    """The status of each order of a group, by role."""
    parent = simulator.book[parent_id]
    legs = {leg.role: leg.status for leg in simulator.book.current_legs(parent)}
    return {parent.role: parent.status} | legs


def test_legs_are_held_until_the_entry_fills():
    simulator = a_simulator((100, 100, 100, 100), (100, 100, 97, 97), *flat(97, 2))
    parent = simulator.submit(a_bracket(kind="limit", limit_price=D(98)))
    simulator.advance_to(at(1))
    assert statuses(simulator, parent.id) == {
        "entry": "new",
        "take_profit": "held",
        "stop_loss": "held",
    }
    assert simulator.shares(AAPL) == 0
    simulator.advance_to(at(2))
    assert statuses(simulator, parent.id) == {
        "entry": "filled",
        "take_profit": "new",
        "stop_loss": "held",
    }
    assert simulator.unprotected_seconds(AAPL) == 0


def test_a_leg_of_an_unfilled_entry_never_fills():
    simulator = a_simulator((100, 100, 100, 100), (100, 111, 99, 111), *flat(111, 2))
    parent = simulator.submit(a_bracket(kind="limit", limit_price=D(98)))
    simulator.advance_to(at(2))
    assert simulator.ledger.fills(AAPL) == ()
    assert statuses(simulator, parent.id)["take_profit"] == "held"


@pytest.mark.parametrize(
    ("bar", "filled", "canceled", "price"),
    [
        ((100, 100, 94, 96), "stop_loss", "take_profit", "95"),
        ((100, 111, 100, 111), "take_profit", "stop_loss", "110"),
        ((100, 111, 94, 99), "take_profit", "stop_loss", "110"),  # falls last: its high comes first
        ((100, 111, 94, 101), "stop_loss", "take_profit", "95"),
    ],
)
def test_one_leg_fills_and_the_other_is_canceled(bar, filled, canceled, price):
    simulator = a_simulator((100, 100, 100, 100), bar, *flat(bar[3], 2))
    parent = simulator.submit(a_bracket())
    simulator.advance_to(at(2))
    after = statuses(simulator, parent.id)
    assert (after[filled], after[canceled]) == ("filled", "canceled")
    assert simulator.ledger.fills(AAPL)[-1].price == D(price)
    assert simulator.shares(AAPL) == 0


@pytest.mark.parametrize("leg", ["stop", "target"])
def test_cancelling_one_leg_cancels_the_group_and_leaves_the_position_bare(leg):
    simulator = a_simulator(*flat(100, 5))
    opened = simulator.open_position(AAPL, "long", D(10), D(100), stop=D(95), target=D(110))
    simulator.cancel(getattr(opened, leg))
    simulator.advance_to(at(1))
    assert statuses(simulator, opened.entry) == {
        "entry": "filled",
        "take_profit": "canceled",
        "stop_loss": "canceled",
    }
    simulator.advance_to(at(2))
    assert simulator.unprotected_seconds(AAPL) == 120
    assert simulator.ledger.unprotected_now() == (AAPL,)


def test_cancelling_an_entry_cancels_its_legs():
    simulator = a_simulator()
    parent = simulator.submit(a_bracket(kind="limit", limit_price=D(98)))
    simulator.settle()
    simulator.cancel(parent.id)
    simulator.settle()
    assert set(statuses(simulator, parent.id).values()) == {"canceled"}


def test_a_day_bracket_leaves_no_protection_for_the_next_morning():
    simulator = a_simulator(bars=[*bars_of(*flat(100, 2)), a_bar((94, 94, 90, 90), minute=24 * 60)])
    opened = simulator.open_position(
        AAPL, "long", D(10), D(100), stop=D(95), target=D(110), time_in_force="day"
    )
    simulator.advance_to(CLOSE)
    assert statuses(simulator, opened.entry)["stop_loss"] == "expired"
    simulator.advance_to(NEXT_OPEN)
    assert simulator.shares(AAPL) == 10
    assert simulator.unprotected_seconds(AAPL) == (NEXT_OPEN - CLOSE).total_seconds()


def test_a_bracket_till_canceled_protects_the_next_morning():
    simulator = a_simulator(bars=[*bars_of(*flat(100, 2)), a_bar((94, 94, 90, 90), minute=24 * 60)])
    simulator.open_position(AAPL, "long", D(10), D(100), stop=D(95), target=D(110))
    simulator.advance_to(NEXT_OPEN)
    assert simulator.ledger.fills(AAPL)[-1].price == 94


def test_a_group_holds_its_shares_once():
    simulator = a_simulator()
    simulator.open_position(AAPL, "long", D(10), D(100), stop=D(95), target=D(110))
    assert simulator.book.held(AAPL, "sell") == 10
    with pytest.raises(Refused, match="requested: 1, available: 0"):
        simulator.submit(Ticket(symbol=AAPL, side="sell", quantity=D(1), kind="market"))


def test_a_target_that_fills_in_part_shrinks_the_stop_beside_it():
    simulator = a_simulator((100, 100, 100, 100), (100, 111, 100, 109), *flat(109, 2))
    opened = simulator.open_position(AAPL, "long", D(10), D(100), stop=D(95), target=D(110))
    simulator.cap_next_fill(AAPL, D(4))
    simulator.advance_to(at(1.99))
    target, stop = simulator.book[opened.target], simulator.book[opened.stop]
    assert (target.status, target.filled_quantity) == ("partially_filled", 4)
    assert stop.open_quantity == simulator.shares(AAPL) == 6
    assert simulator.book.held(AAPL, "sell") == 6
    assert simulator.unprotected_seconds(AAPL) == 0


def test_the_stop_leg_moves_through_a_chain_and_still_ends_the_group():
    simulator = a_simulator((100, 100, 100, 100), (100, 100, 96, 96), *flat(96, 2))
    opened = simulator.open_position(AAPL, "long", D(10), D(100), stop=D(95), target=D(110))
    first = simulator.replace(opened.stop, Change(stop_price=D(96)))
    simulator.settle()
    second = simulator.replace(first.id, Change(stop_price=D(97)))
    assert simulator.book[first.id].status == "pending_replace"
    simulator.settle()
    assert simulator.book[second.id].status == "held"
    simulator.advance_to(at(2))
    assert simulator.book[second.id].status == "filled"
    assert simulator.book[opened.target].status == "canceled"
    assert simulator.ledger.fills(AAPL)[-1].price == 97
    assert simulator.unprotected_seconds(AAPL) == 0


def test_the_target_may_be_replaced_and_keeps_working():
    simulator = a_simulator((100, 100, 100, 100), (100, 106, 100, 106), *flat(106, 2))
    opened = simulator.open_position(AAPL, "long", D(10), D(100), stop=D(95), target=D(110))
    moved = simulator.replace(opened.target, Change(limit_price=D(105)))
    simulator.settle()
    assert simulator.book[moved.id].status == "new"
    simulator.advance_to(at(2))
    assert simulator.ledger.fills(AAPL)[-1].price == 105
    assert simulator.book[opened.stop].status == "canceled"


def test_a_replace_whose_group_died_first_is_rejected():
    simulator = a_simulator()
    opened = simulator.open_position(AAPL, "long", D(10), D(100), stop=D(95), target=D(110))
    simulator.cancel(opened.target)
    successor = simulator.replace(opened.stop, Change(stop_price=D(96)))
    simulator.settle()
    assert simulator.book[opened.stop].status == "canceled"
    assert not simulator.book[successor.id].is_open
    assert simulator.book.held(AAPL, "sell") == 0


def test_replacing_the_target_of_an_oco_keeps_its_stop():
    simulator = a_simulator((100, 100, 100, 100), (100, 100, 94, 96), *flat(96, 2))
    simulator.open_position(AAPL, "long", D(10), D(100))
    oco = simulator.submit(a_bracket(side="sell", kind="limit", group="oco"))
    simulator.settle()
    moved = simulator.replace(oco.id, Change(limit_price=D(108)))
    simulator.settle()
    assert statuses(simulator, moved.id) == {"take_profit": "new", "stop_loss": "held"}
    simulator.advance_to(at(2))
    assert statuses(simulator, moved.id) == {"take_profit": "canceled", "stop_loss": "filled"}
    assert simulator.shares(AAPL) == 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"stop_loss": None}, "bracket orders require stop_loss.stop_price"),
        ({"take_profit": None}, "bracket orders require take_profit.limit_price"),
        ({"group": "simple"}, "simple orders must not have take_profit or stop_loss"),
        ({"group": "oto"}, "oto orders require either take_profit or stop_loss"),
        ({"group": "oco", "side": "sell"}, "oco orders must be limit orders"),
        ({"stop_loss": D(100)}, "stop_loss.stop_price must be <= base_price - 0.01"),
        ({"take_profit": D(100)}, "take_profit.limit_price must be >= base_price + 0.01"),
        ({"time_in_force": "ioc"}, "bracket orders must be DAY or GTC orders"),
        ({"group": "oco", "kind": "limit"}, "oco orders must be exit orders"),
    ],
)
def test_a_group_that_makes_no_sense_is_refused(changes, message):
    simulator = a_simulator()
    with pytest.raises(Refused) as caught:
        simulator.submit(a_bracket(**changes))
    assert str(caught.value) == message
    assert simulator.book.all() == ()


@pytest.mark.parametrize("group", ["bracket", "oto"])
def test_a_group_that_would_close_the_position_is_refused(group):
    simulator = a_simulator()
    simulator.open_position(AAPL, "short", D(10), D(100))
    target = D(110) if group == "bracket" else None
    with pytest.raises(Refused, match=f"{group} orders must be entry orders"):
        simulator.submit(a_bracket(group=group, take_profit=target))


def test_a_short_bracket_mirrors_a_long_one():
    simulator = a_simulator((100, 100, 100, 100), (100, 100, 89, 89), *flat(89, 2))
    parent = simulator.submit(a_bracket(side="sell", take_profit=D(90), stop_loss=D(105)))
    simulator.advance_to(at(2))
    assert statuses(simulator, parent.id) == {
        "entry": "filled",
        "take_profit": "filled",
        "stop_loss": "canceled",
    }
    assert simulator.shares(AAPL) == 0
    assert simulator.ledger.fills(AAPL)[-1].realised == 100
