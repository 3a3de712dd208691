"""A stop pulled in by a low score: a table of cases, each on both sides."""

import pytest

from stopward.domain.rulebook import BREAKEVEN_RULES, parse
from stopward.rules.codes import BITS, BREAKEVEN, MODEL_TIGHTEN
from stopward.rules.kernel import observe, propose, settle
from stopward.rules.parameters import Breakeven, ModelTighten, Rules
from stopward.rules.types import NAN
from tests.builders.kernel import (
    NOTHING,
    OFF,
    Case,
    Wanted,
    a_bar,
    a_pulse,
    a_state,
    an_account,
    atr,
    both_sides,
    dollars,
    mirrored_state,
    percent,
    proposed,
    r,
    ticks,
    wanted_of,
)

HALF_AN_R = ModelTighten(below=0.35, distance=r(0.5), score=0.3)


def moved(to: float) -> Wanted:
    return Wanted(stop=to, stop_rule=MODEL_TIGHTEN)


@both_sides
@pytest.mark.parametrize(
    ("score", "wanted"),
    [
        (0.0, moved(99.0)),
        (0.34999, moved(99.0)),
        (0.35, Wanted()),
        (0.36, Wanted()),
        (1.0, Wanted()),
        (NAN, Wanted()),
    ],
    ids=["nothing", "under", "at", "over", "certain", "none"],
)
def test_it_acts_under_its_bound_alone(score: float, wanted: Wanted, side: float) -> None:
    rules = Rules(model_tighten=HALF_AN_R._replace(score=score))
    case = Case("", a_state(), a_bar(100.0), wanted)
    assert wanted_of(proposed(case, rules, side)) == wanted


CASES = [
    Case("it follows the price of the moment, not the best", a_state(best=104.0), a_bar(101.0),
         moved(100.0)),
    Case("a quote inside the bar is a price as well", a_state(), a_pulse(100.5), moved(99.5)),
    Case("a losing trade too", a_state(), a_bar(99.5), moved(98.5)),
    Case("a loser whose stop is nearer than that keeps it", a_state(), a_bar(98.8), Wanted()),
    Case("rounded away from triggering", a_state(), a_bar(100.007), moved(99.0)),
    Case("a move of 0.05R is made", a_state(stop=98.9), a_bar(100.0), moved(99.0)),
    Case("a move under 0.05R is not worth a request", a_state(stop=98.91), a_bar(100.0),
         Wanted(stop=98.91)),
    Case("a tighter stop is never loosened", a_state(stop=99.5), a_bar(100.0),
         Wanted(stop=99.5)),
    Case("nor when the price falls", a_state(stop=99.0), a_bar(99.2), Wanted(stop=99.0)),
    Case("a price that is missing moves nothing", a_state(), a_bar(NAN), Wanted()),
    Case("a halted account is left alone", a_state(), a_bar(100.0), Wanted(),
         an_account(halted=1.0)),
    Case("so is a position that is closed", a_state(quantity=0.0), a_bar(100.0), Wanted()),
]  # fmt: skip


@both_sides
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_model_tighten(case: Case, side: float) -> None:
    assert wanted_of(proposed(case, Rules(model_tighten=HALF_AN_R), side)) == case.wanted


@both_sides
@pytest.mark.parametrize(
    "distance",
    [r(0.5), percent(1), atr(2), ticks(100), dollars(1)],
    ids=["r", "percent", "atr", "ticks", "dollars"],
)
def test_it_knows_every_unit(distance, side: float) -> None:
    rules = Rules(model_tighten=HALF_AN_R._replace(distance=distance))
    case = Case("", a_state(), a_bar(100.0, atr=0.5), moved(99.0))
    assert wanted_of(proposed(case, rules, side)) == case.wanted


@both_sides
@pytest.mark.parametrize(
    ("distance", "known"),
    [(atr(2), NAN), (atr(2), 0.0), (atr(2), 1e-12), (OFF, 0.5)],
    ids=["an ATR that is not known", "of nothing", "of next to nothing", "off"],
)
def test_a_distance_that_comes_to_nothing_closes_nothing(distance, known, side: float) -> None:
    rules = Rules(model_tighten=HALF_AN_R._replace(distance=distance))
    case = Case("", a_state(), a_bar(100.0, atr=known), Wanted())
    assert wanted_of(proposed(case, rules, side)) == case.wanted


@both_sides
def test_the_stop_follows_the_price_up_and_stays_when_it_comes_back(side: float) -> None:
    rules = Rules(model_tighten=HALF_AN_R)
    state = a_state() if side > 0.0 else mirrored_state(a_state())
    stops = []
    for close in (100.0, 101.0, 100.2, 101.05, 102.0):
        bar = a_bar(100.0 + side * (close - 100.0))
        state = observe(state, bar, rules)
        proposal = propose(state, bar, an_account(), rules)
        state = settle(state, proposal, NAN)
        stops.append(100.0 + side * (state.stop - 100.0))
    assert stops == [99.0, 100.0, 100.0, 100.0, 101.0]
    assert state.quantity == 100.0


def test_of_equal_stops_every_other_rule_has_it() -> None:
    tight = HALF_AN_R._replace(distance=dollars(1.99))
    rules = Rules(breakeven=Breakeven(arm=r(1), extra=NOTHING), model_tighten=tight)
    proposal = propose(a_state(best=102.0), a_bar(102.0), an_account(), rules)
    assert (proposal.stop, proposal.stop_rule) == (100.01, BREAKEVEN)
    assert proposal.fired == BITS[int(BREAKEVEN)] + BITS[int(MODEL_TIGHTEN)]


def test_a_file_says_the_bound_and_the_distance_and_never_the_score() -> None:
    text = '[rules.model_tighten]\nbelow = 0.4\ndistance = "1 atr"\n'
    found = parse(text, source="test").base.model_tighten
    assert repr(found) == repr(ModelTighten(0.4, atr(1)))
    assert parse('[rules]\npreset = "standard"\n', source="test").base.model_tighten is None


def test_the_function_that_only_secures_breakeven_does_not_go_by_scores() -> None:
    assert "model_tighten" not in BREAKEVEN_RULES
