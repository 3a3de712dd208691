"""Minutes of positions, once they closed, of the store in memory: it keeps their vectors."""

from collections.abc import Callable
from datetime import datetime, timedelta

from stopward.adapters.memory import MemoryStore
from stopward.adapters.memory_book import Book
from stopward.adapters.memory_rows import VectorKey
from stopward.adapters.memory_rules import refuse_if
from stopward.domain.features.past_trade import StoredVector
from stopward.domain.features.teaching import teaches
from stopward.domain.identity import AccountId
from stopward.domain.snapshot import TradeRow


class MemoryMinutes:
    """The MinuteBook of the store in memory, so many rows a portion; now: as the database's is."""

    def __init__(
        self, store: MemoryStore, *, now: Callable[[], datetime], portion: int = 1_000
    ) -> None:
        self._store = store
        self._now = now
        self._portion = portion

    def complete(self, account_id: AccountId) -> int:
        """Tell minutes of closed trades what came of them; return how many, 0 once all know."""
        book = self._store.book(account_id)
        done = [key for key in book.unresolved if key[0] in book.trades][: self._portion]
        book.unresolved -= set(done)
        return len(done)

    def trim(self, account_id: AccountId, *, keep_days: int) -> int:
        """Remove completed minutes of trades that closed so many days ago; return how many."""
        book = self._store.book(account_id)
        refuse_if(not 30 <= keep_days <= 36_500, "trim_minutes_bounds", account_id)
        before = self._now() - timedelta(days=keep_days)
        old = [
            key
            for key, vector in book.vectors.items()
            if key not in book.unresolved and _may_go(book, key, vector, before)
        ][: self._portion]
        for key in old:
            del book.vectors[key]
        return len(old)


def _may_go(book: Book, key: VectorKey, vector: StoredVector, before: datetime) -> bool:
    trade: TradeRow | None = book.trades.get(key[0])
    if vector.kind != "open" or trade is None or trade.closed_at >= before:
        return False
    entered_at = book.positions[key[0]].opened_at
    return not teaches(key[0], entered_at, closed_at=trade.closed_at, at=vector.at)
