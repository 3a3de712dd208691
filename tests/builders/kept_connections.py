"""Stores that are kept from one test to the next, for the first calls over a session are slow.

Postgres reads its catalogue and plans each statement of a function once a session: 20 ms of a core
for the first tick, 2 ms for the next. A store has nothing else that outlives a call: the role and
the time limit of its session are options of the connecting.
"""

from collections import defaultdict
from typing import Final, Generic, TypeVar

import psycopg

from stopward.adapters.postgres import PostgresDatabase, PostgresStore

Line = TypeVar("Line", PostgresDatabase, PostgresStore)
MOST: Final = 3
"""Kept of a kind and a database: a server takes fifty connections in all."""
LASTING: Final[set[str]] = set()
"""URLs of databases that live as long as the test process; nobody drops or copies them."""


class Kept(Generic[Line]):
    """Lines of one kind that nobody uses."""

    def __init__(self, kind: type[Line]) -> None:
        """Keep none yet."""
        self._kind = kind
        self._free: dict[str, list[Line]] = defaultdict(list)

    def take(self, url: str) -> Line:
        """Return a line to a database, as good as a new one."""
        while free := self._free[url]:
            line = free.pop()
            if _is_alive(line):
                return line
            line.close()
        return self._kind(url)

    def give_back(self, line: Line, url: str) -> None:
        """Keep a line for the next one, or close it."""
        if url in LASTING and len(self._free[url]) < MOST and _connection(line) is not None:
            self._free[url].append(line)
        else:
            line.close()

    def close(self) -> None:
        """Close all that were given back."""
        for lines in self._free.values():
            while lines:
                lines.pop().close()


DATABASES: Final = Kept(PostgresDatabase)
STORES: Final = Kept(PostgresStore)


def _connection(line: PostgresDatabase | PostgresStore) -> psycopg.Connection | None:
    database = line if isinstance(line, PostgresDatabase) else line._database
    return database._connection


def _is_alive(line: PostgresDatabase | PostgresStore) -> bool:
    # A test may have ended every session of its server, or the server.
    connection = _connection(line)
    try:
        return connection is not None and connection.execute("select 1") is not None
    except psycopg.Error:
        return False
