"""Blank arrays for what the compiled walk writes."""

import numpy as np

from stopward.replay.table import Integers
from stopward.rules.columns import Courses, Exits, Outcomes
from stopward.rules.course import MOST_EXITS


def blank_courses(rows: int) -> Courses:
    """Return courses of so many positions, to be begun."""
    at = np.zeros(rows, np.int64)
    return Courses(at, *(np.full(rows, np.nan) for _ in Courses._fields[1:]))


def blank_outcomes(rows: int) -> Outcomes:
    """Return outcomes of so many positions, to be written."""
    return Outcomes(*(np.full(rows, np.nan) for _ in Outcomes._fields))


def blank_exits(rows: int) -> Exits:
    """Return slots for the fills of so many positions, all unused."""
    slots = rows * MOST_EXITS
    return Exits(np.zeros(slots), *(np.full(slots, np.nan) for _ in Exits._fields[1:]))


def copied(courses: Courses, rows: Integers) -> Courses:
    """Return the courses of some positions, in a row each of their own."""
    return Courses(*(np.asarray(column)[rows] for column in courses))


def restore(courses: Courses, rows: Integers, saved: Courses) -> None:
    """Write courses back that `copied` took."""
    for column, before in zip(courses, saved, strict=True):
        np.asarray(column)[rows] = before
