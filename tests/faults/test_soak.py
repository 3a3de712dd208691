"""The long run: its table counts what ran, and says where to go on."""

import json
import time
from pathlib import Path

import pytest

from tests.faults.random_schedules import random_schedule
from tests.faults.result import Result
from tests.faults.soak import Tally, main, soak
from tests.faults.world import run


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
    assert rows["breaks"] == "2"


def test_what_broke_is_run_again_and_counts_as_mended_when_it_holds() -> None:
    tally = Tally(broken={"1: held": [4, 5], "6: naked": [7]})
    tally.look_again(
        draw=random_schedule, run_one=lambda s: a_result("1: held" if s.seed == 5 else None)
    )
    assert (tally.broken, tally.mended) == ({"1: held": [5]}, [4, 7])
    assert [line.split()[-1] for line in tally.table().splitlines()[-2:]] == ["2", "1"]


def test_tallies_are_added_up() -> None:
    one, other, both = Tally(), Tally(), Tally()
    for seed, broken in enumerate((None, "6: naked for 3 s", "6: naked for 4 s")):
        (one if seed < 2 else other).add(seed, a_result(broken))
        both.add(seed, a_result(broken))
    one.join(other)
    assert one == both


def test_a_run_ends_in_time() -> None:
    until = time.monotonic() + 0.1
    tally = soak(range(40, 10**6), until=until, draw=random_schedule, run_one=run)
    assert 1 <= tally.schedules < 10**5


def test_a_run_goes_on_where_the_last_one_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--schedules", "3", "--seed", "3", "--workers", "1"], kept=tmp_path) == 0
    assert capsys.readouterr().out.startswith("fast: seeds 3 to ")
    first = json.loads((tmp_path / "fast.json").read_text())
    assert main(["--schedules", "60", "--workers", "2"], kept=tmp_path) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"fast: seeds {first['next']} to ")
    assert "boundary calls" in printed
    second = json.loads((tmp_path / "fast.json").read_text())
    assert second["schedules"] == second["next"] - 3 > first["schedules"]


def test_the_stack_is_run_by_the_same_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--schedules", "1", "--stack", "--workers", "1"], kept=tmp_path) == 0
    assert capsys.readouterr().out.startswith("stack: seeds 0 to ")
