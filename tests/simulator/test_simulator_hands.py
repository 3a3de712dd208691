"""What the trader does by hand, and what the ledger remembers of it."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopward.errors import InvalidInput
from stopward.local.simulator import Change, Refused, Ticket
from stopward.local.simulator.portfolio import Portfolio
from tests.builders.simulator import AAPL, MSFT, OPEN, a_simulator, at, bars_of, flat

D = Decimal


def test_a_position_may_open_in_the_past_with_a_stop_that_rests_now():
    simulator = a_simulator()
    opened = simulator.open_position(
        AAPL,
        "long",
        D(10),
        D("99.25"),
        at=OPEN - timedelta(days=1),
        stop=D(97),
        client_order_id="swing-AAPL-1",
    )
    entry, stop = simulator.book[opened.entry], simulator.book[opened.stop]
    assert (entry.status, entry.average_price, entry.client_order_id) == (
        "filled",
        D("99.25"),
        "swing-AAPL-1",
    )
    assert (stop.status, stop.side, stop.stop_price, stop.time_in_force) == (
        "new",
        "sell",
        97,
        "gtc",
    )
    assert simulator.equity() == D(100000) + D("7.5")


def test_a_fractional_position_gets_a_day_stop():
    simulator = a_simulator()
    opened = simulator.open_position(AAPL, "long", D("2.5"), D(100), stop=D(97))
    assert simulator.book[opened.stop].time_in_force == "day"


def test_a_close_by_hand_cancels_what_rests_and_sells():
    simulator = a_simulator()
    opened = simulator.open_position(AAPL, "long", D(10), D(100), stop=D(97))
    simulator.hand_close(AAPL)
    assert simulator.shares(AAPL) == 0
    assert simulator.book[opened.stop].status == "canceled"
    assert "by_hand" in [event.kind for event in simulator.ledger.of(AAPL)]


def test_a_close_by_hand_that_leaves_our_stop_may_turn_the_position_round():
    """The hazard of TRADING section 3: equity orders know no reduce-only."""
    simulator = a_simulator((100, 100, 96, 96), *flat(96, 2))
    simulator.open_position(AAPL, "long", D(10), D(100), stop=D(97))
    simulator.hand_close(AAPL, orders="keep", price=D(100))
    assert simulator.shares(AAPL) == 0
    simulator.advance_to(at(1))
    assert simulator.shares(AAPL) == -10


def test_an_addition_by_hand_leaves_the_new_shares_bare():
    simulator = a_simulator((100, 100, 100, 100), *flat(110, 3))
    simulator.open_position(AAPL, "long", D(10), D(100), stop=D(97))
    simulator.advance_to(at(1))
    simulator.hand_add(AAPL, D(10))
    holding = simulator.positions()[0]
    assert (holding.shares, holding.average_entry) == (20, 105)
    simulator.advance_to(at(2))
    simulator.hand_stop(AAPL, D(97), quantity=D(10))
    simulator.advance_to(at(3))
    assert simulator.unprotected_seconds(AAPL) == 60
    assert [span.shares for span in simulator.ledger.spans] == [10]


def test_a_stop_moved_by_hand_gets_a_new_id_that_is_not_ours():
    simulator = a_simulator()
    opened = simulator.open_position(AAPL, "long", D(10), D(100), stop=D(97))
    moved = simulator.hand_move_stop(AAPL, D(98))
    assert (moved.replaces, moved.stop_price, moved.status) == (opened.stop, 98, "new")
    assert not moved.client_order_id.startswith("sw-")
    assert simulator.unprotected_seconds(AAPL) == 0


def test_by_hand_there_must_be_something_to_act_on():
    simulator = a_simulator()
    for act in (
        lambda: simulator.hand_close(AAPL),
        lambda: simulator.hand_add(AAPL, D(1)),
        lambda: simulator.hand_stop(AAPL, D(97)),
        lambda: simulator.hand_move_stop(AAPL, D(97)),
    ):
        with pytest.raises(InvalidInput, match="AAPL"):
            act()


def test_a_blocked_account_takes_no_order():
    simulator = a_simulator()
    simulator.open_position(AAPL, "long", D(10), D(100))
    simulator.block_trading()
    with pytest.raises(Refused) as caught:
        simulator.submit(Ticket(symbol=AAPL, side="sell", quantity=D(10), kind="market"))
    assert caught.value.status == 403
    simulator.block_trading(blocked=False)
    simulator.submit(Ticket(symbol=AAPL, side="sell", quantity=D(10), kind="market"))


@pytest.mark.parametrize("side", ["long", "short"])
def test_shares_without_a_stop_are_counted_until_an_exit_is_accepted(side):
    simulator = a_simulator(*flat(100, 10))
    stop = D(95) if side == "long" else D(105)
    opened = simulator.open_position(AAPL, side, D(10), D(100), stop=stop)
    simulator.advance_to(at(1))
    simulator.cancel(opened.stop)  # the stop still works until the cancel takes effect
    simulator.settle()
    simulator.advance_to(at(1) + timedelta(seconds=3))
    exit_side = "sell" if side == "long" else "buy"
    simulator.submit(Ticket(symbol=AAPL, side=exit_side, quantity=D(10), kind="market"))
    simulator.advance_to(at(3))
    assert simulator.unprotected_seconds(AAPL) == 3
    assert simulator.ledger.unprotected_now() == ()
    assert simulator.shares(AAPL) == 0


def test_a_target_alone_is_no_protection():
    simulator = a_simulator(*flat(100, 3))
    simulator.open_position(AAPL, "long", D(10), D(100), target=D(110))
    simulator.advance_to(at(1))
    assert simulator.unprotected_seconds(AAPL) == 60


def test_a_replace_never_leaves_a_gap():
    simulator = a_simulator(*flat(100, 10))
    opened = simulator.open_position(AAPL, "long", D(10), D(100), stop=D(95))
    current = opened.stop
    for minute in range(1, 6):
        current = simulator.replace(current, Change(stop_price=D(95) + D(minute) / 10)).id
        simulator.advance_to(at(minute))
    assert simulator.unprotected_seconds(AAPL) == 0
    assert simulator.book[current].stop_price == D("95.5")


def test_symbols_do_not_mix():
    simulator = a_simulator(
        bars=[*bars_of((100, 100, 94, 94)), *bars_of(*flat(50, 2), symbol=MSFT)]
    )
    simulator.open_position(AAPL, "long", D(10), D(100), stop=D(95))
    simulator.open_position(MSFT, "long", D(10), D(50), stop=D(45))
    simulator.advance_to(at(1))
    assert [h.symbol for h in simulator.positions()] == [MSFT]
    assert {event.symbol for event in simulator.ledger.of(MSFT)} == {MSFT}


@pytest.mark.parametrize(
    ("changes", "shares", "average", "realised"),
    [
        ([("10", "100"), ("10", "110")], "20", "105", "0"),
        ([("10", "100"), ("-4", "110")], "6", "100", "40"),
        ([("10", "100"), ("-10", "90")], "0", None, "-100"),
        ([("-10", "100"), ("4", "90")], "-6", "100", "40"),
        ([("10", "100"), ("-15", "90")], "-5", "90", "-100"),
        ([("-10", "100"), ("15", "90")], "5", "90", "100"),
    ],
)
def test_fills_net_against_what_is_held(changes, shares, average, realised):
    portfolio = Portfolio(D(0))
    total = sum(portfolio.fill(AAPL, change=D(change), price=D(price)) for change, price in changes)
    holding = portfolio.holding(AAPL)
    assert portfolio.shares(AAPL) == D(shares)
    assert (None if holding is None else holding.average_entry) == (average and D(average))
    assert total == D(realised)


@settings(max_examples=80, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(-20, 20).filter(bool), st.integers(90, 110)), min_size=1, max_size=12
    )
)
def test_cash_and_shares_add_up_to_what_was_won(fills):
    portfolio = Portfolio(D(1000))
    realised = D(0)
    for change, price in fills:
        realised += portfolio.fill(AAPL, change=D(change), price=D(price))
    holding = portfolio.holding(AAPL)
    cost = D(0) if holding is None else holding.shares * holding.average_entry
    assert abs(portfolio.cash + cost - 1000 - realised) < D("0.000001")


def test_an_entry_of_the_past_does_not_count_as_unprotected_since_then():
    simulator = a_simulator(*flat(100, 10), start=at(5))
    simulator.open_position(AAPL, "long", D(10), D(100), at=at(0), stop=D(95))
    simulator.open_position(
        AAPL, "long", D(10), D(100), at=at(0), stop=D(95), target=D(110), time_in_force="day"
    )
    simulator.advance_to(at(6))
    assert simulator.unprotected_seconds(AAPL) == 0
    assert len(simulator.open_orders(AAPL)) == 3


def test_a_stop_that_the_market_has_passed_cannot_rest():
    simulator = a_simulator()
    with pytest.raises(Refused, match="less than current price"):
        simulator.open_position(AAPL, "long", D(10), D(101), stop=D("100.5"))
