"""The adapter `Broker`: paging without loss, groups made whole, writes never doubled."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from urllib.parse import unquote

import pytest

from stopward.domain.identity import OrderId
from stopward.errors import BrokerRejected, BrokerUnavailable, InvalidState, RateLimited
from tests.builders.alpaca import a_broker, a_request, fill_json, order_json, position_json
from tests.builders.http import Asked, Says, in_turn, scripted
from tests.builders.manual_clock import ManualClock

D = Decimal
NOT_FOUND = Says(status=404, body={"code": 40410000, "message": "order not found"})
DUPLICATE = Says(status=422, body={"code": 40010001, "message": "client_order_id must be unique"})
OURS = OrderId("sw-arm-1-abc")
NEXT = OrderId("sw-move-1-def")


class Desk:
    """A broker that takes orders and, told so, loses or garbles the answers to writes."""

    def __init__(self, *faults, accepts=True, knows_client_ids=True):
        self.faults = list(faults)
        self.accepts = accepts
        self.knows_client_ids = knows_client_ids
        self.orders = {}

    def __call__(self, asked: Asked) -> Says:
        match asked.method, asked.path:
            case "GET", "/v2/orders:by_client_order_id":
                wanted = asked.query["client_order_id"]
                return self._found(
                    o for o in self.orders.values() if o["client_order_id"] == wanted
                )
            case "GET", _:
                return self._found(o for o in self.orders.values() if asked.path.endswith(o["id"]))
            case "POST", _:
                return self._answer(self._take(asked.json, replaces=None))
            case "PATCH", path:
                return self._answer(self._take(asked.json, replaces=path.rpartition("/")[2]))
        return Says(status=405)

    def _found(self, orders):
        return next((Says(body=order) for order in orders), NOT_FOUND)

    def _take(self, body, *, replaces):
        used = {order["client_order_id"] for order in self.orders.values()}
        if body["client_order_id"] in used:
            return DUPLICATE
        if not self.accepts:
            return None
        old = self.orders.get(replaces, {})
        ours = body["client_order_id"] if self.knows_client_ids else "the-broker-s-own"
        taken = order_json(id=f"o{len(self.orders)}", replaces=replaces) | {
            "qty": body.get("qty", old.get("qty")),
            "stop_price": body.get("stop_price", old.get("stop_price")),
            "client_order_id": ours,
        }
        self.orders[taken["id"]] = taken
        if old:
            old |= {"status": "replaced", "replaced_by": taken["id"]}
        return Says(body=taken)

    def _answer(self, says):
        fault = self.faults.pop(0) if self.faults else None
        return fault or says or Says(status=500)

    @property
    def live(self):
        return [order for order in self.orders.values() if order["status"] != "replaced"]


LOST = {
    "lost answer": Says(lost=True),
    "no answer in time": Says(silent=True),
    "truncated": Says(cut=5, body=order_json()),
    "half a document": Says(body=b'{"id": "61e69015'),
    "empty": Says(body=b""),
    "not an order": Says(body={"id": "1"}),
    "another order": Says(body=order_json(client_order_id="somebody-else")),
    "500": Says(status=500),
    "502 of a gateway": Says(status=502, body=b"<html>"),
    "504 after acceptance": Says(status=504),
    "408": Says(status=408),
}


def a_desk_with(*orders, **settings):
    desk = Desk(**settings)
    desk.orders = {order["id"]: order for order in orders}
    return desk


def test_an_order_is_sent_once_and_returned():
    desk = Desk()
    with scripted(desk) as server, a_broker(server.url) as broker:
        sent = broker.submit(a_request())
        assert (sent.client_order_id, sent.quantity, sent.stop_price) == (OURS, D(10), D("98.5"))
        assert [asked.method for asked in server.asked] == ["POST"]


@pytest.mark.parametrize("fault", LOST.values(), ids=LOST)
def test_an_order_whose_answer_is_spoilt_is_read_and_never_sent_twice(fault):
    desk = Desk(fault)
    with scripted(desk) as server, a_broker(server.url) as broker:
        sent = broker.submit(a_request())
        assert sent.id == "o0"
        assert len(desk.orders) == 1
        assert server.count("POST") == 1


@pytest.mark.parametrize("fault", LOST.values(), ids=LOST)
def test_an_order_that_never_arrived_is_said_to_be_not_accepted(fault):
    desk = Desk(fault, accepts=False)
    clock = ManualClock()
    with scripted(desk) as server, a_broker(server.url, clock=clock) as broker:
        with pytest.raises(BrokerUnavailable, match=f"{OURS}: not accepted .* same id"):
            broker.submit(a_request())
        assert (desk.orders, server.count("POST")) == ({}, 1)
        assert clock.slept == [0.5]  # it looked twice, for a gateway may be ahead of its order
        desk.accepts = True
        assert broker.submit(a_request()).client_order_id == OURS
        assert len(desk.orders) == 1


def test_an_order_that_shows_up_between_two_looks_is_found():
    looks = in_turn(NOT_FOUND, Says(body=order_json()))
    with (
        scripted(
            lambda asked: looks(asked) if asked.method == "GET" else Says(status=504)
        ) as server,
        a_broker(server.url) as broker,
    ):
        assert broker.submit(a_request()).client_order_id == OURS
        assert (server.count("POST"), server.count("GET")) == (1, 2)


@pytest.mark.parametrize(
    "look", [Says(status=500), Says(status=429), Says(status=403), Says(lost=True)]
)
def test_an_order_that_can_neither_be_sent_nor_read_is_of_unknown_fate(look):
    with (
        scripted(lambda asked: look if asked.method == "GET" else Says(status=504)) as server,
        a_broker(server.url) as broker,
    ):
        with pytest.raises(BrokerUnavailable, match="fate is unknown") as caught:
            broker.submit(a_request())
        assert not isinstance(caught.value, RateLimited)
        assert server.count("POST") == 1


def test_a_duplicate_returns_the_order_that_is_there():
    desk = a_desk_with(order_json(id="first", status="filled"))
    with scripted(desk) as server, a_broker(server.url) as broker:
        assert broker.submit(a_request()).id == "first"
        assert len(desk.orders) == 1


@pytest.mark.parametrize(
    ("status", "code", "looks"), [(403, 40310000, 0), (422, 42210000, 1), (400, 0, 0), (401, 0, 0)]
)
def test_a_refused_order_is_refused(status, code, looks):
    no = Says(status=status, body={"code": code, "message": "no"})
    with (
        scripted(lambda asked: no if asked.method == "POST" else NOT_FOUND) as server,
        a_broker(server.url) as broker,
    ):
        with pytest.raises(BrokerRejected) as caught:
            broker.submit(a_request())
        assert (caught.value.status, caught.value.code) == (status, code)
        assert (server.count("POST"), server.count("GET")) == (1, looks)


def test_too_many_orders_is_told_and_not_waited_for():
    clock = ManualClock()
    slow_down = Says(status=429, headers={"Retry-After": "9"})
    with (
        scripted(lambda asked: slow_down) as server,
        a_broker(server.url, clock=clock) as broker,
        pytest.raises(RateLimited) as caught,
    ):
        broker.submit(a_request())
    assert caught.value.retry_after_seconds == 9
    assert (len(server.asked), clock.slept) == (1, [])


@pytest.mark.parametrize("fault", LOST.values(), ids=LOST)
def test_a_replacement_whose_answer_is_spoilt_is_found_and_never_sent_twice(fault):
    desk = a_desk_with(order_json(id="old", client_order_id="x"))
    desk.faults = [fault]
    with scripted(desk) as server, a_broker(server.url) as broker:
        successor = broker.replace("old", client_order_id=NEXT, stop_price=D("99.1"))
        assert (successor.client_order_id, successor.replaces) == (NEXT, "old")
        assert (successor.stop_price, successor.quantity) == (D("99.1"), D(10))
        assert len(desk.live) == 1
        assert server.count("PATCH") == 1


@pytest.mark.parametrize("fault", LOST.values(), ids=LOST)
def test_a_successor_under_another_id_is_found_through_its_predecessor(fault):
    desk = a_desk_with(order_json(id="old", client_order_id="x"), knows_client_ids=False)
    desk.faults = [fault]
    with scripted(desk) as server, a_broker(server.url) as broker:
        successor = broker.replace("old", client_order_id=NEXT, quantity=D(4))
        assert (successor.replaces, successor.quantity) == ("old", D(4))
        assert len(desk.live) == 1


def test_a_successor_by_another_hand_is_not_taken_for_ours():
    by_hand = order_json(id="new", client_order_id="hand", stop_price="97", replaces="old")
    desk = a_desk_with(order_json(id="old", client_order_id="x", replaced_by="new"), by_hand)
    desk.faults = [Says(status=504)]
    desk.accepts = False
    with (
        scripted(desk) as server,
        a_broker(server.url) as broker,
        pytest.raises(BrokerUnavailable, match="old: replaced by new, which is not ours"),
    ):
        broker.replace("old", client_order_id=NEXT, stop_price=D("99.1"))


def test_a_replacement_that_never_arrived_leaves_the_old_order():
    desk = a_desk_with(order_json(id="old", client_order_id="x"), accepts=False)
    with (
        scripted(desk) as server,
        a_broker(server.url) as broker,
        pytest.raises(BrokerUnavailable, match="old: not replaced"),
    ):
        broker.replace("old", client_order_id=NEXT, stop_price=D("99.1"))
    assert [order["id"] for order in desk.live] == ["old"]


def test_a_replacement_refused_although_done_is_found():
    # alpaca-trade-api-python#306: "order isn't sent to exchange yet", and yet it was replaced.
    desk = a_desk_with(order_json(id="old", client_order_id="x"))
    desk.faults = [
        Says(status=422, body={"code": 42210000, "message": "isn't sent to exchange yet"})
    ]
    with scripted(desk) as server, a_broker(server.url) as broker:
        assert broker.replace("old", client_order_id=NEXT, stop_price=D(99)).client_order_id == NEXT


def test_a_replacement_that_changes_nothing_is_the_broker_s_refusal():
    no_op = Says(status=403, body={"code": 40310000, "message": "order parameters are not changed"})
    with (
        scripted(lambda asked: no_op) as server,
        a_broker(server.url) as broker,
        pytest.raises(BrokerRejected, match="not changed"),
    ):
        broker.replace("old", client_order_id=NEXT, stop_price=D(98))


@pytest.mark.parametrize(
    "changes", [{}, {"quantity": D("1.5")}, {"quantity": D(0)}, {"quantity": D(-1)}]
)
def test_an_impossible_replacement_is_not_sent(changes):
    with (
        scripted(lambda asked: Says()) as server,
        a_broker(server.url) as broker,
        pytest.raises(InvalidState),
    ):
        broker.replace("old", client_order_id=NEXT, **changes)
    assert server.asked == []


@pytest.mark.parametrize(
    "changes", [{"client_order_id": "x" * 49}, {"client_order_id": ""}, {"quantity": D(0)}]
)
def test_an_impossible_order_is_not_sent(changes):
    with (
        scripted(lambda asked: Says()) as server,
        a_broker(server.url) as broker,
        pytest.raises(InvalidState),
    ):
        broker.submit(a_request(**changes))
    assert server.asked == []


@pytest.mark.parametrize("status", ["pending_cancel", "canceled"])
def test_canceling_twice_is_canceling_once(status):
    no = Says(status=422, body={"message": "order is not cancelable"})
    order = Says(body=order_json(status=status))
    with (
        scripted(lambda asked: no if asked.method == "DELETE" else order) as server,
        a_broker(server.url) as broker,
    ):
        assert broker.cancel("old") is None
        assert server.count("DELETE", "/v2/orders/old") == 1


@pytest.mark.parametrize("look", [Says(body=order_json(status="filled")), NOT_FOUND])
def test_a_cancel_that_came_too_late_is_refused(look):
    no = Says(status=422, body={"message": "order is already filled"})
    with (
        scripted(lambda asked: no if asked.method == "DELETE" else look) as server,
        a_broker(server.url) as broker,
        pytest.raises(BrokerRejected, match="already filled"),
    ):
        broker.cancel("old")


def test_an_order_that_the_broker_does_not_know_is_none():
    with scripted(lambda asked: NOT_FOUND) as server, a_broker(server.url) as broker:
        assert broker.order("x") is None
        assert broker.order_by_client_id(OURS) is None


@pytest.mark.parametrize(
    ("says", "expected"),
    [
        (Says(status=404, body={"code": 40410000, "message": "position does not exist"}), None),
        (Says(body=position_json(symbol="BRK.B", qty="-2", side="short")), ("short", D(2))),
        (Says(body=position_json(symbol="BRK.B", qty="0")), None),
    ],
)
def test_one_position_is_read_by_its_symbol(says, expected):
    with scripted(lambda asked: says) as server, a_broker(server.url) as broker:
        read = broker.position("BRK.B")
        assert (None if read is None else (read.side, read.quantity)) == expected
        assert server.asked[0].path == "/v2/positions/BRK.B"


def test_a_symbol_with_a_slash_stays_one_part_of_the_path():
    with scripted(lambda asked: NOT_FOUND) as server, a_broker(server.url) as broker:
        assert broker.position("BTC/USD") is None
        assert server.asked[0].path == "/v2/positions/BTC%2FUSD"


@pytest.mark.parametrize("says", [Says(status=500), Says(status=403), Says(body={"qty": "1"})])
def test_a_position_that_could_not_be_read_is_not_a_closed_one(says):
    with (
        scripted(lambda asked: says) as server,
        a_broker(server.url) as broker,
        pytest.raises((BrokerUnavailable, BrokerRejected)),
    ):
        broker.position("AAPL")


def test_positions_that_could_not_be_read_are_named_until_the_next_answer():
    good, bad = position_json(symbol="GOOD"), position_json(symbol="BAD", qty="much")
    answers = in_turn(Says(body=[good, bad]), Says(body=[good]))
    with scripted(answers) as script, a_broker(script.url) as broker:
        assert broker.unreadable == ()
        assert [held.symbol for held in broker.positions()] == ["GOOD"]
        assert broker.unreadable == ("BAD",)
        assert [held.symbol for held in broker.positions()] == ["GOOD"]
        assert broker.unreadable == ()


def test_positions_cut_short_are_no_answer_whatever_could_be_read_of_them():
    answers = in_turn(Says(body=[position_json()], cut=3))
    with (
        scripted(answers) as script,
        a_broker(script.url) as broker,
        pytest.raises(BrokerUnavailable),
    ):
        broker.positions()


HOSTILE = ["../positions", "..%2fpositions", "o1?cancel=all", "o1#x", "a/b", "a b", "%2e%2e"]


@pytest.mark.parametrize("order_id", HOSTILE)
@pytest.mark.parametrize(
    ("method", "call"),
    [
        ("DELETE", lambda broker, order_id: broker.cancel(order_id)),
        ("GET", lambda broker, order_id: broker.order(order_id)),
        ("GET", lambda broker, order_id: broker.position(order_id)),
        (
            "PATCH",
            lambda broker, order_id: broker.replace(order_id, client_order_id=NEXT, quantity=D(1)),
        ),
    ],
)
def test_an_id_names_one_part_of_the_path_and_no_other_resource(method, call, order_id):
    bodies = {"orders": order_json(client_order_id=NEXT), "positions": position_json()}

    def answer(asked: Asked) -> Says:
        return Says(body=bodies[asked.path.split("/")[2]])

    with scripted(answer) as script, a_broker(script.url) as broker:
        call(broker, order_id)
        (asked,) = script.asked
    folder, _, last = asked.path.rpartition("/")
    assert asked.method == method
    assert folder in ("/v2/orders", "/v2/positions")
    assert (unquote(last), asked.query) == (order_id, {})


@pytest.mark.parametrize("order_id", ["", ".", ".."])
def test_an_id_that_would_name_a_folder_is_never_sent(order_id):
    with scripted(in_turn(Says())) as script, a_broker(script.url) as broker:
        for call in (broker.cancel, broker.order, broker.position):
            with pytest.raises(InvalidState, match=r"expected an id"):
                call(order_id)
        with pytest.raises(InvalidState, match=r"expected an id"):
            broker.replace(order_id, client_order_id=NEXT, quantity=D(1))
        assert script.asked == []


def test_a_read_that_is_not_answered_is_not_an_unknown_order():
    with (
        scripted(lambda asked: Says(status=500)) as server,
        a_broker(server.url) as broker,
        pytest.raises(BrokerUnavailable),
    ):
        broker.order_by_client_id(OURS)


def many_orders(count, *, at_once=1):
    start = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
    return [
        order_json(
            id=f"o{index:05}",
            submitted_at=(start + timedelta(microseconds=index // at_once)).isoformat(),
        )
        for index in range(count)
    ]


def pages(orders, *, by_id=True):
    """A list endpoint that pages by id, or only by time."""

    def answer(asked):
        rows = orders
        if by_id and "after_order_id" in asked.query:
            rows = [o for o in rows if o["id"] > asked.query["after_order_id"]]
        if "after" in asked.query:
            after = datetime.fromisoformat(asked.query["after"])
            rows = [o for o in rows if datetime.fromisoformat(o["submitted_at"]) > after]
        return Says(body=rows[: int(asked.query["limit"])])

    return answer


@pytest.mark.parametrize(
    ("count", "requests"), [(0, 1), (499, 1), (500, 2), (501, 2), (1000, 3), (1700, 4)]
)
def test_open_orders_are_paged_without_loss(count, requests):
    orders = many_orders(count)
    with scripted(pages(orders)) as server, a_broker(server.url) as broker:
        assert [order.id for order in broker.open_orders()] == [order["id"] for order in orders]
        assert len(server.asked) == requests


@pytest.mark.parametrize("at_once", [1, 2, 3, 499])
def test_open_orders_are_paged_by_time_where_ids_do_not_page(at_once):
    orders = many_orders(1700, at_once=at_once)
    with scripted(pages(orders, by_id=False)) as server, a_broker(server.url) as broker:
        assert [order.id for order in broker.open_orders()] == [order["id"] for order in orders]


def test_open_orders_that_cannot_be_paged_are_no_answer():
    orders = many_orders(700, at_once=700)
    with (
        scripted(pages(orders, by_id=False)) as server,
        a_broker(server.url) as broker,
        pytest.raises(BrokerUnavailable, match="500 orders read, and paging brings no more"),
    ):
        broker.open_orders()


ENTRY = order_json(id="entry", side="buy", type="market", order_class="bracket", status="filled")
TARGET = order_json(id="target", type="limit", order_class="bracket", limit_price="110")
STOP = order_json(id="stop", order_class="bracket", status="held")
BRACKET = ENTRY | {"legs": [TARGET, STOP]}
PLAIN = order_json(id="plain")


@pytest.mark.parametrize(
    ("lists", "requests"),
    [
        ({"flat": [PLAIN, TARGET], "open": [PLAIN, BRACKET], "all": []}, 2),
        ({"flat": [PLAIN, TARGET], "open": [PLAIN, TARGET | {"legs": [STOP]}], "all": []}, 2),
        ({"flat": [PLAIN, TARGET], "open": [PLAIN], "all": [PLAIN, BRACKET]}, 3),
        ({"flat": [PLAIN, TARGET], "open": [PLAIN, TARGET], "all": [BRACKET]}, 3),
        ({"flat": [PLAIN, TARGET, STOP], "open": [BRACKET], "all": []}, 2),
    ],
)
def test_a_held_stop_is_seen_wherever_the_broker_hides_it(lists, requests):
    def answer(asked):
        return Says(
            body=lists[asked.query["status"] if asked.query["nested"] == "true" else "flat"]
        )

    with scripted(answer) as server, a_broker(server.url) as broker:
        read = {order.id: order for order in broker.open_orders()}
        assert {"plain", "target", "stop"} <= read.keys() <= {"plain", "target", "stop", "entry"}
        assert read["stop"].status == "held"
        assert read["stop"].parent in {"entry", "target"}
        assert len(server.asked) == requests


def test_without_groups_one_request_reads_all_open_orders():
    with scripted(lambda asked: Says(body=[PLAIN])) as server, a_broker(server.url) as broker:
        assert [order.id for order in broker.open_orders()] == ["plain"]
        assert len(server.asked) == 1


def test_other_groups_of_the_same_symbol_that_are_over_stay_out():
    old = order_json(id="old", order_class="bracket", status="filled") | {
        "legs": [order_json(id="old-leg", order_class="bracket", status="canceled")]
    }

    def answer(asked):
        return Says(body=[old, BRACKET] if asked.query["status"] == "all" else [TARGET])

    with scripted(answer) as server, a_broker(server.url) as broker:
        assert {order.id for order in broker.open_orders()} == {"entry", "target", "stop"}


def test_fills_are_paged_sorted_and_each_is_read_once():
    start = datetime(2026, 3, 2, 14, 30, tzinfo=UTC)
    fills = [
        fill_json(
            id=f"f{index:04}", transaction_time=(start + timedelta(seconds=index)).isoformat()
        )
        for index in range(250)
    ]

    def answer(asked):
        token = asked.query.get("page_token", "")
        return Says(body=[f for f in fills if f["id"] > token][: int(asked.query["page_size"])])

    with scripted(answer) as server, a_broker(server.url) as broker:
        read = broker.fills(since=start + timedelta(seconds=1))
        assert [fill.id for fill in read] == [fill["id"] for fill in fills[1:]]
        assert server.asked[0].query["after"] == "2026-03-02T14:30:00.999999Z"
        assert len(server.asked) == 3


def test_fills_whose_paging_stands_still_are_no_answer():
    page = [fill_json(id=f"f{index}") for index in range(100)]
    with (
        scripted(lambda asked: Says(body=page)) as server,
        a_broker(server.url) as broker,
        pytest.raises(BrokerUnavailable, match="100 fills read"),
    ):
        broker.fills(since=datetime(2026, 3, 2, tzinfo=UTC))


def test_sessions_are_asked_for_by_day():
    day = {"date": "2026-03-02", "open": "09:30", "close": "16:00", "settlement_date": "x"}
    with scripted(lambda asked: Says(body=[day])) as server, a_broker(server.url) as broker:
        (session,) = broker.sessions(first="2026-03-02", last="2026-03-02")
        assert (session.day, session.opens_at.hour) == ("2026-03-02", 14)
        assert server.asked[0].query == {"start": "2026-03-02", "end": "2026-03-02"}


@pytest.mark.parametrize("body", [{}, [1], "x", None])
def test_an_answer_of_the_wrong_shape_is_no_answer(body):
    with (
        scripted(lambda asked: Says(body=body)) as server,
        a_broker(server.url) as broker,
        pytest.raises(BrokerUnavailable, match="GET /v2/positions"),
    ):
        broker.positions()


def test_the_rate_budget_is_the_transport_s():
    headers = {"X-RateLimit-Remaining": "3"}
    with (
        scripted(lambda asked: Says(body=[], headers=headers)) as server,
        a_broker(server.url) as broker,
    ):
        broker.positions()
        assert broker.remaining == 3
        assert repr(broker) == f"AlpacaBroker(Transport('{server.url}'))"
