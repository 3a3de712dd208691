"""Wire what learns: the training of an account's models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from stopward.bootstrap import parts
from stopward.start import at_start

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stopward.services.training_book import Trainer
    from stopward.services.training_job import TrainingJob

TRAINING_SECONDS: Final = 30.0
"""A page of a thousand trades takes a tenth of a second; the first one counts the past too."""


@at_start
def training_job(*, trainer: Trainer, environment: Mapping[str, str] | None = None) -> TrainingJob:
    """Wire the training of the account's models, of entries and of open positions.

    trainer: who knows the learners, which no other function has. Raises InvalidInput without a
    place for models.
    """
    from secrets import token_hex

    from stopward.adapters.training import FunctionTraining
    from stopward.domain.features import names, schema_hash
    from stopward.domain.identity import AccountId
    from stopward.errors import InvalidInput
    from stopward.services.model_files import ModelFiles
    from stopward.services.training_job import TrainingJob
    from stopward.services.training_reading import subject

    settings = parts.settings_of(environment)
    archive = parts.archive_of(settings)
    if archive is None:
        raise InvalidInput("set STOPWARD_ARCHIVE_BUCKET: a model that is trained is kept there")
    return TrainingJob(
        book=FunctionTraining(
            parts.functions(settings, timeout_seconds=TRAINING_SECONDS, starts_often=False)
        ),
        files=ModelFiles(archive),
        trainer=trainer,
        clock=parts.clock_of(settings, "train_model"),
        account_id=AccountId(settings.account_id),
        names=names("entry"),
        schema_hash=schema_hash("entry"),
        make_salt=lambda: token_hex(16),
        further=(subject("open"),),
    )
