"""Each minute of a session: what is open is scored, and ticks may read it. No tick waits for it.

A position that has no vector has no score; where nobody can be asked, vectors are kept now and
then, so that a model can be trained from them.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from stopward.domain.features.inputs import INPUTS
from stopward.domain.features.open_position import (
    OpenPage,
    OpenPosition,
    Unscored,
    held_vector,
    session_now,
    unscored,
)
from stopward.domain.features.past_trade import StoredVector
from stopward.domain.features.registry import names, schema_hash
from stopward.domain.features.sight import RESULTS
from stopward.domain.identity import AccountId, PositionId, Symbol
from stopward.domain.open_score import LoggedScore
from stopward.domain.scoring.prediction import AskedSignal
from stopward.errors import (
    BrokerRejected,
    BrokerUnavailable,
    DatabaseRejected,
    DatabaseUnavailable,
    InvalidInput,
    InvalidState,
)
from stopward.services.each_account import MOST_NAMED
from stopward.services.feature_book import BarHistory
from stopward.services.minute_book import MinuteBook
from stopward.services.open_book import OpenBook
from stopward.services.scoring import Answer, Scoring

KEPT_EVERY: Final = 5
"""Minutes between the vectors that are kept while nobody is asked: of a trade one is learned from.
"""
NO_FAULTS: Final = frozenset({None, "no_model"})
"""Reasons for having no score that nobody has to mend."""


@dataclass(slots=True, kw_only=True)
class ScoringSummary:
    """What a run did.

    is_closed: the exchange was, and nothing was looked at. positions: that are open. unscored: how
    many of them have no vector, by reason. kept: vectors that were stored without a score. scored:
    positions with a new score; binding: how many of them a rule may go by. completed: rows of
    minutes of closed positions that learned what came of them. failures: a sentence each. unserved:
    why no model can be asked; empty where one was, or there is no place for one. answer: of the
    model, None where none was asked. troubled: of a fleet, who has which trouble.
    """

    is_closed: bool = False
    positions: int = 0
    unscored: Counter[Unscored] = field(default_factory=Counter)
    kept: int = 0
    scored: int = 0
    binding: int = 0
    completed: int = 0
    failures: list[str] = field(default_factory=list)
    unserved: str = ""
    answer: Answer | None = None
    troubled: dict[str, list[str]] = field(default_factory=dict)

    def add_account(self, account_id: AccountId, other: "ScoringSummary") -> None:
        """Add what was done for an account of a fleet, its failures left out."""
        self.is_closed |= other.is_closed
        self.positions += other.positions
        self.unscored.update(other.unscored)
        self.kept += other.kept
        self.scored += other.scored
        self.binding += other.binding
        self.completed += other.completed
        for name, words in other.troubles().items():
            self.troubled.setdefault(name, []).append(f"{account_id}: {words}")

    def troubles(self) -> dict[str, str]:
        """Return why scores are missing, not logged, or of the model before, for the log."""
        if self.troubled:
            return {name: "; ".join(each[:MOST_NAMED]) for name, each in self.troubled.items()}
        if self.answer is not None:
            return self.answer.troubles()
        return {"unserved": self.unserved} if self.unserved else {}

    def counts(self) -> dict[str, int]:
        """Return the numbers, for the log and the metrics."""
        return {
            "positions_open": self.positions,
            "positions_unscored": self.unscored.total(),
            "positions_scored": self.scored,
            "position_scores_binding": self.binding,
            "position_vectors_kept": self.kept,
            "position_minutes_completed": self.completed,
            "position_scoring_failures": len(self.failures),
            "models_refused": len(self.troubled.get("refused", ()))
            or int("refused" in self.troubles()),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionScorer:
    """Scores the open positions of one account.

    scoring: None without a place for models. index: the symbol that stands for the market.
    """

    book: OpenBook
    minutes: MinuteBook
    bars: BarHistory
    account_id: AccountId
    scoring: Scoring | None = None
    index: Symbol | None = None

    def run(self, *, at: datetime) -> ScoringSummary:
        """Score what is open at a minute. A second run of the same minute changes nothing of that.

        Then a portion of the minutes of closed positions is completed, which no tick does; where
        something failed nobody is asked for more, and the next minute or the night does it.

        What cannot be seen or asked is told and leaves positions without a new score. Raises
        DatabaseUnavailable and DatabaseRejected where what is open cannot be read.
        """
        summary = ScoringSummary()
        self._look(at, summary)
        if summary.failures:
            return summary
        try:
            summary.completed = self.minutes.complete(self.account_id)
        except (DatabaseUnavailable, DatabaseRejected) as error:
            summary.failures.append(f"minutes: {error}")
        return summary

    def _look(self, at: datetime, summary: ScoringSummary) -> None:
        page = self._read(at)
        summary.failures += page.unreadable
        summary.positions = len(page.positions)
        sessions = session_now(page, at)
        if sessions is None:
            summary.is_closed = True
            return
        if not page.positions:
            return
        is_kept = at.minute % KEPT_EVERY == 0
        asked = self._asked(at, summary)
        if asked is None and not is_kept:
            return
        before, _ = sessions
        try:
            vectors = self._vectors(page, summary, since=before.opens_at, at=at)
            if vectors:
                self._score(page, vectors, summary, asked=asked, is_kept=is_kept)
        except (BrokerUnavailable, BrokerRejected) as error:
            summary.failures.append(f"bars: {error}")
        except (DatabaseUnavailable, DatabaseRejected) as error:
            summary.failures.append(f"database: {error}")

    def _read(self, at: datetime) -> OpenPage:
        lag_seconds = int(INPUTS["account"].lag_seconds)
        return self.book.read_open(self.account_id, at=at, results=RESULTS, lag_seconds=lag_seconds)

    def _asked(self, at: datetime, summary: ScoringSummary) -> Scoring | None:
        """Return who is asked; that there is a model and it cannot be is a failure, each minute."""
        if self.scoring is None:
            return None
        why = self.scoring.unserved(self.account_id, now=at)
        if why is None:
            return self.scoring
        if why.reason not in NO_FAULTS:
            summary.failures.append(why.says)
        summary.unserved = why.says
        return None

    def _vectors(
        self, page: OpenPage, summary: ScoringSummary, *, since: datetime, at: datetime
    ) -> list[StoredVector]:
        """Return the vectors that there are; count why others have none."""
        fit: list[OpenPosition] = []
        for position in page.positions:
            why = unscored(position, since=since)
            if why is None:
                fit.append(position)
            else:
                summary.unscored[why] += 1
        if not fit:
            return []
        symbols = [position.symbol for position in fit]
        index = () if self.index is None else (self.index,)
        bars = self.bars.bars(list(dict.fromkeys((*symbols, *index))), since=since, until=at)
        market = () if self.index is None else bars.get(self.index, ())
        found = []
        for position in fit:
            try:
                vector = held_vector(
                    position,
                    page,
                    at=at,
                    bars=bars.get(position.symbol, ()),
                    market_bars=market,
                )
            except (InvalidInput, InvalidState) as error:
                summary.failures.append(f"{position.position_id}: {error}")
                continue
            if isinstance(vector, StoredVector):
                found.append(vector)
            else:
                summary.unscored[vector] += 1
        return found

    def _score(
        self,
        page: OpenPage,
        vectors: Sequence[StoredVector],
        summary: ScoringSummary,
        *,
        asked: Scoring | None,
        is_kept: bool,
    ) -> None:
        """Ask about vectors; what was logged becomes the position's score, and the vector is kept.

        Without a score vectors are kept where it is time. What closed since it was read is refused
        by the log, and what came with it: then the others are asked about once more.
        """
        if asked is not None:
            answer = asked.score(self.account_id, _signals(page, vectors))
            if answer.not_logged:
                now_open = {each.position_id for each in self._read(vectors[0].at).positions}
                still = [each for each in vectors if each.position_id in now_open]
                if not still:
                    return
                if len(still) < len(vectors):
                    vectors = still
                    answer = asked.score(self.account_id, _signals(page, vectors))
            summary.answer = answer
            self._put_scores(answer, vectors, summary)
        if not summary.scored and is_kept:
            self.book.put_schema(schema_hash("open"), names("open"))
            summary.kept = self.book.put_vectors(self.account_id, vectors)

    def _put_scores(
        self, answer: Answer, vectors: Sequence[StoredVector], summary: ScoringSummary
    ) -> None:
        # Who was there when we looked may be gone; and what is no probability is told here alone.
        faults = sorted({each.says for each in answer.scores if each.reason not in NO_FAULTS})
        if faults:
            summary.failures.append("; ".join(faults))
        if answer.not_logged:
            summary.failures.append(f"not logged: {answer.not_logged}")
            return
        scores = [
            LoggedScore(
                position_id=vector.position_id,
                model_id=each.prediction.model_id,
                signal_id=each.signal_id,
                at=vector.at,
            )
            for vector, each in zip(vectors, answer.scores, strict=True)
            if each.prediction is not None
        ]
        if scores:
            self.book.put_scores(self.account_id, scores)
            summary.scored = len(scores)
            summary.binding = sum(each.binds for each in answer.scores)


def _signals(page: OpenPage, vectors: Sequence[StoredVector]) -> list[AskedSignal]:
    symbols = {position.position_id: position.symbol for position in page.positions}
    return [
        AskedSignal(
            signal_id=signal_id(each.position_id, each.at),
            symbol=symbols[each.position_id],
            at=each.at,
            schema_hash=each.schema_hash,
            vector=each.vector,
            position_id=each.position_id,
            lot=each.position_id,
        )
        for each in vectors
    ]


def signal_id(position_id: PositionId, at: datetime) -> str:
    """Return what one minute of a position is called in the log."""
    return f"{position_id}@{at:%Y-%m-%dT%H:%MZ}"
