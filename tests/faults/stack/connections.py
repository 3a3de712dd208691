"""Connections that outlive the functions, as PostgREST's do: a schedule finds them warm."""

from dataclasses import dataclass, field

import psycopg

from stopward.adapters.postgres import PostgresDatabase


@dataclass(slots=True)
class Connections:
    """Those of one database. eyes: a superuser's, which looks past every rule of access."""

    url: str
    eyes: psycopg.Connection = field(init=False)
    _free: list[PostgresDatabase] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Open the eyes."""
        self.eyes = psycopg.connect(self.url, autocommit=True)
        self.eyes.execute("set timezone = 'UTC'")

    def take(self) -> PostgresDatabase:
        """Return one that nobody uses."""
        return self._free.pop() if self._free else PostgresDatabase(self.url)

    def give_back(self, database: PostgresDatabase) -> None:
        """Let the next one use it."""
        self._free.append(database)

    def close(self) -> None:
        """Close all that were given back."""
        self.eyes.close()
        for database in self._free:
            database.close()
