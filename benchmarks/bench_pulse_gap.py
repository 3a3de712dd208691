"""What pulses inside the bar change: the guard as it wakes live against the replay of closed bars.

`python -m benchmarks.bench_pulse_gap` prints a table and writes benchmarks/results/pulse_gap.json,
which docs/replay.md quotes. The positions are those that tests/replay/test_stack_equals_replay.py
proves equal with one pulse a bar; here the same guard wakes more often. Prices inside a bar go from
its open by one extreme (at second 20) and the other (at 40) to its close, which is the simulator's
way and not the market's.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from tests.builders.faults import Schedule, Wake
from tests.builders.side_by_side import BARS, Story, a_story, lived, replayed, result_r
from tests.builders.simulator import AAPL
from tests.faults.world import World

RESULTS: Final = Path(__file__).parent / "results" / "pulse_gap.json"
POSITIONS: Final = 200
PULSES: Final = (60.0, 20.0, 13.0)
"""Seconds. 20 is what is deployed, and in the simulator just when a bar has its extremes; 13 hardly
ever meets them."""
SECONDS: Final = (BARS - 1) * 60


def by_pulse(story: Story, pulse: float) -> Schedule:
    """Return the story for a guard that wakes every so many seconds."""
    wakes = (
        Wake(number=number, guard="monitor", seconds=number * pulse)
        for number in range(int(SECONDS / pulse))
    )
    return replace(story.schedule(), wakes=tuple(wakes))


def gap(stories: list[Story], schedules: list[Schedule]) -> dict[str, float]:
    """Return how often fills are equal, and live less replay in R with its standard error."""
    equal, differences = 0, []
    for story, schedule in zip(stories, schedules, strict=True):
        world = World(schedule)
        if (broken := world.run().broken) is not None:
            raise AssertionError(f"seed {story.seed}: {broken}")
        live, closed = lived(story, world.simulator.ledger.fills(AAPL)), replayed(story)
        equal += live == closed
        differences.append(result_r(story, live) - result_r(story, closed))
    found = np.array(differences)
    return {
        "equal": equal / len(stories),
        "difference": float(found.mean()),
        "error": float(found.std(ddof=1) / np.sqrt(len(found))),
        "absolute": float(np.abs(found).mean()),
        "most": float(np.abs(found).max()),
    }


def main() -> None:
    """Measure, print the table and write the JSON."""
    stories = [a_story(seed) for seed in range(POSITIONS)]
    ways = {f"every {pulse:g} s": [by_pulse(story, pulse) for story in stories] for pulse in PULSES}
    rows = []
    for name, schedules in ways.items():
        row = {key: round(value, 4) + 0.0 for key, value in gap(stories, schedules).items()}
        rows.append({"pulses": name, **row})
        sys.stdout.write(
            f"{name:12} equal fills {row['equal']:6.1%}, live less replay "
            f"{row['difference']:+.3f}R (standard error {row['error']:.3f}), apart by "
            f"{row['absolute']:.3f}R on average, {row['most']:.2f}R at most\n"
        )
    RESULTS.parent.mkdir(exist_ok=True)
    found = {"positions": POSITIONS, "bars": BARS, "rows": rows}
    RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
