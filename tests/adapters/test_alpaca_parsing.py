"""What the adapter makes of Alpaca's JSON: right, odd and broken."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopward.adapters.alpaca import wire
from stopward.adapters.alpaca.parse import Row, decimal_of, moment_of
from stopward.domain.orders import BrokerOrder, BrokerPosition
from stopward.errors import BrokerUnavailable
from tests.builders.alpaca import a_request, fill_json, order_json, position_json

D = Decimal
GONE = object()


def changed(base, changes):
    merged = base | changes
    return {name: value for name, value in merged.items() if value is not GONE}


def test_an_order_is_read_whole():
    read = wire.order(Row(order_json(), "order"))
    assert read == BrokerOrder(
        id="61e69015-8549-4bfd-b9c3-01e75843f47d",
        client_order_id="sw-arm-1-abc",
        symbol="AAPL",
        side="sell",
        kind="stop",
        status="new",
        quantity=D(10),
        filled_quantity=D(0),
        filled_price=None,
        stop_price=D("98.5"),
        limit_price=None,
        time_in_force="day",
        extended_hours=False,
        group="simple",
        parent=None,
        replaces=None,
        replaced_by=None,
        submitted_at=datetime(2026, 3, 2, 14, 35, 0, 123456, tzinfo=UTC),
        updated_at=datetime(2026, 3, 2, 14, 35, 1, tzinfo=UTC),
    )


@pytest.mark.parametrize(
    ("changes", "field", "expected"),
    [
        ({"status": "a_status_of_next_year"}, "status", "a_status_of_next_year"),
        ({"type": "iceberg"}, "kind", "iceberg"),
        ({"type": GONE, "order_type": "stop_limit"}, "kind", "stop_limit"),
        ({"qty": 10}, "quantity", D(10)),
        ({"qty": D("0.5")}, "quantity", D("0.5")),
        ({"qty": "0.123456789"}, "quantity", D("0.123456789")),
        ({"qty": None, "notional": "100", "filled_qty": "1.5"}, "quantity", D("1.5")),
        ({"filled_qty": GONE}, "filled_quantity", D(0)),
        ({"filled_avg_price": "98.123456"}, "filled_price", D("98.123456")),
        ({"stop_price": ""}, "stop_price", None),
        ({"order_class": "bracket"}, "group", "bracket"),
        ({"order_class": GONE}, "group", "simple"),
        ({"extended_hours": None}, "extended_hours", False),
        ({"replaced_by": "b"}, "replaced_by", "b"),
        ({"client_order_id": None}, "client_order_id", ""),
        ({"side": "sell_short"}, "side", "sell"),
        ({"submitted_at": None}, "submitted_at", None),
        (
            {"submitted_at": "2026-03-02T09:35:00-05:00"},
            "submitted_at",
            datetime(2026, 3, 2, 14, 35, tzinfo=UTC),
        ),
    ],
)
def test_an_order_s_odd_fields_are_tolerated(changes, field, expected):
    read = wire.order(Row(changed(order_json(), changes), "order"))
    assert getattr(read, field) == expected


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"id": GONE}, "order.id: was None, expected text"),
        ({"id": 17}, "order.id: was 17"),
        ({"symbol": ""}, "order.symbol"),
        ({"side": "hold"}, "order.side: was 'hold', expected buy or sell"),
        ({"status": None}, "order.status"),
        ({"qty": "ten"}, "order.qty: was 'ten', expected a decimal"),
        ({"qty": "NaN"}, "order.qty: was 'NaN', expected a finite"),
        ({"qty": "Infinity"}, "order.qty"),
        ({"qty": True}, "order.qty: was True"),
        ({"qty": 1.5}, "order.qty: was 1.5"),
        ({"qty": ["1"]}, "order.qty"),
        ({"stop_price": {}}, "order.stop_price"),
        ({"stop_price": "98,5"}, "order.stop_price"),
        (
            {"submitted_at": "2026-03-02T14:35:00"},
            "order.submitted_at: .* expected a time with its",
        ),
        ({"submitted_at": "yesterday"}, "order.submitted_at"),
        ({"submitted_at": 1772461200}, "order.submitted_at"),
        ({"extended_hours": "yes"}, "order.extended_hours"),
        ({"type": None, "order_type": None}, "order.order_type"),
    ],
)
def test_an_order_s_broken_fields_are_named(changes, told):
    with pytest.raises(BrokerUnavailable, match=told):
        wire.order(Row(changed(order_json(), changes), "order"))


def test_a_long_value_is_cut_in_the_message():
    with pytest.raises(BrokerUnavailable) as caught:
        decimal_of("9" * 500 + "x", "qty")
    assert len(str(caught.value)) < 120


@pytest.mark.parametrize("value", [None, [], "text", 3])
def test_what_is_no_object_is_named(value):
    with pytest.raises(BrokerUnavailable, match="expected an object"):
        Row(value, "order")


def test_legs_come_flat_with_their_parent():
    leg = order_json(id="stop", order_class="bracket", status="held", legs=None)
    target = order_json(id="target", order_class="bracket", type="limit")
    entry = order_json(id="entry", side="buy", order_class="bracket", legs=[target, leg])
    read = tuple(wire.order_tree(Row(entry, "order")))
    assert [(o.id, o.parent, o.group) for o in read] == [
        ("entry", None, "bracket"),
        ("target", "entry", "bracket"),
        ("stop", "entry", "bracket"),
    ]
    assert read[2].is_working


@pytest.mark.parametrize(
    "changes", [{"order_class": "mleg", "symbol": "", "side": ""}, {"asset_class": "crypto"}]
)
def test_options_and_crypto_orders_are_left_out(changes):
    assert tuple(wire.order_tree(Row(order_json(**changes), "order"))) == ()


def test_positions_are_read_with_positive_quantities():
    value = [
        position_json(),
        position_json(symbol="TSLA", qty="-2.5", qty_available="-1.5", side="short"),
        position_json(symbol="F", qty="-3", qty_available=None, side=None, current_price=None),
        position_json(symbol="GONE", qty="0"),
        position_json(symbol="BTCUSD", asset_class="crypto"),
        position_json(symbol="BRK.B", asset_class=None),
    ]
    read, unreadable = wire.positions(value, "positions")
    assert unreadable == ()
    assert [(p.symbol, p.side, p.quantity, p.available) for p in read] == [
        ("AAPL", "long", D(10), D(0)),
        ("TSLA", "short", D("2.5"), D("1.5")),
        ("F", "short", D(3), None),
        ("BRK.B", "long", D(10), D(0)),
    ]
    assert read[0] == BrokerPosition(
        symbol="AAPL",
        side="long",
        quantity=D(10),
        available=D(0),
        average_entry=D("100.25"),
        current_price=D("101.2"),
    )


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"qty": "-5", "side": "long"}, r"positions\[0\].side: was 'long', expected .*agreeing"),
        ({"side": "flat"}, r"positions\[0\].side"),
        ({"qty": None}, r"positions\[0\].qty"),
        ({"avg_entry_price": "NaN"}, r"positions\[0\].avg_entry_price"),
        ({"symbol": None}, r"positions\[0\].symbol"),
    ],
)
def test_a_position_that_contradicts_itself_is_no_answer(changes, told):
    with pytest.raises(BrokerUnavailable, match=told):
        wire.positions([position_json(**changes)], "positions")


@pytest.mark.parametrize(
    "changes", [{"qty": None}, {"side": "flat"}, {"avg_entry_price": "a lot"}, {"qty": "-1"}]
)
def test_a_row_that_cannot_be_read_costs_only_its_own_symbol(changes):
    value = [position_json(symbol="BAD", **changes), position_json(symbol="GOOD")]
    read, unreadable = wire.positions(value, "positions")
    assert ([held.symbol for held in read], unreadable) == (["GOOD"], ("BAD",))


@pytest.mark.parametrize(
    "row", [position_json(symbol=None), position_json(symbol=7), "half a row", None]
)
def test_a_row_whose_symbol_cannot_be_read_is_no_answer(row):
    with pytest.raises(BrokerUnavailable, match=r"positions\[1\]"):
        wire.positions([position_json(), row], "positions")


def test_an_average_entry_that_the_broker_does_not_know_is_zero_and_the_shares_are_there():
    (held,), unreadable = wire.positions([position_json(avg_entry_price=None)], "positions")
    assert (held.quantity, held.average_entry, unreadable) == (D(10), D(0), ())


def test_an_account_needs_its_number_and_nothing_else():
    read = wire.account({"account_number": "PA123"}, "account")
    assert (read.number, read.equity, read.trading_blocked, read.shorting_enabled) == (
        "PA123",
        None,
        False,
        None,
    )
    with pytest.raises(BrokerUnavailable, match=r"account\.account_number"):
        wire.account({"equity": "1"}, "account")


def test_an_account_blocked_in_either_way_is_blocked():
    assert wire.account({"account_number": "1", "account_blocked": True}, "a").trading_blocked


def test_a_fill_is_read():
    read = wire.fill(Row(fill_json(side="sell_short"), "fill"))
    assert (read.side, read.quantity, read.price) == ("sell", D(4), D("98.48"))
    assert read.at == datetime(2026, 3, 2, 14, 36, 0, 500000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [
        ({"date": "2026-03-06", "open": "09:30", "close": "16:00"}, "14:30", "21:00"),
        ({"date": "2026-03-09", "open": "09:30", "close": "16:00"}, "13:30", "20:00"),
        ({"date": "2025-11-28", "open": "09:30", "close": "13:00"}, "14:30", "18:00"),
    ],
)
def test_sessions_become_utc_across_summer_time_and_half_days(day, opens, closes):
    (session,) = wire.sessions([day], "calendar")
    assert (f"{session.opens_at:%H:%M}", f"{session.closes_at:%H:%M}") == (opens, closes)
    assert session.day == day["date"]


def test_a_session_without_a_time_is_named():
    with pytest.raises(BrokerUnavailable, match=r"calendar\[0\].close: was '4pm'"):
        wire.sessions([{"date": "2026-03-06", "open": "09:30", "close": "4pm"}], "calendar")


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (D(100), "100"),
        (D("1E+3"), "1000"),
        (D("98.50"), "98.5"),
        (D("0.000000001"), "0.000000001"),
        (D("1E-7"), "0.0000001"),
    ],
)
def test_numbers_go_out_without_exponents(number, text):
    assert wire.plain(number) == text


def test_a_submission_names_its_intent_and_leaves_out_what_is_absent():
    assert wire.submission(a_request()) == {
        "client_order_id": "sw-arm-1-abc",
        "symbol": "AAPL",
        "qty": "10",
        "side": "sell",
        "type": "stop",
        "time_in_force": "day",
        "position_intent": "sell_to_close",
        "stop_price": "98.5",
    }
    late = a_request(
        side="buy", kind="limit", stop_price=None, limit_price=D(99), extended_hours=True
    )
    body = wire.submission(late)
    assert (body["limit_price"], body["extended_hours"]) == ("99", True)
    assert body["position_intent"] == "buy_to_close"
    assert "stop_price" not in body


@given(
    number=st.decimals(
        allow_nan=False, allow_infinity=False, places=9, min_value=0, max_value=10**9
    )
)
def test_a_number_survives_the_way_out_and_in(number):
    assert decimal_of(wire.plain(number), "n") == number


@given(
    value=st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.decimals()
    | st.lists(st.integers(), max_size=2)
    | st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
    name=st.sampled_from(sorted(order_json())),
)
def test_whatever_a_field_holds_an_order_is_read_or_refused(value, name):
    complaint = None
    try:
        read = wire.order(Row(order_json() | {name: value}, "order"))
    except BrokerUnavailable as error:
        complaint = str(error)
    if complaint is None:
        assert read.quantity.is_finite()
    else:
        assert f"order.{name}: was" in complaint


@given(text=st.text())
def test_whatever_a_time_says_it_is_read_aware_or_refused(text):
    try:
        moment = moment_of(text, "t")
    except BrokerUnavailable:
        moment = None
    assert moment is None or moment.utcoffset().total_seconds() == 0


def test_a_time_at_the_end_of_time_is_refused():
    with pytest.raises(BrokerUnavailable, match="t: was '9999"):
        moment_of("9999-12-31T23:59:59-12:00", "t")
