"""The long run: its table counts what ran, and says where to go on."""

import time

import pytest

from tests.faults.soak import Tally, main, soak
from tests.faults.world import Result


def a_result(broken: str | None) -> Result:
    return Result(
        broken=broken,
        lines=(),
        applied={"slow": 2},
        calls=30,
        ticks=4,
        calls_of={},
        unprotected_seconds=1.5,
        failures=(),
    )


def test_the_table_counts_schedules_faults_and_what_broke() -> None:
    tally = Tally()
    tally.add(0, a_result(None))
    tally.add(1, a_result("6: AAPL is 7 at the broker and 0 in the store"))
    tally.add(2, a_result("6: AAPL is 12.5 at the broker and 0 in the store"))
    assert tally.broken == {"6: AAPL is # at the broker and # in the store": [1, 2]}
    rows = {line[:24].strip(): line[24:].strip() for line in tally.table().splitlines()}
    assert rows["schedules"] == "3"
    assert rows["fault: slow"] == "6"
    assert rows["schedules that broke"] == "2"


def test_a_run_ends_in_time_and_names_the_seed_to_go_on_with() -> None:
    tally, following = soak(iter(range(40, 10**6)), until=time.monotonic() + 0.1)
    assert tally.schedules >= 1
    assert following == 40 + tally.schedules


def test_the_command_prints_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--minutes", "0.002", "--seed", "3"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("seeds 3 to ")
    assert "boundary calls" in printed
