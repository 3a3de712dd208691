"""Calls of schema api over a connection of psycopg: local mode, or a database URL in production."""

import json
from collections.abc import Mapping
from typing import Any, cast

import psycopg
from psycopg import errors, sql
from psycopg.rows import dict_row

from stopward.adapters.functions import FunctionStore
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


class PostgresDatabase:
    """One connection, opened at the first call, kept, and replaced after it failed.

    url: its user must be allowed to become `role`; None keeps the user of the URL (a pooler that
    passes no options). timeout_seconds bounds each statement and the connecting.
    """

    def __init__(
        self, url: str, *, role: str | None = "stopward_worker", timeout_seconds: float = 10.0
    ) -> None:
        self._url = url
        self._timeout_seconds = timeout_seconds
        self._options = f"-c statement_timeout={int(timeout_seconds * 1000)}"
        if role is not None:
            self._options += f" -c role={role}"
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
        try:
            return self._connected().execute(statement, values).fetchall()
        except errors.Error as error:
            if error.sqlstate is None or error.sqlstate.startswith(TRY_AGAIN):
                self.close()
                raise DatabaseUnavailable(f"{what}: {_sentence(error)}") from error
            rule = error.diag.constraint_name or error.sqlstate
            raise DatabaseRejected(f"{what}: {_sentence(error)}", rule=rule) from error

    def _connected(self) -> psycopg.Connection[dict[str, Any]]:
        if self._connection is None or self._connection.closed:
            self._connection = psycopg.connect(
                self._url,
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
