"""One training: claimed, read, trained, stored, concluded; who crashes is followed by another.

The models' files are written first and change nothing by being there; all else is one transaction
under the claim's fence. So a crash anywhere leaves a request that another run takes up, and ends
it once.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from stopward.domain.current_model import CurrentModel
from stopward.domain.features.row import Kind
from stopward.domain.identity import AccountId
from stopward.domain.training import Lesson, Training, TrainingClaim
from stopward.errors import DatabaseRejected, InvalidInput, InvalidState, StopwardError
from stopward.ports import Clock
from stopward.services.model_files import ModelFiles
from stopward.services.training_book import Trainer, TrainingBook
from stopward.services.training_reading import Subject, Tally, rows_of
from stopward.services.training_summary import TrainingSummary

__all__ = ["MOST_ATTEMPTS", "STALE_BEFORE", "TrainingJob", "TrainingSummary"]

CLAIM_SECONDS: Final = 900.0
"""As long as a function of Lambda can run, counted anew at each step: a claim outlives no life."""
MARGIN_SECONDS: Final = 240.0
"""Remaining time under which no account of a fleet is begun: more than twice both its trainings.

50,000 trades of one kind took 39 seconds of a processor (benchmarks/results/training.json).
"""
LET_GO_SECONDS: Final = 1.0
MOST_ATTEMPTS: Final = 6
"""Claims after which a training is given up: what failed so often fails again. [judgement]"""
MOST_TOGETHER: Final = 3
"""Claims after which only the entry model is trained: no other kind keeps it from its end."""
STALE_BEFORE: Final = timedelta(days=7)
"""How long before its end a champion is called stale: time to train another. [judgement]"""
LOST: Final = "stale_fence"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingJob:
    """Trains the models of one account when the database says that it is due.

    names, schema_hash: of the entry features as this program makes them. further: other kinds that
    are trained under the same claim. make_salt: returns a new one for each model.
    """

    book: TrainingBook
    files: ModelFiles
    trainer: Trainer
    clock: Clock
    account_id: AccountId
    names: tuple[str, ...]
    schema_hash: str
    make_salt: Callable[[], str]
    further: tuple[Subject, ...] = ()
    progress: Callable[[], None] = field(default=lambda: None)

    def nightly(self, *, at: datetime, holder: str) -> TrainingSummary:
        """Train if it is due, on what closed until `at`, and look how old the champions are."""
        self.book.mark_due(self.account_id)
        summary = self.run(at=at, holder=holder)
        hashes = {subject.kind: subject.schema_hash for subject in (self._entry, *self.further)}
        for model in self.book.current(self.account_id):
            if model.alias != "champion" or model.kind not in hashes:
                continue
            if model.kind == "entry":
                summary.champion = model
            else:
                summary.further_champions += (model,)
            summary.is_champion_stale |= _is_stale(model, at, schema_hash=hashes[model.kind])
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
            training, further = self._learned(claim, summary.read, at)
            summary.location = self._stored(claim, training)
            kept = tuple(
                Lesson(kind=kind, training=each, location=self._stored(claim, each))
                for kind, each in further.items()
            )
            concluded = self.book.conclude(claim, training, location=summary.location, further=kept)
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
            summary.training, summary.further, summary.concluded = training, kept, concluded
        return summary

    @property
    def _entry(self) -> Subject:
        return Subject(kind="entry", names=self.names, schema_hash=self.schema_hash)

    def _learned(
        self, claim: TrainingClaim, tally: Tally, at: datetime
    ) -> tuple[Training, dict[Kind, Training]]:
        """Return what came of the entry model, and of each further kind."""
        if claim.fence > MOST_ATTEMPTS:
            return _given_up(claim, MOST_ATTEMPTS), {}
        training = self._trained(self._entry, claim, tally, at)
        if claim.fence > MOST_TOGETHER:
            return training, {each.kind: _given_up(claim, MOST_TOGETHER) for each in self.further}
        return training, {each.kind: self._attempted(each, claim, at) for each in self.further}

    def _attempted(self, subject: Subject, claim: TrainingClaim, at: datetime) -> Training:
        try:
            return self._trained(subject, claim, Tally(), at)
        except (InvalidInput, InvalidState) as error:
            # What is wrong with the vectors of one kind does not become better by another run.
            return Training(verdict="failed", says=str(error))

    def _trained(
        self, subject: Subject, claim: TrainingClaim, tally: Tally, at: datetime
    ) -> Training:
        def progress() -> None:
            self._keep(claim)
            self.progress()

        rows = rows_of(
            self.book,
            self.account_id,
            subject,
            at=at,
            tally=tally,
            between=lambda: self._keep(claim),
        )
        training = self.trainer(
            rows,
            kind=subject.kind,
            names=subject.names,
            schema_hash=subject.schema_hash,
            created_at=self.clock.now(),
            salt=self.make_salt(),
            progress=progress,
        )
        return replace(training, numbers={**training.numbers, **tally.numbers()})

    def _stored(self, claim: TrainingClaim, training: Training) -> str | None:
        if training.model is None:
            return None
        # What lost its claim while it trained writes no file.
        self._keep(claim)
        return self.files.put(training.model)

    def _keep(self, claim: TrainingClaim) -> None:
        self.book.keep(claim, seconds=CLAIM_SECONDS)

    def _let_go(self, claim: TrainingClaim) -> None:
        try:
            self.book.keep(claim, seconds=LET_GO_SECONDS)
        except StopwardError:
            # Then it ends by itself; what is raised is what happened first.
            return


def _given_up(claim: TrainingClaim, attempts: int) -> Training:
    says = f"given up: {attempts} runs began it and ended before it did"
    return Training(verdict="failed", numbers={"attempts": claim.fence - 1}, says=says)


def _is_stale(model: CurrentModel, at: datetime, *, schema_hash: str) -> bool:
    return model.expires_at - at <= STALE_BEFORE or model.schema_hash != schema_hash
