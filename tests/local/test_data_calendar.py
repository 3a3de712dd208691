"""New York sessions as rows."""

from collections import Counter
from datetime import UTC, date, datetime

import pytest

from stopward.errors import InvalidInput
from stopward.local.data.calendar import session_of, sessions_before, sessions_between


@pytest.mark.parametrize(
    ("day", "opens", "closes"),
    [
        ("2013-03-08", 14, 21),  # the last session before the clocks change
        ("2013-03-11", 13, 20),
        ("2013-11-01", 13, 20),
        ("2013-11-04", 14, 21),
        ("2013-11-29", 14, 18),  # the day after Thanksgiving closes at 13:00
        ("2013-07-03", 13, 17),
        ("2024-12-24", 14, 18),
    ],
)
def test_a_session_is_in_new_york_time_and_stored_in_utc(day, opens, closes):
    session = session_of(date.fromisoformat(day))
    assert session is not None
    assert session.opens_at == datetime.fromisoformat(f"{day}T{opens}:30:00").replace(tzinfo=UTC)
    assert session.closes_at == datetime.fromisoformat(f"{day}T{closes}:00:00").replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "day",
    [
        "2013-09-01",  # a Sunday
        "2013-09-02",  # Labor Day
        "2013-03-29",  # Good Friday
        "2012-10-29",  # a storm
        "2021-12-24",  # Christmas on a Saturday
        "2023-01-02",  # New Year on a Sunday
        "2022-06-20",  # Juneteenth on a Sunday
        "2025-01-09",  # mourning
        "2026-07-03",  # Independence Day on a Saturday
    ],
)
def test_the_exchange_is_closed(day):
    assert session_of(date.fromisoformat(day)) is None


def test_new_year_on_a_saturday_is_not_made_up():
    assert session_of(date(2021, 12, 31)) is not None


def test_the_number_of_sessions_of_each_year_is_the_exchanges():
    # Counted once with the package exchange_calendars 4.13.2, whose every open and close from 2000
    # to November 2027 (7,019 sessions) is equal to ours.
    years = Counter(s.day[:4] for s in sessions_between(date(2000, 1, 1), date(2026, 12, 31)))
    assert [years[str(year)] for year in range(2000, 2027)] == [
        252, 248, 252, 252, 252, 252, 251, 251, 253, 252, 252, 252, 250, 252, 252, 252, 252, 251,
        251, 252, 253, 252, 251, 250, 252, 250, 251,
    ]  # fmt: skip
    early = [
        s.day
        for s in sessions_between(date(2013, 1, 1), date(2014, 12, 31))
        if (s.closes_at - s.opens_at).total_seconds() < 390 * 60
    ]
    assert early == [
        "2013-07-03", "2013-11-29", "2013-12-24", "2014-07-03", "2014-11-28", "2014-12-24",
    ]  # fmt: skip


def test_sessions_before_a_day_leave_out_holidays():
    days = [session.day for session in sessions_before(date(2013, 9, 3), count=3)]
    assert days == ["2013-08-28", "2013-08-29", "2013-08-30"]


def test_years_that_were_never_checked_are_refused():
    with pytest.raises(InvalidInput, match="2000 to 2035"):
        session_of(date(1999, 12, 31))
