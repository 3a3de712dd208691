"""Run random schedules for a time: `python -m tests.faults.soak --minutes 10 --seed 0`.

Prints a table: how many ran, with which faults, and what broke, each with its smallest story. A
run goes on where another ended by giving the seed that it printed. Exit code 1 when one broke.
"""

import argparse
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tests.faults.random_schedules import random_schedule
from tests.faults.shrink import shrink, timeline
from tests.faults.world import Result, run

TOLD = 3
"""Stories that are shrunk and printed; the others are counted."""


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


def soak(seeds: Iterator[int], *, until: float) -> tuple[Tally, int]:
    """Run schedules until the monotonic time given; return the tally and the next seed."""
    tally = Tally()
    seed = next(seeds)
    while time.monotonic() < until:
        tally.add(seed, run(random_schedule(seed)))
        seed = next(seeds)
    return tally, seed


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, and print the table and the smallest stories of what broke."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0, help="how long to run")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    asked = parser.parse_args(arguments)
    seeds = iter(range(asked.seed, sys.maxsize))
    tally, following = soak(seeds, until=time.monotonic() + asked.minutes * 60)
    print(f"seeds {asked.seed} to {following - 1}; go on with --seed {following}")
    print(tally.table())
    for name, broken in list(tally.broken.items())[:TOLD]:
        small = shrink(random_schedule(broken[0]), run)
        print(f"\n{len(broken)} of: {name}\nseeds {broken[:10]}")
        print(timeline(small, run(small, tracing=True)))
    return 1 if tally.broken else 0


def _without_numbers(text: str) -> str:
    invariant, colon, story = text.partition(": ")
    return invariant + colon + re.sub(r"sw-[\w-]+|-?\d[\d.:/TZ-]*", "#", story)


if __name__ == "__main__":
    raise SystemExit(main())
