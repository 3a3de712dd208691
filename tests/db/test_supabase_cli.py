"""The real Supabase CLI and `migrate` do the same, and continue each other's work."""

import shutil
from pathlib import Path
from typing import Any

import psycopg
import pytest

from stopward.local.migrate import SUPABASE, migrate, prepare_platform, read_migrations
from tests.builders.supabase_cli import run_supabase
from tests.conftest import MakeDatabase

VERSIONS = tuple(each.version for each in read_migrations(SUPABASE / "migrations"))

CATALOGUE = """
select 'column', c.table_schema || '.' || c.table_name || '.' || c.column_name,
    c.data_type || ' ' || c.is_nullable || ' ' || coalesce(c.column_default, '')
from information_schema.columns as c where c.table_schema in ('stopward', 'api')
union all
select 'constraint', r.relname || '.' || k.conname, pg_get_constraintdef(k.oid)
from pg_constraint as k join pg_class as r on r.oid = k.conrelid
where r.relnamespace::regnamespace::text in ('stopward', 'api')
union all
select 'index', i.indexname, i.indexdef from pg_indexes as i where i.schemaname = 'stopward'
union all
select 'function', p.oid::regprocedure::text,
    pg_get_functiondef(p.oid) || coalesce(p.proacl::text, '')
from pg_proc as p where p.pronamespace::regnamespace::text in ('stopward', 'api')
union all
select 'trigger', r.relname || '.' || t.tgname, pg_get_triggerdef(t.oid)
from pg_trigger as t join pg_class as r on r.oid = t.tgrelid
where not t.tgisinternal and r.relnamespace::regnamespace::text = 'stopward'
union all
select 'policy', p.tablename || '.' || p.policyname, p.roles::text || p.cmd || p.qual
from pg_policies as p where p.schemaname = 'stopward'
union all
select 'view', v.viewname, v.definition from pg_views as v where v.schemaname = 'api'
union all
select 'relation', r.relname, r.relrowsecurity || coalesce(r.relacl::text, '')
    || coalesce(r.reloptions::text, '') || coalesce(obj_description(r.oid, 'pg_class'), '')
from pg_class as r where r.relnamespace::regnamespace::text in ('stopward', 'api')
order by 1, 2, 3
"""


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


def test_the_advisors_of_supabase_find_nothing(
    make_database: MakeDatabase, template_database: str, project: Path, tmp_path: Path
) -> None:
    url = make_database(template=template_database)
    done = run_supabase(
        "db", "advisors", f"--remote={url}", "--fail-on", "warn", project=project, home=tmp_path
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "No issues found" in done.stderr
