"""What a run of the tests took, file by file: told at its end, kept, and held against a budget.

Seconds are of the wall, those of the database's server included. CPU is of the test process and of
what it started and waited for: where it is far below the seconds, the server worked, or the machine
was busy. Times never decide a test.
"""

import json
import resource
import tomllib
from collections.abc import Generator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pytest

BUDGET = Path(__file__).with_suffix(".toml")
MOST = 10
"""Files that are told."""
FEWEST = 10
"""A run of fewer files is somebody at work, who did not ask."""


@dataclass(slots=True, kw_only=True)
class FileTime:
    """What the tests of one file took, with their fixtures; `cpu_seconds` without the server's."""

    file: str
    tests: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The seconds that files may take, in the order in which they begin, and all others."""

    files: Mapping[str, float]
    others: float

    def excess(self, times: list[FileTime]) -> list[str]:
        """Return a line for each file that took longer than it may."""
        return [
            f"{each.file} took {each.seconds:.0f} s, allowed {allowed:.0f} s: "
            f"make it quicker, or give it more in tests/{BUDGET.name}"
            for each in times
            if each.seconds > (allowed := self.files.get(each.file, self.others))
        ]


def read_budget(path: Path = BUDGET) -> Budget:
    """Return the budget of a file."""
    told = tomllib.loads(path.read_text(encoding="utf-8"))
    return Budget(files=told["files"], others=told["others"])


class Times:
    """Adds up what tests take; with xdist each process measures, and the first one adds up."""

    def __init__(self, kept: Path, budget: Budget) -> None:
        """Keep the times of a run in `kept`."""
        self._kept, self._budget = kept, budget
        self._files: dict[str, FileTime] = {}
        self._cpu = cpu_seconds()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self) -> None:
        """Charge no file with the collecting of all."""
        self._cpu = cpu_seconds()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, Any, Any]:
        """Write on each report what was used since the one before."""
        report = yield
        before, self._cpu = self._cpu, cpu_seconds()
        report.cpu_seconds = self._cpu - before
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add the set-up, the call or the tear-down of a test to its file."""
        file = report.nodeid.partition("::")[0]
        found = self._files.setdefault(file, FileTime(file=file))
        found.tests += report.when == "call"
        found.seconds += report.duration
        found.cpu_seconds += getattr(report, "cpu_seconds", 0.0)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Tell the longest files and those over the budget, and keep the times of all."""
        times = sorted(self._files.values(), key=lambda each: -each.seconds)
        if len(times) < FEWEST:
            return
        self._kept.parent.mkdir(parents=True, exist_ok=True)
        self._kept.write_text(json.dumps([asdict(each) for each in times], indent=1) + "\n")
        terminalreporter.section(f"the {MOST} longest of {len(times)} files")
        for each in times[:MOST]:
            cpu = f"{each.cpu_seconds:7.1f} s CPU"
            terminalreporter.line(f"{each.seconds:7.1f} s {cpu} {each.tests:6d} tests  {each.file}")
        for line in self._budget.excess(times):
            terminalreporter.line(line, yellow=True)


def cpu_seconds() -> float:
    """Return the CPU used by this process and by those that it started and waited for."""
    used = (resource.getrusage(of) for of in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)
