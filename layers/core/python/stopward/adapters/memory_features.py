"""Closed trades and their entry vectors, of the store in memory."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from stopward.adapters.memory import MemoryStore
from stopward.adapters.memory_book import Book
from stopward.adapters.memory_rows import VectorKey
from stopward.adapters.memory_rules import refuse_if
from stopward.domain.features.known import Result
from stopward.domain.features.past_trade import PastPage, PastTrade, Place, StoredVector
from stopward.domain.features.row import Kind
from stopward.domain.features.teaching import teaches
from stopward.domain.features.vector import as_bytes
from stopward.domain.identity import AccountId, PositionId
from stopward.domain.snapshot import TradeRow

DAY = timedelta(days=1)


class MemoryFeatures:
    """The FeatureBook of the store in memory, so many trades a page."""

    def __init__(self, store: MemoryStore, *, page_trades: int = 100) -> None:
        self._store = store
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
        """Return the page of trades after a place, the first one after None."""
        book, lag = self._store.book(account_id), timedelta(seconds=lag_seconds)
        vectors = {
            each.position_id: each
            # The first one of its age stays, as the last that is put there.
            for each in sorted(book.vectors.values(), key=lambda one: one.at, reverse=True)
            if (each.kind, each.schema_hash) == (kind, schema_hash)
            and (kind == "entry" or _teaches(book, each))
        }
        found = sorted(
            (
                trade
                for trade in book.trades.values()
                if since <= trade.closed_at <= at
                and (trade.position_id in vectors) == stored
                and (after is None or _order(trade) > (_moment(after[0]), after[1]))
            ),
            key=_order,
        )
        page = found[: self._page_trades]
        trades = tuple(
            _told(book, trade, vectors.get(trade.position_id), lag=lag) for trade in page
        )
        before = {
            result.position_id: result
            for trade in trades
            for result in _results(book, trade.at - lag, most=results)
        }
        asked = [trade.at for trade in trades]
        return PastPage(
            trades=trades,
            vectors={each.position_id: vectors[each.position_id] for each in trades if stored},
            results=tuple(
                Result(symbol=each.symbol, closed_at=each.closed_at, r=each.result_r)
                for each in sorted(before.values(), key=_order)
            ),
            sessions=tuple(
                session
                for session in self._store.sessions.of(book.exchange)
                if asked and min(asked) - 10 * DAY <= session.opens_at <= max(asked) + DAY
            ),
            after=_place(page[-1]) if len(page) == self._page_trades else None,
        )

    def put_schema(self, schema_hash: str, names: Sequence[str]) -> None:
        """Store the names of a schema's vectors; once more changes nothing."""
        are_names = 1 <= len(names) <= 512 and len(set(names) - {""}) == len(names)
        refuse_if(not are_names, "feature_schemas_names_are_names", schema_hash)
        known = self._store.feature_schemas.setdefault(schema_hash, tuple(names))
        refuse_if(known != tuple(names), "feature_schemas_append_only", schema_hash)

    def put_vectors(self, account_id: AccountId, vectors: Sequence[StoredVector]) -> int:
        """Store at most 1,000 vectors, all or none; return how many are new."""
        book = self._store.book(account_id)
        refuse_if(len(vectors) > 1_000, "put_features_batch", account_id)
        for each in vectors:
            names = self._store.feature_schemas.get(each.schema_hash)
            refuse_if(each.position_id not in book.positions, "features_position_known", account_id)
            refuse_if(names is None, "features_schema_known", each.schema_hash)
            fits = names is not None and len(names) == len(each.vector)
            refuse_if(not fits, "features_fit_schema", each.position_id)
        kept = dict(book.vectors)
        for each in vectors:
            stored = kept.setdefault(_key(each), each)
            refuse_if(not _same(stored, each), "trade_features_written_once", each.position_id)
        new = kept.keys() - book.vectors.keys()
        book.unresolved |= {key for key in new if key[1] == "open" and key[0] not in book.trades}
        book.vectors = kept
        return len(new)


def _teaches(book: Book, stored: StoredVector) -> bool:
    trade = next((t for t in book.trades.values() if t.position_id == stored.position_id), None)
    if trade is None:
        return False
    entered_at = book.positions[stored.position_id].opened_at
    return teaches(stored.position_id, entered_at, closed_at=trade.closed_at, at=stored.at)


def _key(stored: StoredVector) -> VectorKey:
    at = None if stored.kind == "entry" else stored.at
    return (stored.position_id, stored.kind, stored.schema_hash, at)


def _same(one: StoredVector, other: StoredVector) -> bool:
    return (one.at, one.rebuilt, as_bytes(one.vector)) == (
        other.at,
        other.rebuilt,
        as_bytes(other.vector),
    )


def _order(trade: TradeRow) -> tuple[datetime, PositionId]:
    return trade.closed_at, trade.position_id


def _place(trade: TradeRow) -> Place:
    return trade.closed_at.astimezone(UTC).isoformat(), trade.position_id


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _results(book: Book, known_at: datetime, *, most: int) -> list[TradeRow]:
    """Return the last results that were known at a time."""
    found = sorted(
        (each for each in book.trades.values() if each.closed_at <= known_at),
        key=lambda each: (each.closed_at, each.symbol, each.result_r),
    )
    return found[max(len(found) - most, 0) :]


def _told(book: Book, trade: TradeRow, vector: StoredVector | None, *, lag: timedelta) -> PastTrade:
    position = book.positions[trade.position_id]
    at = position.opened_at if vector is None else vector.at
    known_at = at - lag
    others = [
        each
        for each in book.positions.values()
        if each.id != position.id
        and each.opened_at <= known_at
        and (each.id not in book.closed or book.closed[each.id] > known_at)
    ]
    return PastTrade(
        position_id=position.id,
        symbol=position.symbol,
        side=position.side,
        average_entry=position.average_entry,
        initial_stop=position.initial_stop,
        target=position.target,
        opened_at=position.opened_at,
        adopted_at=position.adopted_at,
        closed_at=trade.closed_at,
        at=at,
        flags=position.flags,
        open_positions=len(others),
    )
