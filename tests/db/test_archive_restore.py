"""Archive, drop, restore: what comes back is bit for bit what went, odd values and all."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from stopward.adapters.archive_folder import FolderArchive
from stopward.adapters.archive_location import object_at
from stopward.adapters.supabase import SupabaseDatabase
from stopward.errors import ArchiveRejected, DatabaseUnavailable, InvalidInput
from stopward.local import cli
from stopward.local.archive_restoring import restore_month
from stopward.local.postgres import EmbeddedPostgres
from tests.builders.access import copy_of
from tests.builders.gateway import a_gateway, url_of_login
from tests.builders.journal import OldJournal, an_old_journal, objects

JANUARY = "2024-01-15 15:00:00.5+00"


@pytest.fixture(scope="module")
def url(postgres_server: EmbeddedPostgres, template_database: str) -> Iterator[str]:
    with copy_of(postgres_server, template_database, "restore") as found:
        yield found


@pytest.fixture
def old(url: str) -> Iterator[OldJournal]:
    yield from an_old_journal(url)


def archived(old: OldJournal, folder: Path) -> str:
    """Archive and drop what is old; return the address of the decisions."""
    assert old.keep(folder).failures == []
    ((location,),) = old.all(
        "select location from stopward.archives where table_name = 'decisions'"
    )
    return str(location)


def test_what_is_restored_is_bit_for_bit_what_was_dropped(old: OldJournal, tmp_path: Path) -> None:
    old.odd_decisions(old.position("p1"), first=JANUARY)
    old.decisions(old.position("p2"), first=JANUARY, count=2500)
    old.views("p1", first=JANUARY, count=7)
    before = {table: old.rows(table) for table in ("decisions", "market_views")}
    assert len(before["decisions"]) > 2550
    archived(old, tmp_path)
    assert (old.rows("decisions"), old.rows("market_views")) == ([], [])
    for (location,) in old.all("select location from stopward.archives"):
        place, key = object_at(location)
        done = restore_month(old.url, archive=place, key=key)
        table = done.relation.removeprefix("stopward_archive.")
        assert (done.rows, done.added, done.month) == (len(before[table]), done.rows, "2024-01")
        assert old.rows(table, schema="stopward_archive") == before[table]


def test_over_supabase_py_it_is_the_same_to_the_bit(
    old: OldJournal, postgres_server: EmbeddedPostgres, tmp_path: Path
) -> None:
    old.odd_decisions(old.position("p1"), first=JANUARY)
    old.views("p1", first=JANUARY, count=7)
    before = old.rows("decisions")
    with a_gateway(url_of_login(postgres_server, old.url)) as served:
        database = SupabaseDatabase(served.url, key=served.keys.secret)
        summary = old.keep(tmp_path, over=database)
        database.close()
    assert (summary.failures, summary.dropped) == ([], 2)
    for path in tmp_path.rglob("*.gz"):
        place, key = object_at(str(path))
        restore_month(old.url, archive=place, key=key)
    assert old.rows("decisions", schema="stopward_archive") == before


def test_a_null_of_json_stays_apart_from_none(old: OldJournal, tmp_path: Path) -> None:
    with old.eyes.transaction():
        old.eyes.execute("alter table stopward.decisions alter column reasons drop not null")
    try:
        position = old.position("p1")
        old.decisions(position, first=JANUARY, count=2)
        old.eyes.execute("alter table stopward.decisions disable trigger user")
        for value, second in (("null", 0), (None, 7)):
            old.eyes.execute(
                "update stopward.decisions set reasons = %s"
                " where tick_at between %s::timestamptz + %s * interval '1 s'"
                " and %s::timestamptz + (%s + 1) * interval '1 s'",
                (value, JANUARY, second, JANUARY, second),
            )
        old.eyes.execute("alter table stopward.decisions enable trigger user")
        before = old.rows("decisions")
        place, key = object_at(archived(old, tmp_path))
        restore_month(old.url, archive=place, key=key)
        assert old.rows("decisions", schema="stopward_archive") == before
        kinds = old.all(
            "select jsonb_typeof(reasons) from stopward_archive.decisions order by tick_at"
        )
        assert kinds == [("null",), (None,)]
    finally:
        old.empty()
        old.eyes.execute("alter table stopward.decisions alter column reasons set not null")


def test_restoring_twice_adds_nothing_and_a_second_part_adds_the_rest(
    old: OldJournal, tmp_path: Path
) -> None:
    old.decisions(old.position("p1"), first=JANUARY, count=3)
    place, key = object_at(archived(old, tmp_path))
    old.decisions(old.position("p2"), first=JANUARY, count=1)
    assert old.keep(tmp_path).dropped == 1
    added = []
    for name in [key, key, *(n for n in objects(tmp_path) if not key.endswith(n))]:
        done = restore_month(old.url, archive=place, key=name)
        added.append((done.rows, done.added))
    assert added == [(3, 3), (3, 0), (1, 1)]
    assert len(old.rows("decisions", schema="stopward_archive")) == 4


def test_the_guard_may_read_what_was_restored_and_people_may_not(
    old: OldJournal, tmp_path: Path
) -> None:
    old.decisions(old.position("p1"), first=JANUARY, count=3)
    place, key = object_at(archived(old, tmp_path))
    restore_month(old.url, archive=place, key=key)
    for role, may in (("stopward_worker", True), ("authenticated", False), ("anon", False)):
        with psycopg.connect(old.url, options=f"-c role={role}") as connection:
            try:
                rows = connection.execute("select from stopward_archive.decisions").fetchall()
                assert (may, len(rows)) == (True, 3)
            except psycopg.errors.InsufficientPrivilege:
                assert not may


def damage_cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20])


def damage_row(path: Path) -> None:
    text = gzip.decompress(path.read_bytes()).replace(b'"stop":"98.5', b'"stop":"99.5')
    path.write_bytes(gzip.compress(text))


def damage_order(path: Path) -> None:
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(gzip.compress(b"".join(reversed(lines))))


def drop_manifest(path: Path) -> None:
    path.with_name(path.name.replace("ndjson.gz", "json")).unlink()


def another_manifest(path: Path) -> None:
    beside = path.with_name(path.name.replace("ndjson.gz", "json"))
    beside.write_text(json.dumps({**json.loads(beside.read_text()), "format_version": 2}))


def another_table(path: Path) -> None:
    beside = path.with_name(path.name.replace("ndjson.gz", "json"))
    beside.write_text(json.dumps({**json.loads(beside.read_text()), "table": "accounts"}))


def another_column(path: Path) -> None:
    beside = path.with_name(path.name.replace("ndjson.gz", "json"))
    said = json.loads(beside.read_text())
    beside.write_text(json.dumps({**said, "columns": {**said["columns"], "mood": "text"}}))


@pytest.mark.parametrize(
    ("harm", "error", "says"),
    [
        (damage_cut, ArchiveRejected, "damaged"),
        (damage_row, InvalidInput, "nothing was loaded"),
        (damage_order, InvalidInput, "nothing was loaded"),
        (drop_manifest, ArchiveRejected, "is not there"),
        (another_manifest, InvalidInput, "no manifest of format"),
        (another_table, InvalidInput, "no manifest of format"),
        (another_column, InvalidInput, "lacks: mood"),
    ],
)
def test_what_is_not_whole_is_not_restored_at_all(
    old: OldJournal, tmp_path: Path, harm, error: type[Exception], says: str
) -> None:
    old.decisions(old.position("p1"), first=JANUARY, count=3)
    place, key = object_at(archived(old, tmp_path))
    (path,) = tmp_path.rglob("*.gz")
    harm(path)
    with pytest.raises(error, match=says):
        restore_month(old.url, archive=place, key=key)
    assert old.all("select to_regclass('stopward_archive.decisions')") == [(None,)]


def test_a_database_that_does_not_answer_is_said_without_its_password(
    old: OldJournal, tmp_path: Path
) -> None:
    old.decisions(old.position("p1"), first=JANUARY, count=3)
    archived(old, tmp_path)
    (path,) = tmp_path.rglob("*.gz")
    with pytest.raises(DatabaseUnavailable) as caught:
        restore_month(
            "postgresql://u:secret-word@127.0.0.1:1/d",
            archive=FolderArchive(path.parent),
            key=path.name,
        )
    assert "secret-word" not in str(caught.value)


def test_the_commands_show_archive_and_restore(
    old: OldJournal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old.decisions(old.position("p1"), first=JANUARY, count=3)
    old.decisions(old.position("p2", is_open=True), first="2024-02-15 15:00+00", count=3)
    there = ["--url", old.url]
    assert cli.main(["db", "partitions", *there, "--file-late"]) == 0
    said = capsys.readouterr()
    assert said.err.startswith("6 rows moved, ")
    assert "decisions     2024-01  kept                 3" in said.out
    to = ["--to", str(tmp_path), *there]
    assert cli.main(["db", "archive", *to, "--dry-run", "--keep-months", "24"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "decisions 2024-01     goes",
        "decisions 2024-02     stays: position p2 is still open",
    ]
    assert objects(tmp_path) == []
    assert cli.main(["db", "archive", *to]) == 0
    assert "months dropped    1\n" in capsys.readouterr().out
    (path,) = tmp_path.rglob("*.gz")
    assert cli.main(["db", "restore", str(path), *there]) == 0
    assert capsys.readouterr().out == "3 rows of 2024-01 in stopward_archive.decisions\n"
    assert cli.main(["db", "restore", path.as_uri(), *there]) == 0
    assert capsys.readouterr().out.endswith("decisions, 3 of them there already\n")
    assert cli.main(["db", "partitions", *there]) == 0
    assert f"dropped              3             -  {path.as_uri()}" in capsys.readouterr().out


def test_a_command_whose_archive_fails_says_so_and_ends_with_5(
    old: OldJournal, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old.decisions(old.position("p1"), first=JANUARY, count=3)
    old.file()
    (tmp_path / "journal").write_text("a file where a folder should be")
    assert cli.main(["db", "archive", "--to", str(tmp_path), "--url", old.url]) == 5
    assert "stopward: decisions 2024-01: " in capsys.readouterr().err
    assert cli.main(["db", "restore", str(tmp_path / "x.ndjson.gz"), "--url", old.url]) == 5
    assert "is not there" in capsys.readouterr().err
    assert cli.main(["db", "restore", "x.csv", "--url", old.url]) == 3
