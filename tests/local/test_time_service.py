"""Simulated time: it moves only while nobody runs, one wake-up at a time."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import urllib3

from stopward.errors import InvalidState
from stopward.local.time_service import Timeline, TimeService, Wake, serving

OPEN = datetime(2013, 9, 3, 13, 30, tzinfo=UTC)
PATIENCE_SECONDS = 5.0


def seconds(count: float) -> datetime:
    return OPEN + timedelta(seconds=count)


@pytest.fixture
def timeline() -> Iterator[Timeline]:
    line = Timeline(start=OPEN)
    yield line
    line.close()


@pytest.fixture
def threads() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(max_workers=4) as pool:
        yield pool


@pytest.fixture
def http() -> Iterator[urllib3.PoolManager]:
    with urllib3.PoolManager(timeout=PATIENCE_SECONDS, retries=False) as pool:
        yield pool


@pytest.fixture
def service(timeline: Timeline) -> Iterator[TimeService]:
    with serving(timeline) as running:
        yield running


def waiting(
    timeline: Timeline, threads: ThreadPoolExecutor, name: str, until: datetime
) -> Future[datetime]:
    timeline.begin(name)
    future = threads.submit(timeline.wait, name, until=until)
    assert timeline.settle(timeout_seconds=PATIENCE_SECONDS) == ()
    return future


def test_a_wait_ends_at_its_moment_and_not_before(
    timeline: Timeline, threads: ThreadPoolExecutor
) -> None:
    future = waiting(timeline, threads, "monitor", seconds(20))
    timeline.advance(seconds(19))
    with pytest.raises(InvalidState, match="does not wait"):
        timeline.wake("monitor")
    assert not future.done()
    timeline.advance(seconds(20))
    timeline.wake("monitor")
    assert future.result(timeout=PATIENCE_SECONDS) == seconds(20)


def test_a_wait_for_the_past_returns_at_once(timeline: Timeline) -> None:
    assert timeline.wait("nobody", until=OPEN) == OPEN


def test_the_earliest_wake_up_is_next_and_ties_go_by_name(
    timeline: Timeline, threads: ThreadPoolExecutor
) -> None:
    waiting(timeline, threads, "z", seconds(10))
    waiting(timeline, threads, "b", seconds(20))
    waiting(timeline, threads, "a", seconds(20))
    order = []
    while (wake := timeline.next_wake()) is not None:
        order.append(wake)
        timeline.advance(wake.at)
        timeline.wake(wake.name)
        timeline.end(wake.name)
    assert order == [Wake(seconds(10), "z"), Wake(seconds(20), "a"), Wake(seconds(20), "b")]


def test_time_stands_still_while_somebody_runs(timeline: Timeline) -> None:
    timeline.begin("monitor")
    assert timeline.settle(timeout_seconds=0.01) == ("monitor",)
    with pytest.raises(InvalidState, match=r"cannot move while \['monitor'\] run"):
        timeline.advance(seconds(1))
    timeline.end("monitor")
    timeline.advance(seconds(1))
    assert timeline.now == seconds(1)


def test_time_never_goes_back(timeline: Timeline) -> None:
    timeline.advance(seconds(5))
    with pytest.raises(InvalidState, match="cannot go back"):
        timeline.advance(seconds(4))


def test_one_runner_is_one_at_a_time(timeline: Timeline) -> None:
    timeline.begin("monitor")
    with pytest.raises(InvalidState, match="runs already"):
        timeline.begin("monitor")


def test_the_wait_of_a_killed_runner_is_abandoned(
    timeline: Timeline, threads: ThreadPoolExecutor
) -> None:
    future = waiting(timeline, threads, "monitor", seconds(20))
    timeline.end("monitor")
    with pytest.raises(InvalidState, match="abandoned"):
        future.result(timeout=PATIENCE_SECONDS)
    assert timeline.next_wake() is None


def test_closing_the_line_abandons_every_wait(
    timeline: Timeline, threads: ThreadPoolExecutor
) -> None:
    future = waiting(timeline, threads, "monitor", seconds(20))
    timeline.close()
    with pytest.raises(InvalidState):
        future.result(timeout=PATIENCE_SECONDS)


def test_the_service_tells_the_simulated_time(
    service: TimeService, http: urllib3.PoolManager
) -> None:
    answer = http.request("GET", f"{service.url}/time")
    assert (answer.status, answer.json()) == (200, {"now": "2013-09-03T13:30:00+00:00"})


def test_a_runner_waits_over_its_own_url(
    service: TimeService,
    timeline: Timeline,
    threads: ThreadPoolExecutor,
    http: urllib3.PoolManager,
) -> None:
    timeline.begin("monitor")
    future = threads.submit(
        http.request,
        "POST",
        f"{service.url_for('monitor')}/wait",
        json={"until": seconds(20).isoformat(), "name": "somebody-else"},
    )
    assert timeline.settle(timeout_seconds=PATIENCE_SECONDS) == ()
    assert timeline.next_wake() == Wake(seconds(20), "monitor")
    timeline.advance(seconds(20))
    timeline.wake("monitor")
    answer = future.result(timeout=PATIENCE_SECONDS)
    assert (answer.status, answer.json()) == (200, {"now": seconds(20).isoformat()})


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (b"no json", 400, "expected until and name"),
        (b'{"name": "x"}', 400, "until"),
        (b'{"until": "2013-09-03T13:31:00", "name": "x"}', 400, "without an offset"),
        (b'{"until": "2013-09-03T13:31:00Z", "name": "x"}', 409, "no running invocation"),
    ],
)
def test_a_wait_that_makes_no_sense_is_refused(
    service: TimeService, http: urllib3.PoolManager, body: bytes, status: int, said: str
) -> None:
    answer = http.request("POST", f"{service.url}/wait", body=body)
    assert answer.status == status
    assert said in answer.json()["message"]


def test_an_unknown_path_is_not_found(service: TimeService, http: urllib3.PoolManager) -> None:
    assert http.request("GET", f"{service.url}/tomorrow").status == 404
