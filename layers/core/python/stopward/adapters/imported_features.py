"""Imported trades and their entry vectors, over functions of schema api."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, cast

from stopward.adapters.features import (
    FunctionFeatures,
    entries_asked,
    numbers_as_text,
    page_of,
)
from stopward.adapters.functions import Functions
from stopward.adapters.rows import JsonValue
from stopward.domain.features.past_trade import PastPage, Place, StoredVector
from stopward.domain.features.row import Kind
from stopward.domain.identity import AccountId
from stopward.domain.market import Session

PAGE_TRADES: Final = 100
BEFORE: Final = timedelta(days=10)
"""Of the sessions that come with trades: what holds the two last ones, holidays included."""


class FunctionImportedFeatures:
    """The FeatureBook of the trader's past; a trade's id is source/execution that opened it.

    sessions_between: returns the exchange's sessions from time to time; the database knows those
    that were guarded, and none of the years before.
    """

    def __init__(
        self,
        functions: Functions,
        *,
        sessions_between: Callable[[datetime, datetime], tuple[Session, ...]],
        page_trades: int = PAGE_TRADES,
    ) -> None:
        self._functions = functions
        self._features = FunctionFeatures(functions)
        self._sessions_between = sessions_between
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
        """Return the page of trades with a known risk after a place, the first one after None.

        Of kind open the past has nothing.
        """
        if kind != "entry":
            return PastPage(trades=())
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
        found = self._functions.call("read_imported_entries", "request", request)
        return page_of(found, schema_hash=schema_hash, stored=stored, sessions=self._sessions)

    def put_schema(self, schema_hash: str, names: Sequence[str]) -> None:
        """Store the names of a schema's vectors; once more changes nothing."""
        self._features.put_schema(schema_hash, names)

    def put_vectors(self, account_id: AccountId, vectors: Sequence[StoredVector]) -> int:
        """Store at most 1,000 vectors, all or none; return how many are new."""
        request: dict[str, JsonValue] = {
            "account_id": account_id,
            "features": [_told(each) for each in vectors],
        }
        answer = self._functions.call("put_imported_features", "request", request)
        return int(cast("Any", answer)["written"])

    def _sessions(self, times: Sequence[datetime]) -> tuple[Session, ...]:
        if not times:
            return ()
        return self._sessions_between(min(times) - BEFORE, max(times) + timedelta(days=1))


def _told(stored: StoredVector) -> Mapping[str, JsonValue]:
    source, _, opened_by = stored.position_id.partition("/")
    return {
        "source": source,
        "opened_by": opened_by,
        "at": stored.at.isoformat(),
        "schema_hash": stored.schema_hash,
        "values": numbers_as_text(stored.vector),
    }
