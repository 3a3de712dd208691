"""Old months are archived, compared and dropped; what is not sure stays."""

import gzip
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from stopward.adapters.archive_folder import FolderArchive
from stopward.domain.journal import ArchivedMonth, JournalDigest, JournalPage
from stopward.errors import DatabaseRejected
from stopward.local.postgres import EmbeddedPostgres
from stopward.services.journal_archive import archive_month
from stopward.services.journal_keeping import open_spool
from tests.builders.access import copy_of
from tests.builders.journal import ACCOUNT, TODAY, OldJournal, an_old_journal, objects

JANUARY = "2024-01-15 15:00:00.5+00"
NOTED = {
    "table": "decisions", "month": "2024-01-01", "digest": "0" * 64, "location": "s3://b/k",
    "rows": 1, "bytes": 1, "sha256": "0" * 64,
}  # fmt: skip


@pytest.fixture(scope="module")
def url(postgres_server: EmbeddedPostgres, template_database: str) -> Iterator[str]:
    with copy_of(postgres_server, template_database, "retention") as found:
        yield found


@pytest.fixture
def old(url: str) -> Iterator[OldJournal]:
    yield from an_old_journal(url)


def pages(old: OldJournal, table: str, first_day: str, **asked: int) -> Iterator[JournalPage]:
    after = None
    while True:
        request = json.dumps({"table": table, "month": first_day, "after": after, **asked})
        ((found,),) = old.all("select api.read_month(%s::jsonb)", request)
        after = found["after"]
        yield JournalPage(lines=tuple(found["lines"]), after=after)
        if after is None:
            return


def refused(old: OldJournal, function: str, **request: Any) -> str | None:
    with pytest.raises(psycopg.Error) as caught:
        old.all(f"select api.{function}(%s::jsonb)", json.dumps(request))
    return caught.value.diag.constraint_name


def test_a_night_archives_and_drops_what_is_old_and_keeps_the_rest(
    old: OldJournal, tmp_path: Path
) -> None:
    position = old.position("p1")
    old.decisions(position, first=JANUARY, count=2345)
    old.decisions(position, first="2026-10-05 15:00+00", count=7)
    old.views("p1", first=JANUARY, count=11)
    summary = old.keep(tmp_path)
    assert summary.failures == []
    assert (summary.filed, summary.archived, summary.dropped) == (2345 + 7 + 11, 2, 2)
    assert (summary.rows, summary.late, summary.ahead) == (2345 + 11, 0, 2)
    assert old.tables() == set()
    assert len(old.rows("decisions")) == 7
    assert old.archives() == [
        ("decisions", "2024-01", 2345, True),
        ("market_views", "2024-01", 11, True),
    ]
    assert len(objects(tmp_path)) == 2
    # The next night finds nothing to do.
    assert old.keep(tmp_path).counts() == {
        **dict.fromkeys(summary.counts(), 0),
        "journal_months_ahead": 2,
    }


def test_a_month_of_a_position_that_is_open_stays_with_its_views(
    old: OldJournal, tmp_path: Path
) -> None:
    old.decisions(old.position("p1", is_open=True), first=JANUARY, count=3)
    old.views("p1", first=JANUARY, count=3)
    old.views("p1", first="2024-02-15 15:00+00", count=3)
    summary = old.keep(tmp_path)
    assert summary.failures == []
    assert old.archives() == [("market_views", "2024-02", 3, True)]
    stays = {
        month.name: month.stays_because
        for month in old.journal.old_months(keep_months=24, today=TODAY)
    }
    assert stays == {
        "decisions 2024-01": "position p1 is still open",
        "market_views 2024-01": "the decisions of this month are still here",
    }


def test_a_month_that_the_last_run_of_an_open_position_points_to_stays(old: OldJournal) -> None:
    old.decisions(old.position("gone"), first=JANUARY, count=3)
    old.position("p1", is_open=True)
    old.eyes.execute(
        "insert into stopward.decision_runs values (%s, 'p1', 'monitor', %s, %s, null)",
        (ACCOUNT, JANUARY, "2026-11-20"),
    )
    old.file()
    assert old.month("decisions", "2024-01-01").stays_because == "position p1 is still open"


@pytest.mark.parametrize(
    ("keep_months", "today", "old_enough"),
    [
        (24, "2026-01-31", False),  # January 2024 is the 24th whole month before January 2026
        (24, "2026-02-01", True),
        (1, "2024-02-29", False),
        (1, "2024-03-01", True),
    ],
)
def test_whole_months_before_the_present_one_are_kept(
    old: OldJournal, keep_months: int, today: str, old_enough: bool
) -> None:
    old.decisions(old.position("p1"), first="2024-01-31 23:59:59+00", count=1)
    old.file()
    request = json.dumps({"keep_months": keep_months, "today": today})
    ((found,),) = old.all("select api.list_archivable(%s::jsonb)", request)
    assert [each["month"] for each in found["months"]] == ["2024-01-01"] * old_enough
    assert found["last_migration"] >= "20261123050400"


def test_what_is_not_over_is_never_listed_whatever_day_the_caller_thinks_it_is(
    old: OldJournal,
) -> None:
    request = json.dumps({"keep_months": 1, "today": "2999-01-01"})
    ((found,),) = old.all("select api.list_archivable(%s::jsonb)", request)
    ((this_month,),) = old.all("select date_trunc('month', now() at time zone 'UTC')::date::text")
    assert all(each["month"] < this_month for each in found["months"])
    old.all('select api.keep_partitions(\'{"from": "2030-01-01", "months": 1}\')')
    noted = {**NOTED, "month": "2030-01-01"}
    old.all("select api.note_archive(%s::jsonb)", json.dumps(noted))
    assert (
        refused(old, "detach_month", table="decisions", month="2030-01-01")
        == "journal_month_not_over"
    )


@pytest.mark.parametrize(("limit", "size"), [(1000, 4_000_000), (7, 4_000_000), (1000, 900)])
def test_pages_hold_every_row_once_in_order_within_their_bytes(
    old: OldJournal, limit: int, size: int
) -> None:
    for name in ("b", "a", "Z"):
        old.decisions(old.position(name), first=JANUARY, count=40)
    old.file()
    found = list(pages(old, "decisions", "2024-01-01", limit=limit, bytes=size))
    lines = [json.loads(line) for page in found for line in page.lines]
    keys = old.all(
        "select position_id, to_json(tick_at) from stopward.decisions order by account_id,"
        " position_id, tick_at"
    )
    assert [(line["position_id"], line["tick_at"]) for line in lines] == keys
    for page in found:
        assert len(page.lines) <= limit
        assert len(page.lines) == 1 or sum(len(line.encode()) for line in page.lines) <= size
    assert len(found) > 1 or limit == 1000


def test_a_row_longer_than_a_page_comes_alone(old: OldJournal) -> None:
    old.decisions(old.position("p1"), first=JANUARY, count=2)
    old.file()
    found = list(pages(old, "decisions", "2024-01-01", bytes=1))
    assert [len(page.lines) for page in found] == [1, 1]


@pytest.mark.parametrize("count", [1, 999, 1000, 1001, 2000])
def test_python_and_the_database_digest_the_same(old: OldJournal, count: int) -> None:
    old.decisions(old.position("p1"), first=JANUARY, count=count)
    old.file()
    digest = JournalDigest()
    for page in pages(old, "decisions", "2024-01-01", limit=333):
        for line in page.lines:
            digest.add(line.encode() + b"\n")
    ((rows, found),) = old.all(
        "select rows, digest from stopward.digest_journal_month('stopward.decisions_2024_01')"
    )
    assert (rows, found) == (count, digest.hexdigest())


def test_a_line_is_the_same_whatever_the_session_prefers(old: OldJournal) -> None:
    old.odd_decisions(old.position("p1"), first=JANUARY)
    old.file()
    before = list(pages(old, "decisions", "2024-01-01"))
    for setting in ("timezone = 'Asia/Tokyo'", "datestyle = 'German'", "extra_float_digits = -5"):
        old.eyes.execute(f"set {setting}".encode())
    assert list(pages(old, "decisions", "2024-01-01")) == before


def test_nothing_is_dropped_without_an_archive_of_exactly_its_rows(
    old: OldJournal, tmp_path: Path
) -> None:
    old.decisions(old.position("p1"), first=JANUARY, count=5)
    old.file()
    month = {"table": "decisions", "month": "2024-01-01"}
    assert refused(old, "detach_month", **month) == "archives_needed_first"
    old.all("select api.note_archive(%s::jsonb)", json.dumps({**NOTED, "rows": 5}))
    assert refused(old, "drop_month", **month, location="s3://b/k") == "journal_month_attached"
    old.journal.detach(old.month("decisions", "2024-01-01"))
    assert refused(old, "drop_month", **month, location="s3://b/k") == "archive_differs"
    ((digest,),) = old.all(
        "select digest from stopward.digest_journal_month('stopward.decisions_2024_01')"
    )
    for wrong in ({"rows": 4, "location": "few"}, {"rows": 5, "location": "elsewhere"}):
        old.all(
            "select api.note_archive(%s::jsonb)", json.dumps({**NOTED, "digest": digest, **wrong})
        )
    assert refused(old, "drop_month", **month, location="few") == "archive_differs"
    assert refused(old, "drop_month", **month, location="s3://b/k") == "archive_differs"
    assert old.tables() == {"decisions_2024_01"}
    assert old.keep(tmp_path).failures == []
    assert old.tables() == set()


def test_a_month_of_an_open_position_is_not_detached_even_with_an_archive(old: OldJournal) -> None:
    old.decisions(old.position("p1", is_open=True), first=JANUARY, count=5)
    old.file()
    old.all("select api.note_archive(%s::jsonb)", json.dumps(NOTED))
    assert (
        refused(old, "detach_month", table="decisions", month="2024-01-01")
        == "journal_month_in_use"
    )
    assert len(old.rows("decisions")) == 5


@pytest.mark.parametrize(
    ("function", "request_", "rule"),
    [
        ("read_month", {}, "journal_table_unknown"),
        ("read_month", {"table": "positions", "month": "2024-01-01"}, "journal_table_unknown"),
        ("read_month", {"table": "decisions", "month": "2024-01-02"}, "journal_month_unknown"),
        ("read_month", {"table": "decisions", "month": "x';drop"}, "journal_month_unknown"),
        ("read_month", {"table": "decisions", "month": "1999-01-01"}, "journal_month_unknown"),
        (
            "read_month",
            {"table": "decisions", "month": "2026-11-01", "limit": 0},
            "read_month_request",
        ),
        ("list_archivable", {}, "list_archivable_request"),
        ("list_archivable", {"keep_months": 0}, "list_archivable_request"),
        ("note_archive", {**NOTED, "digest": "short"}, "archives_digest_is_sha256"),
        ("note_archive", {**NOTED, "location": ""}, "archives_location_not_empty"),
        ("note_archive", {**NOTED, "rows": -1}, "archives_counts_not_negative"),
        ("note_archive", {**NOTED, "format": "csv"}, "archives_format_known"),
        ("file_late_rows", {"most": 0}, "file_late_rows_request"),
        ("drop_month", {**NOTED, "most": 0}, "drop_month_request"),
        ("keep_partitions", {"months": 0}, "keep_partitions_request"),
        ("watch_journal", {"failed": "x"}, "watch_journal_request"),
    ],
)
def test_bad_input_is_refused_by_name(
    old: OldJournal, function: str, request_: dict[str, Any], rule: str
) -> None:
    assert refused(old, function, **request_) == rule


def test_a_month_is_compared_in_portions_and_dropped_at_the_last(
    old: OldJournal, tmp_path: Path
) -> None:
    old.decisions(old.position("p1"), first=JANUARY, count=2500)
    old.file()
    month = old.month("decisions", "2024-01-01")
    archived = archive_month(
        month, reader=old.journal, archive=FolderArchive(tmp_path), spool=open_spool,
        last_migration=None,
    )  # fmt: skip
    old.journal.note(archived)
    old.journal.detach(month)

    def drop(location: str) -> Any:
        request = {"table": "decisions", "month": "2024-01-01", "location": location, "most": 1000}
        ((found,),) = old.all("select api.drop_month(%s::jsonb)", json.dumps(request))
        return found

    assert drop(archived.location) == {"state": "comparing", "rows": 1000}
    # Another place is compared from the start.
    assert drop("s3://b/other") == {"state": "comparing", "rows": 1000}
    assert drop(archived.location) == {"state": "comparing", "rows": 1000}
    assert drop(archived.location) == {"state": "comparing", "rows": 2000}
    assert drop(archived.location) == {"state": "dropped", "rows": 2500}
    assert drop(archived.location) == {"state": "gone"}
    assert old.all("select count(*) from stopward.month_comparisons") == [(0,)]


@pytest.mark.parametrize(
    "statement",
    [
        "insert into stopward.decisions_2024_01 select * from stopward.decisions_2024_01",
        "update stopward.decisions_2024_01 set price = 1",
        "delete from stopward.decisions_2024_01",
        "truncate stopward.decisions_2024_01",
    ],
)
def test_a_frozen_month_cannot_be_changed_between_two_portions(
    old: OldJournal, statement: str
) -> None:
    old.decisions(old.position("p1"), first=JANUARY, count=2)
    old.file()
    old.all("select api.note_archive(%s::jsonb)", json.dumps(NOTED))
    old.journal.detach(old.month("decisions", "2024-01-01"))
    with pytest.raises(psycopg.errors.RaiseException) as caught:
        old.eyes.execute(statement.encode())
    # Truncating is forbidden for good.
    assert caught.value.diag.constraint_name in {"journal_month_frozen", "decisions_append_only"}


def test_the_same_row_that_comes_late_twice_is_archived_once_and_goes(
    old: OldJournal, tmp_path: Path
) -> None:
    position = old.position("p1")
    for night in range(3):
        old.decisions(position, first=JANUARY, count=1)
        summary = old.keep(tmp_path)
        assert (summary.failures, summary.dropped) == ([], 1), night
    assert old.archives() == [("decisions", "2024-01", 1, True)]
    assert old.rows("decisions") == []
    assert len(objects(tmp_path)) == 1


def test_what_is_noted_stays(old: OldJournal) -> None:
    for _ in range(2):
        old.all("select api.note_archive(%s::jsonb)", json.dumps(NOTED))
    assert old.archives() == [("decisions", "2024-01", 1, False)]
    for statement in (
        "update stopward.archives set row_count = 2, dropped_at = now()",
        "update stopward.archives set location = 'x', dropped_at = now()",
        "update stopward.archives set archived_at = now() + interval '1 day', dropped_at = now()",
        "update stopward.archives set dropped_at = null",
        "delete from stopward.archives",
    ):
        assert_append_only(old, statement)
    old.eyes.execute("update stopward.archives set dropped_at = now()")
    for statement in (
        "update stopward.archives set dropped_at = null",
        "update stopward.archives set dropped_at = now() + interval '1 day'",
        "delete from stopward.archives",
    ):
        assert_append_only(old, statement)


def assert_append_only(old: OldJournal, statement: str) -> None:
    with pytest.raises(psycopg.errors.RaiseException) as caught:
        old.eyes.execute(statement.encode())
    assert caught.value.diag.constraint_name == "archives_append_only"


def test_a_row_that_comes_late_to_a_dropped_month_gets_an_archive_of_its_own(
    old: OldJournal, tmp_path: Path
) -> None:
    old.decisions(old.position("p1"), first=JANUARY, count=5)
    old.keep(tmp_path)
    old.decisions(old.position("p2"), first=JANUARY, count=1)
    assert len(old.rows("decisions")) == 1
    summary = old.keep(tmp_path)
    assert (summary.filed, summary.dropped, summary.failures) == (1, 1, [])
    assert old.archives() == [("decisions", "2024-01", 5, True), ("decisions", "2024-01", 1, True)]
    kept = [
        json.loads(line)["position_id"]
        for path in tmp_path.rglob("*.gz")
        for line in gzip.decompress(path.read_bytes()).splitlines()
    ]
    assert sorted(kept) == ["p1"] * 5 + ["p2"]


def test_a_row_that_comes_between_the_archive_and_the_freezing_is_archived_too(
    old: OldJournal, tmp_path: Path
) -> None:
    position = old.position("p1")
    old.decisions(position, first=JANUARY, count=5)
    detach, latecomers = old.journal.detach, iter(["2024-01-20 15:00+00"])

    def detach_late(month: Any) -> None:
        for first in latecomers:
            old.decisions(position, first=first, count=1)
        detach(month)

    old.journal.detach = detach_late  # type: ignore[method-assign]
    summary = old.keep(tmp_path)
    assert (summary.failures, summary.archived, summary.dropped, summary.rows) == ([], 2, 1, 6)
    assert old.archives() == [("decisions", "2024-01", 5, False), ("decisions", "2024-01", 6, True)]


def test_a_frozen_month_is_closed_and_a_row_that_comes_then_waits_in_the_default(
    old: OldJournal, tmp_path: Path
) -> None:
    position = old.position("p1")
    old.decisions(position, first=JANUARY, count=5)
    old.file()
    old.all("select api.note_archive(%s::jsonb)", json.dumps(NOTED))
    old.journal.detach(old.month("decisions", "2024-01-01"))
    old.decisions(old.position("p2"), first=JANUARY, count=1)
    assert old.journal.file_late_rows(most=100) == 0
    assert old.journal.watch(today=TODAY, failed=()).late == {"decisions": 1}
    states = dict(
        old.all("select table_name || month, state from api.journal_months where month < now()")
    )
    assert states["decisions2024-01-01"] == "detached"
    assert old.keep(tmp_path).failures == []
    assert old.keep(tmp_path).failures == []
    assert [(rows, gone) for _, _, rows, gone in old.archives()] == [
        (1, False), (5, True), (1, True)
    ]  # fmt: skip


@pytest.mark.parametrize("table", ["stopward.decisions", "stopward.positions"])
def test_whoever_holds_the_tables_is_let_alone(old: OldJournal, tmp_path: Path, table: str) -> None:
    old.decisions(old.position("p1"), first=JANUARY, count=5)
    old.file()
    with psycopg.connect(old.url) as tick:
        tick.execute(f"lock table {table} in row exclusive mode".encode())
        summary = old.keep(tmp_path)
        assert len(summary.failures) == 1
        assert "was in use for longer than two seconds" in summary.failures[0]
    assert len(old.rows("decisions")) == 5
    assert old.keep(tmp_path).dropped == 1


def test_two_keepers_at_once_do_it_once(old: OldJournal, tmp_path: Path) -> None:
    for number in range(3):
        position = old.position(f"p{number}")
        old.decisions(position, first=f"2024-0{number + 1}-15 15:00+00", count=300)
        old.views(position, first=f"2024-0{number + 1}-15 15:00+00", count=300)
    other = OldJournal(old.url)
    found: list[Any] = []
    threads = [
        threading.Thread(target=lambda keeper=keeper: found.append(keeper.keep(tmp_path)))
        for keeper in (old, other)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    other.close()
    assert [summary.failures for summary in found] == [[], []]
    assert sum(summary.dropped for summary in found) == 6
    assert [(rows, gone) for _, _, rows, gone in old.archives()] == [(300, True)] * 6
    assert len(objects(tmp_path)) == 6
    assert old.tables() == set()


def test_the_adapter_names_the_rule_that_refused(old: OldJournal) -> None:
    with pytest.raises(DatabaseRejected) as caught:
        old.journal.note(
            ArchivedMonth(
                table="trades", first_day="2024-01-01", digest="", rows=0, bytes=0, sha256="",
                location="x",
            )
        )  # fmt: skip
    assert caught.value.rule == "journal_table_unknown"
