"""Whatever is asked, in whatever order: what must never be untrue of the broker."""

from contextlib import suppress
from datetime import timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from stopward.local.simulator import Change, Options, Refused, Settling, Simulator, Ticket
from tests.builders.simulator import AAPL, a_simulator

D = Decimal
ROWS = [
    (100.0, 101.0, 99.0, 100.5),
    (100.5, 103.0, 100.0, 102.0),
    (98.0, 99.0, 95.0, 96.0),
    (96.0, 104.0, 96.0, 103.0),
    (103.0, 103.0, 90.0, 91.0),
    (91.0, 99.0, 91.0, 98.0),
]

sides = st.sampled_from(["buy", "sell"])
sizes = st.integers(1, 12).map(D)
offsets = st.integers(-400, 400).map(lambda cents: D(cents) / 100)
actions = st.one_of(
    st.tuples(st.just("market"), sides, sizes, offsets),
    st.tuples(st.just("limit"), sides, sizes, offsets),
    st.tuples(st.just("stop"), sides, sizes, offsets),
    st.tuples(st.just("bracket"), sides, sizes, offsets),
    st.tuples(st.just("cancel"), sides, sizes, offsets),
    st.tuples(st.just("move"), sides, sizes, offsets),
    st.tuples(st.just("resize"), sides, sizes, offsets),
    st.tuples(st.just("cap"), sides, sizes, offsets),
    st.tuples(st.just("wait"), sides, sizes, offsets),
)
behaviours = st.sampled_from(
    [Settling(), Settling(calls=None, after=timedelta(seconds=7)), Settling(calls=3)]
)


def act(simulator: Simulator, kind: str, side: str, size: Decimal, offset: Decimal) -> None:
    """Do one thing; raises Refused when the broker will not have it."""
    price = simulator.price(AAPL) or D(100)
    level = (price + offset).quantize(D("0.01"))
    open_orders = simulator.open_orders(AAPL)
    match kind:
        case "market" | "limit" | "stop":
            prices = {"limit": {"limit_price": level}, "stop": {"stop_price": level}}
            fields = {"symbol": AAPL, "side": side, "quantity": size, "kind": kind}
            simulator.submit(Ticket(**fields | prices.get(kind, {})))
        case "bracket":
            up = 1 if side == "buy" else -1
            simulator.submit(
                Ticket(
                    symbol=AAPL, side=side, quantity=size, kind="market", group="bracket",
                    take_profit=price + up * 3, stop_loss=price - up * 3,
                )
            )  # fmt: skip
        case "cancel" if open_orders:
            simulator.cancel(open_orders[int(size) % len(open_orders)].id)
        case "move" if open_orders:
            order = open_orders[int(size) % len(open_orders)]
            name = "stop_price" if order.stop_price is not None else "limit_price"
            simulator.replace(order.id, Change(**{name: level}))
        case "resize" if open_orders:
            order = open_orders[int(size) % len(open_orders)]
            simulator.replace(order.id, Change(quantity=size))
        case "cap":
            simulator.cap_next_fill(AAPL, size)
        case _:
            simulator.advance_to(simulator.now + timedelta(seconds=int(size) * 4))


def check(simulator: Simulator) -> None:
    """What must be true at every moment."""
    shares = simulator.shares(AAPL)
    fills = simulator.ledger.fills(AAPL)
    bought = sum((f.quantity for f in fills if f.side == "buy"), D(0))
    sold = sum((f.quantity for f in fills if f.side == "sell"), D(0))
    assert shares == bought - sold
    closing = "sell" if shares > 0 else "buy"
    assert shares == 0 or simulator.book.held(AAPL, closing) <= abs(shares)
    client_ids = [order.client_order_id for order in simulator.book.all()]
    assert len(client_ids) == len(set(client_ids))
    for order in simulator.book.all():
        assert 0 <= order.filled_quantity <= order.quantity
        assert (order.status == "filled") == (order.open_quantity == 0)
        if order.status == "replaced":
            assert order.replaced_by is not None
            assert simulator.book[order.replaced_by].replaces == order.id
        if order.group == "bracket" and order.role == "entry" and order.status == "canceled":
            assert not any(leg.is_open for leg in simulator.book.current_legs(order))
    for parent in (o for o in simulator.book.all() if o.legs):
        ends = [leg.status for leg in simulator.book.current_legs(parent)]
        assert ends.count("filled") <= 1


@settings(max_examples=120, deadline=None)
@given(steps=st.lists(actions, min_size=1, max_size=25), settling=behaviours)
def test_no_sequence_of_requests_breaks_the_broker(steps, settling):
    simulator = a_simulator(*ROWS, options=Options(settling=settling))
    simulator.open_position(AAPL, "long", D(10), D(100))
    for step in steps:
        with suppress(Refused):
            act(simulator, *step)
        check(simulator)
    simulator.advance_to(simulator.now + timedelta(minutes=8))
    check(simulator)
