"""The rows of the exchange's sessions are those of exchange_calendars, minute by minute."""

from datetime import UTC, date, datetime
from typing import Any

import exchange_calendars
import psycopg
import pytest
from psycopg.rows import dict_row

from infra.export_sessions import EXCHANGE, FIRST, LAST, MIGRATION, migration
from stopward.local.data.calendar import sessions_between
from tests.conftest import MakeDatabase

pytestmark = pytest.mark.filterwarnings(
    # Inside exchange_calendars, which is older than this pandas.
    "ignore:Series.values returning an ndarray:DeprecationWarning"
)
ROWS = """
select day, opens_at, closes_at from stopward.market_sessions
where exchange = 'XNYS' order by day
"""
Hours = dict[date, tuple[datetime, datetime]]


@pytest.fixture(scope="module")
def library() -> Hours:
    """The package's sessions: open and close in UTC, by day."""
    calendar = exchange_calendars.get_calendar(EXCHANGE, start=str(FIRST), end=str(LAST))
    closes = dict(calendar.closes.items())
    return {
        day.date(): (opens.to_pydatetime(), closes[day].to_pydatetime())
        for day, opens in calendar.opens.items()
    }


@pytest.fixture(scope="module")
def stored(database_url: str) -> Hours:
    with psycopg.connect(database_url) as connection:
        connection.execute("set time zone 'Asia/Kolkata'")
        rows = connection.execute(ROWS).fetchall()
    return {day: (opens.astimezone(UTC), closes.astimezone(UTC)) for day, opens, closes in rows}


def test_every_day_opens_and_closes_at_the_minute_that_the_package_says(
    stored: Hours, library: Hours
) -> None:
    assert len(library) == 7292
    assert {day: stored.get(day) for day in library} == library
    assert set(stored) == set(library)


def test_they_reach_two_years_ahead_and_the_rules_of_local_mode_agree(stored: Hours) -> None:
    assert max(stored) == date(2028, 12, 29)
    ours = sessions_between(FIRST, LAST)
    assert stored == {
        date.fromisoformat(each.day): (each.opens_at, each.closes_at) for each in ours
    }


def test_the_migration_is_what_the_generator_writes() -> None:
    assert MIGRATION.read_text(encoding="utf-8") == migration()


@pytest.mark.parametrize(
    ("day", "name"),
    [
        ("2001-09-11", "Attacks of 11 September"),
        ("2001-09-14", "Attacks of 11 September"),
        ("2004-06-11", "Mourning for President Reagan"),
        ("2007-01-02", "Mourning for President Ford"),
        ("2012-10-29", "Hurricane Sandy"),
        ("2012-10-30", "Hurricane Sandy"),
        ("2018-12-05", "Mourning for President George H. W. Bush"),
        ("2025-01-09", "Mourning for President Carter"),
        ("2021-12-24", "Christmas"),
        ("2026-07-03", "Independence Day"),
        ("2026-11-26", "Thanksgiving"),
    ],
)
def test_a_closure_is_a_row_with_its_name_and_no_session(
    database_url: str, day: str, name: str
) -> None:
    (row,) = calendar_rows(database_url, day)
    assert (row["name"], row["is_session"], row["opens_at"]) == (name, False, None)
    assert row["sources"] == ["calendar"]


@pytest.mark.parametrize(
    ("day", "opens", "closes", "name"),
    [
        ("2001-09-17", "13:30", "20:00", None),  # the first session after the attacks
        ("2003-12-26", "14:30", "18:00", "Day after Christmas"),
        ("2024-07-03", "13:30", "17:00", "Eve of Independence Day"),
        ("2026-11-27", "14:30", "18:00", "Day after Thanksgiving"),
        ("2026-12-24", "14:30", "18:00", "Christmas Eve"),
        ("2026-10-30", "13:30", "20:00", None),  # the last session before the clocks change
        ("2026-11-02", "14:30", "21:00", None),
        ("2028-03-10", "14:30", "21:00", None),
        ("2028-03-13", "13:30", "20:00", None),
        ("2006-04-03", "13:30", "20:00", None),  # until 2006 the clocks changed in April
        ("2006-03-13", "14:30", "21:00", None),
    ],
)
def test_hours_follow_the_clocks_of_new_york(
    database_url: str, day: str, opens: str, closes: str, name: str | None
) -> None:
    (row,) = calendar_rows(database_url, day)
    assert (f"{row['opens_at']:%H:%M}", f"{row['closes_at']:%H:%M}") == (opens, closes)
    assert row["name"] == name
    assert row["is_short"] is (name is not None)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Pacific/Auckland"])
def test_the_rows_are_the_same_whatever_the_zone_of_the_database(
    make_database: MakeDatabase, template_database: str, stored: Hours, zone: str
) -> None:
    url = make_database(template=template_database)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("truncate stopward.session_claims, stopward.market_sessions")
        connection.execute("select set_config('timezone', %s, false)", (zone,))
        connection.execute(MIGRATION.read_bytes())
        rows = connection.execute(ROWS).fetchall()
    assert {day: (opens, closes) for day, opens, closes in rows} == stored


def test_rows_from_before_count_as_the_brokers_word_and_the_earlier_close_wins(
    make_database: MakeDatabase, template_database: str
) -> None:
    url = make_database(template=template_database)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("truncate stopward.session_claims, stopward.market_sessions")
        connection.execute(
            "insert into stopward.market_sessions values"
            " ('XNYS', '2026-12-01', '2026-12-01T14:30Z', '2026-12-01T18:00Z'),"  # called early
            " ('XNYS', '2026-12-02', '2026-12-02T14:30Z', '2026-12-02T21:00Z'),"
            " ('XNYS', '2026-12-24', '2026-12-24T14:30Z', '2026-12-24T21:00Z'),"  # a half day
            " ('XLON', '2026-12-01', '2026-12-01T08:00Z', '2026-12-01T16:30Z')"
        )
        connection.execute(MIGRATION.read_bytes())
        rows = connection.execute(
            "select exchange, day::text, sources, to_char(closes_at at time zone 'UTC', 'HH24:MI')"
            " from api.session_calendar where day in ('2026-12-01', '2026-12-02', '2026-12-24')"
            " order by 1, 2"
        ).fetchall()
    assert rows == [
        ("XLON", "2026-12-01", ["broker"], "16:30"),
        ("XNYS", "2026-12-01", ["broker", "calendar"], "18:00"),
        ("XNYS", "2026-12-02", ["calendar"], "21:00"),
        ("XNYS", "2026-12-24", ["broker", "calendar"], "18:00"),
    ]


def calendar_rows(url: str, day: str) -> list[dict[str, Any]]:
    with psycopg.connect(url, row_factory=dict_row) as connection:
        connection.execute("set time zone 'UTC'")
        return connection.execute(
            "select * from api.session_calendar where exchange = 'XNYS' and day = %s", (day,)
        ).fetchall()
