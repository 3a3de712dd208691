"""Instants in order: which comes next, and whether one is among them."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import datetime


def next_after(ordered: Sequence[datetime], moment: datetime, *, latest: datetime) -> datetime:
    """Return the first of the instants after `moment`; `latest` when none comes before that."""
    place = bisect_right(ordered, moment)
    return min(ordered[place], latest) if place < len(ordered) else latest


def is_among(ordered: Sequence[datetime], moment: datetime) -> bool:
    """Return whether `moment` is one of the instants."""
    place = bisect_left(ordered, moment)
    return place < len(ordered) and ordered[place] == moment
