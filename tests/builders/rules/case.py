"""What breaks a rule: a case does one wrong thing on a stage, and the error is looked at."""

import re
from collections.abc import Callable, Mapping
from typing import Any

import psycopg

from tests.builders.requests import REQUESTS, Request, Stage
from tests.builders.rules.catalogue import Rule

Case = Callable[[Stage], None]
"""Does the wrong thing; what it must do first (a claim, a second order) it does itself."""
Cases = Mapping[str, Case]

FRAME = re.compile(r'^(?:PL/pgSQL function (?:\w+\.)?(\w+)\(|SQL function "(\w+)")', re.MULTILINE)
HANDS_ON = "require_tick"
"""A helper whose requests another helper refuses."""


def sql(statement: str) -> Case:
    """Execute statements as the owner of the tables.

    They may speak of %(account)s, of its positions %(open)s and %(closed)s, and of its %(order)s.
    """
    return lambda stage: execute(stage, statement)


def copied(table: str, *, where: str = "true", **changes: str) -> Case:
    """Insert a copy of a row of the account in which columns are expressions of SQL."""
    return lambda stage: execute(stage, copying(stage, table, changes, where=where))


def updated(table: str, given: str, *, where: str = "true") -> Case:
    """Set columns of the account's rows; `given` is what stands behind set."""

    def case(stage: Stage) -> None:
        owner = whose(table, columns_of(stage, table))
        execute(stage, f"update stopward.{table} set {given} where {owner} and ({where})")  # noqa: S608

    return case


def asks(function: str, **changes: Any) -> Case:
    """Call a function of schema api with a good request but for some keys; ... drops a key."""

    def case(stage: Stage) -> None:
        stage.ask(function, changed(REQUESTS[function](stage), changes))

    return case


def asks_row(function: str, key: str, **changes: Any) -> Case:
    """As asks; what changes is the first row of a list of the request."""

    def case(stage: Stage) -> None:
        request = REQUESTS[function](stage)
        first, *others = request[key]
        stage.ask(function, {**request, key: [changed(first, changes), *others]})

    return case


def asks_again(function: str, **changes: Any) -> Case:
    """Call with a good request, and then with the same one but for some keys."""

    def case(stage: Stage) -> None:
        request = REQUESTS[function](stage)
        stage.ask(function, request)
        stage.ask(function, changed(request, changes))

    return case


def asks_row_again(function: str, key: str, **changes: Any) -> Case:
    """As asks_again; what changes is the first row of a list of the request."""

    def case(stage: Stage) -> None:
        request = REQUESTS[function](stage)
        stage.ask(function, request)
        first, *others = request[key]
        stage.ask(function, {**request, key: [changed(first, changes), *others]})

    return case


def after(first: Case, *then: Case) -> Case:
    """Do several things in turn; the last one is wrong."""

    def case(stage: Stage) -> None:
        for each in (first, *then):
            each(stage)

    return case


def behind(table: str, trigger: str, case: Case) -> Case:
    """Break a second line of defence: without the trigger that says no before it."""
    return after(sql(f"alter table stopward.{table} disable trigger {trigger}"), case)


def without(table: str, constraint: str, case: Case) -> Case:
    """As behind, of a constraint that says no first."""
    return after(sql(f"alter table stopward.{table} drop constraint {constraint} cascade"), case)


def while_held(lock: str, case: Case) -> Case:
    """Do it while somebody else holds a lock."""

    def held(stage: Stage) -> None:
        info = stage.connection.info
        with psycopg.connect(info.dsn, password=info.password) as other:
            other.execute(lock.encode())
            case(stage)

    return held


def attempt(stage: Stage, case: Case) -> psycopg.Error | None:
    """Return what a case is answered, and leave no trace."""
    with stage.connection.transaction(force_rollback=True):
        try:
            case(stage)
            stage.connection.execute("set constraints all immediate")
        except psycopg.Error as error:
            return error
    return None


def is_by(error: psycopg.Error | None, rule: Rule) -> bool:
    """Whether an error names a rule, in the way that code reads it, and comes from its place."""
    if error is None or error.diag.constraint_name not in (rule.name, *rule.parts):
        return False
    match rule.kind:
        case "check":
            return isinstance(error, psycopg.errors.CheckViolation)
        case "key":
            return isinstance(error, psycopg.errors.UniqueViolation)
        case "reference":
            return isinstance(error, psycopg.errors.ForeignKeyViolation)
        case "trigger":
            return error.diag.message_detail == rule.name
        case "refusal":
            frames = [a or b for a, b in FRAME.findall(error.diag.context or "")]
            refused_by = frames[2:3] if rule.where == HANDS_ON else frames[1:2]
            return error.diag.message_detail == rule.name and refused_by == [rule.where]


def execute(stage: Stage, statement: str) -> None:
    """Execute statements with the stage's names in them."""
    account = stage.account_id
    values = {"account": account, "open": f"{account}/AAPL", "closed": f"{account}/MSFT"}
    if "%(order)s" in statement:
        found = "select min(id) from stopward.orders where account_id = %(account)s"
        values["order"] = stage.find(found)
    psycopg.ClientCursor(stage.connection).execute(statement.encode(), values)


def copying(stage: Stage, table: str, changes: Mapping[str, str], *, where: str = "true") -> str:
    """Return a statement that inserts a row of a table again, but for some columns."""
    columns = columns_of(stage, table)
    counted = [name for name in identities(stage, table) if name not in changes]
    unknown = set(changes) - set(columns)
    if unknown:
        raise ValueError(f"stopward.{table} has no column {unknown}")
    owner = whose(table, columns)
    names = [name for name in columns if name not in counted]
    taken = ", ".join(changes.get(name, f"t.{name}") for name in names)
    return (
        f"insert into stopward.{table} ({', '.join(names)}) overriding system value"  # noqa: S608
        f" select {taken} from stopward.{table} as t where {owner} and ({where}) limit 1"
    )


def columns_of(stage: Stage, table: str) -> dict[str, str]:
    """Return the columns of a table that can be written, and their types."""
    found = stage.connection.execute(
        "select attname, format_type(atttypid, null) from pg_attribute"
        " where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped"
        " and attgenerated = '' order by attnum",
        (f"stopward.{table}",),
    ).fetchall()
    return dict(found)


def identities(stage: Stage, table: str) -> list[str]:
    """Return the columns of a table that count by themselves."""
    found = stage.connection.execute(
        "select attname from pg_attribute where attrelid = to_regclass(%s) and attidentity <> ''",
        (f"stopward.{table}",),
    ).fetchall()
    return [name for (name,) in found]


def whose(table: str, columns: Mapping[str, str]) -> str:
    """Return the condition for a row of the stage's account; of a shared table, for any."""
    owner = "account_id" if table != "accounts" else "id"
    return f"{owner} = %(account)s" if owner in columns else "true"


def changed(request: Request, changes: Mapping[str, Any]) -> Request:
    """Return a request with other values; ... drops a key."""
    return {key: value for key, value in {**request, **changes}.items() if value is not ...}
