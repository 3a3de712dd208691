"""Minutes of session: no nights, no weekends, early closes as they are."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopward.domain.sessions import (
    check_sessions,
    is_overnight,
    minute_of_session,
    next_session,
    session_at,
    session_minutes,
    session_number,
)
from stopward.errors import InvalidState
from tests.builders.data import a_session

# The Wednesday before Thanksgiving, the early close after it, and the Monday.
WEEK = (
    a_session("2013-11-27", "14:30", "21:00"),
    a_session("2013-11-29", "14:30", "18:00"),
    a_session("2013-12-02", "14:30", "21:00"),
)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "end", "minutes"),
    [
        ("2013-11-27 14:30", "2013-11-27 15:00", 30),
        ("2013-11-27 20:50", "2013-11-29 14:40", 20),  # over the night and a holiday
        ("2013-11-29 17:50", "2013-12-02 14:30", 10),  # an early close, then the weekend
        ("2013-11-27 00:00", "2013-12-03 00:00", 390 + 210 + 390),
        ("2013-11-28 10:00", "2013-11-28 20:00", 0),  # a holiday
        ("2013-11-29 19:00", "2013-11-29 20:00", 0),  # after an early close
        ("2013-11-27 15:00", "2013-11-27 15:00:30", 0.5),
        ("2013-11-29 14:40", "2013-11-27 20:50", -20),
    ],
)
def test_only_minutes_of_session_count(start, end, minutes):
    assert session_minutes(utc(start), utc(end), sessions=WEEK) == minutes


moments = st.integers(0, 7 * 24 * 60).map(lambda n: utc("2013-11-26 00:00") + timedelta(minutes=n))


@given(first=moments, second=moments, third=moments)
def test_minutes_of_parts_sum_to_those_of_the_whole(first, second, third):
    def between(start, end):
        return session_minutes(start, end, sessions=WEEK)

    assert between(first, second) + between(second, third) == between(first, third)


@pytest.mark.parametrize(
    ("moment", "day", "number"),
    [
        ("2013-11-27 14:29", None, 0),
        ("2013-11-27 14:30", "2013-11-27", 1),
        ("2013-11-27 20:59", "2013-11-27", 1),
        ("2013-11-27 21:00", None, 1),
        ("2013-11-29 17:59", "2013-11-29", 2),
        ("2013-11-29 18:00", None, 2),
        ("2013-12-02 14:30", "2013-12-02", 3),
    ],
)
def test_a_session_holds_its_open_and_not_its_close(moment, day, number):
    session = session_at(utc(moment), sessions=WEEK)
    assert (None if session is None else session.day) == day
    assert session_number(utc(moment), sessions=WEEK) == number


def test_the_next_session_skips_the_holiday():
    after = next_session(utc("2013-11-27 21:00"), sessions=WEEK)
    assert after is not None
    assert after.day == "2013-11-29"
    assert next_session(utc("2013-12-02 14:30"), sessions=WEEK) is None


def test_minutes_to_an_early_close():
    assert WEEK[1].minutes_to_close(utc("2013-11-29 17:50")) == 10


@pytest.mark.parametrize(
    ("opened_at", "overnight"),
    [
        ("2013-11-27 20:00", True),  # in the session before
        ("2013-11-28 22:00", True),  # in the evening before, after the close
        ("2013-11-29 00:59", True),  # at the very end of evening trading
        ("2013-11-29 09:00", False),  # 04:00 in New York, when the morning's trading begins
        ("2013-11-29 14:15", False),  # bought at 09:15, before the open
        ("2013-11-29 14:30", False),
    ],
)
def test_a_position_of_an_earlier_session_was_held_overnight(opened_at, overnight):
    assert is_overnight(utc(opened_at), session=WEEK[1]) is overnight


def test_a_change_of_clocks_makes_no_morning_an_evening():
    spring = a_session("2024-03-11", "13:30", "20:00")  # the Monday after clocks went forward
    assert is_overnight(utc("2024-03-09 00:59"), session=spring)
    assert not is_overnight(utc("2024-03-11 08:00"), session=spring)


def test_the_minute_of_the_session_counts_from_its_open():
    assert minute_of_session(utc("2013-11-29 14:30"), session=WEEK[1]) == 0
    assert minute_of_session(utc("2013-11-29 14:59:59"), session=WEEK[1]) == 29
    assert minute_of_session(utc("2013-11-29 14:29:59"), session=WEEK[1]) == -1


def test_rows_that_overlap_or_close_before_they_open_are_refused():
    check_sessions(WEEK)
    with pytest.raises(InvalidState, match="opens before"):
        check_sessions((WEEK[1], WEEK[0]))
    with pytest.raises(InvalidState, match="closes at or before"):
        check_sessions((a_session("2013-11-27", "14:30", "14:30"),))
