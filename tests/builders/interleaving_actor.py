"""Who takes part in an interleaving, and what each has under way."""

import json
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from random import Random
from typing import Any

import psycopg
from psycopg import sql

from stopward.adapters import rows
from stopward.adapters.rows import JsonValue
from stopward.domain.identity import OrderId
from stopward.domain.snapshot import Acknowledgement, TickRecord
from tests.builders.interleaving_payload import SYMBOLS, Belief
from tests.builders.store import pulse

Answer = Mapping[str, Any]
Then = Callable[[Answer], None]


@dataclass(slots=True)
class Call:
    """A call of one actor: under way, or answered and not committed.

    newest: the highest fence that was committed when it was sent. alone: nobody else was under way.
    """

    function: str
    value: Mapping[str, JsonValue]
    future: Future[Answer]
    hold: bool
    newest: int
    alone: bool
    then: Then


@dataclass(slots=True)
class Actor:
    """A guard or a person; a guard remembers the tick it is in."""

    name: str
    connection: psycopg.Connection[Any]
    holder: str = ""
    tick: int = 0
    is_retry: bool = False
    belief: Belief | None = None
    record: TickRecord | None = None
    was_recorded: bool = False
    new: frozenset[OrderId] | None = None
    told: Acknowledgement | None = None
    waiting: Call | None = None
    uncommitted: Call | None = None

    def forget(self) -> None:
        """Be a process that has just started."""
        self.belief = self.record = self.new = self.told = None
        self.was_recorded = False


def by_hand(rng: Random) -> tuple[str, dict[str, JsonValue]]:
    """Return a function that a person calls, and its request but for the account."""
    calls: list[tuple[str, dict[str, JsonValue]]] = [
        ("halt", {"reason": "a test"}),
        ("resume", {}),
        ("request_flatten", {"at": pulse(0).isoformat()}),
        ("tag_symbol", {"symbol": rng.choice(SYMBOLS), "tag": "hands-off"}),
        ("untag_symbol", {"symbol": rng.choice(SYMBOLS), "tag": "hands-off"}),
        ("put_rules", {"rules_toml": "x", "rules_hash": f"hash-{rng.randint(1, 3)}"}),
        ("put_equity", {"equity_prior_close": "1000"}),
    ]
    return rng.choice(calls)


def ask(
    connection: psycopg.Connection[Any], function: str, value: Mapping[str, JsonValue]
) -> Answer:
    """Call a function of schema api and return what it answers."""
    statement = sql.SQL("select {}(%s::jsonb)").format(sql.Identifier("api", function))
    row = connection.execute(statement, (json.dumps(value, allow_nan=False),)).fetchone()
    assert row is not None
    answer: Answer = row[0]
    return answer


def ask_too_much(connection: psycopg.Connection[Any], belief: Belief) -> str:
    """Ask for more shares than there are, and return what is wrong with the answer."""
    connection.autocommit = True
    try:
        ask(connection, "record_tick", written(belief.overreach()))
    except psycopg.Error as error:
        if error.diag.constraint_name in ("orders_within_position", "stale_fence"):
            return ""
        return f"orders for too much were refused: {error.diag.message_primary}"
    return "orders for too much were taken"


def written(value: object) -> Mapping[str, JsonValue]:
    """Return a record as the functions take it."""
    found = rows.write(value)
    assert isinstance(found, dict)
    return found
