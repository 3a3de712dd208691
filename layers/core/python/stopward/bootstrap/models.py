"""Wire what asks a model. Nothing that guards is wired here, and nothing here guards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from stopward.bootstrap import parts
from stopward.errors import InvalidInput
from stopward.start import at_start

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from stopward.adapters.signals import Request
    from stopward.domain.features.row import Kind
    from stopward.domain.identity import AccountId, Symbol
    from stopward.ports import Archive, Clock
    from stopward.services.each_account import EachAccount, Round
    from stopward.services.minute_book import MinuteBook
    from stopward.services.open_book import OpenBook
    from stopward.services.position_scoring import ScoringSummary
    from stopward.services.scoring import Scoring
    from stopward.settings import Settings

SCORE_SECONDS: Final = 3.0
"""A call to the database: who asks for a score waits to trade."""
SCORING_MARGIN_SECONDS: Final = 15.0
"""Remaining time under which no account of a fleet is scored: its calls may all be slow."""


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


@dataclass(slots=True, kw_only=True)
class PositionScoring:
    """The scoring of the accounts' open positions: what a scheduled function runs each minute.

    scoring: None without a place for models; then vectors are kept, to learn from.
    """

    settings: Settings
    book: OpenBook
    minutes: MinuteBook
    scoring: Scoring | None
    accounts: EachAccount
    _expected: frozenset[Symbol] = frozenset()

    def run(self, at: datetime, remaining_seconds: Callable[[], float]) -> Round[ScoringSummary]:
        """Score what is open at a minute; the broker's keys are read anew each time.

        In a fleet bars are asked for once a symbol, those of the minute before with the first.
        """
        from stopward.domain.identity import Symbol
        from stopward.services.position_scoring import PositionScorer, ScoringSummary
        from stopward.services.shared_bars import SharedBars

        with parts.market_data(self.settings, "score_positions") as bars:
            shared = SharedBars(source=bars, expected=self._expected)

            def score(account_id: AccountId) -> ScoringSummary:
                scorer = PositionScorer(
                    book=self.book,
                    minutes=self.minutes,
                    bars=shared if self.settings.fleet else bars,
                    account_id=account_id,
                    scoring=self.scoring,
                    index=Symbol(parts.MARKET_INDEX),
                )
                return scorer.run(at=at)

            total = ScoringSummary()
            found = self.accounts.run(score, total, at=at, remaining_seconds=remaining_seconds)
            self._expected = frozenset(shared.wanted)
            return found


@at_start
def predictor(*, environment: Mapping[str, str] | None = None) -> Predictor:
    """Wire the scoring of signals by the champions in the archive."""
    settings = parts.settings_of(environment)
    archive = parts.archive_of(settings)
    if archive is None:
        raise InvalidInput(
            "set STOPWARD_ARCHIVE_BUCKET to the bucket of the models, or STOPWARD_ARCHIVE_FOLDER"
        )
    scoring = _scoring(settings, archive, source="predict", kind="entry")
    return Predictor(settings=settings, clock=scoring.clock, scoring=scoring)


@at_start
def position_scoring(*, environment: Mapping[str, str] | None = None) -> PositionScoring:
    """Wire the scoring of what the accounts have open."""
    from stopward.adapters.minutes import FunctionMinutes
    from stopward.adapters.open_positions import FunctionOpenPositions
    from stopward.services.each_account import minute_turn

    settings = parts.settings_of(environment).require_broker()
    archive = parts.archive_of(settings)
    functions = parts.functions(settings, timeout_seconds=SCORE_SECONDS)
    accounts = parts.each_account(
        settings,
        functions,
        work="position_scoring",
        turn=minute_turn,
        margin_seconds=SCORING_MARGIN_SECONDS,
    )
    return PositionScoring(
        settings=settings,
        book=FunctionOpenPositions(functions),
        minutes=FunctionMinutes(functions),
        accounts=accounts,
        scoring=None
        if archive is None
        else _scoring(settings, archive, source="score_positions", kind="open"),
    )


def _scoring(settings: Settings, archive: Archive, *, source: str, kind: Kind) -> Scoring:
    from time import perf_counter

    from stopward.adapters.models import FunctionModels
    from stopward.adapters.onnx import open_onnx
    from stopward.services.champions import Champions
    from stopward.services.model_files import ModelFiles
    from stopward.services.scoring import Scoring

    book = FunctionModels(parts.functions(settings, timeout_seconds=SCORE_SECONDS))
    champions = Champions(
        book=book,
        files=ModelFiles(archive),
        open_model=open_onnx,
        refresh_seconds=settings.model_refresh_seconds,
    )
    return Scoring(
        champions=champions,
        book=book,
        clock=parts.clock_of(settings, source),
        timer=perf_counter,
        kind=kind,
    )
