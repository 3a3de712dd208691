"""Migrations are applied in order, once, whole or not at all."""

import os
import shutil
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from stopward.errors import DatabaseRejected, DatabaseUnavailable, InvalidInput
from stopward.local.exit_code import told
from stopward.local.migrate import (
    LOCK_KEY,
    SUPABASE,
    migrate,
    prepare_platform,
    read_migrations,
    seed,
)
from tests.conftest import SCRATCH, Cluster, MakeDatabase


@pytest.fixture
def supabase(tmp_path: Path) -> Path:
    folder = tmp_path / "supabase"
    shutil.copytree(SUPABASE, folder)
    return folder


def small(tmp_path: Path, **files: str) -> Path:
    folder = tmp_path / "small"
    (folder / "migrations").mkdir(parents=True)
    for name, text in files.items():
        (folder / "migrations" / f"{name.removeprefix('m')}.sql").write_text(text)
    return folder


def test_files_are_named_by_time_verb_and_noun_and_say_why() -> None:
    migrations = read_migrations(SUPABASE / "migrations")
    assert [each.version for each in migrations] == sorted(each.version for each in migrations)
    for each in migrations:
        assert each.text.startswith("-- Why: ")
        assert "\n-- Lock: " in each.text
        assert "Phase: " in each.text
        assert "if not exists" not in each.text.replace("if not exists (", "")


def test_platform_is_prepared_once(make_database: MakeDatabase) -> None:
    url = make_database()
    assert prepare_platform(url) is True
    assert prepare_platform(url) is False


def test_a_second_run_applies_nothing(make_database: MakeDatabase) -> None:
    url = make_database()
    prepare_platform(url)
    assert len(migrate(url)) == len(read_migrations(SUPABASE / "migrations"))
    assert migrate(url) == ()


def test_seeding_twice_is_seeding_once(make_database: MakeDatabase, template_database: str) -> None:
    url = make_database(template=template_database)
    seed(url)
    seed(url)
    with psycopg.connect(url) as connection:
        found = connection.execute("select count(*) from stopward.accounts").fetchone()
    assert found == (1,)


def test_an_applied_file_that_changed_is_refused(
    make_database: MakeDatabase, template_database: str, supabase: Path
) -> None:
    url = make_database(template=template_database)
    path = next((supabase / "migrations").glob("*_create_orders.sql"))
    path.write_text(path.read_text().replace("quantity > 0", "quantity >= 0"))
    with pytest.raises(InvalidInput, match=r"create_orders was changed after it was applied"):
        migrate(url, supabase=supabase)


def test_an_applied_file_that_is_gone_is_refused(
    make_database: MakeDatabase, template_database: str, supabase: Path
) -> None:
    url = make_database(template=template_database)
    next((supabase / "migrations").glob("*_create_orders.sql")).unlink()
    with pytest.raises(InvalidInput, match=r"20261122090400 is applied, but its file is gone"):
        migrate(url, supabase=supabase)


def test_a_migration_that_fails_half_way_leaves_nothing_behind(
    make_database: MakeDatabase, tmp_path: Path
) -> None:
    url = make_database()
    folder = small(
        tmp_path,
        m20260101000000_fine="create table public.fine (id int);",
        m20260102000000_broken="create table public.half (id int); select 1 / 0;",
    )
    with pytest.raises(DatabaseRejected, match=r"20260102000000_broken: .*division") as caught:
        migrate(url, supabase=folder)
    assert caught.value.rule == "22012"
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "select to_regclass('public.fine') is null, to_regclass('public.half') is null"
        ).fetchone()
    assert found == (False, True)
    (folder / "migrations" / "20260102000000_broken.sql").write_text("select 1;")
    assert migrate(url, supabase=folder) == ("20260102000000",)


def test_a_migration_that_cannot_have_its_lock_gives_up_before_ticks_queue(
    make_database: MakeDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = make_database()
    monkeypatch.setattr("stopward.local.migrate.LOCK_SECONDS", 0.01)
    files = {"m20260101000000_create_t": "create table t (id int);"}
    migrate(url, supabase=small(tmp_path, **files))
    folder = tmp_path / "small" / "migrations"
    (folder / "20260102000000_alter_t.sql").write_text("alter table t add column more int;")
    with psycopg.connect(url) as reader:
        reader.execute("select * from t")
        with pytest.raises(DatabaseUnavailable, match="lock was in use for more than") as caught:
            migrate(url, supabase=tmp_path / "small")
    assert "gave no answer" not in str(caught.value)
    assert migrate(url, supabase=tmp_path / "small") == ("20260102000000",)


def test_a_migration_behind_another_says_so_and_waits_for_so_long_only(
    make_database: MakeDatabase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = make_database()
    said: list[str] = []
    monkeypatch.setattr("stopward.local.migrate.TURN_SECONDS", 0.01)
    folder = small(tmp_path, m20260101000000_create_t="create table t (id int);")
    with psycopg.connect(url, autocommit=True) as other:
        other.execute("select pg_advisory_lock(%s)", (LOCK_KEY,))
        with pytest.raises(DatabaseUnavailable, match="another migration is under way"):
            migrate(url, supabase=folder, waiting=lambda: said.append("waits"))
    assert said == ["waits"]
    assert len(migrate(url, supabase=folder, waiting=lambda: said.append("waits"))) == 1
    assert said == ["waits"]


def test_plain_postgres_that_was_not_prepared_is_told_the_remedy(
    make_database: MakeDatabase, tmp_path: Path
) -> None:
    folder = small(tmp_path, m20260101000000_grant="grant usage on schema public to nobody_yet;")
    with pytest.raises(DatabaseRejected) as caught:
        migrate(make_database(), supabase=folder)
    assert caught.value.rule == "42704"
    assert "`stopward db migrate --plain`" in told(caught.value)


def test_a_role_that_is_no_superuser_brings_a_project_up(postgres_version: str) -> None:
    """As hosted Supabase's `postgres`: it creates roles, and hands on those of the platform."""
    server = Cluster(SCRATCH / str(os.getpid()) / f"hosted-{postgres_version}", postgres_version)
    url = server.server.url("postgres")
    try:
        prepare_platform(url)
        with psycopg.connect(url, autocommit=True) as superuser:
            superuser.execute("create role hosted login createrole createdb bypassrls password 'x'")
            for role in ("anon", "authenticated", "service_role", "authenticator"):
                superuser.execute(f"grant {role} to hosted with admin option")
            superuser.execute("grant usage on schema auth to hosted with grant option")
            superuser.execute("alter database postgres owner to hosted")
        hosted = make_conninfo(url, user="hosted", password="x")
        assert len(migrate(hosted)) == len(read_migrations(SUPABASE / "migrations"))
        seed(hosted)
        with psycopg.connect(hosted, options="-c role=stopward_worker") as worker:
            found = worker.execute("select mode from stopward.accounts").fetchall()
        assert found == [("observe",)]
    finally:
        server.server.remove()


@pytest.mark.parametrize("name", ["notes", "2026_short", "20260101000000_Upper"])
def test_a_file_that_is_not_named_like_a_migration_is_refused(tmp_path: Path, name: str) -> None:
    folder = small(tmp_path, **{f"m{name}": "select 1;"})
    with pytest.raises(InvalidInput, match=r"allowed is YYYYMMDDHHMMSS_name\.sql"):
        read_migrations(folder / "migrations")


def test_a_version_used_twice_is_refused(tmp_path: Path) -> None:
    folder = small(tmp_path, m20260101000000_a="select 1;", m20260101000000_b="select 1;")
    with pytest.raises(InvalidInput, match=r"20260101000000 is also that of a"):
        read_migrations(folder / "migrations")


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"no migration was found"):
        read_migrations(small(tmp_path) / "migrations")


def test_a_database_that_does_not_answer_is_unavailable() -> None:
    with pytest.raises(DatabaseUnavailable, match=r"gave no answer"):
        migrate("postgresql://nobody@127.0.0.1:1/none?connect_timeout=2")
