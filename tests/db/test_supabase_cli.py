"""The real Supabase CLI and `migrate` do the same, and continue each other's work."""

import shutil
from pathlib import Path
from typing import Any

import psycopg
import pytest

from stopward.local.migrate import SUPABASE, migrate, prepare_platform, read_migrations
from tests.builders.catalogue import CATALOGUE
from tests.builders.supabase_cli import run_supabase
from tests.conftest import MakeDatabase

VERSIONS = tuple(each.version for each in read_migrations(SUPABASE / "migrations"))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project's supabase folder, for the CLI writes beside what it reads."""
    shutil.copytree(SUPABASE, tmp_path / "project" / "supabase")
    return tmp_path / "project"


def read_all(url: str, statement: str) -> list[Any]:
    with psycopg.connect(url) as connection:
        return connection.execute(statement.encode()).fetchall()


def test_a_push_makes_the_same_catalogue_as_migrate(
    make_database: MakeDatabase, project: Path, tmp_path: Path
) -> None:
    pushed, migrated = make_database(), make_database()
    prepare_platform(pushed)
    prepare_platform(migrated)
    done = run_supabase(
        "db",
        "push",
        f"--remote={pushed}",
        "--include-seed",
        "--yes",
        project=project,
        home=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    assert migrate(migrated) == VERSIONS
    expected = read_all(migrated, CATALOGUE)
    assert len(expected) > 200
    assert read_all(pushed, CATALOGUE) == expected
    assert read_all(pushed, "select id, mode from stopward.accounts") == [("paper", "observe")]


def test_migrate_has_nothing_to_do_after_a_push_and_a_push_nothing_after_migrate(
    make_database: MakeDatabase, project: Path, tmp_path: Path
) -> None:
    pushed, migrated = make_database(), make_database()
    for url in (pushed, migrated):
        prepare_platform(url)
    first = project / "supabase" / "migrations"
    for path in sorted(first.glob("*.sql"))[4:]:
        path.unlink()
    done = run_supabase("db", "push", f"--remote={pushed}", "--yes", project=project, home=tmp_path)
    assert done.returncode == 0, done.stderr
    # What the CLI began, migrate finishes.
    assert migrate(pushed) == VERSIONS[4:]
    assert migrate(pushed) == ()
    # What migrate began, the CLI finishes.
    migrate(migrated, supabase=project / "supabase")
    shutil.copytree(SUPABASE, project / "supabase", dirs_exist_ok=True)
    done = run_supabase(
        "db", "push", f"--remote={migrated}", "--yes", project=project, home=tmp_path
    )
    assert done.returncode == 0, done.stderr
    rows = read_all(
        migrated, "select version from supabase_migrations.schema_migrations order by version"
    )
    assert tuple(version for (version,) in rows) == VERSIONS
    assert read_all(migrated, CATALOGUE) == read_all(pushed, CATALOGUE)
