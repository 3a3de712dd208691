"""One cold start in AWS's runtime emulator: how long until the first question, by two clocks."""

import time
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

from stopward.local.host.invocation import Answered
from tests.builders.http import Says, Script, scripted
from tests.deploy.emulator import Deployed, Emulator, Runtime
from tests.deploy.first_question import event_of, until_question

LONGEST_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Start:
    """One cold start, in milliseconds: by the clock, and on a processor (user and system)."""

    wall: float
    busy: float


@dataclass(slots=True, kw_only=True)
class Watch:
    """Notes when the first question comes that is not for a secret."""

    began: float = 0.0
    pid: int = 0
    started: Start | None = None
    asked: Event = field(default_factory=Event)

    def answer(self) -> Says:
        """Answer a question."""
        if not self.asked.is_set():
            self.note()
            self.asked.set()
        return Says(status=503)

    def begin(self, pid: int) -> None:
        """Expect the first question of the one function that an emulator runs."""
        self.pid, self.started = pid, None
        self.asked.clear()
        self.began = time.perf_counter()

    def note(self) -> None:
        """Take the time now."""
        wall = (time.perf_counter() - self.began) * 1e3
        self.started = Start(wall=wall, busy=busy_milliseconds(child_of(self.pid)))


@contextmanager
def a_watch() -> Iterator[tuple[Watch, Script]]:
    """Serve for the length of a block."""
    watch = Watch()
    with scripted(until_question(watch.answer)) as script:
        yield watch, script


def start(
    function: Deployed, *, watch: Watch, url: str, runtime: Runtime, scratch: Path, asks: bool
) -> Start:
    """Start a function once, as Lambda does at its first event, and return what that took.

    asks: until its first question; otherwise until it answers. RuntimeError when it did neither.
    """
    given = {"AWS_ENDPOINT_URL": url}
    event = event_of(function.name.rpartition("-")[2])
    with Emulator(function=function, runtime=runtime, scratch=scratch, given=given) as emulator:
        watch.begin(emulator.pid)
        if asks:
            # It is ended at its question, so nobody waits for its answer.
            calling = Thread(target=_call_until_its_end, args=(emulator, event))
            calling.start()
            watch.asked.wait(LONGEST_SECONDS)
        elif isinstance(emulator.call(event), Answered):
            watch.note()
        said = emulator.printed()
    if asks:
        calling.join()
    if watch.started is None:
        raise RuntimeError(f"{function.name} did not come to its question:\n{said[-3000:]}")
    return watch.started


def _call_until_its_end(emulator: Emulator, event: object) -> None:
    try:
        emulator.call(event)
    except (urllib.error.URLError, OSError):
        return


def child_of(pid: int) -> int:
    """Return the one child of a process. LookupError when it has another number of them."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            # "pid (name) state parent ...", and a name may hold anything.
            parent = path.read_text(encoding="utf-8").rpartition(")")[2].split()[1]
        except OSError:
            continue
        if int(parent) == pid:
            found.append(int(path.parent.name))
    if len(found) != 1:
        raise LookupError(f"process {pid} has the children {found}, expected one")
    return found[0]


def busy_milliseconds(pid: int) -> float:
    """Return how long all threads of a process have run on a processor."""
    paths = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(path.read_text(encoding="ascii").split()[0]) for path in paths) / 1e6
