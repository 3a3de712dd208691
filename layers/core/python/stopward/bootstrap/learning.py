"""Wire what learns: the training of accounts' models."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from stopward.bootstrap import parts
from stopward.start import at_start

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from stopward.domain.identity import AccountId
    from stopward.services.each_account import EachAccount, Round
    from stopward.services.training_book import Trainer, TrainingBook
    from stopward.services.training_job import TrainingJob
    from stopward.services.training_summary import TrainingSummary

TRAINING_SECONDS: Final = 30.0
"""A page of a thousand trades takes a tenth of a second; the first one counts the past too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NightlyTraining:
    """The training of the accounts' models: what a scheduled function runs each night.

    job: of whatever account; in a fleet it is done for one after the other.
    """

    job: TrainingJob
    accounts: EachAccount

    @property
    def book(self) -> TrainingBook:
        """Where it stands who is due."""
        return self.job.book

    def run(
        self, *, at: datetime, holder: str, remaining_seconds: Callable[[], float]
    ) -> Round[TrainingSummary]:
        """Train whoever is due on what closed until `at`. holder: another one each time."""
        from stopward.services.training_summary import TrainingSummary

        def train(account_id: AccountId) -> TrainingSummary:
            return replace(self.job, account_id=account_id).nightly(at=at, holder=holder)

        total = TrainingSummary()
        return self.accounts.run(train, total, at=at, remaining_seconds=remaining_seconds)


@at_start
def training_job(
    *, trainer: Trainer, environment: Mapping[str, str] | None = None
) -> NightlyTraining:
    """Wire the training of the accounts' models, of entries and of open positions.

    trainer: who knows the learners, which no other function has. Raises InvalidInput without a
    place for models.
    """
    from secrets import token_hex

    from stopward.adapters.training import FunctionTraining
    from stopward.domain.features import names, schema_hash
    from stopward.domain.identity import AccountId
    from stopward.errors import InvalidInput
    from stopward.services.each_account import day_turn
    from stopward.services.model_files import ModelFiles
    from stopward.services.training_job import MARGIN_SECONDS, TrainingJob
    from stopward.services.training_reading import subject

    settings = parts.settings_of(environment)
    archive = parts.archive_of(settings)
    if archive is None:
        raise InvalidInput("set STOPWARD_ARCHIVE_BUCKET: a model that is trained is kept there")
    functions = parts.functions(settings, timeout_seconds=TRAINING_SECONDS, starts_often=False)
    accounts = parts.each_account(
        settings, functions, work="training", turn=day_turn, margin_seconds=MARGIN_SECONDS
    )
    job = TrainingJob(
        book=FunctionTraining(functions),
        files=ModelFiles(archive),
        trainer=trainer,
        clock=parts.clock_of(settings, "train_model"),
        account_id=AccountId(settings.account_id),
        names=names("entry"),
        schema_hash=schema_hash("entry"),
        make_salt=lambda: token_hex(16),
        further=(subject("open"),),
    )
    return NightlyTraining(job=job, accounts=accounts)
