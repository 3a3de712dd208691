"""Open positions, their vectors and scores, over functions of schema api."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from stopward.adapters import rows
from stopward.adapters.features import FunctionFeatures
from stopward.adapters.functions import Functions
from stopward.adapters.rows import JsonValue
from stopward.domain.features.known import Result
from stopward.domain.features.open_position import OpenPage, OpenPosition
from stopward.domain.features.past_trade import StoredVector
from stopward.domain.identity import AccountId
from stopward.domain.market import Session
from stopward.domain.open_score import LoggedScore
from stopward.errors import InvalidState


class FunctionOpenPositions:
    """The OpenBook over api functions; each call is one transaction, and may be repeated."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions
        self._features = FunctionFeatures(functions)

    def read_open(
        self, account_id: AccountId, *, at: datetime, results: int, lag_seconds: int
    ) -> OpenPage:
        """Return what is open at a time; a row that cannot be read is told in the page."""
        request: dict[str, JsonValue] = {
            "account_id": account_id,
            "at": at.isoformat(),
            "results": results,
            "lag_seconds": lag_seconds,
        }
        found = cast("Any", self._functions.call("read_open_positions", "request", request))
        positions: list[OpenPosition] = []
        unreadable: list[str] = []
        for each in found["positions"]:
            try:
                positions.append(rows.read(OpenPosition, each))
            except InvalidState as error:
                unreadable.append(f"{each['position_id']}: {error}")
        return OpenPage(
            positions=tuple(positions),
            results=tuple(rows.read(Result, each) for each in found["results"]),
            sessions=tuple(rows.read(Session, each) for each in found["sessions"]),
            unreadable=tuple(unreadable),
        )

    def put_schema(self, schema_hash: str, names: Sequence[str]) -> None:
        """Store the names of a schema's vectors; once more changes nothing."""
        self._features.put_schema(schema_hash, names)

    def put_vectors(self, account_id: AccountId, vectors: Sequence[StoredVector]) -> int:
        """Store at most 1,000 vectors, all or none; return how many are new."""
        return self._features.put_vectors(account_id, vectors)

    def put_scores(self, account_id: AccountId, scores: Sequence[LoggedScore]) -> int:
        """Make predictions the scores of their positions; return how many are newer than before."""
        request: dict[str, JsonValue] = {
            "account_id": account_id,
            "scores": [rows.write(each) for each in scores],
        }
        answer = self._functions.call("put_position_scores", "request", request)
        return int(cast("int", answer["written"]))
