"""One contract of the ports Broker and MarketData: over HTTP, and on the bare core."""

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

import pytest

from stopward.adapters.alpaca import AlpacaBroker, AlpacaMarketData, Keys, Transport
from stopward.domain.identity import BrokerOrderId, OrderId, Symbol
from stopward.domain.market import Session
from stopward.domain.orders import OrderRequest
from stopward.errors import BrokerRejected, BrokerUnavailable, RateLimited
from stopward.local.simulator import KEY, SECRET, Fault, RateLimit, Simulator
from stopward.local.simulator_broker import SimulatorBroker, SimulatorMarketData
from stopward.ports import Broker, MarketData
from tests.builders.simulated_clock import SimulatedClock
from tests.builders.simulator import (
    AAPL,
    CLOSE,
    MSFT,
    NEXT_CLOSE,
    NEXT_OPEN,
    OPEN,
    a_bar,
    a_simulator,
    at,
    bars_of,
    flat,
)

D = Decimal
NOBODY = Symbol("NOBODY")
UNKNOWN_ID = BrokerOrderId("00000000-0000-4000-8000-000000000000")


@dataclass
class World:
    """A simulator and a way to it."""

    simulator: Simulator
    broker: Broker
    market: MarketData


@pytest.fixture(params=["http", "core"])
def a_world(request):
    with ExitStack() as stack:

        def build(*rows, **settings):
            simulator = a_simulator(*rows, **settings)
            return over_http(simulator, stack) if request.param == "http" else bare(simulator)

        yield build


def bare(simulator):
    return World(simulator, SimulatorBroker(simulator), SimulatorMarketData(simulator))


def over_http(simulator, stack):
    transport = Transport(
        stack.enter_context(simulator.serve()),
        keys=Keys(key_id=KEY, secret=SECRET),
        clock=SimulatedClock(simulator),
    )
    stack.callback(transport.close)
    return World(simulator, AlpacaBroker(transport), AlpacaMarketData(transport))


def a_stop(price="95", quantity="10", name="sw-arm-1-a", **changes):
    fields = {
        "client_order_id": OrderId(name),
        "symbol": AAPL,
        "side": "sell",
        "quantity": D(quantity),
        "kind": "stop",
        "stop_price": D(price),
        "time_in_force": "gtc",
    }
    return OrderRequest(**fields | changes)


def held_long(world, quantity="10", **orders):
    return world.simulator.open_position(AAPL, "long", D(quantity), D(100), **orders)


def working(world, request):
    sent = world.broker.submit(request)
    read = world.broker.order(sent.id)
    assert read.status == "new"
    return read


def by_id(world):
    return {order.id: order for order in world.broker.open_orders()}


def test_the_account_has_a_number_and_equity(a_world):
    account = a_world(cash="135000").broker.account()
    assert (account.number, account.equity, account.last_equity) == (
        "SIM000001",
        D(135000),
        D(135000),
    )
    assert (account.status, account.trading_blocked) == ("ACTIVE", False)


def test_positions_are_positive_and_say_which_way(a_world):
    world = a_world(bars=[*bars_of(*flat(100, 3)), *bars_of(*flat(50, 3), symbol=MSFT)])
    held_long(world, "10.5", stop=D(90))
    world.simulator.open_position(MSFT, "short", D(4), D(51))
    read = {p.symbol: p for p in world.broker.positions()}
    assert (read[AAPL].side, read[AAPL].quantity, read[AAPL].available) == ("long", D("10.5"), 0)
    assert (read[MSFT].side, read[MSFT].quantity, read[MSFT].available) == ("short", D(4), D(4))
    assert (read[MSFT].average_entry, read[MSFT].current_price) == (D(51), D(50))


def test_one_position_is_read_alone_and_its_absence_is_none(a_world):
    world = a_world(bars=[*bars_of(*flat(100, 3)), *bars_of(*flat(50, 3), symbol=MSFT)])
    world.simulator.open_position(MSFT, "short", D(4), D(51))
    assert world.broker.position(MSFT) == world.broker.positions()[0]
    assert world.broker.position(AAPL) is None


def test_an_order_sent_is_pending_and_then_works(a_world):
    world = a_world()
    held_long(world)
    sent = world.broker.submit(a_stop())
    assert sent.status == "pending_new"
    (read,) = world.broker.open_orders()
    assert (read.id, read.status, read.is_working) == (sent.id, "new", True)
    assert (read.kind, read.stop_price, read.quantity) == ("stop", D(95), D(10))
    assert (read.group, read.parent, read.time_in_force) == ("simple", None, "gtc")
    assert read.submitted_at.utcoffset() == timedelta(0)


def test_orders_are_read_by_either_id_and_unknown_ones_are_none(a_world):
    world = a_world()
    held_long(world)
    sent = working(world, a_stop())
    assert world.broker.order_by_client_id(OrderId("sw-arm-1-a")).id == sent.id
    assert world.broker.order_by_client_id(OrderId("sw-arm-1-b")) is None
    assert world.broker.order(UNKNOWN_ID) is None


def test_sending_twice_is_sending_once(a_world):
    world = a_world()
    held_long(world)
    first = world.broker.submit(a_stop())
    assert world.broker.submit(a_stop()).id == first.id
    assert len(world.simulator.open_orders(AAPL)) == 1


def test_an_id_whose_order_is_over_sends_nothing_new(a_world):
    world = a_world()
    held_long(world)
    first = working(world, a_stop())
    world.broker.cancel(first.id)
    again = world.broker.submit(a_stop())
    assert (again.id, again.is_working) == (first.id, False)
    assert world.simulator.open_orders(AAPL) == []


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (a_stop(quantity="11"), 403),
        (a_stop(price="101"), 422),
        (a_stop(price="95.001"), 422),
        (a_stop(quantity="0.5"), 422),
        (a_stop(symbol=NOBODY), 422),
        (a_stop(side="buy", price="105"), 422),
    ],
)
def test_what_the_broker_refuses_is_rejected_with_its_status(a_world, request_, status):
    world = a_world()
    held_long(world)
    with pytest.raises(BrokerRejected) as caught:
        world.broker.submit(request_)
    assert caught.value.status == status
    assert caught.value.code > 0
    assert world.broker.open_orders() == ()


def test_shares_held_by_a_stop_are_refused_with_their_code(a_world):
    world = a_world()
    held_long(world, stop=D(90))
    with pytest.raises(BrokerRejected, match="available: 0") as caught:
        world.broker.submit(a_stop(kind="market", stop_price=None, time_in_force="day"))
    assert (caught.value.status, caught.value.code) == (403, 40310000)


def test_a_replacement_is_a_new_order_chained_both_ways(a_world):
    world = a_world()
    held_long(world)
    old = working(world, a_stop())
    new = world.broker.replace(old.id, client_order_id=OrderId("sw-move-1"), stop_price=D("96.5"))
    assert (new.replaces, new.client_order_id, new.stop_price) == (old.id, "sw-move-1", D("96.5"))
    assert (new.quantity, new.id != old.id) == (D(10), True)
    (read,) = world.broker.open_orders()
    assert (read.id, read.status) == (new.id, "new")
    ended = world.broker.order(old.id)
    assert (ended.status, ended.replaced_by) == ("replaced", new.id)


def test_replacing_twice_under_one_id_is_replacing_once(a_world):
    world = a_world()
    held_long(world)
    old = working(world, a_stop())
    ours = OrderId("sw-shrink-1")
    new = world.broker.replace(old.id, client_order_id=ours, quantity=D(4))
    assert world.broker.replace(old.id, client_order_id=ours, quantity=D(4)).id == new.id
    assert [order.quantity for order in world.broker.open_orders()] == [D(4)]
    assert world.broker.positions()[0].available == D(6)


@pytest.mark.parametrize("change", [{"stop_price": D(95)}, {"quantity": D(11)}])
def test_a_replacement_refused_leaves_the_order(a_world, change):
    world = a_world()
    held_long(world)
    old = working(world, a_stop())
    with pytest.raises(BrokerRejected):
        world.broker.replace(old.id, client_order_id=OrderId("sw-move-1"), **change)
    assert [order.id for order in world.broker.open_orders()] == [old.id]


def test_a_cancel_is_a_request_and_asking_twice_is_asking_once(a_world):
    world = a_world()
    held_long(world)
    resting = working(world, a_stop())
    world.broker.cancel(resting.id)
    assert world.simulator.book[resting.id].status == "pending_cancel"
    world.broker.cancel(resting.id)
    assert world.broker.order(resting.id).status == "canceled"
    assert world.broker.open_orders() == ()


def test_canceling_what_is_filled_or_unknown_is_rejected(a_world):
    world = a_world()
    held_long(world)
    exit_ = world.broker.submit(a_stop(kind="market", stop_price=None, time_in_force="day"))
    assert world.broker.order(exit_.id).status == "filled"
    with pytest.raises(BrokerRejected):
        world.broker.cancel(exit_.id)
    with pytest.raises(BrokerRejected) as caught:
        world.broker.cancel(UNKNOWN_ID)
    assert caught.value.status == 404


def test_a_filled_bracket_shows_its_held_stop_with_parent_and_group(a_world):
    world = a_world()
    opened = held_long(world, stop=D(90), target=D(120), client_order_id="tag-swing-1")
    read = by_id(world)
    stop, target = read[opened.stop], read[opened.target]
    assert (stop.status, stop.is_working, stop.parent) == ("held", True, opened.entry)
    assert (target.status, target.parent) == ("new", opened.entry)
    assert {stop.group, target.group} == {"bracket"}
    assert read[opened.entry].client_order_id == "tag-swing-1"
    assert not read[opened.entry].is_working


def test_a_bracket_s_leg_moves_and_keeps_its_parent(a_world):
    world = a_world()
    opened = held_long(world, stop=D(90), target=D(120))
    moved = world.broker.replace(
        opened.stop, client_order_id=OrderId("sw-move-1"), stop_price=D(92)
    )
    leg = by_id(world)[moved.id]
    assert (leg.parent, leg.stop_price, leg.group) == (opened.entry, D(92), "bracket")


def test_canceling_a_leg_ends_the_group(a_world):
    world = a_world()
    opened = held_long(world, stop=D(90), target=D(120))
    world.broker.cancel(opened.target)
    assert not any(order.is_working for order in world.broker.open_orders())
    assert world.broker.order(opened.stop).status == "canceled"


def test_thousands_of_open_orders_are_all_read_once(a_world):
    symbols = [Symbol(f"S{index:04}") for index in range(1_201)]
    world = a_world(bars=[a_bar((100, 100, 100, 100), symbol=symbol) for symbol in symbols])
    stops = [
        world.simulator.open_position(symbol, "long", D(1), D(100), stop=D(90)).stop
        for symbol in symbols
    ]
    read = [order.id for order in world.broker.open_orders()]
    assert sorted(read) == sorted(stops)
    assert len(world.broker.positions()) == 1_201


def test_fills_are_oldest_first_from_the_very_moment_on(a_world):
    world = a_world(bars=bars_of(*flat(100, 5)))
    held_long(world)
    start = world.simulator.now
    for index in range(3):
        world.simulator.advance_to(at(index + 1))
        world.broker.submit(
            a_stop(
                kind="market",
                stop_price=None,
                time_in_force="day",
                quantity=str(index + 1),
                name=f"sw-sell-{index}",
            )
        )
        world.broker.positions()
    read = world.broker.fills(since=start)
    assert [fill.quantity for fill in read] == [D(10), D(1), D(2), D(3)]
    assert [fill.side for fill in read] == ["buy", "sell", "sell", "sell"]
    assert read[1].order_id == world.broker.order_by_client_id(OrderId("sw-sell-0")).id
    assert [fill.quantity for fill in world.broker.fills(since=at(2))] == [D(2), D(3)]
    assert len({fill.id for fill in read}) == 4


def test_hundreds_of_fills_are_paged(a_world):
    world = a_world()
    for _ in range(230):
        world.simulator.open_position(AAPL, "long", D(1), D(100))
    assert len(world.broker.fills(since=OPEN)) == 230


def test_sessions_are_read_by_day(a_world):
    broker = a_world().broker
    assert broker.sessions(first="2024-01-03", last="2024-01-03") == (
        Session(exchange="XNYS", day="2024-01-03", opens_at=OPEN, closes_at=CLOSE),
    )
    assert [s.opens_at for s in broker.sessions(first="2024-01-04", last="2024-01-09")] == [
        NEXT_OPEN
    ]


def test_quotes_are_of_now_and_unknown_symbols_are_absent(a_world):
    world = a_world((100, 101, 99, 100.5), spread_ticks=2)
    read = world.market.quotes([AAPL, NOBODY])
    assert read.keys() == {AAPL}
    quote = read[AAPL]
    assert quote.ask - quote.bid == D("0.02")
    assert quote.fault(now=world.simulator.now, max_age=timedelta(seconds=5)) is None


def test_bars_are_closed_and_within_their_bounds(a_world):
    rows = [(100 + i, 101 + i, 99 + i, 100.5 + i) for i in range(5)]
    world = a_world(*rows)
    world.simulator.advance_to(at(3.5))
    read = world.market.bars([AAPL, NOBODY], since=at(1), until=world.simulator.now)
    assert read.keys() == {AAPL}
    assert [bar.at for bar in read[AAPL]] == [at(1), at(2)]
    assert (read[AAPL][0].open, read[AAPL][0].close) == (101.0, 101.5)
    assert [bar.at for bar in world.market.bars([AAPL], since=at(0), until=at(1))[AAPL]] == [at(0)]
    assert world.market.bars([AAPL], since=at(3), until=world.simulator.now) == {}


def test_daily_bars_are_of_finished_sessions(a_world):
    bars = [*bars_of(*flat(100, 2)), *bars_of(*flat(110, 2), start=24 * 60)]
    world = a_world(bars=bars)
    since = OPEN - timedelta(days=7)
    assert world.market.daily_bars([AAPL], since=since, until=world.simulator.now) == {}
    world.simulator.advance_to(NEXT_OPEN + timedelta(minutes=5))
    read = world.market.daily_bars([AAPL, NOBODY], since=since, until=world.simulator.now)
    assert [bar.close for bar in read[AAPL]] == [100.0]
    world.simulator.advance_to(NEXT_CLOSE)
    read = world.market.daily_bars([AAPL], since=since, until=world.simulator.now)
    assert [bar.close for bar in read[AAPL]] == [100.0, 110.0]


def test_a_market_that_is_closed_accepts_and_lets_nothing_be_replaced(a_world):
    world = a_world()
    held_long(world)
    world.simulator.advance_to(CLOSE + timedelta(hours=5))
    queued = world.broker.submit(a_stop())
    assert (queued.status, queued.is_working) == ("accepted", True)
    with pytest.raises(BrokerRejected):
        world.broker.replace(queued.id, client_order_id=OrderId("sw-move-1"), stop_price=D(96))


# Faults, which only HTTP has: whatever is lost, there is never a second order.


@pytest.fixture
def http_world():
    """A world over HTTP with ten shares of AAPL."""
    with ExitStack() as stack:

        def build(**settings):
            world = over_http(a_simulator(**settings), stack)
            held_long(world)
            return world

        yield build


TOOK_EFFECT = ["timeout_after", "lost_answer", "half_answer", "duplicate_request", "slow"]
HAD_NO_EFFECT = ["server_error", "timeout_before"]


@pytest.mark.parametrize("kind", [*TOOK_EFFECT, "duplicate_answer"])
def test_an_order_that_took_effect_is_returned_whatever_became_of_the_answer(http_world, kind):
    world = http_world()
    world.simulator.fault(Fault(kind=kind, method="POST", seconds=30))
    sent = world.broker.submit(a_stop())
    assert sent.client_order_id == "sw-arm-1-a"
    assert [order.id for order in world.simulator.open_orders(AAPL)] == [sent.id]
    assert [order.id for order in world.broker.open_orders()] == [sent.id]
    assert sum(handled.request.method == "POST" for handled in world.simulator.log) == 1


@pytest.mark.parametrize("kind", HAD_NO_EFFECT)
def test_an_order_without_effect_is_not_accepted_and_may_be_sent_again(http_world, kind):
    world = http_world()
    world.simulator.fault(Fault(kind=kind, method="POST"))
    with pytest.raises(BrokerUnavailable, match="not accepted"):
        world.broker.submit(a_stop())
    assert world.simulator.open_orders(AAPL) == []
    world.broker.submit(a_stop())
    assert len(world.simulator.open_orders(AAPL)) == 1


def test_an_order_refused_for_its_rate_says_so(http_world):
    world = http_world()
    world.simulator.fault(Fault(kind="rate_limited", method="POST"))
    with pytest.raises(RateLimited):
        world.broker.submit(a_stop())
    assert world.simulator.open_orders(AAPL) == []


@pytest.mark.parametrize("kind", [*TOOK_EFFECT, "duplicate_answer"])
def test_a_replacement_that_took_effect_is_returned(http_world, kind):
    world = http_world()
    old = working(world, a_stop())
    world.simulator.fault(Fault(kind=kind, method="PATCH", seconds=30))
    new = world.broker.replace(old.id, client_order_id=OrderId("sw-move-1"), stop_price=D(96))
    assert (new.replaces, new.stop_price) == (old.id, D(96))
    assert [order.id for order in world.broker.open_orders()] == [new.id]


@pytest.mark.parametrize("kind", HAD_NO_EFFECT)
def test_a_replacement_without_effect_leaves_the_stop_standing(http_world, kind):
    world = http_world()
    old = working(world, a_stop())
    world.simulator.fault(Fault(kind=kind, method="PATCH"))
    with pytest.raises(BrokerUnavailable, match="not replaced"):
        world.broker.replace(old.id, client_order_id=OrderId("sw-move-1"), stop_price=D(96))
    assert [order.id for order in world.broker.open_orders()] == [old.id]


@pytest.mark.parametrize(
    "kind", [*TOOK_EFFECT[:4], *HAD_NO_EFFECT, "duplicate_answer", "rate_limited"]
)
def test_a_cancel_gets_through_every_fault(http_world, kind):
    world = http_world()
    resting = working(world, a_stop())
    world.simulator.fault(Fault(kind=kind, method="DELETE"))
    world.broker.cancel(resting.id)
    assert world.broker.order(resting.id).status == "canceled"
    assert world.simulator.shares(AAPL) == D(10)


@pytest.mark.parametrize(
    "kind",
    ["rate_limited", "server_error", "timeout_before", "timeout_after", "lost_answer",
     "half_answer", "duplicate_answer"],
)  # fmt: skip
@pytest.mark.parametrize("read", ["positions", "open_orders", "account"])
def test_a_read_gets_through_every_fault(http_world, kind, read):
    world = http_world()
    world.simulator.fault(Fault(kind=kind, method="GET"))
    first = getattr(world.broker, read)()
    assert getattr(world.broker, read)() == first
    assert world.broker.positions()[0].quantity == D(10)


def test_an_answer_that_arrives_twice_is_never_taken_for_the_next_one(http_world):
    world = http_world()
    resting = working(world, a_stop())
    world.simulator.fault(Fault(kind="duplicate_answer", times=None))
    for _ in range(20):
        assert world.broker.order(resting.id).id == resting.id
        assert world.broker.positions()[0].quantity == D(10)
        assert world.broker.account().number == "SIM000001"


@pytest.mark.parametrize("kind", ["stale_quote", "crossed_quote"])
def test_a_spoilt_quote_is_read_as_it_is(http_world, kind):
    world = http_world()
    world.simulator.fault(Fault(kind=kind, path="*/quotes/latest", seconds=60))
    quote = world.market.quotes([AAPL])[AAPL]
    assert quote.fault(now=world.simulator.now, max_age=timedelta(seconds=5)) == kind[:-6]


def test_the_rate_budget_counts_down(http_world):
    world = http_world(rate_limit=RateLimit(per_minute=50))
    world.broker.positions()
    before = world.broker.remaining
    world.broker.positions()
    assert world.broker.remaining == before - 1
