"""Run random schedules for a time: `python -m tests.faults.soak --minutes 10`, or with `--stack`.

Prints a table: how many ran, with which faults, and what broke, each with its smallest story. It
goes on where the last run of its kind ended, and adds to its table; `--seed` begins anew. The
stack is everything that is deployed, over HTTP and Postgres. Exit code 1 when one broke.
"""

import argparse
import json
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from stopward.domain.identity import AccountId
from stopward.local.migrate import migrate, prepare_platform
from stopward.local.postgres import EmbeddedPostgres
from tests.builders.faults import Schedule
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
Run = Callable[..., Result]


@dataclass(slots=True)
class Tally:
    """What ran so far. broken: seeds by invariant, its numbers left out."""

    schedules: int = 0
    ticks: int = 0
    calls: int = 0
    disturbed: int = 0
    unprotected_seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter)
    broken: dict[str, list[int]] = field(default_factory=dict)

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
            ("schedules that broke", sum(map(len, self.broken.values()))),
        ]
        return "\n".join(f"{name:<24}{count:>12,}" for name, count in rows)


def soak(
    seeds: Iterator[int],
    *,
    until: float,
    tally: Tally,
    draw: Callable[[int], Schedule] = random_schedule,
    run_one: Run = run,
) -> int:
    """Run schedules until the monotonic time given, adding to the tally; return the next seed."""
    seed = next(seeds)
    while time.monotonic() < until:
        tally.add(seed, run_one(draw(seed)))
        seed = next(seeds)
    return seed


def main(arguments: Sequence[str] | None = None, *, kept: Path = KEPT) -> int:
    """Run, and print the table and the smallest stories of what broke."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long to run")
    parser.add_argument("--seed", type=int, help="begin anew, with this seed")
    parser.add_argument("--stack", action="store_true", help="run all that is deployed")
    asked = parser.parse_args(arguments)
    kind, draw = ("stack", random_stack_schedule) if asked.stack else ("fast", random_schedule)
    tally, first = Tally(), asked.seed or 0
    at = kept / f"{kind}.json"
    if asked.seed is None and at.exists():
        tally, first = _read(json.loads(at.read_text(encoding="utf-8")))
    with _runner(asked.stack) as run_one:
        seeds = iter(range(first, sys.maxsize))
        until = time.monotonic() + asked.minutes * 60
        following = soak(seeds, until=until, tally=tally, draw=draw, run_one=run_one)
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_text(json.dumps({"next": following, **tally.kept()}), encoding="utf-8")
        print(f"{kind}: seeds {first} to {following - 1}; the table counts all since it began")
        print(tally.table())
        for name, broken in list(tally.broken.items())[:TOLD]:
            small = shrink(draw(broken[0]), run_one)
            print(f"\n{len(broken)} of: {name}\nseeds {broken[:10]}")
            print(timeline(small, run_one(small, tracing=True)))
    return 1 if tally.broken else 0


@contextmanager
def _runner(stack: bool) -> Iterator[Run]:
    """Yield what runs a schedule; the stack's brings a server of its own, and an account a run."""
    if not stack:
        yield run
        return
    with tempfile.TemporaryDirectory(prefix="stopward-soak-") as folder:
        server = EmbeddedPostgres(home=Path(folder), durable=False)
        url = server.start()
        try:
            prepare_platform(url)
            migrate(url)
            connections = Connections(url)
            numbers = iter(range(sys.maxsize))
            yield lambda schedule, *, tracing=False: run_stack(
                schedule,
                over=connections,
                account_id=AccountId(f"soak-{next(numbers)}"),
                tracing=tracing,
            )
            connections.close()
        finally:
            server.remove()


def _read(kept: dict[str, Any]) -> tuple[Tally, int]:
    following = int(kept.pop("next"))
    return Tally(**kept | {"faults": Counter(kept["faults"])}), following


def _without_numbers(text: str) -> str:
    invariant, colon, story = text.partition(": ")
    return invariant + colon + re.sub(r"sw-[\w-]+|-?\d[\d.:/TZ-]*", "#", story)


if __name__ == "__main__":
    raise SystemExit(main())
