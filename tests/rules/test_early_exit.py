"""Early exits: a table of cases a rule, each on both sides."""

import pytest

from stopward.rules.codes import ADVERSE_EXCURSION, GIVE_BACK, MOMENTUM, TIME_STOP, VOLUME
from stopward.rules.kernel import observe
from stopward.rules.parameters import (
    AdverseExcursion,
    GiveBack,
    Momentum,
    Rules,
    TimeStop,
    Volume,
)
from stopward.rules.types import NAN
from tests.builders.kernel import (
    Case,
    Wanted,
    a_bar,
    a_pulse,
    a_state,
    both_sides,
    mirrored_bar,
    mirrored_state,
    proposed,
    wanted_of,
)

HELD = Wanted()


def left(rule: float, stop: float = 98.0) -> Wanted:
    return Wanted(stop=stop, exit_quantity=100.0, exit_rule=rule)


ADVERSE_CASES = [
    Case("the stop rests where few winners went", a_state(worst=99.5), a_bar(99.6),
         Wanted(stop=98.4, stop_rule=ADVERSE_EXCURSION)),
    Case("a trade that has been there already is left", a_state(worst=98.3), a_bar(99.6),
         left(ADVERSE_EXCURSION)),
    Case("touching it is having been there", a_state(worst=98.4), a_bar(99.6),
         left(ADVERSE_EXCURSION)),
    Case("a tighter stop is not loosened, nor is the trade left", a_state(worst=98.3, stop=99.0),
         a_bar(99.6), Wanted(stop=99.0)),
]  # fmt: skip


@both_sides
@pytest.mark.parametrize("case", ADVERSE_CASES, ids=lambda case: case.name)
def test_adverse_excursion(case: Case, side: float) -> None:
    rules = Rules(adverse_excursion=AdverseExcursion(limit_r=0.8, winners=30.0, needed=30.0))
    assert wanted_of(proposed(case, rules, side)) == case.wanted


@both_sides
def test_adverse_excursion_is_quiet_until_it_knows_enough_winners(side: float) -> None:
    rules = Rules(adverse_excursion=AdverseExcursion(limit_r=0.8, winners=29.0, needed=30.0))
    case = Case("", a_state(worst=98.1), a_bar(99.0), HELD)
    assert wanted_of(proposed(case, rules, side)) == case.wanted


@both_sides
def test_adverse_excursion_is_quiet_while_its_limit_is_not_measured(side: float) -> None:
    rules = Rules(adverse_excursion=AdverseExcursion(limit_r=NAN, winners=0.0, needed=30.0))
    case = Case("", a_state(worst=98.1), a_bar(99.0), HELD)
    assert wanted_of(proposed(case, rules, side)) == case.wanted


@both_sides
def test_a_typed_adverse_excursion_stands_on_no_winners(side: float) -> None:
    rules = Rules(adverse_excursion=AdverseExcursion(limit_r=0.8, winners=0.0, needed=0.0))
    case = Case("", a_state(worst=98.3), a_bar(99.6), left(ADVERSE_EXCURSION))
    assert wanted_of(proposed(case, rules, side)) == case.wanted


GIVE_BACK_CASES = [
    Case("not armed under 1.5R", a_state(best=102.99), a_bar(100.5), HELD),
    Case("half of the best profit is enough", a_state(best=103.0), a_bar(101.5), HELD),
    Case("a cent less than half is not", a_state(best=103.0), a_bar(101.49), left(GIVE_BACK)),
    Case("from 3R on more must be kept", a_state(best=106.0), a_bar(103.59), left(GIVE_BACK)),
    Case("and that share is enough", a_state(best=106.0), a_bar(103.6), HELD),
    Case("a missing price leaves nothing", a_state(best=106.0), a_bar(NAN), HELD),
]


@both_sides
@pytest.mark.parametrize("case", GIVE_BACK_CASES, ids=lambda case: case.name)
def test_give_back(case: Case, side: float) -> None:
    rules = Rules(give_back=GiveBack(arm_r=1.5, keep=0.5, arm_2_r=3.0, keep_2=0.6))
    assert wanted_of(proposed(case, rules, side)) == case.wanted


PROFIT_NOW_CASES = [
    Case("too young", a_state(age=14.0), a_bar(99.0), HELD),
    Case("old enough and under water", a_state(age=15.0), a_bar(99.0), left(TIME_STOP)),
    Case("at its entry it is not in profit", a_state(age=15.0), a_bar(100.0), left(TIME_STOP)),
    Case("a cent of profit is profit", a_state(age=15.0), a_bar(100.01), HELD),
    Case("a missing price leaves nothing", a_state(age=15.0), a_bar(NAN), HELD),
]


@both_sides
@pytest.mark.parametrize("case", PROFIT_NOW_CASES, ids=lambda case: case.name)
def test_time_stop_without_profit_now(case: Case, side: float) -> None:
    rules = Rules(time_stop=TimeStop(minutes=15.0, need_best_r=NAN))
    assert wanted_of(proposed(case, rules, side)) == case.wanted


BEST_CASES = [
    Case("too young", a_state(age=19.0, best=100.1), a_bar(99.0), HELD),
    Case("never went far", a_state(age=20.0, best=100.59), a_bar(100.5), left(TIME_STOP)),
    Case("went just far enough", a_state(age=20.0, best=100.6), a_bar(99.0), HELD),
]


@both_sides
@pytest.mark.parametrize("case", BEST_CASES, ids=lambda case: case.name)
def test_time_stop_with_too_small_a_best_profit(case: Case, side: float) -> None:
    rules = Rules(time_stop=TimeStop(minutes=20.0, need_best_r=0.3))
    assert wanted_of(proposed(case, rules, side)) == case.wanted


def test_an_age_in_parts_of_minutes_reaches_its_limit_in_spite_of_float_noise() -> None:
    state = a_state()
    for _ in range(90):
        state = observe(state, a_bar(99.0, minutes=10.0 / 60.0), Rules())
    assert state.age != 15.0
    rules = Rules(time_stop=TimeStop(minutes=15.0, need_best_r=NAN))
    case = Case("", state._replace(worst=99.0), a_bar(99.0), left(TIME_STOP))
    assert wanted_of(proposed(case, rules, 1.0)) == case.wanted


CROSS_CASES = [
    Case("no cross, no exit", a_state(), a_bar(99.5), HELD),
    Case("a cross against the position", a_state(reversed=1.0), a_bar(99.5), left(MOMENTUM)),
    Case("not while profit is large", a_state(reversed=1.0), a_bar(102.0), HELD),
    Case("a cent under the bound is small", a_state(reversed=1.0), a_bar(101.99), left(MOMENTUM)),
    Case("RSI and VWAP alone do not count", a_state(), a_bar(99.5, rsi=40.0, vwap=101.0), HELD),
]


@both_sides
@pytest.mark.parametrize("case", CROSS_CASES, ids=lambda case: case.name)
def test_momentum_by_the_cross_alone(case: Case, side: float) -> None:
    rules = Rules(momentum=Momentum(votes=1.0, below_r=1.0))
    assert wanted_of(proposed(case, rules, side)) == case.wanted


VOTE_CASES = [
    Case("one of three holds", a_state(reversed=1.0), a_bar(99.5, rsi=60.0, vwap=99.0), HELD),
    Case("cross and RSI", a_state(reversed=1.0), a_bar(99.5, rsi=49.0, vwap=99.0), left(MOMENTUM)),
    Case("cross and VWAP", a_state(reversed=1.0), a_bar(99.5, rsi=50.0, vwap=100.0),
         left(MOMENTUM)),
    Case("RSI and VWAP without a cross", a_state(), a_bar(99.5, rsi=49.0, vwap=100.0),
         left(MOMENTUM)),
    Case("what is missing has no vote", a_state(reversed=1.0), a_bar(99.5), HELD),
]  # fmt: skip


@both_sides
@pytest.mark.parametrize("case", VOTE_CASES, ids=lambda case: case.name)
def test_momentum_by_two_votes_of_three(case: Case, side: float) -> None:
    rules = Rules(momentum=Momentum(votes=2.0, below_r=1.0))
    assert wanted_of(proposed(case, rules, side)) == case.wanted


def test_momentum_by_three_votes_needs_all() -> None:
    rules = Rules(momentum=Momentum(votes=3.0, below_r=1.0))
    two = Case("", a_state(), a_bar(99.5, rsi=49.0, vwap=100.0), HELD)
    three = two._replace(state=a_state(reversed=1.0), wanted=left(MOMENTUM))
    assert [wanted_of(proposed(case, rules, 1.0)) for case in (two, three)] == [
        two.wanted,
        three.wanted,
    ]


@both_sides
@pytest.mark.parametrize(
    ("was", "before", "now", "after"),
    [
        (0.0, 0.1, -0.1, 1.0),  # the cross
        (0.0, 0.0, -0.1, 1.0),  # from the line itself
        (0.0, -0.1, -0.2, 0.0),  # below at entry is no cross
        (1.0, -0.1, -0.2, 1.0),  # it lasts
        (1.0, -0.2, 0.0, 1.0),  # back on the line is not back across it
        (1.0, -0.1, 0.1, 0.0),  # the cross back
        (1.0, NAN, NAN, 1.0),  # nothing known, nothing changed
        (0.0, NAN, -0.1, 0.0),  # no bar before, no cross
    ],
)
def test_a_cross_is_remembered_until_the_cross_back(
    was: float, before: float, now: float, after: float, side: float
) -> None:
    bar = a_bar(99.5, macd=now, signal=0.0, macd_before=before, signal_before=0.0)
    state = a_state(reversed=was)
    if side < 0.0:
        state, bar = mirrored_state(state), mirrored_bar(bar)
    assert observe(state, bar, Rules()).reversed == after


def test_a_pulse_does_not_cross() -> None:
    pulse = a_pulse(99.5, macd=-0.1, signal=0.0, macd_before=0.1, signal_before=0.0)
    assert observe(a_state(), pulse, Rules()).reversed == 0.0


VOLUME_RULES = Rules(volume=Volume(limit=0.5, bars=3.0))


@both_sides
@pytest.mark.parametrize(
    ("quiet", "wanted"), [(2.0, HELD), (3.0, left(VOLUME)), (4.0, left(VOLUME))]
)
def test_volume(quiet: float, wanted: Wanted, side: float) -> None:
    case = Case("", a_state(quiet=quiet), a_bar(99.5), wanted)
    assert wanted_of(proposed(case, VOLUME_RULES, side)) == case.wanted


@pytest.mark.parametrize(
    ("volumes", "quiet"),
    [
        ([0.4, 0.4, 0.4], 3.0),
        ([0.4, 0.5, 0.4], 1.0),  # at the limit is not quiet
        ([0.4, NAN, 0.4], 2.0),  # an unknown bar neither counts nor resets
        ([NAN, NAN, NAN], 0.0),
    ],
)
def test_quiet_bars_are_counted_in_a_row(volumes: list[float], quiet: float) -> None:
    state = a_state()
    for volume in volumes:
        state = observe(state, a_bar(99.5, relative_volume=volume), VOLUME_RULES)
    assert state.quiet == quiet


def test_quiet_bars_are_not_counted_while_the_rule_is_off() -> None:
    assert observe(a_state(), a_bar(99.5, relative_volume=0.1), Rules()).quiet == 0.0
