"""Score signals with the account's champion, log what was said, and answer: whatever fails, with a
reason, for nobody's trade waits for a model.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from stopward.domain.features.row import Kind
from stopward.domain.features.vector import Vector
from stopward.domain.identity import AccountId
from stopward.domain.scoring.arm import arm_of, uniform
from stopward.domain.scoring.occlusion import Moved, most_moved, with_replacements
from stopward.domain.scoring.prediction import (
    REASONS,
    AskedSignal,
    Prediction,
    Reason,
    StoredPrediction,
)
from stopward.errors import DatabaseRejected, DatabaseUnavailable
from stopward.ports import Clock
from stopward.services.champions import Champion, Champions, NoScore, Opened
from stopward.services.model_book import ModelBook


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """What became of one signal.

    prediction: None where there is no score; then reason and says tell why. moved: the features
    that moved the score most. binds: the model's decision is the one to act on, for it is logged
    and the signal is in the model's arm.
    """

    signal_id: str
    prediction: Prediction | None = None
    moved: tuple[Moved, ...] = ()
    binds: bool = False
    reason: Reason | None = None
    says: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of a batch, in its order.

    champion: None where nobody could be asked. not_logged: why the predictions are not in the
    database, and so bind nothing; empty where they are. latency_ms: from the question to here.
    """

    account_id: AccountId
    at: datetime
    champion: Champion | None
    scores: tuple[Scored, ...]
    not_logged: str
    latency_ms: float

    def troubles(self) -> dict[str, str]:
        """Return why scores are missing, not logged, or of the model before, for the log."""
        reasons = sorted({each.says for each in self.scores if each.says})
        refused = self.champion.instead_of if self.champion else ""
        told = {"unserved": "; ".join(reasons[:5]), "unlogged": self.not_logged, "refused": refused}
        return {name: words for name, words in told.items() if words}

    def counts(self) -> dict[str, int]:
        """Return the numbers, for the log and the metrics."""
        scored = [each for each in self.scores if each.prediction is not None]
        return {
            "signals": len(self.scores),
            "scores_served": len(scored),
            "scores_unserved": len(self.scores) - len(scored),
            "scores_binding": sum(each.binds for each in scored),
            "scores_unlogged": len(scored) if self.not_logged else 0,
            "models_refused": int(self.champion is not None and bool(self.champion.instead_of)),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a model says of one vector."""

    probability: float
    moved: tuple[Moved, ...]

    @property
    def is_probability(self) -> bool:
        """Whether it can be used at all; nan cannot."""
        return 0.0 <= self.probability <= 1.0


def said_of(opened: Opened, vectors: Sequence[Vector]) -> tuple[Said, ...]:
    """Ask a model about vectors and about each with one feature replaced, all in one batch."""
    facts = opened.facts
    found = opened.scorer.probabilities(with_replacements(vectors, facts.usual))
    step = len(facts.names) + 1
    said = []
    for place, vector in enumerate(vectors):
        own, *replaced = found[place * step : (place + 1) * step]
        moved = most_moved(
            vector, names=facts.names, usual=facts.usual, probability=own, replaced=replaced
        )
        said.append(Said(probability=own, moved=moved))
    return tuple(said)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scoring:
    """Scores signals, or positions that are open.

    timer: seconds from some beginning, which never go back. kind: of the models that are asked.
    """

    champions: Champions
    book: ModelBook
    clock: Clock
    timer: Callable[[], float]
    kind: Kind = "entry"

    def unserved(self, account_id: AccountId, *, now: datetime) -> NoScore | None:
        """Return why an account has no model that can be asked now, None where it has one."""
        found = self.champions.of(account_id, self.kind, now=now)
        return found if isinstance(found, NoScore) else None

    def score(self, account_id: AccountId, signals: Sequence[AskedSignal]) -> Answer:
        """Score signals of one account, at most 1,000, and log each score before it is answered.

        Raises nothing that a model, the archive or the database may do: a signal without a score
        has its reason, and scores that could not be logged bind nothing.
        """
        began, now = self.timer(), self.clock.now()
        champion = self.champions.of(account_id, self.kind, now=now)
        if isinstance(champion, NoScore):
            scores = tuple(_unserved(each, champion) for each in signals)
            return self._answer(account_id, None, scores, began, now=now)
        fit = [each for each in signals if each.schema_hash == champion.role.schema_hash]
        asked_at = self.timer()
        said = said_of(champion.opened, [each.vector for each in fit])
        share = (self.timer() - asked_at) * 1e3 / max(len(fit), 1)
        found = {
            signal.signal_id: _scored(signal, each, champion, now=now, latency_ms=share)
            for signal, each in zip(fit, said, strict=True)
        }
        other = NoScore(reason="schema_mismatch", says=_mismatch(champion))
        scores = tuple(found.get(each.signal_id) or _unserved(each, other) for each in signals)
        scores, trouble = self._logged(account_id, scores)
        return self._answer(account_id, champion, scores, began, now=now, not_logged=trouble)

    def _logged(
        self, account_id: AccountId, scores: tuple[Scored, ...]
    ) -> tuple[tuple[Scored, ...], str]:
        """Log what was said; return what binds of it, and why nothing does."""
        told = [each.prediction for each in scores if each.prediction is not None]
        if not told:
            return scores, ""
        try:
            kept = self.book.put_predictions(account_id, told)
        except (DatabaseUnavailable, DatabaseRejected) as error:
            return scores, str(error)
        before = {each.signal_id: each for each in kept}
        return tuple(_binding(each, before.get(each.signal_id)) for each in scores), ""

    def _answer(
        self,
        account_id: AccountId,
        champion: Champion | None,
        scores: tuple[Scored, ...],
        began: float,
        *,
        now: datetime,
        not_logged: str = "",
    ) -> Answer:
        return Answer(
            account_id=account_id,
            at=now,
            champion=champion,
            scores=scores,
            not_logged=not_logged,
            latency_ms=(self.timer() - began) * 1e3,
        )


def _scored(
    signal: AskedSignal, said: Said, champion: Champion, *, now: datetime, latency_ms: float
) -> Scored:
    if not said.is_probability:
        words = f"{REASONS['not_a_probability']}: {said.probability}"
        return _unserved(signal, NoScore(reason="not_a_probability", says=words))
    facts, weight = champion.opened.facts, champion.role.weight
    u = uniform(salt=facts.salt, model_id=facts.model_id, signal_id=signal.lot or signal.signal_id)
    prediction = Prediction(
        model_id=facts.model_id,
        signal_id=signal.signal_id,
        position_id=signal.position_id,
        symbol=signal.symbol,
        at=now,
        probability=said.probability,
        threshold=facts.threshold,
        decision="take" if said.probability > facts.threshold else "veto",
        arm=arm_of(u, weight),
        weight=weight,
        u=u,
        schema_hash=facts.schema_hash,
        latency_ms=latency_ms,
        vector=signal.vector,
        vector_at=signal.at,
    )
    return Scored(signal_id=signal.signal_id, prediction=prediction, moved=said.moved)


def _binding(scored: Scored, before: StoredPrediction | None) -> Scored:
    """Return a logged score as it binds: what was logged first stands."""
    if scored.prediction is None:
        return scored
    told = scored.prediction
    if before is not None:
        told = replace(
            told,
            probability=before.probability,
            decision=before.decision,
            arm=before.arm,
            weight=before.weight,
        )
    return replace(scored, prediction=told, binds=told.arm == "model")


def _unserved(signal: AskedSignal, why: NoScore) -> Scored:
    return Scored(signal_id=signal.signal_id, reason=why.reason, says=why.says)


def _mismatch(champion: Champion) -> str:
    wanted = champion.role.schema_hash[:12]
    return f"{REASONS['schema_mismatch']}: {champion.role.model_id} needs {wanted}"
