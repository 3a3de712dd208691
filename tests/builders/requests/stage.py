"""Where a request starts: an account with rows, and what every maker of requests is made of."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg

from stopward.adapters import rows
from stopward.adapters.rows import JsonValue
from stopward.domain.identity import AccountId
from stopward.domain.position import Position
from tests.builders.access import ask
from tests.builders.store import a_position, pulse

Request = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """An account with rows, and a connection of the owner of the tables."""

    account_id: AccountId
    connection: psycopg.Connection[Any]

    def ask(self, function: str, request: JsonValue) -> Any:
        """Call a function of schema api and return what it answers."""
        return ask(self.connection, function, request)

    def find(self, statement: str, **values: Any) -> Any:
        """Return the first column of the first row of a query; `%(account)s` is the account."""
        row = self.connection.execute(
            statement.encode(), {"account": self.account_id, **values}
        ).fetchone()
        assert row is not None
        return row[0]

    def run(self, statement: str, **values: Any) -> None:
        """Execute as the owner, past every trigger; `%(account)s` is the account."""
        with self.connection.transaction():
            self.connection.execute("set local session_replication_role = replica")
            self.connection.execute(statement.encode(), {"account": self.account_id, **values})
            self.connection.execute("set local session_replication_role = origin")

    @property
    def position(self) -> Position:
        """The open position of the account."""
        return a_position(account_id=self.account_id)

    def fence(self) -> int:
        """Take the lease and return its token."""
        return int(self.ask("begin_tick", begin_tick(self))["fence"])


Maker = Callable[[Stage], Request]


def begin_tick(stage: Stage) -> Request:
    return {
        "account_id": stage.account_id,
        "tick_at": pulse(1).isoformat(),
        "holder": "one",
        "lease_seconds": 30,
    }


def of_account(**values: JsonValue) -> Maker:
    """Return a maker of a request that names the account and these values."""
    return lambda stage: {"account_id": stage.account_id, **values}


def as_is(**values: JsonValue) -> Maker:
    """Return a maker of a request of these values only."""
    return lambda _stage: dict(values)


def written(value: object) -> Request:
    """Return a record as the request that tells it."""
    found = rows.write(value)
    assert isinstance(found, dict)
    return dict(found)
