"""The transport: patience with reads, one try for writes, no secrets anywhere."""

import logging
import traceback
from datetime import UTC, datetime, timedelta

import pytest

from stopward.adapters.alpaca import Keys, Patience, Transport
from stopward.adapters.alpaca.rate import read_window
from stopward.adapters.alpaca.transport import NotSent
from stopward.errors import BrokerRejected, BrokerUnavailable, InvalidInput, RateLimited
from tests.builders.alpaca import KEYS, a_transport
from tests.builders.http import Says, in_turn, scripted
from tests.builders.manual_clock import ManualClock

PATH = "/v2/account"
IMPATIENT = Patience(connect_seconds=0.05, read_seconds=0.05)


def read_json(answer):
    return answer.json()


@pytest.mark.parametrize(
    "hiccup",
    [
        Says(status=500),
        Says(status=503, body=b"<html>upstream</html>"),
        Says(status=504),
        Says(status=429),
        Says(lost=True),
        Says(cut=3, body={"status": "ACTIVE"}),
        Says(body=b'{"status": "ACT'),
        Says(body=b""),
        Says(body=b'{"equity": NaN}'),
        Says(body=b"\xff\xfe"),
    ],
)
def test_a_read_survives_one_hiccup(hiccup):
    clock = ManualClock()
    with (
        scripted(in_turn(hiccup, Says(body={"ok": 1}))) as server,
        a_transport(server.url, clock=clock) as transport,
    ):
        assert transport.get(PATH, read=read_json) == {"ok": 1}
        assert len(server.asked) == 2
        assert len(clock.slept) == 1


def test_a_read_that_gets_no_answer_in_time_is_repeated_and_then_given_up():
    with (
        scripted(lambda asked: Says(silent=True)) as server,
        a_transport(server.url, patience=Patience(read_seconds=0.02, attempts=2)) as transport,
    ):
        with pytest.raises(BrokerUnavailable, match=r"GET /v2/account: no answer .*2 attempts"):
            transport.get(PATH, read=read_json)
        assert len(server.asked) == 2


def test_pauses_double_up_to_their_limit_and_attempts_are_counted():
    clock = ManualClock()
    patience = Patience(attempts=6, backoff_seconds=0.25, backoff_limit_seconds=2)
    with (
        scripted(lambda asked: Says(status=502)) as server,
        a_transport(server.url, clock=clock, patience=patience) as transport,
    ):
        with pytest.raises(BrokerUnavailable, match=r"answered with 502 .6 attempts"):
            transport.get(PATH, read=read_json)
        assert clock.slept == [0.25, 0.5, 1, 2, 2]


def test_the_deadline_ends_a_read_before_its_attempts_do():
    clock = ManualClock()
    patience = Patience(attempts=50, total_seconds=3)
    with (
        scripted(lambda asked: Says(status=500)) as server,
        a_transport(server.url, clock=clock, patience=patience) as transport,
    ):
        with pytest.raises(BrokerUnavailable, match="4 attempts"):
            transport.get(PATH, read=read_json)
        assert sum(clock.slept) <= 3


@pytest.mark.parametrize(
    ("headers", "pause"),
    [
        ({"Retry-After": "3"}, 3),
        ({"X-RateLimit-Reset": "{reset}"}, 7),
        ({"X-RateLimit-Reset": "{reset}", "Retry-After": "2"}, 2),
        ({"X-RateLimit-Reset": "1"}, 0.25),
        ({"X-RateLimit-Reset": "soon"}, 2),
        ({}, 2),
    ],
)
def test_a_429_waits_as_long_as_the_broker_says(headers, pause):
    clock = ManualClock()
    reset = str(int((clock.now() + timedelta(seconds=7)).timestamp()))
    said = {name: value.format(reset=reset) for name, value in headers.items()}
    answers = in_turn(Says(status=429, headers=said), Says())
    with scripted(answers) as server, a_transport(server.url, clock=clock) as transport:
        transport.get(PATH, read=read_json)
        assert clock.slept == [pause]


def test_a_429_that_outlasts_the_deadline_says_when_to_come_back():
    clock = ManualClock()
    with (
        scripted(lambda asked: Says(status=429, headers={"Retry-After": "40"})) as server,
        a_transport(server.url, clock=clock) as transport,
    ):
        with pytest.raises(RateLimited) as caught:
            transport.get(PATH, read=read_json)
        assert caught.value.retry_after_seconds == 40
        assert clock.slept == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422, 302])
def test_a_refused_read_is_never_repeated(status):
    body = {"code": 40110000, "message": "request is not authorized"}
    with (
        scripted(lambda asked: Says(status=status, body=body)) as server,
        a_transport(server.url) as transport,
    ):
        with pytest.raises(BrokerRejected, match="request is not authorized") as caught:
            transport.get(PATH, read=read_json)
        assert (caught.value.status, caught.value.code) == (status, 40110000)
        assert len(server.asked) == 1


def test_the_shares_held_are_part_of_a_refusal_s_message():
    body = {
        "code": 40310000,
        "message": "insufficient qty",
        "available": "0",
        "held_for_orders": "10",
    }
    with (
        scripted(lambda asked: Says(status=403, body=body)) as server,
        a_transport(server.url) as transport,
        pytest.raises(BrokerRejected, match="available 0; held_for_orders 10"),
    ):
        transport.get(PATH, read=read_json)


@pytest.mark.parametrize(
    "body", [b"<html>Forbidden</html>", b"", b"[1]", b'"no"', b'{"code": "x"}']
)
def test_a_refusal_without_a_code_has_code_zero(body):
    with (
        scripted(lambda asked: Says(status=403, body=body)) as server,
        a_transport(server.url) as transport,
    ):
        with pytest.raises(BrokerRejected) as caught:
            transport.get(PATH, read=read_json)
        assert caught.value.code == 0


@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize("fault", [Says(lost=True), Says(silent=True), Says(cut=2)])
def test_a_write_whose_answer_is_lost_is_sent_once(method, fault):
    with (
        scripted(lambda asked: fault) as server,
        a_transport(server.url, patience=IMPATIENT) as transport,
    ):
        with pytest.raises(BrokerUnavailable, match=f"{method} /v2/orders: no answer"):
            transport.send(method, "/v2/orders", body={"qty": "1"})
        assert len(server.asked) == 1


@pytest.mark.parametrize("status", [200, 422, 429, 500, 504])
def test_a_write_s_answer_comes_back_whatever_its_status(status):
    with (
        scripted(lambda asked: Says(status=status)) as server,
        a_transport(server.url) as transport,
    ):
        assert transport.send("POST", "/v2/orders", body={}).status == status
        assert len(server.asked) == 1


def test_without_a_connection_a_write_was_not_sent():
    with scripted(lambda asked: Says()) as server:
        url = server.url
    with a_transport(url) as transport, pytest.raises(NotSent, match="no connection"):
        transport.send("POST", "/v2/orders", body={})


def test_a_delete_is_repeated():
    with (
        scripted(in_turn(Says(status=500), Says(lost=True), Says(status=204))) as server,
        a_transport(server.url) as transport,
    ):
        transport.delete("/v2/orders/1")
        assert server.count("DELETE") == 3


def test_every_request_carries_the_keys_in_headers_and_nowhere_else():
    with scripted(lambda asked: Says()) as server, a_transport(server.url) as transport:
        transport.get(PATH, query={"a": "b c&d", "symbols": "BRK.B,X-Y"}, read=read_json)
        (asked,) = server.asked
        assert asked.headers["APCA-API-KEY-ID"] == KEYS.key_id
        assert asked.headers["APCA-API-SECRET-KEY"] == KEYS.secret
        assert asked.query == {"a": "b c&d", "symbols": "BRK.B,X-Y"}
        assert KEYS.secret.encode() not in asked.body


def test_the_rate_budget_follows_the_headers_and_refills_with_the_window():
    clock = ManualClock()
    reset = int(clock.now().timestamp()) + 30
    headers = {
        "X-RateLimit-Limit": "200",
        "X-RateLimit-Remaining": "17",
        "X-RateLimit-Reset": str(reset),
    }
    with (
        scripted(in_turn(Says(headers=headers), Says())) as server,
        a_transport(server.url, clock=clock) as transport,
    ):
        assert transport.remaining is None
        transport.get(PATH, read=read_json)
        assert transport.remaining == 17
        transport.get(PATH, read=read_json)
        assert transport.remaining == 17
        clock.present += timedelta(seconds=30)
        assert transport.remaining == 200


def test_a_wait_of_years_is_a_clock_that_disagrees():
    window = read_window({"X-RateLimit-Reset": "4102444800"})
    assert window.wait_seconds(datetime(2026, 3, 2, tzinfo=UTC)) == 120


@pytest.mark.parametrize(
    "url",
    ["http://paper-api.alpaca.markets", "ftp://x", "paper-api.alpaca.markets", "https://", ""],
)
def test_keys_are_never_given_to_a_url_without_tls(url):
    with pytest.raises(InvalidInput, match="broker URL"):
        Transport(url, keys=KEYS, clock=ManualClock())


def test_redirects_are_not_followed_with_the_keys():
    with scripted(lambda asked: Says()) as elsewhere:
        away = Says(status=307, headers={"Location": f"{elsewhere.url}/v2/account"})
        with (
            scripted(lambda asked: away) as server,
            a_transport(server.url) as transport,
            pytest.raises(BrokerRejected),
        ):
            transport.get(PATH, read=read_json)
        assert (len(server.asked), elsewhere.asked) == (1, [])


@pytest.mark.parametrize(
    "says",
    [
        Says(status=401, body={"message": f"bad key {KEYS.key_id} / {KEYS.secret}"}),
        Says(status=403, body=f"you sent {KEYS.secret}".encode()),
        Says(status=500, body={"message": KEYS.secret}),
        Says(status=429, body={"message": KEYS.secret}),
        Says(lost=True),
        Says(body=b"[" + KEYS.secret.encode()),
    ],
)
def test_no_secret_shows_in_logs_errors_or_reprs(says, caplog):
    caplog.set_level(logging.DEBUG)
    with (
        scripted(lambda asked: says) as server,
        a_transport(server.url) as transport,
        pytest.raises((BrokerRejected, BrokerUnavailable)) as caught,
    ):
        transport.get(PATH, read=read_json)
    told = "".join(traceback.format_exception(caught.value))
    shown = f"{told}{caplog.text}{transport!r}{KEYS!r}{KEYS!s}"
    assert KEYS.secret not in shown
    assert KEYS.key_id not in shown
    assert "/v2/account" in told


def test_keys_hide_themselves_even_when_one_half_is_empty():
    assert Keys(key_id="", secret="s3cret").scrub("a s3cret b") == "a *** b"
