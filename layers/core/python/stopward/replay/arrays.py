"""Blank arrays for what the compiled walk writes."""

import numpy as np

from stopward.replay.table import Floats, Integers
from stopward.rules.columns import Courses, Exits, Outcomes
from stopward.rules.course import MOST_EXITS

FEWEST = 2
"""Rows at least: numpy calls a lone row contiguous, and machine code would be made for it anew."""


def blank_courses(rows: int) -> Courses:
    """Return courses of so many positions, to be begun; one position has a spare row after it."""
    at = np.zeros(max(rows, FEWEST), np.int64)
    return Courses(at, *_side_by_side(len(at), len(Courses._fields) - 1))


def blank_outcomes(rows: int) -> Outcomes:
    """Return outcomes of so many positions, to be written."""
    return Outcomes(*np.full((len(Outcomes._fields), rows), np.nan))


def blank_exits(rows: int) -> Exits:
    """Return slots for the fills of so many positions, all unused."""
    slots = rows * MOST_EXITS
    exits = Exits(*_side_by_side(slots, len(Exits._fields)))
    np.asarray(exits.quantity)[:] = 0.0
    return exits


def _side_by_side(rows: int, columns: int) -> Floats:
    """Return columns of nan whose rows lie together: positions are walked in any order."""
    return np.full((rows, columns), np.nan).T


def copied(courses: Courses, rows: Integers) -> Courses:
    """Return the courses of some positions, in a row each of their own."""
    return Courses(*(np.asarray(column)[rows] for column in courses))


def restore(courses: Courses, rows: Integers, saved: Courses) -> None:
    """Write courses back that `copied` took."""
    for column, before in zip(courses, saved, strict=True):
        np.asarray(column)[rows] = before
