"""At night: minutes of closed positions learn what came of them, and old ones are removed."""

from collections.abc import Callable
from dataclasses import dataclass

from stopward.domain.identity import AccountId
from stopward.services.minute_book import MinuteBook


@dataclass(frozen=True, slots=True, kw_only=True)
class MinuteKeeper:
    """Keeps the minutes of one account, a portion at a time.

    keep_days: how long they stay after the close of their position; those that teach stay longer.
    """

    book: MinuteBook
    account_id: AccountId
    keep_days: int

    def complete(self, *, has_time: Callable[[], bool]) -> int:
        """Complete what is left of each minute of the scoring; return how many rows."""
        return _in_portions(lambda: self.book.complete(self.account_id), has_time)

    def trim(self, *, has_time: Callable[[], bool]) -> int:
        """Remove what is old; return how many rows. What is left waits for the next night."""
        return _in_portions(
            lambda: self.book.trim(self.account_id, keep_days=self.keep_days), has_time
        )


def _in_portions(portion: Callable[[], int], has_time: Callable[[], bool]) -> int:
    done = 0
    while has_time() and (count := portion()):
        done += count
    return done
