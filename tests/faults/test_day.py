"""A session with every fault on: nothing breaks, and the report says what it came to."""

import pytest

from tests.faults.day import Report, main, run_day
from tests.faults.day_schedule import MINUTES, POSITIONS, day_schedule
from tests.faults.random_schedules import FAULTS
from tests.faults.result import Result


def a_report(*latencies: float) -> Report:
    return Report(
        result=Result(
            broken=None,
            lines=(),
            applied={"slow": 2, "hand": 3},
            calls=30,
            ticks=4,
            calls_of={},
            unprotected_seconds=1.5,
            failures=(),
        ),
        positions=2,
        trades=1,
        decisions=8,
        actions={("arm", "filled"): 1},
        latencies=latencies,
        unrested=0,
        left_alone=0,
        naked_before=20.0,
        naked_after=(0.5, 1.0),
    )


def test_an_hour_of_faults_breaks_nothing_and_stops_come_to_rest() -> None:
    report = run_day(3, minutes=60)
    assert report.result.broken is None
    assert report.positions > POSITIONS
    assert len(report.latencies) > POSITIONS
    assert report.decisions > 1_000
    # No share that a pulse has seen waits longer than the pulse after the next for its stop.
    assert max(report.naked_after) < 60


@pytest.mark.nightly
def test_a_day_of_faults_meets_every_kind_and_breaks_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--seed", "1"]) == 0
    printed = capsys.readouterr().out
    for kind in {*FAULTS, "hand"}:
        assert f"faults: {kind} " in printed


def test_a_day_is_390_minutes_of_three_pulses_for_both_functions() -> None:
    wakes = day_schedule(0).wakes
    assert len(wakes) == (MINUTES - 1) * 3 * 2
    assert len({wake.number for wake in wakes}) == len(wakes)
    assert {wake.seconds % 60 for wake in wakes} == {0.0, 20.0, 40.0}


def test_the_report_says_how_long_a_stop_took_at_most() -> None:
    report = a_report(*(float(n) for n in range(1, 101)))
    assert report.quantile(0.5) == pytest.approx(50.5)
    assert report.quantile(0.99) == pytest.approx(99.01)
    assert report.quantile(1.0) == 100.0
    said = dict(report.lines())
    assert said["pulse to resting stop, most"] == "100.00 s"
    assert said["unprotected since, in all"] == "1.5 s"
    assert said["faults: slow"] == "2"


def test_a_report_without_a_stop_says_so() -> None:
    assert dict(a_report().lines())["pulse to resting stop, p99"] == "nan s"
