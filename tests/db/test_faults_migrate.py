"""A migration fails half way, by `stopward db migrate` and by the Supabase CLI alike."""

import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import httpx
import psycopg
import pytest

from stopward.errors import DatabaseRejected, DatabaseUnavailable, InvalidInput
from stopward.local.migrate import LEDGER, SUPABASE, migrate, prepare_platform, read_migrations
from tests.builders.cutting_proxy import POSTGRES, a_proxy
from tests.builders.supabase_cli import run_supabase
from tests.builders.waiting import behind
from tests.conftest import MakeDatabase

FINE, BROKEN, LAST = "20260101000000_fine", "20260102000000_broken", "20260103000000_last"
DIVIDES = "create table public.half (id int); insert into public.half select 1; select 1 / 0;"
DIES = "create table public.half (id int); select pg_terminate_backend(pg_backend_pid());"
MENDED = "create table public.half (id int); insert into public.half select 2;"

Migrate = Callable[[str], str | None]
"""Called with a URL: migrates, and returns None, or what was said instead."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Three files, of which the one in the middle fails."""
    folder = tmp_path / "project"
    shutil.copytree(SUPABASE, folder / "supabase", ignore=shutil.ignore_patterns("*.sql"))
    write(folder, FINE, "create table public.fine (id int);")
    write(folder, BROKEN, DIVIDES)
    write(folder, LAST, "create table public.last (id int);")
    return folder


@pytest.fixture(params=["migrate", "cli"])
def apply(request: pytest.FixtureRequest, project: Path, tmp_path: Path) -> Migrate:
    """Either tool."""

    def by_migrate(url: str) -> str | None:
        try:
            migrate(url, supabase=project / "supabase")
        except (DatabaseRejected, DatabaseUnavailable, InvalidInput) as error:
            return str(error)
        return None

    def by_cli(url: str) -> str | None:
        done = push(url, project, tmp_path)
        return None if done.returncode == 0 else done.stderr + done.stdout

    return by_migrate if request.param == "migrate" else by_cli


def push(url: str, project: Path, home: Path) -> subprocess.CompletedProcess[str]:
    return run_supabase("db", "push", f"--remote={url}", "--yes", project=project, home=home)


def write(project: Path, name: str, text: str) -> None:
    folder = project / "supabase" / "migrations"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.sql").write_text(text)


def tables(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "select tablename::text from pg_tables where schemaname = 'public' order by 1"
        ).fetchall()
    return [name for (name,) in found]


def listed(url: str) -> list[str]:
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "select version from supabase_migrations.schema_migrations order by 1"
        ).fetchall()
    return [version for (version,) in found]


@pytest.mark.parametrize(
    ("text", "words"),
    [(DIVIDES, "division by zero"), (DIES, "terminating connection due to administrator command")],
    ids=["it fails", "its connection is killed"],
)
def test_nothing_of_the_file_is_left_and_the_mended_one_applies(
    make_database: MakeDatabase, project: Path, apply: Migrate, *, text: str, words: str
) -> None:
    url = make_database()
    write(project, BROKEN, text)
    said = apply(url)
    assert said is not None
    assert BROKEN in said
    assert words in said
    assert tables(url) == ["fine"]
    assert listed(url) == [FINE[:14]]
    write(project, BROKEN, MENDED)
    assert apply(url) is None
    assert tables(url) == ["fine", "half", "last"]
    assert listed(url) == [name[:14] for name in (FINE, BROKEN, LAST)]


def test_what_one_tool_left_half_way_the_other_finishes(
    make_database: MakeDatabase, project: Path, tmp_path: Path
) -> None:
    by_cli, by_migrate = make_database(), make_database()
    assert push(by_cli, project, tmp_path).returncode != 0
    with pytest.raises(DatabaseRejected, match=BROKEN):
        migrate(by_migrate, supabase=project / "supabase")
    write(project, BROKEN, MENDED)
    assert migrate(by_cli, supabase=project / "supabase") == (BROKEN[:14], LAST[:14])
    assert push(by_migrate, project, tmp_path).returncode == 0
    assert tables(by_cli) == tables(by_migrate) == ["fine", "half", "last"]


def test_an_applied_file_that_changed_is_refused_by_migrate_and_not_seen_by_the_cli(
    make_database: MakeDatabase, project: Path, tmp_path: Path
) -> None:
    """The CLI compares versions only: a deployment that pushes by it asks migrate first."""
    url = make_database()
    write(project, BROKEN, MENDED)
    assert push(url, project, tmp_path).returncode == 0
    write(project, FINE, "create table public.other (id int);")
    assert push(url, project, tmp_path).returncode == 0
    with pytest.raises(InvalidInput, match=rf"{FINE} was changed after it was applied"):
        migrate(url, supabase=project / "supabase")
    assert tables(url) == ["fine", "half", "last"]


def test_an_applied_file_that_is_gone_is_refused_by_both(
    make_database: MakeDatabase, project: Path, tmp_path: Path, apply: Migrate
) -> None:
    url = make_database()
    write(project, BROKEN, MENDED)
    assert apply(url) is None
    (project / "supabase" / "migrations" / f"{FINE}.sql").unlink()
    done = push(url, project, tmp_path)
    assert done.returncode != 0
    assert "Remote migration versions not found in local migrations directory" in done.stderr
    with pytest.raises(InvalidInput, match=rf"{FINE[:14]} is applied, but its file is gone"):
        migrate(url, supabase=project / "supabase")


def test_two_that_migrate_at_once_apply_each_file_once(make_database: MakeDatabase) -> None:
    url = make_database()
    prepare_platform(url)
    start = Barrier(3)

    def run(_: int) -> tuple[str, ...]:
        start.wait()
        return migrate(url)

    with ThreadPoolExecutor(3) as pool:
        applied = sorted(pool.map(run, range(3)))
    versions = tuple(each.version for each in read_migrations(SUPABASE / "migrations"))
    assert applied == [(), (), versions]
    assert listed(url) == list(versions)


def test_whoever_migrates_meanwhile_each_file_is_applied_once(
    make_database: MakeDatabase, project: Path, apply: Migrate
) -> None:
    """Two CLIs take no lock: the later one's file is undone. Ours waits for whoever came first."""
    url = make_database()
    write(project, BROKEN, MENDED)
    with psycopg.connect(url) as quick, psycopg.connect(url, autocommit=True) as eyes:
        eyes.execute(LEDGER)
        quick.execute("create table public.fine (id int)")
        quick.execute(
            "insert into supabase_migrations.schema_migrations (version, name, statements)"
            " values (%s, 'fine', array['create table public.fine (id int)'])",
            (FINE[:14],),
        )
        later, pool = behind(quick, lambda: apply(url), eyes=eyes)
        quick.commit()
        pool.shutdown()
    said = later.result()
    if said is not None:
        assert "duplicate key" in said
        assert listed(url) == [FINE[:14]]
    assert apply(url) is None
    assert tables(url) == ["fine", "half", "last"]
    assert listed(url) == [name[:14] for name in (FINE, BROKEN, LAST)]


def test_a_connection_cut_at_any_place_leaves_whole_files_only(
    make_database: MakeDatabase, project: Path
) -> None:
    write(project, BROKEN, MENDED)
    found = []
    for place in range(30):
        url = make_database()
        with a_proxy(port_of(url), POSTGRES) as proxy:
            proxy.cut("lost_answer", after=place)
            cut_url = url.replace(f":{port_of(url)}/", f":{proxy.port}/")
            try:
                migrate(cut_url, supabase=project / "supabase")
            except DatabaseUnavailable:
                found.append(tables(url))
            else:
                assert proxy.pending == 1
                break
        migrate(url, supabase=project / "supabase")
        assert tables(url) == ["fine", "half", "last"]
        assert listed(url) == [name[:14] for name in (FINE, BROKEN, LAST)]
    whole = [[], ["fine"], ["fine", "half"], ["fine", "half", "last"]]
    assert [tables for tables in whole if tables in found] == whole
    assert [tables for tables in found if tables not in whole] == []


def port_of(url: str) -> int:
    port = httpx.URL(url).port
    assert port is not None
    return port
