"""Ticks of time: the finest unit that has room, marked at the first thing of each."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopward.report.moment import Mark, day_marks, time_marks

MONDAY = date(2024, 1, 1)
OPENS = datetime(2024, 1, 3, 9, 30, tzinfo=UTC)


def days(*numbers: int) -> list[date]:
    return [MONDAY + timedelta(days=number) for number in numbers]


@pytest.mark.parametrize(
    ("numbers", "marks"),
    [
        ((0,), [Mark(0, "1 Jan")]),
        ((0, 0, 1, 3), [Mark(0, "1 Jan"), Mark(2, "2 Jan"), Mark(3, "4 Jan")]),
        ((0, *[1] * 9), [Mark(1, "2 Jan")]),
        (range(21), [Mark(0, "1 Jan"), Mark(7, "8 Jan"), Mark(14, "15 Jan")]),
        (range(0, 120, 10), [Mark(0, "Jan 2024"), Mark(4, "Feb"), Mark(6, "Mar"), Mark(10, "Apr")]),
        (range(336, 400, 6), [Mark(0, "Dec 2024"), Mark(5, "Jan 2025")]),
        (range(0, 1800, 100), [Mark(number, str(year)) for number, year in
                               ((0, 2024), (4, 2025), (8, 2026), (11, 2027), (15, 2028))]),
    ],
)  # fmt: skip
def test_days_weeks_months_or_years(numbers: range, marks: list[Mark]) -> None:
    assert list(day_marks(days(*numbers), most=6)) == marks


@given(st.lists(st.integers(0, 20_000), min_size=1, max_size=300), st.integers(2, 8))
def test_marks_are_few_and_none_lies_over_another(numbers: list[int], most: int) -> None:
    given_days = days(*sorted(numbers))
    places = [mark.place for mark in day_marks(given_days, most=most)]
    assert places
    assert places == sorted(set(places))
    for before, after in pairwise(places):
        assert (after - before) * most * 6 >= len(given_days) * 5


@pytest.mark.parametrize(
    ("first", "length", "step", "texts"),
    [
        (0, 40, 1, ["09:30", "09:40", "09:50", "10:00"]),
        (7, 20, 1, ["09:40", "09:45", "09:50", "09:55"]),
        (1, 300, 1, ["10:00", "11:00", "12:00", "13:00", "14:00"]),
        (5, 60, 5, ["10:00", "11:00", "12:00", "13:00", "14:00"]),
        (3, 1, 1, ["09:33"]),
    ],
)
def test_round_times_of_one_day(first: int, length: int, step: int, texts: list[str]) -> None:
    moments = [OPENS + timedelta(minutes=first + step * n) for n in range(length)]
    marks = time_marks(moments, most=5)
    assert [mark.text for mark in marks] == texts
    assert all(f"{moments[mark.place]:%H:%M}" == mark.text for mark in marks)


def test_times_of_several_days_are_told_by_their_days() -> None:
    moments = [OPENS + timedelta(hours=8 * number) for number in range(6)]
    assert [mark.text for mark in time_marks(moments, most=5)] == ["3 Jan", "4 Jan", "5 Jan"]
