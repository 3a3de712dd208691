"""The price path and what it fills, without HTTP: triggers, gaps, collars, volume."""

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopward.errors import InvalidInput
from stopward.local.simulator import Change, Options
from tests.builders.simulator import (
    AAPL,
    OPEN,
    a_bar,
    a_simulator,
    at,
    bars_of,
    buy,
    flat,
    only_fill,
    sell,
)

D = Decimal


@pytest.mark.parametrize(
    ("seconds", "rising", "falling"),
    [
        (0, "100", "103"),
        (10, "99.5", "103.5"),
        (20, "99", "104"),
        (30, "101.5", "101.5"),
        (40, "104", "99"),
        (59, "103", "100"),
        (59.5, "103", "100"),
    ],
)
def test_the_path_makes_the_extreme_against_its_direction_first(seconds, rising, falling):
    up = a_simulator((100, 104, 99, 103))
    down = a_simulator((103, 104, 99, 100))
    for simulator in (up, down):
        simulator.advance_to(OPEN + timedelta(seconds=seconds))
    assert (up.price(AAPL), down.price(AAPL)) == (D(rising), D(falling))


def test_at_the_very_start_of_a_minute_the_price_is_the_new_open():
    simulator = a_simulator((100, 100, 100, 100), (105, 106, 104, 105))
    simulator.advance_to(at(1) - timedelta(microseconds=1))
    assert simulator.price(AAPL) == 100
    simulator.advance_to(at(1))
    assert simulator.price(AAPL) == 105


def test_before_the_first_bar_there_is_no_price_and_no_quote():
    simulator = a_simulator(bars=[a_bar((100, 100, 100, 100), minute=5)])
    assert simulator.price(AAPL) is None
    assert simulator.quote(AAPL) is None


def test_a_market_order_sent_as_a_bar_closes_fills_at_the_next_open():
    simulator = a_simulator((100, 100, 100, 100), (103, 104, 102, 104))
    simulator.open_position(AAPL, "long", D(10), D(100))
    simulator.advance_to(at(1))
    simulator.submit(sell())
    simulator.settle()
    assert (only_fill(simulator).price, only_fill(simulator).at) == (D(103), at(1))


def test_a_market_order_pays_the_spread_but_never_leaves_the_bar():
    simulator = a_simulator((100, 102, 98, 101), spread_ticks=4)
    simulator.open_position(AAPL, "long", D(10), D(100))
    simulator.advance_to(OPEN + timedelta(seconds=10))  # 99
    simulator.submit(sell())
    simulator.settle()
    assert only_fill(simulator).price == D("98.98")
    simulator.advance_to(OPEN + timedelta(seconds=20))  # 98, the low
    simulator.open_position(AAPL, "long", D(10), D(98))
    simulator.submit(sell())
    simulator.settle()
    assert simulator.ledger.fills(AAPL)[-1].price == 98


@pytest.mark.parametrize(
    ("side", "stop", "bar", "price"),
    [
        ("long", "99", (100, 101, 99, 100), "99"),  # touched to the cent
        ("long", "99", (98.5, 101, 98, 100), "98.5"),  # a gap fills at the open, also on recovery
        ("long", "99", (99, 101, 99, 100), "99"),  # opens on it
        ("short", "101", (100, 101, 99, 100), "101"),
        ("short", "101", (101.5, 102, 99, 100), "101.5"),
    ],
)
def test_a_resting_stop_fills_on_touch_or_at_the_gap(side, stop, bar, price):
    simulator = a_simulator((100, 100, 100, 100), bar, *flat(bar[3], 2))
    simulator.open_position(AAPL, side, D(10), D(100), stop=D(stop))
    simulator.advance_to(at(2))
    assert only_fill(simulator).price == D(price)
    assert simulator.shares(AAPL) == 0


def test_a_stop_a_cent_beyond_the_low_stays():
    simulator = a_simulator((100, 101, 99, 100), *flat(100, 2))
    simulator.open_position(AAPL, "long", D(10), D(100), stop=D("98.99"))
    simulator.advance_to(at(2))
    assert simulator.shares(AAPL) == 10


def test_slippage_worsens_a_stop_within_the_bar():
    simulator = a_simulator((100, 101, 98, 100), options=Options(slippage_ticks=3))
    simulator.open_position(AAPL, "long", D(10), D(100), stop=D(99))
    simulator.advance_to(at(1))
    assert only_fill(simulator).price == D("98.97")


@pytest.mark.parametrize(
    ("entry", "collar"),
    [("49.00", "50.96"), ("49.99", "51.99"), ("50.00", "51.25"), ("101", "103.52")],
)
def test_a_buy_stop_becomes_a_stop_limit(entry, collar):
    base = float(entry) - 1
    simulator = a_simulator(*flat(base, 3))
    simulator.open_position(AAPL, "short", D(10), D(entry) - 1)
    order = simulator.submit(buy(kind="stop", stop_price=D(entry)))
    assert order.collar == D(collar)
    assert order.limit_price is None  # on the wire it stays a plain stop


def test_a_squeeze_beyond_the_collar_leaves_the_short_unfilled_until_it_comes_back():
    simulator = a_simulator((40, 40, 40, 40), (45, 46, 44, 46), (46, 46, 42, 42.2), *flat(42.2, 2))
    opened = simulator.open_position(AAPL, "short", D(10), D(40), stop=D("41"))  # collar 42.64
    simulator.advance_to(at(2))
    stop = simulator.book[opened.stop]
    assert (stop.elected, stop.status, simulator.shares(AAPL)) == (True, "new", -10)
    simulator.advance_to(at(3))
    assert only_fill(simulator).price == D("42.64")


def test_a_stop_limit_that_is_jumped_over_waits_at_its_limit():
    simulator = a_simulator(
        (100, 100, 100, 100), (95, 96, 94, 96), (96, 99.5, 96, 99), *flat(99, 2)
    )
    simulator.open_position(AAPL, "long", D(10), D(100))
    simulator.submit(sell(kind="stop_limit", stop_price=D(99), limit_price=D(98)))
    simulator.advance_to(at(2))
    assert simulator.shares(AAPL) == 10
    simulator.advance_to(at(3))
    assert only_fill(simulator).price == 98


def test_a_limit_that_is_jumped_over_gets_the_better_open():
    simulator = a_simulator((100, 100, 100, 100), (106, 107, 105, 106), *flat(106, 2))
    simulator.open_position(AAPL, "long", D(10), D(100), target=D(104))
    simulator.advance_to(at(1))
    assert only_fill(simulator).price == 106


@pytest.mark.parametrize(("limit", "price"), [("99", "100"), ("100", "100"), ("100.01", None)])
def test_a_marketable_limit_fills_at_once_at_the_quote(limit, price):
    simulator = a_simulator()
    simulator.open_position(AAPL, "long", D(10), D(100))
    simulator.submit(sell(kind="limit", limit_price=D(limit)))
    simulator.settle()
    fills = simulator.ledger.fills(AAPL)[1:]
    assert [fill.price for fill in fills] == ([] if price is None else [D(price)])


def test_immediate_or_cancel_leaves_nothing_resting():
    simulator = a_simulator()
    simulator.open_position(AAPL, "long", D(10), D(100))
    simulator.cap_next_fill(AAPL, D(4))
    part = simulator.submit(sell(kind="limit", limit_price=D(100), time_in_force="ioc"))
    simulator.settle()
    assert (simulator.book[part.id].status, simulator.shares(AAPL)) == ("canceled", 6)
    simulator.cap_next_fill(AAPL, D(4))
    none = simulator.submit(sell("6", kind="limit", limit_price=D(100), time_in_force="fok"))
    simulator.settle()
    assert (simulator.book[none.id].status, simulator.shares(AAPL)) == ("canceled", 6)


def test_a_scripted_partial_fill_goes_on_at_the_next_bar():
    simulator = a_simulator((100, 100, 100, 100), (99, 99, 99, 99), *flat(99, 3))
    simulator.open_position(AAPL, "long", D(10), D(100))
    simulator.cap_next_fill(AAPL, D(4))
    order = simulator.submit(sell())
    simulator.settle()
    partial = simulator.book[order.id]
    assert (partial.status, partial.filled_quantity, simulator.shares(AAPL)) == (
        "partially_filled",
        4,
        6,
    )
    simulator.advance_to(at(1))
    done = simulator.book[order.id]
    assert (done.status, done.average_price) == ("filled", D("99.4"))
    assert [e.leaves for e in simulator.ledger.fills(AAPL)[1:]] == [6, 0]


def test_volume_caps_what_one_bar_can_fill():
    bars = bars_of(*flat(100, 5), volume=40)
    simulator = a_simulator(bars=bars, options=Options(volume_share=D("0.1")))
    simulator.open_position(AAPL, "long", D(10), D(100), at=OPEN - timedelta(minutes=1))
    simulator.advance_to(at(1))
    order = simulator.submit(sell())
    simulator.settle()
    sold = []
    for minute in (1, 2, 3):
        simulator.advance_to(at(minute))
        sold.append(simulator.book[order.id].filled_quantity)
    assert sold == [4, 8, 10]


def test_a_stop_that_was_elected_finishes_after_a_partial_fill():
    simulator = a_simulator((100, 100, 98, 98.5), (98, 98, 97, 97), *flat(97, 2))
    opened = simulator.open_position(AAPL, "long", D(10), D(100), stop=D(99))
    simulator.cap_next_fill(AAPL, D(3))
    simulator.advance_to(at(0.9))
    assert simulator.book[opened.stop].status == "partially_filled"
    simulator.advance_to(at(1))
    assert simulator.book[opened.stop].status == "filled"
    assert [f.price for f in simulator.ledger.fills(AAPL)[1:]] == [99, 98]


def test_a_replaced_stop_of_a_partial_fill_keeps_what_was_filled():
    simulator = a_simulator((100, 100, 98, 98), *flat(98, 3))
    simulator.open_position(AAPL, "long", D(10), D(100))
    simulator.cap_next_fill(AAPL, D(4))
    order = simulator.submit(sell(kind="limit", limit_price=D(100)))
    simulator.settle()
    successor = simulator.replace(order.id, Change(limit_price=D(101)))
    simulator.settle()
    moved = simulator.book[successor.id]
    assert (moved.quantity, moved.filled_quantity, moved.open_quantity) == (10, 4, 6)


def test_a_bar_that_contradicts_itself_is_refused():
    with pytest.raises(InvalidInput, match="AAPL"):
        a_simulator((100, 99, 98, 99))


prices = st.integers(9500, 10500).map(lambda cents: cents / 100)


@st.composite
def bars(draw):
    """A bar of four prices that do not contradict each other."""
    opened, close, first, second = (draw(prices) for _ in range(4))
    return opened, max(opened, close, first, second), min(opened, close, first, second), close


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(bars(), min_size=2, max_size=4),
    stop=st.integers(9300, 9990),
    steps=st.lists(st.integers(1, 40), min_size=1, max_size=12),
    side=st.sampled_from(["long", "short"]),
)
def test_however_time_is_cut_the_same_fill_comes_out_inside_its_bar(rows, stop, steps, side):
    first = (100.0, 100.0, 100.0, 100.0)
    price = D(stop) / 100 if side == "long" else D(20000 - stop) / 100
    results = []
    for cuts in ([], steps):
        simulator = a_simulator(first, *rows)
        simulator.open_position(AAPL, side, D(10), D(100), stop=price)
        moment = OPEN
        for seconds in cuts:
            moment += timedelta(seconds=seconds)
            simulator.advance_to(moment)
        simulator.advance_to(max(moment, at(len(rows) + 1)))
        results.append([(f.price, f.quantity) for f in simulator.ledger.fills(AAPL)[1:]])
    whole, cut = results
    assert whole == cut
    for fill in simulator.ledger.fills(AAPL)[1:]:
        index = int((fill.at - OPEN).total_seconds() // 60)
        _, high, low, _ = [first, *rows][index]
        assert D(repr(low)) <= fill.price <= D(repr(high))
