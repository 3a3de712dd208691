"""The outbox over functions of schema api, whoever carries the calls."""

from collections.abc import Mapping
from typing import Any, assert_never, cast

from pydantic import BaseModel, ConfigDict, ValidationError

from stopward.adapters.functions import Functions
from stopward.adapters.rows import JsonValue
from stopward.domain.notices import (
    Backlog,
    Claim,
    Dead,
    Delivered,
    Failed,
    Outcome,
    PutBack,
    Severity,
    Status,
)
from stopward.errors import InvalidState

REASON_CHARACTERS = 500
KEEP_DAYS = 400
"""A year of notices, and a month to look back on it."""


class ClaimRow(BaseModel):
    """A claim as api.claim_outbox answers it; fields it gains later are left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True, strict=True)

    id: str
    account_id: str
    account: str
    channel: str
    kind: str
    address: str
    secret: str | None
    attempt: int
    about: str
    key: str
    severity: Severity
    title: str
    said: dict[str, Any]
    at: str


class FunctionOutbox:
    """The Outbox of one deliverer, for the channels whose deliverer it is.

    account_id: serve this account only; None serves all.
    """

    def __init__(
        self, functions: Functions, *, deliverer: str = "lambda", account_id: str | None = None
    ) -> None:
        self._functions = functions
        self._deliverer = deliverer
        self._account_id = account_id

    def claim(self, *, holder: str, limit: int, seconds: float) -> tuple[Claim, ...]:
        """Claim what is due, oldest first.

        Raises InvalidState for an answer that cannot be read.
        """
        answer = self._call(
            "claim_outbox",
            deliverer=self._deliverer,
            holder=holder,
            limit=limit,
            seconds=min(max(seconds, 1.0), 3600.0),
            account_id=self._account_id,
        )
        return tuple(_claim(row) for row in cast("list[JsonValue]", answer["claims"]))

    def settle(self, claim: Claim, outcome: Outcome, *, holder: str) -> Status:
        """Say what came of a claim; return the status after it."""
        answer = self._call("settle_delivery", id=claim.id, holder=holder, **_fields(outcome))
        return cast("Status", answer["status"])

    def nudge(self) -> int:
        """Have the edge function told again of what it has not claimed; return how many."""
        return int(cast("int", self._call("nudge_edge")["posted"]))

    def backlog(self) -> Backlog:
        """Return what waits."""
        answer = self._call("measure_outbox", account_id=self._account_id)
        return Backlog(
            pending=int(cast("int", answer["pending"])),
            dead=int(cast("int", answer["dead"])),
            oldest_pending_seconds=float(cast("float", answer["oldest_pending_seconds"])),
        )

    def trim(self) -> int:
        """Forget some notices older than KEEP_DAYS that wait for no channel; return how many."""
        return int(cast("int", self._call("trim_notices", keep_days=KEEP_DAYS)["count"]))

    def _call(self, function: str, **request: JsonValue) -> Mapping[str, JsonValue]:
        return self._functions.call(function, "request", request)


def _claim(row: JsonValue) -> Claim:
    try:
        read = ClaimRow.model_validate(row)
    except ValidationError as error:
        # Its own text would repeat the address, which may be a secret.
        fields = sorted({str(item["loc"][0]) for item in error.errors() if item["loc"]})
        problem = f"claim_outbox: a claim without a usable {', '.join(fields) or 'row'}"
    else:
        return Claim(**read.model_dump())
    raise InvalidState(problem)


def _fields(outcome: Outcome) -> dict[str, JsonValue]:
    match outcome:
        case Delivered():
            return {"outcome": "delivered"}
        case Failed():
            return {"outcome": "retry", **_waits(outcome)}
        case PutBack():
            return {"outcome": "put_back", **_waits(outcome)}
        case Dead():
            return {"outcome": "dead", "error": outcome.reason[:REASON_CHARACTERS]}
        case _:
            assert_never(outcome)


def _waits(outcome: Failed | PutBack) -> dict[str, JsonValue]:
    return {
        "error": outcome.reason[:REASON_CHARACTERS],
        "retry_after_seconds": outcome.retry_after_seconds,
        "hold_seconds": outcome.hold_seconds,
    }
