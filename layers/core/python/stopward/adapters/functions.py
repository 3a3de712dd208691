"""The database seen as functions: one call, one transaction, JSON in and out."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Protocol, cast

from stopward.adapters import rows
from stopward.adapters.rows import JsonValue
from stopward.domain.identity import AccountId, OrderId, PositionId
from stopward.domain.open_score import OpenScore
from stopward.domain.snapshot import Acknowledgement, Busy, Snapshot, TickRecord
from stopward.errors import DatabaseRejected, InvalidState

SCHEMA_VERSION = 4
"""What crosses between this program and the database, as stopward.schema_version counts it."""


class Functions(Protocol):
    """Who can call functions of schema api."""

    def call(self, function: str, argument: str, value: JsonValue) -> Mapping[str, JsonValue]:
        """Call api.`function` with its one argument, by name, and return what it answers.

        Raises DatabaseUnavailable when no answer came, DatabaseRejected when it refused.
        """


class FunctionStore:
    """The Store over functions of schema api, whoever carries the calls."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions

    def begin_tick(
        self, account_id: AccountId, *, tick_at: datetime, holder: str, lease_seconds: float
    ) -> Snapshot | Busy:
        """Take the lease and return the snapshot, or who has it.

        Raises DatabaseRejected, by the rule `schema_version`, when program and database were not
        made for each other: then no tick is decided.
        """
        answer = self._functions.call(
            "begin_tick",
            "request",
            {
                "account_id": account_id,
                "tick_at": tick_at.isoformat(),
                "holder": holder,
                "lease_seconds": lease_seconds,
            },
        )
        if "busy" in answer:
            return rows.read(Busy, answer["busy"])
        _check_schema(answer.get("schema"))
        told = {name: value for name, value in answer.items() if name != "scores"}
        return replace(rows.read(Snapshot, told), scores=_scores(answer.get("scores")))

    def record_tick(self, record: TickRecord) -> frozenset[OrderId]:
        """Write a tick whole; return the ids of the orders that are new."""
        answer = self._functions.call("record_tick", "record", rows.write(record))
        return frozenset(OrderId(order_id) for order_id in cast("list[str]", answer["new"]))

    def acknowledge(self, acknowledgement: Acknowledgement) -> None:
        """Write what came of the orders."""
        self._functions.call("acknowledge", "acknowledgement", rows.write(acknowledgement))


def _scores(found: JsonValue) -> Mapping[PositionId, OpenScore]:
    """Return the scores without those that cannot be read: none is worth a tick."""
    scores: dict[PositionId, OpenScore] = {}
    for position_id, row in found.items() if isinstance(found, Mapping) else ():
        with suppress(InvalidState):
            score = rows.read(OpenScore, row)
            if 0.0 <= score.probability <= 1.0:
                scores[PositionId(position_id)] = score
    return scores


def _check_schema(found: JsonValue) -> None:
    # A database that does not say is from before it was counted.
    told = found if isinstance(found, Mapping) else {}
    version, oldest = (cast("int", told.get(key, 1)) for key in ("version", "oldest_program"))
    remedy = None
    if version < SCHEMA_VERSION:
        remedy = "the database is older: apply the migrations (`stopward db migrate`)"
    elif oldest > SCHEMA_VERSION:
        remedy = f"it understands programs from {oldest} on: deploy the newer program"
    if remedy is not None:
        raise DatabaseRejected(
            f"the schema is version {version}, this program speaks {SCHEMA_VERSION}; {remedy}",
            rule="schema_version",
        )
