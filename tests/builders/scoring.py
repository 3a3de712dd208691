"""Signals, roles and a book of models in memory: what a test of scoring is about, no more."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from stopward.adapters.archive_folder import FolderArchive
from stopward.domain.current_model import CurrentModel
from stopward.domain.features import REGISTRY, names, schema_hash
from stopward.domain.identity import AccountId, PositionId, Symbol
from stopward.domain.model_file import ModelFile
from stopward.domain.scoring.prediction import (
    AskedSignal,
    Prediction,
    StoredPrediction,
)
from stopward.errors import DatabaseRejected
from stopward.services.champions import Champions
from stopward.services.model_files import ModelFiles
from stopward.services.scoring import Scoring
from tests.builders.models import ModelWorld
from tests.builders.models import a_model as a_model_row
from tests.builders.opened_models import ENTRY, NAMES, NOW, open_tiny, tiny_model


def a_role(model: ModelFile, **changed: Any) -> CurrentModel:
    """Return the role of a champion whose file this is."""
    told = {
        "kind": model.manifest["kind"],
        "alias": "champion",
        "model_id": model.model_id,
        "sha256": model.manifest["sha256"],
        "schema_hash": model.manifest["schema_hash"],
        "threshold": model.manifest["threshold"]["probability"],
        "created_at": datetime.fromisoformat(a_model_row()["created_at"]),
        "expires_at": datetime.fromisoformat(model.manifest["expires_at"]),
        "stage": "shadow",
        "weight": Decimal(0),
        **changed,
    }
    return CurrentModel(**told)


def registered(world: ModelWorld, model: ModelFile) -> None:
    """Register a model whose file this is, and make it the account's champion."""
    kind = model.manifest["kind"]
    told = a_model_row(
        model.model_id,
        kind=kind,
        sha256=model.manifest["sha256"],
        schema_hash=model.manifest["schema_hash"],
        threshold=model.manifest["threshold"]["probability"],
    )
    world.call("register_model", **told)
    role = {"kind": kind, "alias": "champion", "model_id": model.model_id}
    world.call("set_alias", **role, expected=None, because="t")


def a_signal(signal_id: str = "s1", **changed: Any) -> AskedSignal:
    """Return a signal with a vector of the registry; `features` changes some of it by name."""
    features: Mapping[str, float | None] = changed.pop("features", {})
    usual = dict.fromkeys(NAMES, 0.5)
    told = {
        "signal_id": signal_id,
        "symbol": Symbol("AAPL"),
        "at": NOW - timedelta(seconds=1),
        "schema_hash": ENTRY,
        "vector": tuple({**usual, **features}.values()),
        **changed,
    }
    return AskedSignal(**told)


def sent(signal_id: str = "s1", **changed: Any) -> dict[str, Any]:
    """Return a signal as somebody sends it; ... leaves a field, or a feature of `features`, out."""
    features = changed.pop("features", {})
    usual = dict(zip(NAMES, _middles(), strict=True))
    its = {**usual, **features} if isinstance(features, dict) else features
    told = {
        "signal_id": signal_id,
        "symbol": "AAPL",
        "at": (NOW - timedelta(seconds=1)).isoformat(),
        "schema_hash": ENTRY,
        "features": _given(its) if isinstance(its, dict) else its,
        **changed,
    }
    return _given(told)


def _middles() -> list[float]:
    return [min(max(0.5, each.low), each.high) for each in REGISTRY["entry"]]


def _given(told: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in told.items() if value is not ...}


class Models:
    """A ModelBook in memory: roles that a test sets, predictions of which the first one binds."""

    def __init__(self, *roles: CurrentModel) -> None:
        self.roles = roles
        self.schemas: dict[str, tuple[str, ...]] = {}
        self.stored: dict[tuple[AccountId, str, str], Prediction] = {}
        self.looks = 0
        self.fails: Exception | None = None

    def current(self, account_id: AccountId) -> tuple[CurrentModel, ...]:
        self.looks += 1
        self._answer()
        return self.roles

    def put_schema(self, schema_hash: str, names: Sequence[str]) -> None:
        self._answer()
        self.schemas[schema_hash] = tuple(names)

    def put_predictions(
        self, account_id: AccountId, predictions: Sequence[Prediction]
    ) -> tuple[StoredPrediction, ...]:
        self._answer()
        for each in predictions:
            if not self._is_of_a_role(each):
                raise DatabaseRejected("threshold", rule="predictions_threshold_of_model")
        kept = []
        for each in predictions:
            first = self.stored.setdefault((account_id, each.model_id, each.signal_id), each)
            if _said(first) != _said(each):
                kept.append(_said(first))
        return tuple(kept)

    def _is_of_a_role(self, told: Prediction) -> bool:
        roles = {each.model_id: each.threshold for each in self.roles}
        return roles.get(told.model_id, told.threshold) == told.threshold

    def _answer(self) -> None:
        if self.fails is not None:
            raise self.fails


def _said(told: Prediction) -> StoredPrediction:
    return StoredPrediction(
        model_id=told.model_id,
        signal_id=told.signal_id,
        probability=told.probability,
        decision=told.decision,
        arm=told.arm,
        weight=told.weight,
    )


OF_A_POSITION = PositionId("p1")


@cache
def a_tiny_model() -> ModelFile:
    """Return the one tiny model that `a_scoring` asks."""
    return tiny_model()


class Still:
    """A clock that stands still."""

    def now(self) -> datetime:
        return NOW

    def sleep_until(self, moment: datetime) -> None:
        raise AssertionError(moment)


@cache
def an_open_model(**changed: Any) -> ModelFile:
    """Return a tiny model of open positions."""
    told = {"features": names("open"), "schema": schema_hash("open"), "kind": "open"}
    return tiny_model(**told | changed)


def a_scoring(
    folder: Path, *, open_model: Any = open_tiny, model: ModelFile | None = None, **role: Any
) -> tuple[Scoring, Models]:
    """Return who scores with a model, else with `a_tiny_model`.

    A thousandth of a second passes between two looks.
    """
    files, asked = ModelFiles(FolderArchive(folder)), model or a_tiny_model()
    files.put(asked)
    book = Models(a_role(asked, **role))
    ticks = count()
    champions = Champions(book=book, files=files, open_model=open_model, refresh_seconds=60.0)
    scoring = Scoring(
        champions=champions,
        book=book,
        clock=Still(),
        timer=lambda: next(ticks) / 1_000,
        kind=asked.manifest["kind"],
    )
    return scoring, book
