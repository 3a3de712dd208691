"""What the tracking of models needs of the world: models, their outcomes, and where figures go."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Protocol

from stopward.domain.identity import AccountId
from stopward.domain.model_tracking.statistics import Statistics
from stopward.domain.model_tracking.tracked import OutcomePage, Place, Tracked


class TrackingBook(Protocol):
    """Predictions and figures of an account's models.

    Raises DatabaseUnavailable when no answer came, and DatabaseRejected with the rule's name.
    """

    def resolve(self, account_id: AccountId) -> int:
        """Complete predictions whose trade is written; return how many.

        Triggers do so when a trade is written; this is for what they had to put off.
        """

    def read_tracked(self, account_id: AccountId, *, at: datetime) -> Tracked:
        """Return the models that have a role, as of a time."""

    def read_outcomes(
        self, account_id: AccountId, model_id: str, *, vectors: bool, after: Place | None = None
    ) -> OutcomePage:
        """Return the page of outcomes after a place, the newest ones after None.

        Raises InvalidState for a row that cannot be read.
        """

    def put_statistics(
        self,
        account_id: AccountId,
        model_id: str,
        found: Statistics,
        *,
        session_day: date,
        notes: Mapping[str, bool],
    ) -> None:
        """Store the figures of a model up to a day; told again, the last word stays."""
