"""What a kind of model is made of: its features, and the trades that have them, page by page."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from stopward.domain import features
from stopward.domain.features.past_trade import Place
from stopward.domain.features.row import Kind
from stopward.domain.identity import AccountId
from stopward.domain.training import TrainingRow
from stopward.errors import InvalidState
from stopward.services.training_book import TrainingBook


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A kind of model. names, schema_hash: of its features as this program makes them."""

    kind: Kind
    names: tuple[str, ...]
    schema_hash: str


def subject(kind: Kind) -> Subject:
    """Return a kind with the features of the registry."""
    return Subject(kind=kind, names=features.names(kind), schema_hash=features.schema_hash(kind))


@dataclass(slots=True, kw_only=True)
class Tally:
    """Trades that were read, and those of them that were left out.

    rebuilt, without, imported: those whose vector was made later; those without one; those of the
    trader's past, which have none.
    """

    trades: int = 0
    rebuilt: int = 0
    without: int = 0
    imported: int = 0

    def numbers(self) -> dict[str, int]:
        """Return the counts by the names that a training's numbers have."""
        return {
            "trades": self.trades,
            "rebuilt": self.rebuilt,
            "without_vector": self.without,
            "imported": self.imported,
        }


def rows_of(
    book: TrainingBook,
    account_id: AccountId,
    subject: Subject,
    *,
    at: datetime,
    tally: Tally,
    between: Callable[[], None],
) -> Iterator[TrainingRow]:
    """Yield the trades closed until `at`, and count them; no more than one page is held.

    between: called between two pages. Raises InvalidState where the names that are stored under the
    schema's hash are others than here.
    """
    after: Place | None = None
    while True:
        page = book.read(
            account_id, schema_hash=subject.schema_hash, at=at, after=after, kind=subject.kind
        )
        if page.names not in (None, subject.names):
            raise InvalidState(
                f"schema {subject.schema_hash[:12]} is stored with other names than it has here"
            )
        tally.trades += len(page.rows)
        tally.rebuilt += sum(row.rebuilt for row in page.rows)
        tally.without += page.without
        tally.imported += page.imported
        yield from page.rows
        after = page.after
        if after is None:
            return
        between()
