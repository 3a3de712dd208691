"""Calls of schema api over a connection of psycopg: local mode, or a database URL in production."""

import json
import re
from collections.abc import Mapping
from typing import Any, cast

import psycopg
from psycopg import errors, sql
from psycopg.rows import dict_row

from stopward.adapters.functions import FunctionStore
from stopward.adapters.postgres_url import read_database_url
from stopward.adapters.rows import JsonValue
from stopward.domain.identity import AccountId
from stopward.errors import DatabaseRejected, DatabaseUnavailable, InvalidInput, InvalidState

VIEWS = frozenset(
    {
        "open_positions", "decision_log", "order_log", "trade_journal", "alarm_log", "day_log",
        "guard_health",
    }
)  # fmt: skip
"""What `select` may read, all of schema api."""

TRY_AGAIN = ("08", "40", "53", "57", "58")
"""SQLSTATE classes that pass: connection, rollback, resources, operator intervention, system."""

TIMED_OUT = re.compile("time[d -]*out", re.IGNORECASE)
"""How psycopg, libpq and the system spell it."""

REPEATABLE = frozenset({"begin_tick", "record_tick", "acknowledge"}) | VIEWS
"""What may be asked twice: these change nothing the second time."""

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
    timeout_seconds bounds each statement and the connecting. A pooler may drop the options that ask
    for both: then each call asks again, in a transaction of its own.

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
        found = self._execute(statement, (given,), what=function)
        return cast("Mapping[str, JsonValue]", found[0]["answer"])

    def select(
        self,
        view: str,
        *,
        account_id: AccountId | None = None,
        order: str | None = None,
        limit: int = 1000,
    ) -> list[dict[str, object]]:
        """Return rows of a view of schema api; `order` names a column, oldest or smallest first.

        Raises InvalidInput for a view that is not in VIEWS.
        """
        if view not in VIEWS:
            raise InvalidInput(f"view was {view!r}, allowed is one of {', '.join(sorted(VIEWS))}")
        statement = sql.SQL("select * from api.{}").format(sql.Identifier(view))
        values: tuple[object, ...] = (limit,)
        if account_id is not None:
            statement += sql.SQL(" where account_id = %s")
            values = (account_id, limit)
        if order is not None:
            statement += sql.SQL(" order by {}").format(sql.Identifier(order))
        return self._execute(statement + sql.SQL(" limit %s"), values, what=view)

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _execute(
        self, statement: sql.Composed, values: tuple[object, ...], *, what: str
    ) -> list[dict[str, Any]]:
        kept = self._connection
        if kept is not None and kept.closed:
            kept = None
        try:
            return self._run(statement, values)
        except errors.Error as error:
            # A function that Lambda froze wakes up with a connection that died in its sleep.
            if kept is None or not _found_dead(kept, error) or what not in REPEATABLE:
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
        told = f"{what}: {self._url.scrub(_sentence(error))}"
        if error.sqlstate is None or error.sqlstate.startswith(TRY_AGAIN):
            self.close()
            return DatabaseUnavailable(told)
        return DatabaseRejected(told, rule=error.diag.constraint_name or error.sqlstate)

    def _cause(self, error: psycopg.Error) -> psycopg.Error | None:
        # libpq's own words, those without a SQLSTATE, may repeat the URL in a traceback.
        return None if error.sqlstate is None else error

    def _connected(self) -> psycopg.Connection[dict[str, Any]]:
        if self._connection is None or self._connection.closed:
            connection = psycopg.connect(
                self._url.text,
                autocommit=True,
                # A transaction pooler does not keep prepared statements.
                prepare_threshold=None,
                row_factory=dict_row,
                options=self._options,
                connect_timeout=max(2, int(self._timeout_seconds)),
                # A host that vanished is noticed within fifteen seconds, not never.
                keepalives_idle=5,
                keepalives_interval=5,
                keepalives_count=2,
                tcp_user_timeout=int(self._timeout_seconds * 1000),
                application_name="stopward",
            )
            try:
                found = connection.execute(IS_AS_ASKED, self._wanted).fetchone()
            except errors.Error:
                connection.close()
                raise
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


def _sentence(error: psycopg.Error) -> str:
    # The server's message without its context, which may repeat what was sent.
    return error.diag.message_primary or str(error) or type(error).__name__


def _found_dead(kept: psycopg.Connection[dict[str, Any]], error: psycopg.Error) -> bool:
    # Not a time-out: whoever waited that long has no time to wait again.
    return kept.closed and not TIMED_OUT.search(str(error))
