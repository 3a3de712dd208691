"""Run random schedules for a time: `python -m tests.faults.soak --minutes 10`, or with `--stack`.

Prints a table: how many ran, with which faults, and what broke, each with its smallest story. It
goes on where the last run of its kind ended, and adds to its table; what broke is run again first,
and counts as mended when it holds. `--seed` begins anew. The
stack is everything that is deployed, over HTTP and Postgres. One process a core, unless `--workers`
says otherwise. Exit code 1 when one broke.
"""

import argparse
import gc
import json
import os
import re
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from uuid import uuid4

from stopward.domain.identity import AccountId
from tests.builders.faults import Schedule
from tests.builders.own_server import a_database_of_its_own
from tests.faults.random_schedules import random_schedule
from tests.faults.result import Result
from tests.faults.shrink import shrink, timeline
from tests.faults.stack.connections import Connections
from tests.faults.stack.schedules import random_stack_schedule
from tests.faults.stack.world import run as run_stack
from tests.faults.world import run

TOLD = 3
"""Stories that are shrunk and printed; the others are counted."""
KEPT = Path(__file__).resolve().parents[2] / ".stopward" / "soak"
BATCH = 50
"""Seeds that a process runs before it tells what came of them."""
DRAW: Mapping[bool, Callable[[int], Schedule]] = {
    False: random_schedule,
    True: random_stack_schedule,
}
"""What draws a schedule, by whether it is for the stack."""
Run = Callable[..., Result]


@dataclass(slots=True)
class Tally:
    """What ran so far. broken: seeds by invariant, without numbers; mended: seeds that were."""

    schedules: int = 0
    ticks: int = 0
    calls: int = 0
    disturbed: int = 0
    unprotected_seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    broken: dict[str, list[int]] = field(default_factory=dict)
    mended: list[int] = field(default_factory=list)

    def add(self, seed: int, result: Result) -> None:
        """Count one schedule."""
        self.schedules += 1
        self.ticks += result.ticks
        self.calls += result.calls
        self.disturbed += bool(result.applied)
        self.unprotected_seconds += result.unprotected_seconds
        self.faults.update(result.applied)
        if result.broken is not None:
            self.broken.setdefault(_without_numbers(result.broken), []).append(seed)

    def join(self, other: "Tally") -> None:
        """Add the counts of another."""
        self.schedules += other.schedules
        self.ticks += other.ticks
        self.calls += other.calls
        self.disturbed += other.disturbed
        self.unprotected_seconds += other.unprotected_seconds
        self.faults.update(other.faults)
        self.mended += other.mended
        for name, seeds in other.broken.items():
            self.broken.setdefault(name, []).extend(seeds)

    def look_again(self, *, draw: Callable[[int], Schedule], run_one: Run) -> None:
        """Run what broke again, and move what holds by now to what was mended."""
        for name, seeds in list(self.broken.items()):
            still = [seed for seed in seeds if run_one(draw(seed)).broken is not None]
            self.mended += [seed for seed in seeds if seed not in still]
            self.broken[name] = still
            if not still:
                del self.broken[name]

    def first_broken(self) -> int | None:
        """Return the first seed that broke something, or None."""
        return min((seed for seeds in self.broken.values() for seed in seeds), default=None)

    def kept(self) -> dict[str, Any]:
        """Return the counts by name, for JSON."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def table(self) -> str:
        """Return the counts, one a line."""
        rows = [
            ("schedules", self.schedules),
            ("of them disturbed", self.disturbed),
            ("ticks", self.ticks),
            ("boundary calls", self.calls),
            ("unprotected seconds", round(self.unprotected_seconds)),
            *((f"fault: {kind}", count) for kind, count in self.faults.most_common()),
            ("broke, and was mended", len(self.mended)),
            ("breaks", sum(map(len, self.broken.values()))),
        ]
        return "\n".join(f"{name:<24}{count:>12,}" for name, count in rows)


def soak(
    seeds: Sequence[int], *, until: float, draw: Callable[[int], Schedule], run_one: Run
) -> Tally:
    """Run the schedules of these seeds, in order, until the monotonic time given."""
    tally = Tally()
    with _collecting_seldom():
        for seed in seeds:
            if time.monotonic() >= until:
                break
            tally.add(seed, run_one(draw(seed)))
            if not seed % BATCH:
                gc.collect()
    return tally


@contextmanager
def _collecting_seldom() -> Iterator[None]:
    """Leave garbage for a batch: looking for it all the time takes a fifth of a run.

    What was there before is none, and is not looked through.
    """
    gc.disable()
    gc.freeze()
    try:
        yield
    finally:
        gc.collect()
        gc.unfreeze()
        gc.enable()


def main(arguments: Sequence[str] | None = None, *, kept: Path = KEPT) -> int:
    """Run, and print the table and the smallest stories of what broke."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long to run")
    parser.add_argument("--schedules", type=int, help="how many at most")
    parser.add_argument("--seed", type=int, help="begin anew, with this seed")
    parser.add_argument("--stack", action="store_true", help="run all that is deployed")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes")
    asked = parser.parse_args(arguments)
    kind = "stack" if asked.stack else "fast"
    tally, first = Tally(), asked.seed or 0
    at = kept / f"{kind}.json"
    if asked.seed is None and at.exists():
        tally, first = _read(json.loads(at.read_text(encoding="utf-8")))
    until = time.monotonic() + asked.minutes * 60
    at.parent.mkdir(parents=True, exist_ok=True)
    following = first
    with _server(asked.stack) as url:
        with _runner(url) as run_one:
            tally.look_again(draw=DRAW[asked.stack], run_one=run_one)
        most = first + (asked.schedules or sys.maxsize - first)
        for batch in _batches(first, most=most, until=until, workers=asked.workers, url=url):
            following += batch.schedules
            tally.join(batch)
            at.write_text(json.dumps({"next": following, **tally.kept()}), encoding="utf-8")
        print(f"{kind}: seeds {first} to {following - 1}; the table counts all since it began")
        print(tally.table())
        _tell(tally, draw=DRAW[asked.stack], url=url)
    return 1 if tally.broken else 0


def _batches(
    first: int, *, most: int, until: float, workers: int, url: str | None
) -> Iterator[Tally]:
    """Yield the tallies of batches of seeds, in order, up to the first that was cut short."""
    batches = (range(at, min(at + BATCH, most)) for at in range(first, most, BATCH))
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        waiting: deque[tuple[int, Future[Tally]]] = deque()
        while True:
            for seeds in islice(batches, 2 * workers - len(waiting)):
                seconds = until - time.monotonic()
                waiting.append((len(seeds), pool.submit(_batch, seeds, seconds, url)))
            if not waiting:
                return
            asked, answer = waiting.popleft()
            yield (tally := answer.result())
            if tally.schedules < asked:
                # Later seeds that other workers have run are run again next time.
                pool.shutdown(cancel_futures=True)
                return


def _batch(seeds: range, seconds: float, url: str | None) -> Tally:
    until = time.monotonic() + seconds
    with _runner(url) as run_one:
        return soak(seeds, until=until, draw=DRAW[url is not None], run_one=run_one)


def _tell(tally: Tally, *, draw: Callable[[int], Schedule], url: str | None) -> None:
    """Print the smallest stories of what broke."""
    with _runner(url) as run_one:
        for name, broken in list(tally.broken.items())[:TOLD]:
            small = shrink(draw(broken[0]), run_one)
            print(f"\n{len(broken)} of: {name}\nseeds {broken[:10]}")
            print(timeline(small, run_one(small, tracing=True)))


@contextmanager
def _server(stack: bool) -> Iterator[str | None]:
    """Yield the URL of a database server of its own for the stack; None needs none."""
    if not stack:
        yield None
        return
    with a_database_of_its_own(named="soak") as url:
        yield url


@contextmanager
def _runner(url: str | None) -> Iterator[Run]:
    """Yield what runs a schedule; the stack's takes an account for each run."""
    if url is None:
        yield run
        return
    connections = Connections(url)
    try:
        yield lambda schedule, *, tracing=False: run_stack(
            schedule,
            over=connections,
            account_id=AccountId(f"soak-{uuid4().hex}"),
            tracing=tracing,
        )
    finally:
        connections.close()


def _read(kept: dict[str, Any]) -> tuple[Tally, int]:
    following = int(kept.pop("next"))
    return Tally(**kept | {"faults": Counter(kept["faults"])}), following


def _without_numbers(text: str) -> str:
    invariant, colon, story = text.partition(": ")
    return invariant + colon + re.sub(r"sw-[\w-]+|-?\d[\d.:/TZ-]*", "#", story)


if __name__ == "__main__":
    raise SystemExit(main())
