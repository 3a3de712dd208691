"""Training on trades as the database hands them out: the trainer that the job is given."""

from array import array
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import nan
from typing import Final

import numpy as np

from stopward.domain.features.registry import REGISTRY
from stopward.domain.features.row import Kind
from stopward.domain.model_file import ModelFile
from stopward.domain.training import Training, TrainingRow
from stopward.errors import InvalidInput
from stopward.training.bootstrap import DRAWS
from stopward.training.dataset import Dataset, dataset
from stopward.training.splits import FOLDS
from stopward.training.train import train
from stopward.training.verdict import NotEnoughTrades

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTrainer:
    """Trains on rows of the database. For the fields see `stopward.training.train.train`.

    A feature that is named is one of the kinds that have it, and of the others it is left out.
    """

    registered: Sequence[str] = ()
    allowed: Collection[str] = ()
    cost_r: float = 0.0
    folds: int = FOLDS
    draws: int = DRAWS

    def __call__(
        self,
        rows: Iterable[TrainingRow],
        *,
        kind: Kind,
        names: tuple[str, ...],
        schema_hash: str,
        created_at: datetime,
        salt: str,
        progress: Callable[[], None],
    ) -> Training:
        """Read the trades to the end, once, and return what a model of them came to."""
        found = train(
            dataset_of(rows, names=names, schema_hash=schema_hash),
            created_at=created_at,
            salt=salt,
            kind=kind,
            registered=_of(names, self.registered),
            allowed=_of(names, self.allowed),
            cost_r=self.cost_r,
            folds=self.folds,
            draws=self.draws,
            progress=progress,
        )
        if isinstance(found, NotEnoughTrades):
            least = found.minimum
            return Training(
                verdict=found.verdict,
                numbers={
                    "effective_n": least.effective_n,
                    "winners": least.winners,
                    "losers": least.losers,
                },
                says=found.says,
            )
        told = found.manifest
        return Training(
            verdict=found.verdict,
            numbers={
                **{gate["name"]: gate["figure"] for gate in told["gates"]},
                "effective_n": told["effective_n"],
                "winners": told["winners"],
                "losers": told["losers"],
            },
            model=ModelFile(graph=found.graph, manifest=told),
        )


def _of(names: tuple[str, ...], given: Collection[str]) -> tuple[str, ...]:
    # What no kind has is kept, and refused by its name.
    known = {feature.name for each in REGISTRY.values() for feature in each}
    return tuple(name for name in given if name in names or name not in known)


def dataset_of(rows: Iterable[TrainingRow], *, names: tuple[str, ...], schema_hash: str) -> Dataset:
    """Return rows as arrays: four bytes a value, whatever the database sends at once.

    Raises InvalidInput, with its position, for a row of another length than the names.
    """
    x, net_r = array("f"), array("d")
    entry_at, exit_at = array("q"), array("q")
    for row in rows:
        if len(row.vector) != len(names):
            raise InvalidInput(
                f"trade {row.position_id} has {len(row.vector)} values; allowed are {len(names)}"
            )
        x.extend(nan if value is None else value for value in row.vector)
        net_r.append(row.r)
        entry_at.append((row.entered_at - _EPOCH) // _MICROSECOND)
        exit_at.append((row.closed_at - _EPOCH) // _MICROSECOND)
    return dataset(
        x=np.array(x, np.float32).reshape(-1, len(names)),
        names=names,
        schema_hash=schema_hash,
        net_r=np.array(net_r, np.float64),
        entry_at=np.array(entry_at, np.int64),
        exit_at=np.array(exit_at, np.int64),
    )
