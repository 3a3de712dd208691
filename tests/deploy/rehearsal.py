"""Call a built function as Lambda would: its event, time-out, error, and without its secrets."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from stopward.local.host.invocation import Answered, Failed, Outcome, TimedOut, describe
from stopward.local.host.log_line import LogEvent, MetricLine
from tests.deploy.emulator import Deployed, Emulator, Runtime
from tests.deploy.packaging import files_below
from tests.deploy.rights import Right, wrong_rights
from tests.deploy.trials.trial import ANSWERED, Trial
from tests.deploy.world import Database, World

NAMESPACE = "Stopward"
MOST_TOLD = 60
EMULATORS_OWN = "(rapid)"
"""In what the emulator prints of itself."""
NUMBERS = count(1)

MakeDeployed = Callable[[World, Database | None], Deployed]
"""The function as it is deployed into a world; None: into one whose secrets are missing."""
Rights = Callable[[World, Database | None], Sequence[Right]]
"""What its role allows there."""
MakeWorld = Callable[[], AbstractContextManager[World]]


@dataclass(slots=True, kw_only=True)
class Report:
    """What came of a function. said: one cell of the table each; start: milliseconds, the first."""

    folder: str
    start_milliseconds: float | None = None
    said: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def fail(self, what: str, faults: Sequence[str]) -> str:
        """Note faults and return the cell that stands for them."""
        self.faults += [f"{self.folder}, {what}: {fault}" for fault in faults]
        return "FAILED" if faults else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """The calls of one function. scratch: a folder for its /tmp and for what it printed."""

    trial: Trial
    runtime: Runtime
    deployed: MakeDeployed
    rights: Rights
    make_world: MakeWorld
    scratch: Path

    def run(self) -> Report:
        """Make all calls and return what came of them."""
        report = Report(folder=self.trial.folder)
        with self.make_world() as world:
            rights = set(self.rights(world, "supabase"))
            if self.trial.needs_secrets:
                self._without_secrets(world, report)
                rights |= set(self.rights(world, None))
            self._time_out(world, report)
            self._event(world, "supabase", report)
        if self.trial.needs_secrets:
            with self.make_world() as world:
                self._event(world, "postgres", report)
                rights |= set(self.rights(world, "postgres"))
        wrong = list(wrong_rights(self.trial.folder, sorted(rights), world.asked_of_aws()))
        report.said["role"] = report.fail("role", wrong) or "as it asks"
        return report

    def _emulator(
        self, function: Deployed, world: World, *, seconds: int | None = None
    ) -> Emulator:
        return Emulator(
            function=function,
            runtime=self.runtime,
            scratch=self.scratch / f"{next(NUMBERS)}-{self.trial.folder}",
            given=world.given,
            timeout_seconds=seconds,
        )

    def _without_secrets(self, world: World, report: Report) -> None:
        with self._emulator(self.deployed(world, None), world) as emulator:
            outcome = emulator.call(self.trial.event(world))
            wrong = failed(outcome, kind="InvalidInput", says="ResourceNotFoundException")
            wrong += leaks(world, emulator, outcome)
        report.said["no secret"] = report.fail("no secret", wrong) or cell(outcome)

    def _time_out(self, world: World, report: Report) -> None:
        wrong: list[str] = []
        said = ""
        for seconds in self.trial.timeouts:
            has_started, wrong, said = self._hangs(world, seconds)
            if has_started:
                break
        report.said["time-out"] = report.fail("time-out", wrong) or said

    def _hangs(self, world: World, seconds: int) -> tuple[bool, list[str], str]:
        """Return whether it started in that time, what was wrong, and what its caller sees."""
        # Its start is no part of what is timed on Lambda, so it is started by an error first.
        trial, error = self.trial, self.trial.error
        trial.prepare(world)
        function = self.deployed(world, "supabase")
        with trial.hangs(world), self._emulator(function, world, seconds=seconds) as emulator:
            with error.around(world):
                started = emulator.call(error.event)
            if isinstance(started, TimedOut):
                return False, [f"its start alone took {seconds} s: this machine is too busy"], ""
            outcome = emulator.call(trial.event(world))
            wrong = leaks(world, emulator, outcome)
        if trial.ends_by:
            wrong += failed(outcome, kind=trial.ends_by, says="")
        elif outcome != TimedOut(seconds=float(seconds)):
            wrong.append(f"was to be ended after {seconds} s, but {describe(outcome)}")
        return True, wrong, cell(outcome)

    def _event(self, world: World, database: Database, report: Report) -> None:
        trial = self.trial
        if database == "postgres":
            trial.prepare(world)
        function = self.deployed(world, database)
        before = _listing(function)
        with self._emulator(function, world) as emulator:
            outcome = emulator.call(trial.event(world))
            wrong = self._came(world, emulator, outcome)
            report.said[f"event, {database}"] = (
                report.fail(f"event, {database}", wrong) or "as it must"
            )
            if report.start_milliseconds is None:
                report.start_milliseconds = emulator.start_milliseconds()
            if database == "supabase":
                self._error(world, emulator, report)
        if _listing(function) != before:
            wrote = ["it wrote beside its code, where Lambda lets nobody"]
            report.said[f"event, {database}"] = report.fail(f"event, {database}", wrote)

    def _error(self, world: World, emulator: Emulator, report: Report) -> None:
        error = self.trial.error
        with error.around(world):
            outcome = emulator.call(error.event)
        wrong = failed(outcome, kind=error.kind, says=error.says)
        wrong += leaks(world, emulator, outcome)
        report.said["error"] = report.fail("error", wrong) or cell(outcome)

    def _came(self, world: World, emulator: Emulator, outcome: Outcome) -> list[str]:
        if not isinstance(outcome, Answered):
            return [describe(outcome), *_last_words(emulator)]
        found = self.trial.came(world, json.loads(outcome.payload))
        lines = emulator.lines()
        events = [line for line in lines if isinstance(line, LogEvent)]
        if [line.message for line in events] != [self.trial.line]:
            found.append(f"logged {[each.message for each in events]}, not {self.trial.line}")
        emitted = [line for line in lines if isinstance(line, MetricLine)]
        names = {name for line in emitted for name in line.values if line.namespace == NAMESPACE}
        if self.trial.metric not in names:
            found.append(f"emitted no metric {NAMESPACE}/{self.trial.metric}")
        return found + leaks(world, emulator, outcome)


def leaks(world: World, emulator: Emulator, outcome: Outcome) -> list[str]:
    """Return a line when a secret was printed or told to the caller."""
    said = f"{emulator.printed()}\n{outcome}"
    return ["a secret shows in its log or answer"] if any(s in said for s in world.secrets) else []


def failed(outcome: Outcome, *, kind: str, says: str) -> list[str]:
    """Return a line when a call did not end with that error, told in these words."""
    if kind == ANSWERED and isinstance(outcome, Answered) and says in outcome.payload:
        return []
    if isinstance(outcome, Failed) and outcome.error_type == kind and says in outcome.message:
        return []
    return [f"was to raise {kind}: ...{says}..., but {describe(outcome)}"]


def cell(outcome: Outcome) -> str:
    """Return what a caller sees, short enough for a table."""
    match outcome:
        case TimedOut(seconds=seconds):
            return f"ended after {seconds:g} s"
        case Failed(error_type=kind, message=message):
            text = f"{kind}: {' '.join(message.split())}"
            return text if len(text) <= MOST_TOLD else f"{text[: MOST_TOLD - 3]}..."
        case _:
            return describe(outcome)


def _last_words(emulator: Emulator) -> Iterator[str]:
    said = [line for line in emulator.printed().splitlines() if EMULATORS_OWN not in line]
    for line in said[-8:]:
        yield f"  {line}"


def _listing(function: Deployed) -> list[tuple[Path, int]]:
    folders = {path for path in function.paths if path.is_dir()}
    return [(f, f.stat().st_mtime_ns) for each in sorted(folders) for f in files_below(each)]
