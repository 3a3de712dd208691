"""Two sets of rules on the same positions: which does better, and on which positions."""

from dataclasses import dataclass

import numpy as np

from stopward.replay.paired import Interval, differ, difference, entry_days, interval
from stopward.replay.results import Results
from stopward.replay.table import Floats

MOST_DIFFERENT = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What the second rules change against the first.

    added_r: R that each position brings more under the second, after costs; nan where it is
    unknown. changed: positions that come out otherwise; better, worse: of these, those whose
    result is known. most: rows that differ most, the largest difference first.
    """

    first: Results
    second: Results
    added_r: Floats
    net: Interval
    changed: int
    better: int
    worse: int
    unknown: int
    most: tuple[int, ...]


def compare(first: Results, second: Results) -> Comparison:
    """Compare two replays of the same positions; raises ValueError when they are of others."""
    if first.positions != second.positions:
        raise ValueError("the replays are of other positions, so they cannot be paired")
    added = difference(second, first)
    size = np.where(np.isnan(added), 0.0, np.abs(added))
    order = np.argsort(-size, kind="stable")[:MOST_DIFFERENT]
    return Comparison(
        first=first,
        second=second,
        added_r=added,
        net=interval(added, entry_days(first)),
        changed=int(differ(first, second).sum()),
        better=int((added > 0).sum()),
        worse=int((added < 0).sum()),
        unknown=int(np.isnan(added).sum()),
        most=tuple(int(row) for row in order if size[row] > 0),
    )
