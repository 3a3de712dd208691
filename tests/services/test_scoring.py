"""Signals to answers: scored, logged before they are answered, and never in anybody's way."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stopward.domain.features.vector import as_float32
from stopward.domain.identity import AccountId
from stopward.domain.model_file import ModelFile
from stopward.domain.scoring.arm import arm_of, uniform
from stopward.domain.scoring.occlusion import Rows
from stopward.domain.scoring.prediction import AskedSignal
from stopward.errors import DatabaseRejected, DatabaseUnavailable
from stopward.services.scorer import Scorer
from stopward.services.scoring import Answer, Scored, Scoring
from tests.builders.opened_models import ENTRY, NAMES, NOW, SALT, THRESHOLD, open_tiny, tiny_model
from tests.builders.scoring import OF_A_POSITION, a_role, a_scoring, a_signal, a_tiny_model

MAIN = AccountId("main")
MODEL = a_tiny_model()


def ask(scoring: Scoring, *signals: AskedSignal) -> Answer:
    return scoring.score(MAIN, signals or (a_signal(),))


def probability(signal: AskedSignal) -> float:
    from stopward.domain.scoring.occlusion import packed

    return open_tiny(MODEL).probabilities(packed([signal.vector]))[0]


def test_a_signal_is_scored_logged_and_answered(tmp_path: Path) -> None:
    scoring, book = a_scoring(tmp_path)
    high = a_signal("high", features={NAMES[0]: 0.75, NAMES[1]: None})
    low = a_signal("low", features={NAMES[0]: 0.0}, position_id=OF_A_POSITION)
    answer = ask(scoring, high, low)
    assert (answer.account_id, answer.at, answer.not_logged) == (MAIN, NOW, "")
    for signal, scored in zip((high, low), answer.scores, strict=True):
        told = scored.prediction
        assert told is not None
        assert told == book.stored[MAIN, MODEL.model_id, signal.signal_id]
        assert told.probability == pytest.approx(probability(signal), abs=1e-12)
        assert told.decision == ("take" if told.probability > THRESHOLD else "veto")
        assert (told.vector, told.vector_at, told.at) == (signal.vector, signal.at, NOW)
        assert (told.symbol, told.position_id) == (signal.symbol, signal.position_id)
        assert (told.model_id, told.schema_hash) == (MODEL.model_id, ENTRY)
        assert (told.arm, told.weight, scored.binds) == ("shadow", 0, False)
        assert told.u == uniform(salt=SALT, model_id=MODEL.model_id, signal_id=signal.signal_id)
        assert told.latency_ms == pytest.approx(0.5)
    assert {each.prediction.decision for each in answer.scores if each.prediction} == {
        "take", "veto",
    }  # fmt: skip
    assert answer.latency_ms == pytest.approx(3.0)
    assert answer.counts() == {
        "signals": 2,
        "scores_served": 2,
        "scores_unserved": 0,
        "scores_binding": 0,
        "scores_unlogged": 0,
        "models_refused": 0,
    }


def test_the_features_that_moved_it_most_are_told_against_the_usual_value(tmp_path: Path) -> None:
    scoring, _ = a_scoring(tmp_path)
    signal = a_signal(features={NAMES[2]: 0.0, NAMES[5]: None, NAMES[7]: 1.0})
    (scored,) = ask(scoring, signal).scores
    assert scored.prediction is not None
    assert [each.feature for each in scored.moved][:2] == [NAMES[2], NAMES[7]]
    assert len(scored.moved) == 5
    for moved in scored.moved:
        place = NAMES.index(moved.feature)
        usual = MODEL.manifest["baseline"][moved.feature]["deciles"][4]
        vector = (*signal.vector[:place], usual, *signal.vector[place + 1 :])
        other = probability(replace(signal, vector=vector))
        assert (moved.value, moved.usual) == (signal.vector[place], usual)
        assert moved.effect == pytest.approx(scored.prediction.probability - other, abs=1e-12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(
    weight=st.sampled_from(["0", "0.10", "0.35", "0.70"]),
    signals=st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=8, unique=True),
)
def test_a_decision_binds_in_the_arm_of_the_model_and_nowhere_else(
    tmp_path: Path, weight: str, signals: list[str]
) -> None:
    scoring, _ = a_scoring(tmp_path, stage="pilot", weight=Decimal(weight))
    answer = ask(scoring, *map(a_signal, signals))
    for signal_id, scored in zip(signals, answer.scores, strict=True):
        told = scored.prediction
        assert told is not None
        assert scored.signal_id == signal_id
        assert told.arm == arm_of(told.u, Decimal(weight))
        assert scored.binds == (told.arm == "model")
    assert answer.counts()["scores_binding"] <= (0 if weight == "0" else len(signals))


@pytest.mark.parametrize(
    "fails",
    [DatabaseUnavailable("no answer"), DatabaseRejected("late", rule="predictions_before_outcome")],
)
def test_what_cannot_be_logged_is_answered_and_binds_nothing(
    tmp_path: Path, fails: Exception
) -> None:
    scoring, book = a_scoring(tmp_path, stage="optimization", weight=Decimal("0.70"))
    signals = [a_signal(f"s{number}") for number in range(20)]
    assert any(each.binds for each in ask(scoring, *signals).scores)
    book.fails = fails
    answer = ask(scoring, *signals)
    assert answer.not_logged == str(fails)
    assert all(each.prediction is not None and not each.binds for each in answer.scores)
    assert answer.counts()["scores_unlogged"] == 20
    assert answer.counts()["scores_unserved"] == 0


def test_what_was_logged_first_binds(tmp_path: Path) -> None:
    scoring, book = a_scoring(tmp_path)
    (first,) = ask(scoring, a_signal(features={NAMES[0]: 1.0})).scores
    book.roles = (replace(book.roles[0], stage="pilot", weight=Decimal("0.70")),)
    scoring.champions._seats.clear()
    (again,) = ask(scoring, a_signal(features={NAMES[0]: 0.0})).scores
    assert first.prediction is not None
    assert again.prediction is not None
    assert again.prediction.probability == first.prediction.probability
    assert (again.prediction.decision, again.prediction.arm) == ("take", "shadow")
    assert (again.prediction.weight, again.binds) == (0, False)


def test_the_same_signal_has_the_same_answer_whatever_is_beside_it(tmp_path: Path) -> None:
    scoring, _ = a_scoring(tmp_path, stage="pilot", weight=Decimal("0.20"))
    signals = [a_signal(f"s{each}", features={NAMES[0]: each / 8}) for each in range(8)]
    together = ask(scoring, *signals).scores
    alone = [ask(scoring, each).scores[0] for each in signals]
    assert [said(each) for each in alone] == [said(each) for each in together]


def said(scored: Scored) -> tuple[object, ...]:
    told = scored.prediction
    assert told is not None
    return told.probability, told.decision, told.arm, told.u, scored.moved, scored.binds


def test_a_vector_of_another_schema_has_no_score_and_the_others_have_theirs(
    tmp_path: Path,
) -> None:
    scoring, book = a_scoring(tmp_path)
    other = a_signal("other", schema_hash="7" * 64, vector=())
    answer = ask(scoring, a_signal("one"), other, a_signal("two"))
    reasons = [each.reason for each in answer.scores]
    assert reasons == [None, "schema_mismatch", None]
    assert [each.signal_id for each in answer.scores] == ["one", "other", "two"]
    assert len(book.stored) == 2
    assert answer.counts()["scores_unserved"] == 1


def test_without_a_champion_every_signal_has_its_reason_and_nothing_is_logged(
    tmp_path: Path,
) -> None:
    scoring, book = a_scoring(tmp_path, expires_at=NOW - timedelta(days=1))
    answer = ask(scoring, a_signal("one"), a_signal("two"))
    assert answer.champion is None
    assert [(each.reason, each.prediction) for each in answer.scores] == [
        ("model_expired", None)
    ] * 2
    assert book.stored == {}


class Odd:
    """A model that says nan, but of its golden rows."""

    def __init__(self, model: ModelFile) -> None:
        self._answers = [row["probability"] for row in model.manifest["golden"]]

    def probabilities(self, rows: Rows) -> Sequence[float]:
        count = len(rows) // len(NAMES)
        return self._answers if count == len(self._answers) else [float("nan")] * count


def test_what_is_no_probability_is_no_score(tmp_path: Path) -> None:
    def open_odd(model: ModelFile) -> Scorer:
        return Odd(model)

    scoring, book = a_scoring(tmp_path, open_model=open_odd)
    (scored,) = ask(scoring).scores
    assert (scored.reason, scored.prediction) == ("not_a_probability", None)
    assert book.stored == {}


def test_a_refused_champion_is_told_beside_the_scores_of_the_one_before(tmp_path: Path) -> None:
    scoring, book = a_scoring(tmp_path)
    ask(scoring)
    book.roles = (a_role(tiny_model(weights=[1.0] * len(NAMES))),)
    scoring.champions.refresh_seconds = 0.0
    answer = ask(scoring, a_signal("next"))
    assert answer.champion is not None
    assert "is not there" in answer.champion.instead_of
    assert answer.counts()["models_refused"] == 1
    assert answer.counts()["scores_served"] == 1


def test_a_batch_of_a_thousand_is_answered_in_its_order(tmp_path: Path) -> None:
    scoring, book = a_scoring(tmp_path)
    signals = [
        a_signal(f"s{each}", features={NAMES[0]: as_float32(each / 1_000)}) for each in range(1_000)
    ]
    answer = ask(scoring, *signals)
    assert [each.signal_id for each in answer.scores] == [f"s{each}" for each in range(1_000)]
    found = [each.prediction.probability for each in answer.scores if each.prediction]
    assert found == sorted(found)
    assert len(book.stored) == 1_000
