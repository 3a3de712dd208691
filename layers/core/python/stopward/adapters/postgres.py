"""Calls of schema api over a connection of psycopg: local mode, or a database URL in production."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

import psycopg
from psycopg import errors, sql
from psycopg.rows import dict_row

from stopward.adapters.bounded_connection import BoundedConnection
from stopward.adapters.column_types import in_utc
from stopward.adapters.functions import FunctionStore
from stopward.adapters.postgres_url import read_database_url
from stopward.adapters.repeating import CONNECT_SECONDS, REPEATABLE, TRY_AGAIN, in_words
from stopward.adapters.rows import JsonValue
from stopward.adapters.views import (
    MAX_ROWS,
    Comparison,
    OrderBy,
    Row,
    Where,
    checked_name,
    checked_window,
    conditions,
    orders,
)
from stopward.domain.identity import AccountId
from stopward.errors import DatabaseRejected, DatabaseUnavailable, InvalidState

COMPARED: Mapping[Comparison, sql.SQL] = {
    "=": sql.SQL(" = %s"),
    "<>": sql.SQL(" <> %s"),
    "<": sql.SQL(" < %s"),
    "<=": sql.SQL(" <= %s"),
    ">": sql.SQL(" > %s"),
    ">=": sql.SQL(" >= %s"),
}

TIMED_OUT = re.compile("time[d -]*out", re.IGNORECASE)
"""How psycopg, libpq and the system spell it."""

VANISHED_MILLISECONDS = 15_000
GRACE_SECONDS = 0.5
"""How much longer than a statement may take its answer is waited for."""

IS_AS_ASKED = sql.SQL(
    "select (%(role)s::text is null or current_user = %(role)s)"
    " and current_setting('statement_timeout')::interval = %(milliseconds)s * interval '1 ms'"
    " as it_is"
)
ASK_AGAIN = sql.SQL(
    "select set_config('role', coalesce(%(role)s, current_setting('role')), true),"
    " set_config('statement_timeout', %(milliseconds)s::text, true)"
)


class PostgresDatabase:
    """One connection, opened at the first call, kept, and replaced after it failed.

    url: its user must be allowed to become `role`; None keeps the user of the URL.
    timeout_seconds bounds each statement, and, but for GRACE_SECONDS, each wait for an answer; and
    the connecting, which never gets more than CONNECT_SECONDS. A pooler may drop the options that
    ask for role and bound: then each call asks again, in a transaction of its own.

    Raises InvalidInput for a URL that cannot be read, or that leads to another machine without TLS.
    """

    def __init__(
        self, url: str, *, role: str | None = "stopward_worker", timeout_seconds: float = 10.0
    ) -> None:
        self._url = read_database_url(url)
        self._timeout_seconds = timeout_seconds
        self._wanted = {"role": role, "milliseconds": int(timeout_seconds * 1000)}
        options = f"-c statement_timeout={self._wanted['milliseconds']}"
        if role is not None:
            options += f" -c role={role}"
        self._options = f"{self._url.options} {options}".strip()
        self._keeps_options = True
        self._connection: psycopg.Connection[dict[str, Any]] | None = None

    def call(self, function: str, argument: str, value: JsonValue) -> Mapping[str, JsonValue]:
        """Call a function of schema api and return what it answers.

        Raises InvalidState for nan and infinity: a missing number is None.
        """
        statement = sql.SQL("select api.{}({} => %s::jsonb) as answer").format(
            sql.Identifier(function), sql.Identifier(argument)
        )
        try:
            given = json.dumps(value, allow_nan=False, separators=(",", ":"))
        except ValueError as error:
            raise InvalidState(f"{function}: a number that is none cannot be sent") from error
        found = self._execute(statement, (given,), what=function, may_repeat=function in REPEATABLE)
        return cast("Mapping[str, JsonValue]", found[0]["answer"])

    def select(
        self,
        view: str,
        *,
        account_id: AccountId | None = None,
        where: Sequence[Where] = (),
        order: OrderBy = None,
        limit: int = MAX_ROWS,
        offset: int = 0,
    ) -> list[Row]:
        """Return rows of a view of schema api, as `Views` has it."""
        checked_window(limit=limit, offset=offset)
        condition, values = _condition(conditions(account_id, where))
        statement = sql.SQL("select * from api.{}").format(_view(view)) + condition
        if by := orders(order):
            statement += sql.SQL(" order by ") + sql.SQL(", ").join(
                sql.Identifier(each.column) + sql.SQL(" desc" if each.descending else " asc")
                for each in by
            )
        statement += sql.SQL(" limit %s offset %s")
        found = self._execute(statement, (*values, limit, offset), what=view, may_repeat=True)
        return [in_utc(row) for row in found]

    def count(
        self, view: str, *, account_id: AccountId | None = None, where: Sequence[Where] = ()
    ) -> int:
        """Return how many rows there are, as `Views` has it."""
        condition, values = _condition(conditions(account_id, where))
        statement = sql.SQL("select count(*) as rows from api.{}").format(_view(view)) + condition
        found = self._execute(statement, values, what=view, may_repeat=True)
        return int(found[0]["rows"])

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _execute(
        self,
        statement: sql.Composed,
        values: tuple[object, ...],
        *,
        what: str,
        may_repeat: bool = False,
    ) -> list[dict[str, Any]]:
        kept = self._connection
        if kept is not None and kept.closed:
            kept = None
        try:
            return self._run(statement, values)
        except errors.Error as error:
            # A function that Lambda froze wakes up with a connection that died in its sleep.
            if kept is None or not _found_dead(kept, error) or not may_repeat:
                raise self._failure(error, what) from self._cause(error)
        self.close()
        try:
            return self._run(statement, values)
        except errors.Error as error:
            raise self._failure(error, what) from self._cause(error)

    def _run(self, statement: sql.Composed, values: tuple[object, ...]) -> list[dict[str, Any]]:
        connection = self._connected()
        if self._keeps_options:
            return connection.execute(statement, values).fetchall()
        with connection.transaction():
            connection.execute(ASK_AGAIN, self._wanted)
            return connection.execute(statement, values).fetchall()

    def _failure(self, error: psycopg.Error, what: str) -> DatabaseUnavailable | DatabaseRejected:
        # Whether to try again; a connection that failed is not used any more.
        told = f"{what}: {in_words(error.sqlstate, self._url.scrub(_sentence(error)))}"
        if error.sqlstate is None or error.sqlstate.startswith(TRY_AGAIN):
            self.close()
            return DatabaseUnavailable(told)
        return DatabaseRejected(told, rule=error.diag.constraint_name or error.sqlstate)

    def _cause(self, error: psycopg.Error) -> psycopg.Error | None:
        # libpq's own words, those without a SQLSTATE, may repeat the URL in a traceback.
        return None if error.sqlstate is None else error

    def _connected(self) -> psycopg.Connection[dict[str, Any]]:
        if self._connection is None or self._connection.closed:
            patience = min(self._timeout_seconds, CONNECT_SECONDS)
            connection = BoundedConnection[dict[str, Any]].connect(
                self._url.text,
                autocommit=True,
                # A transaction pooler does not keep prepared statements.
                prepare_threshold=None,
                row_factory=dict_row,
                options=self._options,
                connect_timeout=max(2, int(patience)),
                # A host that vanished is noticed within fifteen seconds or so, not never: while
                # nothing is on its way by the probes, otherwise by what it does not acknowledge.
                # Linux counts the latter for both, so the two must say the same.
                keepalives_idle=5,
                keepalives_interval=5,
                keepalives_count=2,
                tcp_user_timeout=VANISHED_MILLISECONDS,
                application_name="stopward",
            )
            # A pooler may take a connection and have no server behind it.
            connection.silence_seconds = patience + GRACE_SECONDS
            try:
                found = connection.execute(IS_AS_ASKED, self._wanted).fetchone()
            except errors.Error:
                connection.close()
                raise
            # The server ends a statement that takes too long, and says so; this is for silence.
            connection.silence_seconds = self._timeout_seconds + GRACE_SECONDS
            self._keeps_options = found is not None and found["it_is"] is True
            self._connection = connection
        return self._connection


class PostgresStore(FunctionStore):
    """The Store over one connection of psycopg; arguments are those of PostgresDatabase."""

    def __init__(
        self, url: str, *, role: str | None = "stopward_worker", timeout_seconds: float = 10.0
    ) -> None:
        self._database = PostgresDatabase(url, role=role, timeout_seconds=timeout_seconds)
        super().__init__(self._database)

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        self._database.close()


def _view(name: str) -> sql.Identifier:
    return sql.Identifier(checked_name(name, kind="view"))


def _condition(where: Sequence[Where]) -> tuple[sql.Composed, tuple[str, ...]]:
    # Values are text of no type: what they mean is the column's to say, as over PostgREST.
    parts: list[sql.Composed] = []
    values: list[str] = []
    for each in where:
        column = sql.Identifier(each.column)
        if each.value is None:
            test = " is null" if each.comparison == "=" else " is not null"
            parts.append(column + sql.SQL(test))
        else:
            parts.append(column + COMPARED[each.comparison])
            values.append(each.text)
    if not parts:
        return sql.Composed([]), ()
    return sql.SQL(" where ") + sql.SQL(" and ").join(parts), tuple(values)


def _sentence(error: psycopg.Error) -> str:
    # The server's message without its context, which may repeat what was sent.
    return error.diag.message_primary or str(error) or type(error).__name__


def _found_dead(kept: psycopg.Connection[dict[str, Any]], error: psycopg.Error) -> bool:
    # Not a time-out: whoever waited that long has no time to wait again.
    return kept.closed and not TIMED_OUT.search(str(error))
