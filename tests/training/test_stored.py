"""Rows of the database are trained on by their kind, with the features that were named for it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from stopward.domain.features.row import Kind
from stopward.domain.identity import PositionId
from stopward.domain.training import Training, TrainingRow
from stopward.errors import InvalidInput
from stopward.training.dataset import Dataset
from stopward.training.stored import StoredTrainer
from tests.builders.open_trades import open_trades
from tests.builders.training import NAMES as ENTRY
from tests.builders.training import moment

CREATED = datetime(2026, 11, 30, 12, tzinfo=UTC)
OPEN = open_trades(180)


def rows(trades: Dataset, *, width: int) -> Iterator[TrainingRow]:
    """Yield trades as the database hands them out, with values for so many names."""
    for number, x in enumerate(trades.x[:, :width]):
        values = [None if np.isnan(each) else float(each) for each in x]
        yield TrainingRow(
            position_id=PositionId(f"p{number}"),
            entered_at=moment(int(trades.entry_at[number])),
            closed_at=moment(int(trades.exit_at[number])) + timedelta(microseconds=number % 2),
            r=float(trades.net_r[number]),
            vector=(*values, *(None,) * (width - len(values))),
            rebuilt=False,
        )


def trained(trainer: StoredTrainer, kind: Kind) -> Training:
    names = ENTRY if kind == "entry" else OPEN.names
    return trainer(
        rows(OPEN, width=len(names)),
        kind=kind, names=names, schema_hash="s", created_at=CREATED, salt="pepper",
        progress=lambda: None,
    )  # fmt: skip


def test_a_feature_that_is_named_is_one_of_the_kinds_that_have_it() -> None:
    trainer = StoredTrainer(
        registered=("rsi", "mfe_r"), allowed=("mae_r", *ENTRY[:8]), folds=4, draws=20
    )
    for kind in ("entry", "open"):
        found = trained(trainer, kind)  # type: ignore[arg-type]
        assert found.model is not None
        assert found.model.manifest["kind"] == kind
        tell = {n for n, each in found.model.manifest["importances"].items() if each["value"]}
        assert tell <= {"rsi", "mfe_r"}


@pytest.mark.parametrize("how", [{"registered": ("bogus",)}, {"allowed": ("bogus",)}])
@pytest.mark.parametrize("kind", ["entry", "open"])
def test_a_feature_of_no_kind_is_refused(kind: Kind, how: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(InvalidInput, match="bogus"):
        trained(StoredTrainer(**how, folds=4, draws=20), kind)  # type: ignore[arg-type]


def test_no_row_is_not_enough() -> None:
    found = StoredTrainer()(
        (), kind="open", names=OPEN.names, schema_hash="s", created_at=CREATED, salt="pepper",
        progress=lambda: None,
    )  # fmt: skip
    assert (found.verdict, found.model) == ("not_enough_trades", None)
    assert "100 trades (0 of 100)" in found.says
