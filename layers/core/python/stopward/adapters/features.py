"""Closed trades and their entry vectors, over functions of schema api."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, cast

from stopward.adapters import rows
from stopward.adapters.functions import Functions
from stopward.adapters.rows import JsonValue
from stopward.domain.features.known import Result
from stopward.domain.features.past_trade import PastPage, PastTrade, Place, StoredVector
from stopward.domain.features.row import Kind
from stopward.domain.features.vector import Vector, as_float32
from stopward.domain.identity import AccountId, PositionId
from stopward.domain.market import Session
from stopward.errors import InvalidState

PAGE_TRADES = 100


class FunctionFeatures:
    """The FeatureBook over api functions; each call is one transaction, and may be repeated."""

    def __init__(self, functions: Functions, *, page_trades: int = PAGE_TRADES) -> None:
        self._functions = functions
        self._page_trades = page_trades

    def read_entries(
        self,
        account_id: AccountId,
        *,
        schema_hash: str,
        at: datetime,
        since: datetime,
        results: int,
        lag_seconds: int,
        stored: bool,
        kind: Kind = "entry",
        after: Place | None = None,
    ) -> PastPage:
        """Return the page of trades after a place, the first one after None.

        A row that cannot be read is told in the page, and the others are read.
        """
        request = entries_asked(
            account_id,
            schema_hash=schema_hash,
            at=at,
            since=since,
            results=results,
            lag_seconds=lag_seconds,
            stored=stored,
            after=after,
            limit=self._page_trades,
        )
        found = self._functions.call("read_entries", "request", {**request, "kind": kind})
        return page_of(found, schema_hash=schema_hash, stored=stored, kind=kind)

    def put_schema(self, schema_hash: str, names: Sequence[str]) -> None:
        """Store the names of a schema's vectors; once more changes nothing."""
        request: dict[str, JsonValue] = {"schema_hash": schema_hash, "names": list(names)}
        self._functions.call("put_feature_schema", "request", request)

    def put_vectors(self, account_id: AccountId, vectors: Sequence[StoredVector]) -> int:
        """Store at most 1,000 vectors, all or none; return how many are new."""
        request: dict[str, JsonValue] = {
            "account_id": account_id,
            "features": [_told(each) for each in vectors],
        }
        answer = self._functions.call("put_features", "request", request)
        return int(cast("int", answer["written"]))


def entries_asked(
    account_id: AccountId,
    *,
    at: datetime,
    since: datetime,
    after: Place | None,
    **more: JsonValue,
) -> dict[str, JsonValue]:
    """Return the request for a page of trades, guarded or imported ones; more: as it is told."""
    request: dict[str, JsonValue] = {
        "account_id": account_id,
        "at": at.isoformat(),
        "since": since.isoformat(),
        **more,
    }
    return request if after is None else {**request, "after": list(after)}


def page_of(
    answer: Any,
    *,
    schema_hash: str,
    stored: bool,
    kind: Kind = "entry",
    sessions: Callable[[Sequence[datetime]], tuple[Session, ...]] | None = None,
) -> PastPage:
    """Return a page of trades as a function of the database told it.

    A row that cannot be read is told in the page, and the others are read. sessions: returns them
    for the times of these trades, where the answer has none.
    """
    trades: list[PastTrade] = []
    vectors: dict[PositionId, StoredVector] = {}
    unreadable: list[str] = []
    for each in answer["trades"]:
        try:
            trade = rows.read(PastTrade, each)
            trades.append(trade)
            if stored:
                vectors[trade.position_id] = _vector(trade, each, schema_hash, kind)
        except InvalidState as error:
            unreadable.append(f"{each['position_id']}: {error}")
    last = answer["after"]
    return PastPage(
        trades=tuple(trades),
        vectors=vectors,
        results=tuple(rows.read(Result, each) for each in answer["results"]),
        sessions=tuple(rows.read(Session, each) for each in answer["sessions"])
        if sessions is None
        else sessions([trade.at for trade in trades]),
        unreadable=tuple(unreadable),
        after=None if last is None else cast("Place", tuple(last)),
    )


def numbers_as_text(vector: Vector) -> list[JsonValue]:
    """Return the text of the double that each float32 is, which reads as the same float32."""
    return [None if each is None else repr(each) for each in vector]


def _told(stored: StoredVector) -> dict[str, JsonValue]:
    return {
        "position_id": stored.position_id,
        "kind": stored.kind,
        "at": stored.at.isoformat(),
        "schema_hash": stored.schema_hash,
        "values": numbers_as_text(stored.vector),
        "rebuilt": stored.rebuilt,
    }


def _vector(trade: PastTrade, row: Any, schema_hash: str, kind: Kind) -> StoredVector:
    # A float32's shortest text, read as a double and rounded, is that float32 again.
    return StoredVector(
        position_id=trade.position_id,
        kind=kind,
        at=trade.at,
        schema_hash=schema_hash,
        vector=tuple(None if each is None else as_float32(float(each)) for each in row["values"]),
        rebuilt=row["rebuilt"],
    )
