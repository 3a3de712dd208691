"""One training: claimed, read, trained, stored, concluded; who crashes is followed by another.

The model's files are written first and change nothing by being there; all else is one transaction
under the claim's fence. So a crash anywhere leaves a request that another run takes up, and ends
it once.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from stopward.domain.current_model import CurrentModel
from stopward.domain.features.past_trade import Place
from stopward.domain.identity import AccountId
from stopward.domain.training import Concluded, Training, TrainingClaim, TrainingRow
from stopward.errors import DatabaseRejected, InvalidState, StopwardError
from stopward.ports import Clock
from stopward.services.model_files import ModelFiles
from stopward.services.training_book import Trainer, TrainingBook

CLAIM_SECONDS: Final = 900.0
"""As long as a function of Lambda can run, counted anew at each step: a claim outlives no life."""
LET_GO_SECONDS: Final = 1.0
MOST_ATTEMPTS: Final = 6
"""Claims after which a training is given up: what failed so often fails again. [judgement]"""
STALE_BEFORE: Final = timedelta(days=7)
"""How long before its end a champion is called stale: time to train another. [judgement]"""
LOST: Final = "stale_fence"
FAILURES: Final = frozenset({"failed", "leak_suspected", "parity_failed"})
"""Verdicts that somebody must look at; a refusal is none."""


@dataclass(slots=True, kw_only=True)
class TrainingSummary:
    """What a run did.

    claim: None when nothing was due, or another has it. rebuilt, without, imported: of the trades
    that were read, those whose vector was made later; those without one; those of the trader's
    past, which have none. training: None where none was concluded. is_lost: another took the
    request over meanwhile. champion: who is asked for entries, at the end of the run.
    """

    claim: TrainingClaim | None = None
    trades: int = 0
    rebuilt: int = 0
    without: int = 0
    imported: int = 0
    training: Training | None = None
    location: str | None = None
    concluded: Concluded | None = None
    is_lost: bool = False
    champion: CurrentModel | None = None
    is_champion_stale: bool = False

    def counts(self) -> dict[str, int]:
        """Return the numbers, for the log and the metrics."""
        verdict = None if self.training is None else self.training.verdict
        return {
            "trainings": int(self.training is not None),
            "trainings_published": int(verdict == "published"),
            "trainings_failed": int(verdict in FAILURES),
            "trainings_lost": int(self.is_lost),
            "training_trades": self.trades,
            "training_rebuilt": self.rebuilt,
            "training_without_vector": self.without,
            "training_imported": self.imported,
            "champion_stale": int(self.is_champion_stale),
        }

    def facts(self) -> dict[str, object]:
        """Return what the numbers do not tell, for the log; nothing where nothing was done."""
        told: dict[str, object] = {}
        if self.claim is not None:
            told |= {
                "training": self.claim.id,
                "because": self.claim.because,
                "attempt": self.claim.fence,
            }
        if self.training is not None and self.concluded is not None:
            told |= {
                "verdict": self.training.verdict,
                "says": self.training.says,
                "numbers": dict(self.training.numbers),
                "model_id": self.concluded.model_id,
                "role": self.concluded.role,
            }
        if self.champion is not None:
            told |= {
                "champion": self.champion.model_id,
                "champion_expires_at": self.champion.expires_at.isoformat(),
            }
        return told


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingJob:
    """Trains the entry model of one account when the database says that it is due.

    names, schema_hash: of the entry features as this program makes them. make_salt: returns a new
    one for each model.
    """

    book: TrainingBook
    files: ModelFiles
    trainer: Trainer
    clock: Clock
    account_id: AccountId
    names: tuple[str, ...]
    schema_hash: str
    make_salt: Callable[[], str]
    progress: Callable[[], None] = field(default=lambda: None)

    def nightly(self, *, at: datetime, holder: str) -> TrainingSummary:
        """Train if it is due, on what closed until `at`, and look how old the champion is."""
        self.book.mark_due(self.account_id)
        summary = self.run(at=at, holder=holder)
        for model in self.book.current(self.account_id):
            if (model.kind, model.alias) == ("entry", "champion"):
                summary.champion = model
                summary.is_champion_stale = self._is_stale(model, at)
        return summary

    def run(self, *, at: datetime, holder: str) -> TrainingSummary:
        """Train on what closed until `at` if it is asked for and nobody is at it.

        holder: who this run is, another one each time. What fails is let go of and raised, and the
        next run takes it up; after MOST_ATTEMPTS it ends as `failed`.
        """
        summary = TrainingSummary()
        claim = self.book.claim(self.account_id, holder=holder, seconds=CLAIM_SECONDS)
        if claim is None:
            return summary
        summary.claim = claim
        try:
            training = self._trained(claim, summary, at)
            if training.model is not None:
                # What lost its claim while it trained writes no file.
                self._keep(claim)
                summary.location = self.files.put(training.model)
            concluded = self.book.conclude(claim, training, location=summary.location)
        except DatabaseRejected as error:
            if error.rule != LOST:
                self._let_go(claim)
                raise
            summary.is_lost = True
        except (Exception, KeyboardInterrupt):
            # A person who stops it begins again at once, and does not wait for the claim to end.
            self._let_go(claim)
            raise
        else:
            summary.training, summary.concluded = training, concluded
        return summary

    def _trained(self, claim: TrainingClaim, summary: TrainingSummary, at: datetime) -> Training:
        if claim.fence > MOST_ATTEMPTS:
            says = f"given up: {MOST_ATTEMPTS} runs began it and ended before it did"
            return Training(verdict="failed", numbers={"attempts": claim.fence - 1}, says=says)

        def progress() -> None:
            self._keep(claim)
            self.progress()

        training = self.trainer(
            self._rows(claim, summary, at),
            names=self.names,
            schema_hash=self.schema_hash,
            created_at=self.clock.now(),
            salt=self.make_salt(),
            progress=progress,
        )
        numbers = {
            **training.numbers,
            "trades": summary.trades,
            "rebuilt": summary.rebuilt,
            "without_vector": summary.without,
            "imported": summary.imported,
        }
        return Training(
            verdict=training.verdict, numbers=numbers, says=training.says, model=training.model
        )

    def _rows(
        self, claim: TrainingClaim, summary: TrainingSummary, at: datetime
    ) -> Iterator[TrainingRow]:
        """Yield the trades page by page; no more than one page is held."""
        after: Place | None = None
        while True:
            page = self.book.read(self.account_id, schema_hash=self.schema_hash, at=at, after=after)
            if page.names not in (None, self.names):
                raise InvalidState(
                    f"schema {self.schema_hash[:12]} is stored with other names than it has here"
                )
            summary.trades += len(page.rows)
            summary.rebuilt += sum(row.rebuilt for row in page.rows)
            summary.without += page.without
            summary.imported += page.imported
            yield from page.rows
            after = page.after
            if after is None:
                return
            self._keep(claim)

    def _keep(self, claim: TrainingClaim) -> None:
        self.book.keep(claim, seconds=CLAIM_SECONDS)

    def _let_go(self, claim: TrainingClaim) -> None:
        try:
            self.book.keep(claim, seconds=LET_GO_SECONDS)
        except StopwardError:
            # Then it ends by itself; what is raised is what happened first.
            return

    def _is_stale(self, model: CurrentModel, at: datetime) -> bool:
        return model.expires_at - at <= STALE_BEFORE or model.schema_hash != self.schema_hash
