"""Where bars are missing while a position is held: what happened there is not known."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stopward.domain.attribution.track import HOLE_MINUTES
from stopward.domain.market import Session
from stopward.replay.table import MINUTE, BarTable, Integers, microseconds

HOLE = HOLE_MINUTES * MINUTE


def over_holes(
    table: BarTable, *, entered: Integers, start: Integers, last: Integers
) -> NDArray[np.bool_]:
    """Return which positions were held over a hole of more than HOLE_MINUTES of session.

    A row each: entered, in microseconds since 1970 UTC; start and last, its first and last bar.
    Minutes from an entry to the first bar count too, as far as sessions are known.
    """
    at = table.bars.at
    late = _open_time(at[start], table.sessions) - _open_time(entered, table.sessions) > HOLE
    begins = _holes(table)
    inside = np.searchsorted(begins, last, "right") > np.searchsorted(begins, start, "right")
    found: NDArray[np.bool_] = late | inside
    return found


def _holes(table: BarTable) -> Integers:
    """Return the bars that follow a hole in their series, in order."""
    at = table.bars.at
    after = np.flatnonzero(np.diff(at) > HOLE) + 1
    after = after[~np.isin(after, table.first)]
    ends = at[after - 1] + (table.minutes[after - 1] * MINUTE).astype(np.int64)
    gaps = _open_time(at[after], table.sessions) - _open_time(ends, table.sessions)
    found: Integers = after[gaps > HOLE]
    return found


def _open_time(moments: Integers, sessions: Sequence[Session]) -> Integers:
    """Return the microseconds of session before each moment."""
    opens = np.array([microseconds(session.opens_at) for session in sessions], np.int64)
    spans = np.array([microseconds(session.closes_at) for session in sessions], np.int64) - opens
    before = np.concatenate(([0], np.cumsum(spans)))
    place = np.searchsorted(opens, moments, side="right")
    within = np.minimum(moments - opens[place - 1], spans[place - 1])
    found: Integers = np.where(place == 0, 0, before[place - 1] + within)
    return found
