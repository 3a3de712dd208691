"""What a run of the training job did, for the log, the metrics and whoever asked for it."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from stopward.domain.current_model import CurrentModel
from stopward.domain.identity import AccountId
from stopward.domain.training import Concluded, Lesson, Training, TrainingClaim
from stopward.services.each_account import MOST_NAMED
from stopward.services.training_reading import Tally

FAILURES: Final = frozenset({"failed", "leak_suspected", "parity_failed"})
"""Verdicts that somebody must look at; a refusal is none."""


@dataclass(slots=True, kw_only=True)
class TrainingSummary:
    """What a run did.

    claim: None when nothing was due, or another has it. read: the trades of the entry model.
    training: None where none was concluded. further: what came of the other kinds. is_lost: another
    took the request over meanwhile. champions: who is asked at the end of the run, and who of them
    ends soon or is of other features. failures: accounts of a fleet whose training did not end, a
    sentence each. added: the counts of accounts that ended, and of_accounts what is to be told of
    those of them that trained or have a stale champion; of no account is its model kept.
    """

    claim: TrainingClaim | None = None
    read: Tally = field(default_factory=Tally)
    training: Training | None = None
    location: str | None = None
    further: tuple[Lesson, ...] = ()
    concluded: Concluded | None = None
    is_lost: bool = False
    champion: CurrentModel | None = None
    further_champions: tuple[CurrentModel, ...] = ()
    is_champion_stale: bool = False
    failures: list[str] = field(default_factory=list)
    added: Counter[str] = field(default_factory=Counter)
    of_accounts: dict[AccountId, dict[str, object]] = field(default_factory=dict)

    def add_account(self, account_id: AccountId, other: "TrainingSummary") -> None:
        """Add what was done for an account of a fleet, its failures left out."""
        self.added.update(other.counts())
        self.is_champion_stale |= other.is_champion_stale
        if other.claim is not None or other.is_champion_stale:
            self.of_accounts[account_id] = other.facts()

    def counts(self) -> dict[str, int]:
        """Return the numbers, for the log and the metrics.

        Published and failed are models, of whatever kind; a training that did not end is a failed
        one. Trades are those of the entry model. Whether a champion is stale is no sum.
        """
        own = self._own_counts()
        summed = {name: count + self.added[name] for name, count in own.items()}
        return {**summed, "champion_stale": own["champion_stale"]}

    def _own_counts(self) -> dict[str, int]:
        verdicts = [lesson.training.verdict for lesson in self.further]
        verdicts += [] if self.training is None else [self.training.verdict]
        return {
            "trainings": int(self.training is not None),
            "trainings_published": sum(verdict == "published" for verdict in verdicts),
            "trainings_failed": sum(verdict in FAILURES for verdict in verdicts)
            + len(self.failures),
            "trainings_lost": int(self.is_lost),
            "training_trades": self.read.trades,
            "training_rebuilt": self.read.rebuilt,
            "training_without_vector": self.read.without,
            "training_imported": self.read.imported,
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
                **_told(self.training),
                "model_id": self.concluded.model_id,
                "role": self.concluded.role,
            }
            for lesson in self.further:
                model = self.concluded.of(lesson.kind)
                told[lesson.kind] = {
                    **_told(lesson.training),
                    "model_id": None if model is None else model.model_id,
                    "role": None if model is None else model.role,
                }
        if self.champion is not None:
            told |= _champion("champion", self.champion)
        for champion in self.further_champions:
            told |= _champion(f"{champion.kind}_champion", champion)
        if self.of_accounts:
            told["accounts"] = dict(list(self.of_accounts.items())[:MOST_NAMED])
        return told


def _told(training: Training) -> dict[str, object]:
    return {
        "verdict": training.verdict,
        "says": training.says,
        "numbers": dict(training.numbers),
    }


def _champion(name: str, model: CurrentModel) -> dict[str, object]:
    return {name: model.model_id, f"{name}_expires_at": model.expires_at.isoformat()}
