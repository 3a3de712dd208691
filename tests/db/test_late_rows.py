"""Rows that came before their month are moved into it, and people hear of what is not in order."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import psycopg
import pytest
from psycopg import sql

from stopward.local.postgres import EmbeddedPostgres
from tests.builders.access import copy_of
from tests.builders.journal import TODAY, OldJournal, an_old_journal
from tests.builders.store import a_decision, a_position, a_record, a_view, pulse
from tests.builders.store_world import PostgresWorld, begin

JANUARY = "2024-01-15 15:00:00.5+00"
SHAPE = """
select 'index', regexp_replace(pg_get_indexdef(i.indexrelid), %(table)s || '\\w*', 'X', 'g')
    || i.indisvalid || exists (select from pg_inherits where inhrelid = i.indexrelid)
from pg_index as i where i.indrelid = %(relation)s::regclass
union all
select 'constraint', k.conname || pg_get_constraintdef(k.oid) || k.coninhcount
from pg_constraint as k where k.conrelid = %(relation)s::regclass and k.contype in ('f', 'c')
union all
select 'trigger', t.tgname || (t.tgparentid <> 0) from pg_trigger as t
where t.tgrelid = %(relation)s::regclass and not t.tgisinternal
union all
select 'column', a.attname || format_type(a.atttypid, a.atttypmod) || a.attnotnull
    || coalesce(pg_get_expr(d.adbin, d.adrelid), '')
from pg_attribute as a left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
where a.attrelid = %(relation)s::regclass and a.attnum > 0
union all
select 'table', c.relrowsecurity::text || coalesce(c.relacl::text, 'no grants')
    || coalesce(c.reloptions::text, '') || coalesce(obj_description(c.oid), 'no comment')
from pg_class as c where c.oid = %(relation)s::regclass
order by 1, 2
"""


@pytest.fixture(scope="module")
def url(postgres_server: EmbeddedPostgres, template_database: str) -> Iterator[str]:
    with copy_of(postgres_server, template_database, "late_rows") as found:
        yield found


@pytest.fixture
def old(url: str) -> Iterator[OldJournal]:
    yield from an_old_journal(url)


def shape(old: OldJournal, table: str) -> list[Any]:
    values = {"table": table, "relation": f"stopward.{table}"}
    return old.eyes.execute(SHAPE.encode(), values).fetchall()


def parts(old: OldJournal, table: str) -> dict[str, int]:
    statement = sql.SQL("select tableoid::regclass::text, count(*) from {} group by 1")
    rows = old.eyes.execute(statement.format(sql.Identifier("stopward", table))).fetchall()
    return {name.removeprefix("stopward."): count for name, count in rows}


def test_late_rows_move_into_their_months_and_none_is_lost(old: OldJournal) -> None:
    position = old.position("p1")
    old.decisions(position, first=JANUARY, count=5)
    old.decisions(position, first="2024-01-31 23:59:56+00", count=3)
    old.odd_decisions(position, first="2024-03-15 15:00+00")
    old.views("p1", first=JANUARY, count=4)
    before = old.rows("decisions"), old.rows("market_views")
    assert old.journal.file_late_rows(most=1000) == sum(map(len, before)) > 60
    assert (old.rows("decisions"), old.rows("market_views")) == before
    assert parts(old, "decisions") == {
        "decisions_2024_01": 6, "decisions_2024_02": 2, "decisions_2024_03": len(before[0]) - 8
    }  # fmt: skip
    assert parts(old, "market_views") == {"market_views_2024_01": 4}
    assert old.journal.file_late_rows(most=1000) == 0


@pytest.mark.parametrize("table", ["decisions", "market_views"])
def test_a_month_of_late_rows_is_like_any_other_and_the_default_is_as_before(
    old: OldJournal, table: str
) -> None:
    old.all('select api.keep_partitions(\'{"from": "2024-05-01", "months": 1}\')')
    default = shape(old, f"{table}_default")
    old.decisions(old.position("p1"), first=JANUARY, count=2)
    old.views("p1", first=JANUARY, count=2)
    for _ in range(2):
        old.file()
        old.decisions(old.position(f"p{_}x"), first="2024-02-15 15:00+00", count=2)
        old.views("p1", first="2024-02-15 15:00+00", count=2)
        old.file()
        old.empty()
    old.all('select api.keep_partitions(\'{"from": "2024-05-01", "months": 1}\')')
    old.decisions(old.position("p2"), first=JANUARY, count=2)
    old.views("p2", first=JANUARY, count=2)
    old.file()
    assert shape(old, f"{table}_default") == default
    assert shape(old, f"{table}_2024_01") == shape(old, f"{table}_2024_05")


def test_every_partition_that_a_night_makes_is_closed_to_everybody(old: OldJournal) -> None:
    old.decisions(old.position("p1"), first=JANUARY, count=2)
    old.file()
    old.journal.make_months(today=date(2033, 11, 30), ahead=2)
    found = old.all(
        "select c.relname, c.relrowsecurity, c.relacl is null, obj_description(c.oid) is not null"
        " from pg_class as c join pg_inherits as i on i.inhrelid = c.oid"
        " where i.inhparent in ('stopward.decisions'::regclass, 'stopward.market_views'::regclass)"
    )
    names = {name for name, *_ in found}
    made = {f"{t}_{m}" for t in ("decisions", "market_views") for m in ("2033_12", "2034_01")}
    assert made | {"decisions_2024_01", "decisions_default", "decisions_2033_11"} <= names
    assert [row for row in found if row[1:] != (True, True, True)] == []
    for name in sorted(names):
        for role in ("anon", "authenticated", "service_role", "stopward_worker", "public"):
            ((may,),) = old.all(
                "select has_table_privilege(%s, %s, 'select, insert, update, delete, truncate')",
                role,
                f"stopward.{name}",
            )
            assert not may


def test_no_more_rows_move_than_were_allowed(old: OldJournal) -> None:
    position = old.position("p1")
    old.decisions(position, first=JANUARY, count=5)
    old.decisions(position, first="2024-02-15 15:00+00", count=5)
    before = old.rows("decisions")
    for moved, left in ((7, 3), (3, 0), (0, 0)):
        ((found,),) = old.all("select api.file_late_rows('{\"most\": 7}')")
        assert found == {"moved": moved, "left": left}
        # Whatever is moved so far, every row is in sight.
        assert old.rows("decisions") == before
    assert parts(old, "decisions") == {"decisions_2024_01": 5, "decisions_2024_02": 5}


def test_a_month_is_filed_in_portions_and_is_then_like_any_other(old: OldJournal) -> None:
    old.all('select api.keep_partitions(\'{"from": "2024-05-01", "months": 1}\')')
    default = shape(old, "decisions_default")
    position, other = old.position("p1"), old.position("p2")
    for name in (position, other):  # two rows of each instant, which go together
        old.decisions(name, first=JANUARY, count=10)
    before = old.rows("decisions")
    for moved, left in ((2, 18), (2, 16)):
        ((found,),) = old.all("select api.file_late_rows('{\"most\": 3}')")
        assert found == {"moved": moved, "left": left}
        assert old.rows("decisions") == before
    # What comes now lies on either side of what was moved.
    old.decisions(old.position("p3"), first="2024-01-01 00:00+00", count=1)
    old.decisions(old.position("p4"), first="2024-01-31 00:00+00", count=1)
    assert parts(old, "decisions") == {"decisions_2024_01": 5, "decisions_default": 17}
    old.file()
    assert parts(old, "decisions") == {"decisions_2024_01": 22}
    assert shape(old, "decisions_2024_01") == shape(old, "decisions_2024_05")
    assert shape(old, "decisions_default") == default
    old.all('select api.keep_partitions(\'{"from": "2024-01-01", "months": 1}\')')
    old.decisions(old.position("p5"), first="2024-01-31 23:59:59+00", count=1)
    assert parts(old, "decisions") == {"decisions_2024_01": 23}


def test_a_row_that_no_month_may_hold_stays_and_holds_up_no_other(old: OldJournal) -> None:
    position = old.position("p1")
    old.decisions(position, first=JANUARY, count=2)
    # As a rule that came later left it: unchecked for rows that were there.
    with old.eyes.transaction(force_rollback=True):
        old.decisions(position, first="2024-02-15 15:00+00", count=2)
        old.eyes.execute(
            "alter table stopward.decisions add constraint decisions_january_only"
            " check (tick_at < '2024-02-01') not valid"
        )
        ((found,),) = old.all("select api.file_late_rows('{}')")
        assert found == {"moved": 2, "left": 2}
        assert parts(old, "decisions") == {"decisions_2024_01": 2, "decisions_default": 2}


def test_ticks_go_on_while_months_are_made_and_rows_moved(old: OldJournal) -> None:
    world = PostgresWorld(old.url)
    position = a_position(account_id=world.account_id)
    over = threading.Event()
    failed: list[Exception] = []
    ticks: list[int] = []

    def tick() -> None:
        number = 0
        while not over.is_set():
            number += 1
            row = a_decision(position, tick=number, fired=float(number % 7))
            try:
                fence = begin(world, tick=pulse(number)).fence
                world.store.record_tick(
                    a_record(
                        fence,
                        tick=number,
                        account_id=world.account_id,
                        positions=(replace(position, realised=position.realised + number),),
                        decisions=(row,),
                        views=(a_view(),),
                    )
                )
            except Exception as error:
                failed.append(error)
                return
            ticks.append(number)

    thread = threading.Thread(target=tick)
    thread.start()
    late = old.position("p1")
    for month in range(1, 10):
        old.decisions(late, first=f"2024-0{month}-15 15:00+00", count=200)
        old.file()
        old.journal.make_months(today=date(2040 + month, 1, 1), ahead=1)
    over.set()
    thread.join()
    world.close()
    assert failed == []
    assert len(ticks) > 9
    written = old.all(
        "select sum(ticks) from stopward.decisions where account_id = %s", world.account_id
    )
    assert written == [(len(ticks),)]
    assert len(old.tables()) == 9


def test_people_hear_once_a_day_of_a_journal_that_is_not_in_order(old: OldJournal) -> None:
    state = old.journal.watch(today=TODAY, failed=())
    assert (dict(state.late), dict(state.ahead)) == ({}, {"decisions": 2, "market_views": 2})
    notices = (
        "select key, severity, said from stopward.notifications"
        " where about = 'alarm' and account_id = 'old'"
    )
    assert old.all(notices) == []
    old.decisions(old.position("p1"), first=JANUARY, count=3)
    for _ in range(2):
        old.journal.watch(today=TODAY, failed=("decisions 2024-01: S3 refused",))
    assert old.all(notices) == [
        (
            "journal_keeping/2026-11-23",
            "warning",
            {
                "late_rows": {"decisions": 3},
                "months_ahead": {"decisions": 2, "market_views": 2},
                "failed": ["decisions 2024-01: S3 refused"],
            },
        )
    ]
    old.file()
    short = old.journal.watch(today=TODAY + timedelta(days=31), failed=())
    assert dict(short.ahead) == {"decisions": 1, "market_views": 1}
    assert len(old.all(notices)) == 2


def test_a_month_that_is_missing_in_between_ends_those_ahead(old: OldJournal) -> None:
    old.journal.make_months(today=date(2045, 2, 1), ahead=0)
    state = old.journal.watch(today=date(2045, 1, 31), failed=())
    assert set(state.ahead.values()) == {1}
    request = json.dumps({"today": "2045-03-31"})
    ((found,),) = old.all("select api.watch_journal(%s::jsonb)", request)
    assert (found["is_well"], set(found["ahead"].values())) == (False, {0})


def test_partitions_are_not_made_while_somebody_holds_the_table(old: OldJournal) -> None:
    with psycopg.connect(old.url) as tick:
        tick.execute("lock table stopward.decisions in row exclusive mode")
        with pytest.raises(psycopg.errors.RaiseException) as caught:
            old.all('select api.keep_partitions(\'{"from": "2050-01-01", "months": 1}\')')
        assert caught.value.diag.constraint_name == "journal_busy"
        # What is there needs no lock.
        old.all('select api.keep_partitions(\'{"from": "2026-11-01", "months": 2}\')')
