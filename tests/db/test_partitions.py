"""Months of the journal: made ahead, never missed, closed to everybody."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import psycopg
import pytest

from stopward.adapters.administration import Administration
from stopward.adapters.journal import FunctionJournal
from stopward.adapters.postgres import PostgresDatabase
from tests.builders.store import a_decision, a_position, a_record, a_view
from tests.builders.store_world import PostgresWorld, begin
from tests.conftest import MakeDatabase


@pytest.fixture
def url(make_database: MakeDatabase, template_database: str) -> str:
    return make_database(template=template_database)


@pytest.fixture
def world(url: str) -> Iterator[PostgresWorld]:
    found = PostgresWorld(url)
    yield found
    found.close()


def partitions(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "select inhrelid::regclass::text from pg_inherits"
            " where inhparent = 'stopward.decisions'::regclass"
        ).fetchall()
    return {name.removeprefix("stopward.") for (name,) in rows}


def record_at(world: PostgresWorld, moment: datetime) -> None:
    position = a_position(account_id=world.account_id)
    row = replace(a_decision(position), tick_at=moment)
    fence = begin(world, tick=moment).fence
    record = a_record(
        fence,
        account_id=world.account_id,
        positions=(position,),
        decisions=(row,),
        views=(a_view(),),
    )
    world.store.record_tick(replace(record, tick_at=moment))


def where_decisions_lie(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "select distinct tableoid::regclass::text from stopward.decisions"
        ).fetchall()
    return {name for (name,) in rows}


def test_months_ahead_are_made_once(world: PostgresWorld, url: str) -> None:
    before = partitions(url)
    world.people.keep_partitions(first_day="2011-12-31", months=2)
    world.people.keep_partitions(first_day="2011-12-31", months=2)
    assert partitions(url) - before == {"decisions_2011_12", "decisions_2012_01"}
    record_at(world, datetime(2012, 1, 5, 15, tzinfo=UTC))
    assert where_decisions_lie(url) == {"stopward.decisions_2012_01"}


def test_a_month_without_a_partition_loses_nothing(world: PostgresWorld, url: str) -> None:
    record_at(world, datetime(2013, 9, 3, 15, tzinfo=UTC))
    assert where_decisions_lie(url) == {"stopward.decisions_default"}
    # Its month cannot be made before the row is moved, and that is no error.
    world.people.keep_partitions(first_day="2013-09-01", months=1)
    assert "decisions_2013_09" not in partitions(url)
    database = PostgresDatabase(url)
    FunctionJournal(database).file_late_rows(most=10)
    database.close()
    assert where_decisions_lie(url) == {"stopward.decisions_2013_09"}


def test_a_new_month_is_closed_to_everybody(url: str) -> None:
    database = PostgresDatabase(url)
    Administration(database).keep_partitions(first_day="2040-02-29", months=1)
    database.close()
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "select relrowsecurity, relacl is null from pg_class"
            " where relname = 'market_views_2040_02'"
        ).fetchone()
    assert row == (True, True)


def test_a_run_goes_on_over_midnight_of_the_month(world: PostgresWorld, url: str) -> None:
    world.people.keep_partitions(first_day="2012-01-01", months=2)
    record_at(world, datetime(2012, 1, 31, 23, 59, 50, tzinfo=UTC))
    record_at(world, datetime(2012, 2, 1, 0, 0, 0, tzinfo=UTC))
    assert [run.ticks for run in world.journal()] == [2]
