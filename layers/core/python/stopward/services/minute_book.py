"""What the keeping of minutes needs of the world: what was said of open positions, once closed."""

from typing import Protocol

from stopward.domain.identity import AccountId


class MinuteBook(Protocol):
    """Minutes of an account's positions: what models said of them, and their vectors.

    A call is one portion, a part of a second at most, that no tick waits for; it may be repeated.
    Raises DatabaseUnavailable when no answer came, and DatabaseRejected with the rule's name.
    """

    def complete(self, account_id: AccountId) -> int:
        """Tell minutes of closed trades what came of them; return how many, 0 once all know."""

    def trim(self, account_id: AccountId, *, keep_days: int) -> int:
        """Remove completed minutes of trades that closed so many days ago; return how many.

        0 once none is left. Those that teach stay, as vectors and scores of entries do. Under 30
        days it is refused (`trim_minutes_bounds`).
        """
