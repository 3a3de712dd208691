"""What the scoring of open positions needs of the world: what is open, and where scores are put."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from stopward.domain.features.open_position import OpenPage
from stopward.domain.features.past_trade import StoredVector
from stopward.domain.identity import AccountId
from stopward.domain.open_score import LoggedScore


class OpenBook(Protocol):
    """Open positions of an account, their vectors and scores.

    Raises DatabaseUnavailable when no answer came, and DatabaseRejected with the rule's name.
    """

    def read_open(
        self, account_id: AccountId, *, at: datetime, results: int, lag_seconds: int
    ) -> OpenPage:
        """Return what is open at a time.

        results: how many of the account come with it, from lag_seconds after their close.
        """

    def put_schema(self, schema_hash: str, names: Sequence[str]) -> None:
        """Store the names of a schema's vectors; once more changes nothing."""

    def put_vectors(self, account_id: AccountId, vectors: Sequence[StoredVector]) -> int:
        """Store at most 1,000 vectors, all or none; return how many are new."""

    def put_scores(self, account_id: AccountId, scores: Sequence[LoggedScore]) -> int:
        """Make predictions the scores of their positions; return how many are newer than before.

        One that nobody logged is refused (`position_scores_are_logged`), and with it the others.
        """
