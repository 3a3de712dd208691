"""A minute of an account with open positions: what is read of them, bars, and a book in memory."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from stopward.domain.features.open_position import OpenPage, OpenPosition
from stopward.domain.features.past_trade import StoredVector
from stopward.domain.identity import AccountId, PositionId, Symbol
from stopward.domain.open_score import LoggedScore
from stopward.errors import DatabaseRejected
from tests.builders.past_features import FRIDAY
from tests.builders.store import A_SESSION, NOON, D

ENTERED = NOON - timedelta(minutes=20)


def an_open_position(symbol: str = "AAPL", **changes: Any) -> OpenPosition:
    """Return 100.00 long with a stop at 98, entered and adopted twenty minutes before noon."""
    told: dict[str, Any] = {
        "position_id": PositionId(f"p-{symbol}"),
        "symbol": Symbol(symbol),
        "side": "long",
        "average_entry": D("100"),
        "initial_stop": D("98"),
        "stop": D("98.5"),
        "opened_at": ENTERED,
        "adopted_at": ENTERED,
    }
    return OpenPosition(**{**told, **changes})


def a_page(*positions: OpenPosition, **changes: Any) -> OpenPage:
    """Return what is open, in two sessions."""
    told: dict[str, Any] = {"positions": positions, "sessions": (FRIDAY, A_SESSION)}
    return OpenPage(**{**told, **changes})


class OpenPositions:
    """An OpenBook in memory. pages: what is read, one after the other; the last one stays."""

    def __init__(self, *pages: OpenPage) -> None:
        self.pages = list(pages)
        self.schemas: dict[str, tuple[str, ...]] = {}
        self.vectors: list[StoredVector] = []
        self.scores: list[LoggedScore] = []
        self.asked: list[datetime] = []
        self.fails: Exception | None = None

    def read_open(
        self, account_id: AccountId, *, at: datetime, results: int, lag_seconds: int
    ) -> OpenPage:
        self.asked.append(at)
        return self.pages.pop(0) if len(self.pages) > 1 else self.pages[0]

    def put_schema(self, schema_hash: str, names: Sequence[str]) -> None:
        self.schemas[schema_hash] = tuple(names)

    def put_vectors(self, account_id: AccountId, vectors: Sequence[StoredVector]) -> int:
        if any(each.schema_hash not in self.schemas for each in vectors):
            raise DatabaseRejected("schema", rule="features_schema_known")
        new = [each for each in vectors if each not in self.vectors]
        self.vectors += new
        return len(new)

    def put_scores(self, account_id: AccountId, scores: Sequence[LoggedScore]) -> int:
        if self.fails is not None:
            raise self.fails
        self.scores += scores
        return len(scores)
