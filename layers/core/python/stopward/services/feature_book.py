"""What the check of features needs of the world: closed trades with their vectors, and bars."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

from stopward.domain.features.past_trade import PastPage, Place, StoredVector
from stopward.domain.features.row import Kind
from stopward.domain.identity import AccountId, Symbol
from stopward.domain.market import ClosedBar


class FeatureBook(Protocol):
    """Closed trades, and where their vectors are stored.

    Raises DatabaseUnavailable when no answer came, and DatabaseRejected with the rule's name.
    """

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

        Those that closed from `since` to `at`; with their vectors when stored, else those that have
        none. Of kind open a trade has the one that is learned from. results: how many before each
        trade come with it, from lag_seconds after their close.
        """

    def put_schema(self, schema_hash: str, names: Sequence[str]) -> None:
        """Store the names of a schema's vectors; once more changes nothing."""

    def put_vectors(self, account_id: AccountId, vectors: Sequence[StoredVector]) -> int:
        """Store at most 1,000 vectors, all or none; return how many are new.

        One that is stored already and otherwise is refused.
        """


class BarHistory(Protocol):
    """Who has bars: the port MarketData, or files."""

    def bars(
        self, symbols: Sequence[Symbol], *, since: datetime, until: datetime
    ) -> Mapping[Symbol, Sequence[ClosedBar]]:
        """Return closed one-minute bars, oldest first: since <= at and at + 1 min <= until."""

    def daily_bars(
        self, symbols: Sequence[Symbol], *, since: datetime, until: datetime
    ) -> Mapping[Symbol, Sequence[ClosedBar]]:
        """Return daily bars of finished sessions, split-adjusted, oldest first."""
