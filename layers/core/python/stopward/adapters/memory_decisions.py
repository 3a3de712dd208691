"""Recorded decisions of the store in memory."""

from datetime import datetime

from stopward.adapters.memory import MemoryStore
from stopward.adapters.memory_rows import JournalRow
from stopward.domain.identity import AccountId
from stopward.domain.recorded import DecisionPage, Key, RecordedDecision
from stopward.rules.codes import RULE_VERSION


class MemoryDecisions:
    """Reads decisions of this program's rule version, so many a page."""

    def __init__(self, store: MemoryStore, *, page_rows: int = 1000) -> None:
        self._store = store
        self._page_rows = page_rows

    def read_decisions(
        self,
        account_id: AccountId,
        *,
        since: datetime | None,
        until: datetime | None,
        after: Key | None,
    ) -> DecisionPage:
        """Return the page after a key, the first one after None; since <= time < until."""
        book = self._store.book(account_id)
        place = None if after is None else _place(after)
        found = sorted(
            (
                each
                for each in book.journal
                if (since is None or each.row.tick_at >= since)
                and (until is None or each.row.tick_at < until)
                and (place is None or _place(_key(each)) > place)
            ),
            key=lambda each: _place(_key(each)),
        )[: self._page_rows]
        ours = [each for each in found if each.row.rule_version == RULE_VERSION]
        return DecisionPage(
            decisions=tuple(
                RecordedDecision(
                    account_id=account_id,
                    telling=each.telling,
                    row=each.row,
                    view=book.views.get((each.row.tick_at, each.row.symbol, each.telling)),
                )
                for each in ours
            ),
            other_versions=len(found) - len(ours),
            rule_sets=dict(book.rule_sets),
            after=_key(found[-1]) if len(found) == self._page_rows else None,
        )


def _key(each: JournalRow) -> Key:
    row = each.row
    return row.tick_at.isoformat(), row.position_id, row.source, str(each.telling)


def _place(key: Key) -> tuple[datetime, str, str, int]:
    at, position_id, source, telling = key
    return datetime.fromisoformat(at), position_id, source, int(telling)
