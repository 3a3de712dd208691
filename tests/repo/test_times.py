"""What a run took is told by file, kept whole, and held against a budget that decides nothing."""

import json
from pathlib import Path

import pytest

from tests.times import BUDGET, Budget, Times, cpu_seconds, read_budget

ROOT = Path(__file__).resolve().parents[2]


class Terminal:
    """Hears what would be printed, and which lines in yellow."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.warned: list[str] = []

    def section(self, title: str) -> None:
        self.lines.append(title)

    def line(self, text: str, *, yellow: bool = False) -> None:
        (self.warned if yellow else self.lines).append(text)


def a_report(file: str, *, when: str = "call", seconds: float = 1.0) -> pytest.TestReport:
    return pytest.TestReport(
        nodeid=f"{file}::test_one[a::b]", location=(file, 0, "test_one"), keywords={},
        outcome="passed", longrepr=None, when=when, duration=seconds, cpu_seconds=seconds / 4,
    )  # fmt: skip


def told(times: Times) -> Terminal:
    terminal = Terminal()
    times.pytest_terminal_summary(terminal)  # type: ignore[arg-type]
    return terminal


def test_every_file_of_the_budget_is_there() -> None:
    found = read_budget(BUDGET)
    assert [name for name in found.files if not (ROOT / name).is_file()] == []
    assert min(found.files.values()) > found.others > 0, "name only what may take longer"


def test_the_longest_are_told_and_all_are_kept(tmp_path: Path) -> None:
    kept = tmp_path / "made" / "times.json"
    times = Times(kept, Budget(files={}, others=1_000))
    for number in range(12):
        for when in ("setup", "call", "teardown"):
            times.pytest_runtest_logreport(a_report(f"f{number}", when=when, seconds=number))
    terminal = told(times)
    assert "10 longest of 12" in terminal.lines[0]
    assert [line.split()[-1] for line in terminal.lines[1:]] == [f"f{n}" for n in range(11, 1, -1)]
    first, *_, last = json.loads(kept.read_text())
    assert first == {"file": "f11", "tests": 1, "seconds": 33.0, "cpu_seconds": 8.25}
    assert last["file"] == "f0"


def test_a_file_over_its_budget_is_named_and_others_are_not(tmp_path: Path) -> None:
    times = Times(tmp_path / "times.json", Budget(files={"long": 60, "longer": 60}, others=15))
    for file, seconds in {"long": 60, "longer": 61, "short": 15, "new": 16}.items():
        times.pytest_runtest_logreport(a_report(file, seconds=seconds))
    for number in range(10):
        times.pytest_runtest_logreport(a_report(f"f{number}"))
    longer, new = told(times).warned
    assert longer.startswith("longer took 61 s, allowed 60 s")
    assert new.startswith("new took 16 s, allowed 15 s")


def test_a_run_of_few_files_says_nothing(tmp_path: Path) -> None:
    times = Times(tmp_path / "times.json", Budget(files={}, others=0.5))
    times.pytest_runtest_logreport(a_report("f"))
    assert told(times).lines == []
    assert not (tmp_path / "times.json").exists()


def test_this_run_is_measured(request: pytest.FixtureRequest) -> None:
    measuring = request.config.pluginmanager.get_plugin("times")
    assert isinstance(measuring, Times)
    making = measuring.pytest_runtest_makereport()
    next(making)
    before = cpu_seconds()
    sum(range(300_000))
    assert cpu_seconds() > before
    with pytest.raises(StopIteration) as ended:
        making.send(report := a_report("f"))
    assert ended.value.value is report
    assert report.cpu_seconds > 0
