"""Wire what asks a model. Nothing that guards is wired here, and nothing here guards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from stopward.bootstrap import parts
from stopward.errors import InvalidInput
from stopward.start import at_start

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stopward.adapters.signals import Request
    from stopward.ports import Clock
    from stopward.services.scoring import Scoring
    from stopward.settings import Settings

SCORE_SECONDS: Final = 3.0
"""A call to the database: who asks for a score waits to trade."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictor:
    """What the function that scores is: how requests are read, and who scores them."""

    settings: Settings
    clock: Clock
    scoring: Scoring

    def read(self, asked: object) -> Request:
        """Return what was asked of the stack's account, or of one of its fleet.

        Raises InvalidInput, with each fault, where it cannot be used.
        """
        from stopward.adapters.signals import read_request
        from stopward.domain.identity import AccountId

        return read_request(
            asked,
            account_id=AccountId(self.settings.account_id),
            any_account=bool(self.settings.fleet),
            now=self.clock.now(),
        )


@at_start
def predictor(*, environment: Mapping[str, str] | None = None) -> Predictor:
    """Wire the scoring of signals by the champions in the archive."""
    from time import perf_counter

    from stopward.adapters.models import FunctionModels
    from stopward.adapters.onnx import open_onnx
    from stopward.services.champions import Champions
    from stopward.services.model_files import ModelFiles
    from stopward.services.scoring import Scoring

    settings = parts.settings_of(environment)
    archive = parts.archive_of(settings)
    if archive is None:
        raise InvalidInput(
            "set STOPWARD_ARCHIVE_BUCKET to the bucket of the models, or STOPWARD_ARCHIVE_FOLDER"
        )
    book = FunctionModels(parts.functions(settings, timeout_seconds=SCORE_SECONDS))
    clock = parts.clock_of(settings, "predict")
    champions = Champions(
        book=book,
        files=ModelFiles(archive),
        open_model=open_onnx,
        refresh_seconds=settings.model_refresh_seconds,
    )
    scoring = Scoring(champions=champions, book=book, clock=clock, timer=perf_counter)
    return Predictor(settings=settings, clock=clock, scoring=scoring)
