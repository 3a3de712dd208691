"""The system's clock, and the simulated one over HTTP."""

import time
from datetime import UTC, datetime, timedelta, timezone

import pytest

from stopward.adapters.clocks import RemoteClock, SystemClock
from stopward.errors import Unavailable
from tests.builders.http import Says, in_turn, scripted

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def test_the_system_clock_is_aware_and_in_utc():
    before = time.time_ns()
    now = SystemClock().now()
    assert now.tzinfo is UTC
    assert before - 1e6 <= now.timestamp() * 1e9 <= time.time_ns() + 1e6


def test_the_system_clock_sleeps_until_the_moment_and_no_longer_than_needed():
    clock = SystemClock()
    moment = clock.now() + timedelta(milliseconds=5)
    clock.sleep_until(moment)
    assert moment <= clock.now() < moment + timedelta(seconds=1)


def test_the_system_clock_does_not_sleep_for_the_past():
    clock = SystemClock()
    start = clock.now()
    clock.sleep_until(start - timedelta(hours=1))
    assert clock.now() - start < timedelta(seconds=0.5)


def test_simulated_time_is_read_in_utc():
    answer = Says(body={"now": "2026-03-02T07:00:00-05:00"})
    with scripted(lambda asked: answer) as server:
        clock = RemoteClock(f"{server.url}/monitor/")
        assert clock.now() == NOON
        assert clock.now().tzinfo is UTC
        assert server.asked[0].path == "/monitor/time"
        clock.close()


def test_a_wait_names_the_moment_in_utc_and_the_holder():
    with scripted(lambda asked: Says(body={"now": NOON.isoformat()})) as server:
        clock = RemoteClock(server.url, name="monitor")
        clock.sleep_until(NOON.astimezone(timezone(timedelta(hours=-5))))
        (asked,) = server.asked
        assert (asked.method, asked.path) == ("POST", "/wait")
        assert asked.json == {"until": "2026-03-02T12:00:00+00:00", "name": "monitor"}
        clock.close()


@pytest.mark.parametrize(
    ("says", "told"),
    [
        (Says(lost=True), "keeps no time any more"),
        (Says(status=409, body={"message": "the wait was abandoned"}), "409"),
        (Says(status=500, body=b"oops"), "500 and no time"),
        (Says(body={"now": None}), "no time"),
        (Says(body=[1]), "no time"),
        (Says(body={"now": "2026-03-02T12:00:00"}), "200 and the time 2026-03-02 12:00:00"),
        (Says(status=503, body={"now": "2026-03-02T12:00:00Z"}), "503"),
        (Says(body={"now": "2026-03-02T11:59:59Z"}), "before 2026-03-02 12:00:00"),
    ],
)
def test_a_host_without_usable_time_is_unavailable(says, told):
    with scripted(in_turn(says)) as server:
        clock = RemoteClock(server.url)
        with pytest.raises(Unavailable, match=told):
            clock.sleep_until(NOON)
        clock.close()


def test_a_host_that_is_gone_is_unavailable():
    with scripted(lambda asked: Says()) as server:
        url = server.url
    with pytest.raises(Unavailable, match="keeps no time"):
        RemoteClock(url).now()
