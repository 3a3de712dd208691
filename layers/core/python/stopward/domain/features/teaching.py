"""The minute by which a trade teaches a model of open positions: of an age that is drawn for it."""

from datetime import datetime, timedelta
from hashlib import md5
from typing import Final

from stopward.domain.identity import PositionId

AGES: Final = (5, 10, 15, 20, 30, 45, 60, 90)
"""Minutes after the entry, each as likely. [judgement]"""
WITHIN: Final = timedelta(minutes=5)
"""Vectors are kept so often; the first one of that time is the one."""


def taught_from(position_id: PositionId, entered_at: datetime) -> datetime:
    """Return when a position is of its age; the database draws the same (stopward.taught_from).

    The position's id alone decides, so that how long a trade lasted has no part in it: that is
    decided later, and goes with how it ends. Who closed before teaches nothing.
    """
    drawn = md5(position_id.encode(), usedforsecurity=False).digest()[0]
    return entered_at + timedelta(minutes=AGES[drawn % len(AGES)])


def teaches(
    position_id: PositionId, entered_at: datetime, *, closed_at: datetime, at: datetime
) -> bool:
    """Return whether a minute is among those that a trade teaches by (stopward.teaches)."""
    since = taught_from(position_id, entered_at)
    return since <= at < since + WITHIN and at < closed_at
