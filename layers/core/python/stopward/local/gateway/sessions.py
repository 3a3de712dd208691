"""Sessions of Postgres for the gateway: few, kept, each request one transaction as its caller."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from queue import Empty, LifoQueue

import psycopg
from psycopg import sql
from psycopg.rows import DictRow, dict_row

from stopward.local.gateway.caller import Caller
from stopward.local.gateway.compose import Values
from stopward.local.gateway.refused import Refused

LOGIN = "authenticator"
"""May only become the roles that are granted to it, and owns nothing."""
ALLOW_LOGIN = sql.SQL("alter role {} login noinherit password {}")
BECOME = sql.SQL(
    "select set_config('role', %s, true), set_config('request.jwt.claims', %s, true),"
    " set_config('request.headers', %s, true), set_config('request.method', %s, true),"
    " set_config('request.path', %s, true)"
)
UNSAID = frozenset({"apikey", "authorization", "cookie"})
"""Headers that no function of the database needs to see."""

Watch = Callable[[str, Values], None]
"""Told each statement before it runs, with its values."""


class Transaction:
    """One open transaction, as the caller."""

    def __init__(self, connection: psycopg.Connection[DictRow], watch: Watch | None) -> None:
        self._connection, self._watch = connection, watch

    def rows(self, statement: sql.SQL | sql.Composed, values: Values) -> list[DictRow]:
        """Run one statement with at least one value and return its rows."""
        if self._watch is not None:
            self._watch(statement.as_string(self._connection), values)
        return self._connection.execute(statement, values).fetchall()


class Sessions:
    """At most `size` sessions, logged in as LOGIN, opened when they are needed."""

    def __init__(
        self, url: str, *, size: int = 4, timeout_seconds: float = 10.0, watch: Watch | None = None
    ) -> None:
        self._url, self._watch = url, watch
        self._timeout_seconds = timeout_seconds
        self._is_over = False
        self._free: LifoQueue[psycopg.Connection[DictRow] | None] = LifoQueue()
        for _ in range(size):
            self._free.put(None)

    @contextmanager
    def transaction(
        self,
        caller: Caller,
        *,
        read_only: bool,
        headers: Mapping[str, str],
        method: str,
        path: str,
    ) -> Iterator[Transaction]:
        """Open a transaction as a caller; it commits at the end of the block.

        Raises Refused (PGRST003) when no session comes free in time; psycopg.Error passes through.
        """
        shown = {name: value for name, value in headers.items() if name not in UNSAID}
        with self._session() as connection:
            connection.read_only = read_only
            with connection.transaction():
                opened = Transaction(connection, self._watch)
                claims = (caller.role, caller.claims, json.dumps(shown), method, path)
                opened.rows(BECOME, claims)
                yield opened

    def close(self) -> None:
        """Close every session; one that is in use, when its request is done."""
        self._is_over = True
        while True:
            try:
                connection = self._free.get_nowait()
            except Empty:
                return
            if connection is not None:
                connection.close()

    @contextmanager
    def _session(self) -> Iterator[psycopg.Connection[DictRow]]:
        try:
            kept = self._free.get(timeout=self._timeout_seconds)
        except Empty:
            raise Refused(
                504, "PGRST003", "Timed out acquiring connection from connection pool."
            ) from None
        connection = None
        try:
            connection = self._connect() if kept is None or kept.closed else kept
            yield connection
        finally:
            if connection is not None and self._is_over:
                connection.close()
            self._free.put(None if connection is None or connection.closed else connection)

    def _connect(self) -> psycopg.Connection[DictRow]:
        milliseconds = int(self._timeout_seconds * 1000)
        return psycopg.connect(
            self._url,
            autocommit=True,
            row_factory=dict_row,
            connect_timeout=max(2, int(self._timeout_seconds)),
            prepare_threshold=None,
            options=f"-c statement_timeout={milliseconds} -c timezone=UTC -c search_path=",
            application_name="stopward gateway",
        )


def allow_login(owner_url: str, *, password: str) -> None:
    """Let the gateway log in as LOGIN. Raises psycopg.Error when the owner of the URL may not."""
    with psycopg.connect(owner_url, autocommit=True, connect_timeout=10) as connection:
        connection.execute(ALLOW_LOGIN.format(sql.Identifier(LOGIN), sql.Literal(password)))
