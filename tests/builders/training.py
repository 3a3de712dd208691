"""Journals that a model is trained on, in the database, and trainings that need no learner."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from stopward.adapters.archive_folder import FolderArchive
from stopward.adapters.features import FunctionFeatures
from stopward.adapters.training import FunctionTraining
from stopward.domain.features import names, schema_hash
from stopward.domain.features.past_trade import StoredVector
from stopward.domain.features.row import Kind
from stopward.domain.identity import PositionId
from stopward.domain.model_file import ModelFile
from stopward.domain.training import Training, TrainingRow, Verdict
from stopward.ports import Archive
from stopward.services.model_files import ModelFiles
from stopward.services.training_book import TrainingBook
from stopward.services.training_job import TrainingJob
from stopward.services.training_reading import Subject, subject
from stopward.training.dataset import Dataset
from tests.builders.closed_trades import Closed, insert_closed
from tests.builders.models import ModelWorld, a_model
from tests.builders.simulated_trades import some_trades

NAMES = names("entry")
SCHEMA_HASH = schema_hash("entry")
OPEN = subject("open")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
BEGAN = datetime(2026, 11, 30, 8, tzinfo=UTC)
"""When a run of a test starts; later than every trade of `store_journal`."""
AT_ONCE = 500


def moment(microseconds: int) -> datetime:
    """Return an instant of a dataset."""
    return EPOCH + timedelta(microseconds=microseconds)


def position_id(world: ModelWorld, number: int) -> PositionId:
    """Return the position of a dataset's row."""
    return PositionId(f"{world.account_id}/trade/{number:05d}")


def store_journal(world: ModelWorld, trades: Dataset, *, bare: int = 0, rebuilt: int = 0) -> None:
    """Close the trades, and store a vector of each: its columns, and nothing in the rest.

    bare: how many of the first have none. rebuilt: how many after those were rebuilt.
    """
    closed = [
        Closed(
            position_id=position_id(world, number),
            opened_at=moment(int(begin)),
            closed_at=moment(int(end)),
            result_r=float(result),
        )
        for number, (begin, end, result) in enumerate(
            zip(trades.entry_at, trades.exit_at, trades.net_r, strict=True)
        )
    ]
    insert_closed(world, closed)
    missing = (None,) * (len(NAMES) - len(trades.names))
    vectors = [
        StoredVector(
            position_id=each.position_id,
            kind="entry",
            at=each.opened_at,
            schema_hash=SCHEMA_HASH,
            vector=(*(None if np.isnan(value) else float(value) for value in row), *missing),
            rebuilt=number < bare + rebuilt,
        )
        for number, (each, row) in enumerate(zip(closed, trades.x, strict=True))
        if number >= bare
    ]
    book = FunctionFeatures(world._database)
    book.put_schema(SCHEMA_HASH, NAMES)
    for first in range(0, len(vectors), AT_ONCE):
        book.put_vectors(world.account_id, vectors[first : first + AT_ONCE])


def store_open(world: ModelWorld, closed: Mapping[str, Sequence[tuple[datetime, float]]]) -> None:
    """Store vectors of positions while they were open: moment and value of the first feature."""
    vectors = [
        StoredVector(
            position_id=PositionId(position),
            kind="open",
            at=at,
            schema_hash=OPEN.schema_hash,
            vector=(value, *(None,) * (len(OPEN.names) - 1)),
            rebuilt=False,
        )
        for position, minutes in closed.items()
        for at, value in minutes
    ]
    book = FunctionFeatures(world._database)
    book.put_schema(OPEN.schema_hash, OPEN.names)
    for first in range(0, len(vectors), AT_ONCE):
        book.put_vectors(world.account_id, vectors[first : first + AT_ONCE])


def open_minutes(world: ModelWorld, trades: Dataset) -> None:
    """Store a vector of each trade of a journal every five minutes, while it lasts, to its age.

    Its first feature is the age.
    """
    store_open(
        world,
        {
            position_id(world, number): [
                (at, float(age))
                for age in range(0, 100, 5)
                for at in [moment(int(begin)) + timedelta(minutes=age)]
                if at < moment(int(end))
            ]
            for number, (begin, end) in enumerate(zip(trades.entry_at, trades.exit_at, strict=True))
        },
    )


def a_few(world: ModelWorld, count: int = 5, *, minutes: int | None = None) -> Dataset:
    """Store a small journal, and return it. minutes: how long each trade lasts."""
    trades = some_trades(count, features=2, seed=count)
    if minutes is not None:
        trades = replace(trades, exit_at=trades.entry_at + minutes * 60_000_000)
    store_journal(world, trades)
    return trades


def a_training(
    verdict: Verdict = "published", *, number: int = 0, kind: Kind = "entry", **changes: Any
) -> Training:
    """Return what a training came to, with a model whose graph is a few bytes."""
    graph = f"graph of {kind} {number}".encode()
    told = a_model(
        f"{kind}-{number}",
        kind=kind,
        verdict=verdict,
        schema_hash=schema_hash(kind),
        sha256=sha256(graph).hexdigest(),
        **changes,
    )
    manifest: Mapping[str, Any] = {
        **{name: told[name] for name in told if name not in {"location", "manifest", "threshold"}},
        "threshold": {"probability": told["threshold"]},
        "metrics": {
            "log_loss": told["log_loss"],
            "base_log_loss": told["base_log_loss"],
            "brier_skill": {"value": told["brier_skill"]},
            "auc": {"value": told["auc"], "low": told["auc_low"], "high": told["auc_high"]},
        },
    }
    return Training(
        verdict=verdict,
        numbers={"auc_low": told["auc_low"]},
        model=ModelFile(graph=graph, manifest=manifest),
    )


@dataclass(slots=True, kw_only=True)
class QuickTrainer:
    """Reads the trades, tells its progress once, and says what it was told to say.

    meanwhile: what happens after that, while it trains the entry model. Each model has another
    number. of_open: its verdict of open positions, whose rows are kept apart.
    """

    verdict: Verdict = "published"
    meanwhile: Callable[[], None] = field(default=lambda: None)
    rows: list[TrainingRow] = field(default_factory=list)
    runs: int = 0
    of_open: Verdict = "not_enough_trades"
    open_rows: list[TrainingRow] = field(default_factory=list)

    def __call__(
        self,
        rows: Iterable[TrainingRow],
        *,
        kind: Kind,
        progress: Callable[[], None],
        **_: Any,
    ) -> Training:
        if kind == "open":
            self.open_rows = list(rows)
            progress()
            if self.of_open == "not_enough_trades":
                return Training(verdict=self.of_open, says="missing: 100 trades (0 of 100)")
            return a_training(self.of_open, number=self.runs, kind=kind)
        self.rows = list(rows)
        self.runs += 1
        progress()
        self.meanwhile()
        return a_training(self.verdict, number=self.runs)


@dataclass(slots=True)
class TickingClock:
    """A clock that moves a second each time it is asked."""

    at: datetime = BEGAN

    def now(self) -> datetime:
        self.at += timedelta(seconds=1)
        return self.at

    def sleep_until(self, moment: datetime) -> None:
        self.at = max(self.at, moment)


def a_job(
    world: ModelWorld,
    folder: Path,
    trainer: Any,
    *,
    book: TrainingBook | None = None,
    archive: Archive | None = None,
    page_trades: int = 3,
    further: tuple[Subject, ...] = (),
) -> TrainingJob:
    """Return a job over the world's database and a folder."""
    return TrainingJob(
        book=book or FunctionTraining(world._database, page_trades=page_trades),
        files=ModelFiles(archive or FolderArchive(folder)),
        trainer=trainer,
        clock=TickingClock(),
        account_id=world.account_id,
        names=NAMES,
        schema_hash=SCHEMA_HASH,
        make_salt=lambda: "pepper",
        further=further,
    )


def expire_claim(world: ModelWorld) -> None:
    """Let the claim of the account's training have ended."""
    world.run(
        "update stopward.training_requests set claimed_until = now() - interval '1 s'"
        " where account_id = %s and finished_at is null and started_by is not null"
    )
