"""Trainings that are due, trades to learn from and what came of them, over schema api."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

from stopward.adapters import rows
from stopward.adapters.current_models import current_models
from stopward.adapters.functions import Functions
from stopward.adapters.rows import JsonValue
from stopward.domain.current_model import CurrentModel
from stopward.domain.features.past_trade import Place
from stopward.domain.features.row import Kind
from stopward.domain.features.vector import as_float32
from stopward.domain.identity import AccountId, PositionId
from stopward.domain.model_file import ModelFile
from stopward.domain.training import (
    Concluded,
    Lesson,
    Training,
    TrainingClaim,
    TrainingPage,
    TrainingRow,
)
from stopward.errors import InvalidState

PAGE_TRADES = 1_000


class FunctionTraining:
    """The TrainingBook over api functions; each call is one transaction, and may be repeated."""

    def __init__(self, functions: Functions, *, page_trades: int = PAGE_TRADES) -> None:
        self._functions = functions
        self._page_trades = page_trades

    def mark_due(self, account_id: AccountId) -> None:
        """Ask for training if trades or age say that it is due, and it is not asked for yet."""
        self._call("mark_training_due", account_id)

    def request(self, account_id: AccountId) -> str:
        """Ask for training by hand; return the request, the one that is under way if there is."""
        return str(self._call("request_training", account_id)["id"])

    def claim(self, account_id: AccountId, *, holder: str, seconds: float) -> TrainingClaim | None:
        """Take the training that is due; None where there is none, or another has it."""
        found = self._call("claim_training", account_id, holder=holder, seconds=seconds)["request"]
        return None if found is None else rows.read(TrainingClaim, found)

    def keep(self, claim: TrainingClaim, *, seconds: float) -> None:
        """Keep a claim for so long from now; a second lets it go."""
        self._call(
            "prolong_training", claim.account_id, id=claim.id, fence=claim.fence, seconds=seconds
        )

    def read(
        self,
        account_id: AccountId,
        *,
        schema_hash: str,
        at: datetime,
        after: Place | None = None,
        kind: Kind = "entry",
    ) -> TrainingPage:
        """Return the page of trades closed until `at` after a place, the first one after None.

        kind: of the vectors; a trade has one row, whatever the number of its vectors. Raises
        InvalidState with the position for a row that cannot be read.
        """
        request: dict[str, JsonValue] = {
            "schema_hash": schema_hash,
            "kind": kind,
            "at": at.isoformat(),
            "limit": self._page_trades,
        }
        if after is not None:
            request["after"] = list(after)
        found = self._call("read_training_rows", account_id, **request)
        names, last = found["names"], found["after"]
        return TrainingPage(
            names=None if names is None else tuple(names),
            rows=tuple(_row(each) for each in found["trades"]),
            without=found["without"],
            imported=found["imported"],
            after=None if last is None else cast("Place", tuple(last)),
        )

    def conclude(
        self,
        claim: TrainingClaim,
        training: Training,
        *,
        location: str | None,
        further: Sequence[Lesson] = (),
    ) -> Concluded:
        """Register the models, give them roles that are free, finish the request: all or nothing.

        What came of a further kind stands in the request's numbers under its name.
        """
        request: dict[str, JsonValue] = {
            "id": claim.id,
            "fence": claim.fence,
            "verdict": training.verdict,
            "numbers": {
                **_told(training),
                **{each.kind: {"verdict": each.training.verdict, **_told(each.training)}
                   for each in further},
            },
        }  # fmt: skip
        if training.model is not None:
            request["model"] = _registration(training.model, str(location))
        models = [
            _registration(each.training.model, str(each.location))
            for each in further
            if each.training.model is not None
        ]
        if models:
            request["models"] = models
        return rows.read(Concluded, self._call("conclude_training", claim.account_id, **request))

    def current(self, account_id: AccountId) -> tuple[CurrentModel, ...]:
        """Return the models that have a role."""
        return current_models(self._functions, account_id)

    def _call(self, function: str, account_id: AccountId, **values: JsonValue) -> Any:
        return self._functions.call(function, "request", {"account_id": account_id, **values})


def _row(found: Mapping[str, Any]) -> TrainingRow:
    try:
        # A float32's shortest text, read as a double and rounded, is that float32 again.
        values = tuple(
            None if each is None else as_float32(float(each)) for each in found["values"]
        )
        return TrainingRow(
            position_id=PositionId(found["position_id"]),
            entered_at=datetime.fromisoformat(found["entered_at"]),
            closed_at=datetime.fromisoformat(found["closed_at"]),
            r=float(found["r"]),
            vector=values,
            rebuilt=found["rebuilt"],
        )
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidState(
            f"trade {found.get('position_id')} cannot be read for training: {error}"
        ) from error


def _told(training: Training) -> dict[str, JsonValue]:
    return {**training.numbers, **({"says": training.says} if training.says else {})}


def _registration(model: ModelFile, location: str) -> dict[str, JsonValue]:
    """Return what the registry keeps of a model beside its manifest; unknown figures are null."""
    manifest = model.manifest
    metrics = manifest["metrics"]
    return {
        **{
            name: manifest[name]
            for name in (
                "model_id", "kind", "verdict", "created_at", "expires_at", "sha256", "schema_hash",
                "trades", "effective_n", "trained_from", "trained_to",
            )
        },
        "location": location,
        "manifest": manifest,
        "threshold": manifest["threshold"]["probability"],
        "log_loss": metrics["log_loss"],
        "base_log_loss": metrics["base_log_loss"],
        "brier_skill": metrics["brier_skill"]["value"],
        "auc": metrics["auc"]["value"],
        "auc_low": metrics["auc"]["low"],
        "auc_high": metrics["auc"]["high"],
    }  # fmt: skip
