"""Minutes of positions, once they closed, over functions of schema api."""

from typing import cast

from stopward.adapters.functions import Functions
from stopward.domain.identity import AccountId

PORTION = 1_000
"""Rows of a call: a tenth of a second."""


class FunctionMinutes:
    """The MinuteBook over api functions, so many rows a portion; each call is one transaction."""

    def __init__(self, functions: Functions, *, portion: int = PORTION) -> None:
        self._functions = functions
        self._portion = portion

    def complete(self, account_id: AccountId) -> int:
        """Tell minutes of closed trades what came of them; return how many, 0 once all know."""
        answer = self._functions.call(
            "complete_minutes", "request", {"account_id": account_id, "limit": self._portion}
        )
        return int(cast("int", answer["completed"]))

    def trim(self, account_id: AccountId, *, keep_days: int) -> int:
        """Remove completed minutes of trades that closed so many days ago; return how many."""
        answer = self._functions.call(
            "trim_minutes",
            "request",
            {"account_id": account_id, "keep_days": keep_days, "limit": self._portion},
        )
        return int(cast("int", answer["count"]))
