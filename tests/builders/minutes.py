"""Minutes of closed positions: a book of counts, and who keeps it at night."""

from dataclasses import dataclass, field

from stopward.adapters.memory import MemoryStore
from stopward.adapters.memory_minutes import MemoryMinutes
from stopward.adapters.minutes import FunctionMinutes
from stopward.domain.identity import AccountId
from stopward.services.minute_book import MinuteBook
from stopward.services.minute_keeping import MinuteKeeper
from tests.builders.store_world import MemoryWorld, PostgresWorld, World


@dataclass(slots=True)
class Minutes:
    """A MinuteBook of so many rows: that wait for their outcome, and that are old."""

    waiting: int = 0
    old: int = 0
    portion: int = 1_000
    asked: list[str] = field(default_factory=list)
    fails: Exception | None = None

    def complete(self, account_id: AccountId) -> int:
        self._ask("complete")
        done = min(self.waiting, self.portion)
        self.waiting -= done
        return done

    def trim(self, account_id: AccountId, *, keep_days: int) -> int:
        self._ask(f"trim {keep_days}")
        done = min(self.old, self.portion)
        self.old -= done
        return done

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.fails is not None:
            raise self.fails


def a_keeper(book: MinuteBook | None = None, *, account_id: str = "main") -> MinuteKeeper:
    """Return who keeps a book for ninety days; without one there are no minutes."""
    return MinuteKeeper(book=book or Minutes(), account_id=AccountId(account_id), keep_days=90)


def minute_book(world: World, *, portion: int = 1_000) -> MinuteBook:
    """Return the MinuteBook of a world's store."""
    if isinstance(world.store, MemoryStore):
        assert isinstance(world, MemoryWorld)
        return MemoryMinutes(world.store, now=lambda: world._now, portion=portion)
    assert isinstance(world, PostgresWorld)
    return FunctionMinutes(world._database, portion=portion)
