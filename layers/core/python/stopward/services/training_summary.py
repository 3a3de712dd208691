"""What a run of the training job did, for the log, the metrics and whoever asked for it."""

from dataclasses import dataclass, field
from typing import Final

from stopward.domain.current_model import CurrentModel
from stopward.domain.training import Concluded, Lesson, Training, TrainingClaim
from stopward.services.training_reading import Tally

FAILURES: Final = frozenset({"failed", "leak_suspected", "parity_failed"})
"""Verdicts that somebody must look at; a refusal is none."""


@dataclass(slots=True, kw_only=True)
class TrainingSummary:
    """What a run did.

    claim: None when nothing was due, or another has it. read: the trades of the entry model.
    training: None where none was concluded. further: what came of the other kinds. is_lost: another
    took the request over meanwhile. champions: who is asked at the end of the run, and who of them
    ends soon or is of other features.
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

    def counts(self) -> dict[str, int]:
        """Return the numbers, for the log and the metrics.

        Published and failed are models, of whatever kind; trades are those of the entry model.
        """
        verdicts = [lesson.training.verdict for lesson in self.further]
        verdicts += [] if self.training is None else [self.training.verdict]
        return {
            "trainings": int(self.training is not None),
            "trainings_published": sum(verdict == "published" for verdict in verdicts),
            "trainings_failed": sum(verdict in FAILURES for verdict in verdicts),
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
        return told


def _told(training: Training) -> dict[str, object]:
    return {
        "verdict": training.verdict,
        "says": training.says,
        "numbers": dict(training.numbers),
    }


def _champion(name: str, model: CurrentModel) -> dict[str, object]:
    return {name: model.model_id, f"{name}_expires_at": model.expires_at.isoformat()}
