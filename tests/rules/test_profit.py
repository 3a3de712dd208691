"""Taking profit: a table of cases a rule, each on both sides."""

import pytest

from stopward.rules.codes import AGED_TARGET, PARTIAL, SESSION_FLAT, TARGET
from stopward.rules.kernel import propose, settle
from stopward.rules.parameters import AgedTarget, Partial, Rules, SessionFlat, Target
from stopward.rules.profit import target_price
from stopward.rules.types import NAN
from tests.builders.kernel import (
    OFF,
    Case,
    Wanted,
    a_bar,
    a_state,
    an_account,
    atr,
    both_sides,
    dollars,
    mirrored_bar,
    mirrored_price,
    mirrored_state,
    percent,
    proposed,
    r,
    wanted_of,
)

HELD = Wanted()


def sold(quantity: float, rule: float) -> Wanted:
    return Wanted(exit_quantity=quantity, exit_rule=rule)


TARGET_CASES = [
    Case("a cent short", a_state(best=104.0), a_bar(103.99), HELD),
    Case("at the target", a_state(best=104.0), a_bar(104.0), sold(100.0, TARGET)),
    Case("the high alone is not enough", a_state(best=105.0), a_bar(103.0, high=105.0), HELD),
]


@both_sides
@pytest.mark.parametrize("case", TARGET_CASES, ids=lambda case: case.name)
@pytest.mark.parametrize("distance", [r(2), percent(4), dollars(4), atr(8)])
def test_target_is_judged_on_the_close(case: Case, distance, side: float) -> None:
    rules = Rules(target=Target(distance, resting=0.0))
    bar = case.bar._replace(atr=0.5)
    assert wanted_of(proposed(case._replace(bar=bar), rules, side)) == case.wanted


@both_sides
def test_a_target_that_rests_is_left_to_the_broker(side: float) -> None:
    rules = Rules(target=Target(r(2), resting=1.0))
    resting = Case("", a_state(best=105.0, target=104.0), a_bar(105.0), HELD)
    missing = Case("", a_state(best=105.0), a_bar(105.0), sold(100.0, TARGET))
    for case in (resting, missing):
        assert wanted_of(proposed(case, rules, side)) == case.wanted


@both_sides
def test_a_resting_target_is_rounded_so_that_it_earns_its_distance(side: float) -> None:
    state, bar = a_state(), a_bar()
    if side < 0.0:
        state, bar = mirrored_state(state), mirrored_bar(bar)
    price = target_price(state, bar, Target(dollars(3.991), resting=1.0))
    assert price == (104.0 if side > 0.0 else mirrored_price(104.0))
    assert str(target_price(state, bar, Target(dollars(3.991), resting=0.0))) == "nan"
    assert str(target_price(state, bar, None)) == "nan"


AGED_CASES = [
    Case("young, it must earn much", a_state(age=59.0), a_bar(107.99), HELD),
    Case("and leaves with it", a_state(age=0.0), a_bar(108.0), sold(100.0, AGED_TARGET)),
    Case("older, less is enough", a_state(age=60.0), a_bar(106.0), sold(100.0, AGED_TARGET)),
    Case("a cent less is not", a_state(age=119.0), a_bar(105.99), HELD),
    Case("old, little is enough", a_state(age=120.0), a_bar(102.0), sold(100.0, AGED_TARGET)),
]


@both_sides
@pytest.mark.parametrize("case", AGED_CASES, ids=lambda case: case.name)
def test_aged_target(case: Case, side: float) -> None:
    rules = Rules(
        aged_target=AgedTarget(r_1=4.0, minutes_2=60.0, r_2=3.0, minutes_3=120.0, r_3=1.0)
    )
    assert wanted_of(proposed(case, rules, side)) == case.wanted


PARTIAL_RULES = Rules(partial=Partial(r(2), 0.5, r(3), 0.25, OFF, NAN))
PARTIAL_CASES = [
    Case("a cent short of the first step", a_state(), a_bar(103.99), HELD),
    Case("the high alone is not enough", a_state(best=105.0), a_bar(103.0, high=105.0), HELD),
    Case("half at the first step", a_state(), a_bar(104.0), sold(50.0, PARTIAL)),
    Case("the first step is not repeated", a_state(quantity=50.0, initial_quantity=100.0,
         partials=1.0), a_bar(104.0), HELD),
    Case("a quarter of the initial quantity at the second", a_state(quantity=50.0,
         initial_quantity=100.0, partials=1.0), a_bar(106.0), sold(25.0, PARTIAL)),
    Case("a jump over both steps sells both at once", a_state(), a_bar(106.0), sold(75.0, PARTIAL)),
    Case("whole lots only", a_state(quantity=5.0), a_bar(104.0), sold(2.0, PARTIAL)),
    Case("never more than what is left", a_state(quantity=20.0, initial_quantity=100.0),
         a_bar(104.0), sold(20.0, PARTIAL)),
    Case("a step under one lot is passed over", a_state(quantity=1.0), a_bar(104.0), HELD),
    Case("a rest under one lot is sold too", a_state(quantity=50.5, initial_quantity=100.0),
         a_bar(104.0), sold(50.5, PARTIAL)),
    Case("fractions of a share are sold where lots allow", a_state(quantity=0.5, lot=1e-9),
         a_bar(104.0), sold(0.25, PARTIAL)),
]  # fmt: skip


@both_sides
@pytest.mark.parametrize("case", PARTIAL_CASES, ids=lambda case: case.name)
def test_partial(case: Case, side: float) -> None:
    assert wanted_of(proposed(case, PARTIAL_RULES, side)) == case.wanted


def test_a_settled_partial_is_not_proposed_again() -> None:
    state = a_state()
    first = propose(state, a_bar(106.0), an_account(), PARTIAL_RULES)
    state = settle(state, first, 106.0)
    assert (state.quantity, state.partials) == (25.0, 2.0)
    assert propose(state, a_bar(106.0), an_account(), PARTIAL_RULES).exit_quantity == 0.0


def test_a_full_exit_beats_a_partial_one_whichever_comes_first() -> None:
    rules = PARTIAL_RULES._replace(session_flat=SessionFlat(10.0))
    proposal = propose(a_state(), a_bar(104.0, to_close=10.0), an_account(), rules)
    assert (proposal.exit_quantity, proposal.exit_rule) == (100.0, SESSION_FLAT)
