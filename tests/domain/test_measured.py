"""What no rules file holds: how it gets into the rules, and out of a decision again."""

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopward.domain.excursions import COUNTED, LEAST_R, Excursions, adverse_excursion
from stopward.domain.identity import PositionId
from stopward.domain.measured import measured_for, measured_in, with_measured, without_score
from stopward.domain.open_score import FRESH, OpenScore
from stopward.domain.rulebook import masked, parse
from stopward.errors import InvalidState
from stopward.rules.parameters import AdverseExcursion, ModelTighten, Rules
from stopward.rules.types import NAN
from tests.builders.kernel import r

LIMIT = adverse_excursion(limit_r=NAN, needed=30.0)
TYPED = adverse_excursion(limit_r=0.7, needed=30.0)
TIGHTEN = ModelTighten(below=0.35, distance=r(0.5))
MEASURED = Rules(adverse_excursion=LIMIT)
WON = Excursions(winners=64, mae_r=0.64)
NOON = datetime(2026, 12, 3, 17, 0, tzinfo=UTC)


def same(found: tuple[float, ...], expected: tuple[float, ...]) -> bool:
    return repr(found) == repr(expected)


class TestALimit:
    def test_a_measured_limit_takes_the_place_of_nan(self) -> None:
        measured = measured_for(MEASURED, WON)
        assert measured == (0.64, 64.0)
        rules = with_measured(MEASURED, measured)
        assert rules.adverse_excursion == AdverseExcursion(0.64, 64.0, 30.0)

    def test_without_winners_the_limit_stays_unknown(self) -> None:
        limit_r, winners = measured_for(MEASURED, Excursions())
        assert (math.isnan(limit_r), winners) == (True, 0.0)

    def test_a_measured_limit_is_never_nearer_than_a_typed_one_may_be(self) -> None:
        assert measured_for(MEASURED, Excursions(winners=40, mae_r=0.0)) == (LEAST_R, 40.0)


@pytest.mark.parametrize(
    "rules", [Rules(), Rules(adverse_excursion=TYPED), masked(MEASURED, "breakeven")]
)
def test_rules_that_ask_for_nothing_get_nothing(rules: Rules) -> None:
    measured = measured_for(rules, WON, 0.2)
    assert measured == ()
    assert with_measured(rules, measured) == rules
    assert measured_in(rules) == ()


@pytest.mark.parametrize(
    ("rules", "score", "expected"),
    [
        (Rules(model_tighten=TIGHTEN), 0.2, (NAN, NAN, 0.2)),
        (Rules(model_tighten=TIGHTEN), NAN, (NAN, NAN, NAN)),
        (Rules(model_tighten=TIGHTEN, adverse_excursion=TYPED), 0.2, (NAN, NAN, 0.2)),
        (Rules(model_tighten=TIGHTEN, adverse_excursion=LIMIT), 0.2, (0.64, 64.0, 0.2)),
        (Rules(model_tighten=TIGHTEN, adverse_excursion=LIMIT), NAN, (0.64, 64.0, NAN)),
    ],
    ids=["score", "no score", "beside a typed limit", "beside a measured one", "the limit alone"],
)
def test_a_score_stands_third(rules: Rules, score: float, expected: tuple[float, ...]) -> None:
    measured = measured_for(rules, WON, score)
    assert same(measured, expected)
    used = with_measured(rules, measured)
    assert same(measured_in(used), expected)
    assert used.model_tighten == TIGHTEN._replace(score=measured[2])
    if rules.adverse_excursion == TYPED:
        assert used.adverse_excursion == TYPED


def test_a_row_from_before_there_were_scores_is_read_as_one_without() -> None:
    rules = Rules(model_tighten=TIGHTEN, adverse_excursion=LIMIT)
    assert with_measured(rules, ()) == rules
    used = with_measured(rules, (0.64, 64.0))
    assert used.adverse_excursion == AdverseExcursion(0.64, 64.0, 30.0)
    assert used.model_tighten == TIGHTEN


@pytest.mark.parametrize("count", [1, 4])
def test_so_many_numbers_as_nobody_kept_are_refused(count: int) -> None:
    with pytest.raises(InvalidState, match=f"{count} numbers were measured"):
        with_measured(Rules(model_tighten=TIGHTEN), (0.5,) * count)


def test_bars_alone_know_no_score() -> None:
    scored = Rules(model_tighten=TIGHTEN._replace(score=0.2))
    assert without_score(scored) == Rules(model_tighten=TIGHTEN)
    assert without_score(MEASURED) == MEASURED


@given(
    winners=st.integers(0, COUNTED),
    mae_r=st.floats(0, 5),
    score=st.one_of(st.just(NAN), st.floats(0, 1)),
    text=st.sampled_from(["", "[rules.adverse_excursion]\n", "[rules.model_tighten]\n"]),
)
def test_what_a_decision_keeps_makes_its_rules_again(
    winners: int, mae_r: float, score: float, text: str
) -> None:
    book = parse(f"{text}[rules.breakeven]", source="test")
    excursions = Excursions(winners=winners, mae_r=mae_r if winners else None)
    used = with_measured(book.base, measured_for(book.base, excursions, score))
    again = with_measured(book.base, measured_in(used))
    assert repr(again) == repr(used)
    assert used.breakeven == book.base.breakeven


@pytest.mark.parametrize(
    ("age", "fresh"),
    [
        (timedelta(0), True),
        (FRESH, True),
        (FRESH + timedelta(microseconds=1), False),
        (-timedelta(microseconds=1), False),
    ],
)
def test_a_score_is_gone_by_while_it_is_fresh(age: timedelta, fresh: bool) -> None:
    score = OpenScore(
        position_id=PositionId("p"), model_id="m", at=NOON - age, probability=0.2, threshold=0.5
    )
    assert score.is_fresh(NOON) is fresh
