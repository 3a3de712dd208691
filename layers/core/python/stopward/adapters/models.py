"""Models that have a role, and what they said, over functions of schema api."""

from collections.abc import Sequence
from typing import Any, cast

from stopward.adapters import rows
from stopward.adapters.current_models import current_models
from stopward.adapters.features import FunctionFeatures, numbers_as_text
from stopward.adapters.functions import Functions
from stopward.adapters.rows import JsonValue
from stopward.domain.current_model import CurrentModel
from stopward.domain.identity import AccountId
from stopward.domain.scoring.prediction import Prediction, StoredPrediction


class FunctionModels:
    """The ModelBook over api functions; each call is one transaction, and may be repeated."""

    def __init__(self, functions: Functions) -> None:
        self._functions = functions
        self._features = FunctionFeatures(functions)

    def current(self, account_id: AccountId) -> tuple[CurrentModel, ...]:
        """Return the models that have a role, with the weight that each may have now."""
        return current_models(self._functions, account_id)

    def put_schema(self, schema_hash: str, names: Sequence[str]) -> None:
        """Store the names of a schema's vectors; once more changes nothing."""
        self._features.put_schema(schema_hash, names)

    def put_predictions(
        self, account_id: AccountId, predictions: Sequence[Prediction]
    ) -> tuple[StoredPrediction, ...]:
        """Log at most 1,000 predictions, all or none; return what was logged before, otherwise."""
        request: dict[str, JsonValue] = {
            "account_id": account_id,
            "predictions": [_told(each) for each in predictions],
        }
        answer = self._functions.call("put_predictions", "request", request)
        return tuple(rows.read(StoredPrediction, each) for each in cast("Any", answer["kept"]))


def _told(prediction: Prediction) -> dict[str, JsonValue]:
    told = cast("dict[str, JsonValue]", rows.write(prediction))
    return {**told, "vector": numbers_as_text(prediction.vector)}
