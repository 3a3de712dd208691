"""What scoring needs of the database: which models are asked, and where predictions are logged."""

from collections.abc import Sequence
from typing import Protocol

from stopward.domain.current_model import CurrentModel
from stopward.domain.identity import AccountId
from stopward.domain.scoring.prediction import Prediction, StoredPrediction


class ModelBook(Protocol):
    """The models of accounts, and what they said.

    Raises DatabaseUnavailable when no answer came, and DatabaseRejected with the rule's name.
    """

    def current(self, account_id: AccountId) -> tuple[CurrentModel, ...]:
        """Return the models that have a role, with the weight that each may have now."""

    def put_schema(self, schema_hash: str, names: Sequence[str]) -> None:
        """Store the names of a schema's vectors; once more changes nothing."""

    def put_predictions(
        self, account_id: AccountId, predictions: Sequence[Prediction]
    ) -> tuple[StoredPrediction, ...]:
        """Log at most 1,000 predictions, all or none; return what was logged before, otherwise.

        What was logged first binds. Told again the same, it changes nothing.
        """
