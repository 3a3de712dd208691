"""Which orders a bar can reach at all: the others are not looked at on the way through it."""

from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from stopward.domain.identity import BrokerOrderId
from stopward.local.simulator.matching import is_dormant, may_touch, touch
from stopward.local.simulator.order import SimulatedOrder
from stopward.local.simulator.prices import Point
from tests.builders.simulator import AAPL, OPEN

CENT = Decimal("0.01")
prices = st.integers(9_990, 10_010).map(lambda cents: Decimal(cents) / 100)
ways = st.lists(prices, min_size=4, max_size=4).map(sorted)
orders = st.builds(
    SimulatedOrder,
    id=st.just(BrokerOrderId("1")),
    client_order_id=st.just("1"),
    symbol=st.just(AAPL),
    side=st.sampled_from(["buy", "sell"]),
    kind=st.sampled_from(["market", "limit", "stop", "stop_limit", "trailing_stop"]),
    quantity=st.just(Decimal(1)),
    time_in_force=st.just("day"),
    intent=st.just(""),
    group=st.just("simple"),
    role=st.just("simple"),
    status=st.just("new"),
    created_at=st.just(OPEN),
    submitted_at=st.just(OPEN),
    updated_at=st.just(OPEN),
    limit_price=st.none() | prices,
    stop_price=st.none() | prices,
    collar=st.none() | prices,
    elected=st.booleans(),
)


def _touches(order: SimulatedOrder, start: Decimal, end: Decimal) -> bool:
    here = Point(at=OPEN, price=start)
    there = Point(at=OPEN + timedelta(seconds=20), price=end)
    return touch(order, here, there, tick=CENT) is not None


def _trails(order: SimulatedOrder) -> bool:
    return order.kind == "trailing_stop" and is_dormant(order)


@given(order=orders, way=ways)
def test_what_a_way_inside_the_bar_touches_the_bar_may_touch(order, way):
    low, start, end, high = way
    if _touches(order, start, end) or _touches(order, end, start):
        assert may_touch(order, low=low, high=high)


@given(order=orders, way=ways)
def test_what_a_bar_may_touch_its_whole_way_touches_and_trailing_stops_always_count(order, way):
    low, high = way[0], way[-1]
    whole = _touches(order, low, high) or _touches(order, high, low)
    assert may_touch(order, low=low, high=high) == (whole or _trails(order))
