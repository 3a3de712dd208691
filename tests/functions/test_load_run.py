"""The load run finds what it looks for: a pulse that is lost, doubled, late; and it runs."""

import json
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from benchmarks.load.clock import SlowClock
from benchmarks.load.evidence import SUMMED, faults_of, told
from benchmarks.load.market import Size, brokers
from benchmarks.load.run import run
from benchmarks.load.serving import BrokerReport
from stopward.domain.identity import AccountId, Symbol
from stopward.domain.pulses import Pulse
from stopward.services.dispatch import pulses_of

MINUTE = datetime(2024, 1, 3, 15, 0, tzinfo=UTC)
ACCOUNTS = (AccountId("a"), AccountId("b"))
DUE = pulses_of(ACCOUNTS, MINUTE, pulse_seconds=20)


def a_line(pulse: Pulse, *, ticks: int = 1, age: float = 0.5, **changes: Any) -> dict[str, Any]:
    counts = {**dict.fromkeys(SUMMED, 0), "ticks": ticks, "busy": 1 - ticks}
    return {
        "message": "tick_finished",
        "account_id": pulse.account_id,
        "source": pulse.source,
        "tick_at": pulse.tick_at.isoformat(),
        "age_seconds": age,
        **counts,
        **changes,
    }


def faults(lines: list[dict[str, Any]], folder: Path, *, doubled: int = 0) -> list[str]:
    log = folder / "worker.log"
    log.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    return faults_of(
        told([log], since=MINUTE),
        accounts=ACCOUNTS,
        minutes=[MINUTE],
        pulse_seconds=20,
        doubled=doubled,
    )


def test_each_pulse_once_is_no_fault(tmp_path: Path) -> None:
    assert faults([a_line(pulse) for pulse in DUE], tmp_path) == []


def test_a_message_that_was_doubled_may_tick_again_or_meet_the_first(tmp_path: Path) -> None:
    lines = [a_line(pulse) for pulse in DUE]
    for again in (a_line(DUE[0]), a_line(DUE[0], ticks=0)):
        assert faults([*lines, again], tmp_path, doubled=1) == []
        (said,) = faults([*lines, again], tmp_path)
        assert said.startswith("0 messages were doubled; ")


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([a_line(pulse) for pulse in DUE[1:]], "was lost"),
        ([a_line(DUE[0], ticks=0), *(a_line(pulse) for pulse in DUE[1:])], "was lost"),
        (
            [*(a_line(p) for p in DUE), a_line(DUE[0], account_id="c")],
            "was never due",
        ),
        ([a_line(DUE[0], age=60.5), *(a_line(p) for p in DUE[1:])], "60.5 s after its instant"),
        ([a_line(DUE[0], failures=1), *(a_line(p) for p in DUE[1:])], "survived 1 failures"),
        (
            [*(a_line(p) for p in DUE), {"message": "pulse_failed", "exception": "KeyError"}],
            "failed: KeyError",
        ),
        (
            [*(a_line(p) for p in DUE), a_line(DUE[0], message="pulse_too_old")],
            "1 pulses were refused for their age",
        ),
    ],
    ids=["lost", "busy alone", "never due", "late", "failure", "failed", "too old"],
)
def test_what_went_wrong_is_a_fault(lines: list[dict[str, Any]], says: str, tmp_path: Path) -> None:
    assert any(says in fault for fault in faults(lines, tmp_path))


def test_a_broker_without_a_stop_for_each_share_is_a_fault() -> None:
    report = BrokerReport()
    (broker,) = brokers(Size(accounts=1, positions=10, minutes=1))
    report.add("a", broker)
    # Nobody has guarded it yet: one position has no stop.
    assert report.faults == ["a: BARE: 10, stops 0"]
    broker.hand_cancel(Symbol("FLA"))
    report.add("a", broker)
    assert "a: FLA: 10, stops 0" in report.faults


def test_time_stands_then_runs_as_slowly_as_it_is_told() -> None:
    clock = SlowClock(get_context("spawn"), start=MINUTE)
    assert clock.now() == clock.now() == MINUTE
    clock.go(slower=1e-3)
    clock.sleep_until(MINUTE + timedelta(seconds=10))
    clock.stand(MINUTE)
    assert clock.now() == MINUTE


@pytest.mark.nightly
@pytest.mark.timeout(600)
def test_a_small_fleet_runs_a_minute_without_a_fault() -> None:
    figures, found = run(Size(accounts=4, positions=10, minutes=1), workers=2, slower=0.5)
    assert found == []
    assert figures["pulses_due"] == 24
