"""Who may do what, proved by becoming them: every table, view and function of the catalogue."""

from collections.abc import Iterator
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql

from stopward.adapters.postgres import PostgresDatabase
from stopward.local.postgres import EmbeddedPostgres
from tests.builders.access import (
    FUNCTIONS,
    ROLES,
    TABLES,
    VIEWS,
    Connection,
    Owner,
    account_column,
    an_owner,
    become,
    copy_of,
    count,
    names,
    seen,
)
from tests.builders.requests import REQUESTS, Stage
from tests.builders.table_rows import FOR_OPERATORS, HOW_TO_ADD, OWN_RULE, ROWS, SHARED, UNREAD

NO_TABLE = (psycopg.errors.ObjectNotInPrerequisiteState, psycopg.errors.WrongObjectType)
"""What a view says that cannot be written at all."""
GUARDS = ("service_role", "stopward_worker")
"""Who may execute functions."""
WRITES = (
    "insert into {} default values",
    "update {} set {} = {}",
    "delete from {}",
    "truncate {}",
)


@pytest.fixture(scope="module")
def url(postgres_server: EmbeddedPostgres, template_database: str) -> Iterator[str]:
    with copy_of(postgres_server, template_database, "access") as found:
        yield found


@pytest.fixture(scope="module")
def owners(url: str) -> tuple[Owner, Owner]:
    """Two accounts, each with a row in every table and a member of its own."""
    with psycopg.connect(url, autocommit=True) as connection:
        return an_owner(connection), an_owner(connection)


@pytest.fixture
def connection(url: str, owners: tuple[Owner, Owner]) -> Iterator[Connection]:
    with psycopg.connect(url) as found:
        # A transaction is under way, so that what calls itself one commits nothing.
        found.execute("select")
        yield found
        found.rollback()


def relations(connection: Connection) -> list[tuple[str, str]]:
    tables = [("stopward", name) for name in names(connection, TABLES)]
    return tables + [("api", name) for name in names(connection, VIEWS)]


def first_column(connection: Connection, schema: str, name: str) -> str:
    (column,) = connection.execute(
        "select attname from pg_attribute where attrelid = to_regclass(%s) and attnum > 0"
        " and attidentity = '' order by attnum limit 1",
        (f"{schema}.{name}",),
    ).fetchone() or ("",)
    return str(column)


def is_open_to(connection: Connection, role: str, schema: str, name: str) -> bool:
    row = connection.execute(
        "select has_any_column_privilege(%s, %s, 'select')", (role, f"{schema}.{name}")
    ).fetchone()
    return row == (True,)


def closed_to(role: str) -> set[str]:
    return set(UNREAD) | (set(FOR_OPERATORS) if role == "authenticated" else set())


def look(
    connection: Connection, schema: str, name: str, *, role: str, user_id: UUID | None = None
) -> dict[str, int]:
    """Return what a role sees of each account; nothing when it may not even ask."""
    column = account_column(connection, schema, name)
    assert column is not None
    with connection.transaction(force_rollback=True):
        become(connection, role, user_id)
        try:
            return dict(seen(connection, schema, name, column))
        except psycopg.errors.InsufficientPrivilege:
            return {}


def test_every_table_and_view_has_rows_to_hide(
    connection: Connection, owners: tuple[Owner, Owner]
) -> None:
    empty = [
        f"{schema}.{name}"
        for schema, name in relations(connection)
        for owner in owners
        if count(connection, schema, name, owner.account_id) == 0
    ]
    assert empty == [], HOW_TO_ADD


def test_a_table_without_an_account_says_why(connection: Connection) -> None:
    without = {
        name
        for name in names(connection, TABLES)
        if account_column(connection, "stopward", name) is None
    }
    assert without == set(SHARED), HOW_TO_ADD
    assert set(ROWS) | set(SHARED) | set(OWN_RULE) <= set(names(connection, TABLES))


def test_a_member_sees_the_account_and_a_stranger_nothing(
    connection: Connection, owners: tuple[Owner, Owner]
) -> None:
    faults = []
    for schema, name in relations(connection):
        column = account_column(connection, schema, name)
        if column is None:
            continue
        there = seen(connection, schema, name, column)
        for owner in owners:
            found = look(connection, schema, name, role="authenticated", user_id=owner.member)
            expected = {owner.account_id: there.get(owner.account_id, 0)}
            if name in OWN_RULE:
                expected = {owner.account_id: 1}
            if name in UNREAD:
                expected = {}
            if found != expected:
                faults.append((schema, name, found, expected))
        for role, stranger in (("authenticated", uuid4()), ("anon", None), ("anon", uuid4())):
            found = look(connection, schema, name, role=role, user_id=stranger)
            if found:
                faults.append((schema, name, found, {role: "nothing"}))
    assert faults == []


@pytest.mark.parametrize("role", GUARDS)
def test_the_guard_sees_every_account(connection: Connection, role: str) -> None:
    faults = []
    for schema, name in relations(connection):
        column = account_column(connection, schema, name)
        if column is None:
            continue
        expected = seen(connection, schema, name, column) if name not in UNREAD else {}
        found = look(connection, schema, name, role=role)
        if found != expected:
            faults.append((schema, name, found, expected))
    assert faults == []


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_read_all_tables_or_says_why_not(connection: Connection, role: str) -> None:
    tables = names(connection, TABLES)
    may = {name for name in tables if is_open_to(connection, role, "stopward", name)}
    assert may == (set() if role == "anon" else set(tables) - closed_to(role))


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_read_all_views_or_says_why_not(connection: Connection, role: str) -> None:
    views = names(connection, VIEWS)
    may = {name for name in views if is_open_to(connection, role, "api", name)}
    assert may == (set() if role == "anon" else set(views) - closed_to(role))


@pytest.mark.parametrize("role", ["authenticated", "service_role", "stopward_worker"])
@pytest.mark.parametrize("table", sorted(set(SHARED) - set(UNREAD)))
def test_what_is_shared_is_read_by_everybody_with_a_name(
    connection: Connection, role: str, table: str
) -> None:
    if table in closed_to(role):
        return
    become(connection, role, uuid4())
    assert count(connection, "stopward", table, "") > 0


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("write", WRITES)
def test_nobody_writes_a_table(connection: Connection, role: str, write: str) -> None:
    written = []
    for schema, name in relations(connection):
        column = sql.Identifier(first_column(connection, schema, name))
        statement = sql.SQL(write).format(sql.Identifier(schema, name), column, column)
        try:
            with connection.transaction(force_rollback=True):
                become(connection, role, uuid4())
                connection.execute(statement)
        except psycopg.errors.InsufficientPrivilege:
            continue
        except NO_TABLE:
            if schema == "api":
                continue
            written.append((name, "is no table"))
        except psycopg.Error as error:
            written.append((name, str(error)))
            continue
        written.append((name, "was written"))
    assert written == []


@pytest.mark.parametrize("role", ROLES)
def test_only_the_guard_executes_functions(connection: Connection, role: str) -> None:
    may = role in GUARDS
    faults = []
    for name in names(connection, FUNCTIONS):
        refused = False
        try:
            with connection.transaction(force_rollback=True):
                become(connection, role, uuid4())
                connection.execute(sql.SQL("select {}('{{}}')").format(sql.Identifier("api", name)))
        except psycopg.errors.InsufficientPrivilege:
            refused = True
        except psycopg.Error:
            pass  # it ran, and did not like an empty request
        if refused == may:
            faults.append(name)
    assert faults == []


@pytest.mark.parametrize("role", GUARDS)
@pytest.mark.parametrize("function", sorted(REQUESTS))
def test_a_valid_request_is_answered_to_the_guard(
    connection: Connection, owners: tuple[Owner, Owner], function: str, role: str
) -> None:
    stage = Stage(account_id=owners[0].account_id, connection=connection)
    request = REQUESTS[function](stage)
    become(connection, role)
    assert isinstance(stage.ask(function, request), dict)


def test_the_adapter_may_select_every_view(url: str, connection: Connection) -> None:
    database = PostgresDatabase(url)
    found = {name: len(database.select(name, limit=1)) for name in names(connection, VIEWS)}
    database.close()
    assert found["open_positions"] == found["guard_health"] == 1


def test_a_definer_function_is_not_fooled_by_the_search_path(
    owners: tuple[Owner, Owner], connection: Connection
) -> None:
    connection.execute("create schema evil")
    connection.execute("create table evil.accounts (id text, halted boolean)")
    connection.execute("set local search_path = evil, stopward, public")
    become(connection, "stopward_worker")
    connection.execute(
        "select api.halt(jsonb_build_object('account_id', %s::text, 'reason', 'test'))",
        (owners[0].account_id,),
    )
    connection.execute("reset role")
    row = connection.execute(
        "select halted from stopward.accounts where id = %s", (owners[0].account_id,)
    ).fetchone()
    assert row == (True,)
