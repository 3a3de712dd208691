"""Stops that follow: a table of cases a rule, each on both sides."""

import pytest

from stopward.rules.codes import (
    AVERAGE_TRAIL,
    BAR_TRAIL,
    BITS,
    BREAKEVEN,
    CHANDELIER,
    FOLLOW_TARGETS,
    PERCENT_TRAIL,
    RATCHET,
)
from stopward.rules.kernel import propose, settle
from stopward.rules.parameters import (
    AverageTrail,
    BarTrail,
    Breakeven,
    Chandelier,
    FollowTargets,
    PercentTrail,
    Ratchet,
    Rules,
)
from stopward.rules.types import NAN
from tests.builders.kernel import (
    NOTHING,
    OFF,
    Case,
    Wanted,
    a_bar,
    a_state,
    an_account,
    atr,
    both_sides,
    dollars,
    percent,
    proposed,
    r,
    ticks,
    wanted_of,
)


def moved(to: float, rule: float) -> Wanted:
    return Wanted(stop=to, stop_rule=rule)


def left(rule: float, stop: float = 98.0) -> Wanted:
    return Wanted(stop=stop, exit_quantity=100.0, exit_rule=rule)


BREAKEVEN_AT_1R = Rules(breakeven=Breakeven(arm=r(1), extra=NOTHING))
BREAKEVEN_CASES = [
    Case("a cent short of +1R holds", a_state(best=101.99), a_bar(101.9), Wanted()),
    Case("exactly +1R moves to entry and a tick", a_state(best=102.0), a_bar(101.9),
         moved(100.01, BREAKEVEN)),
    Case("in cents, 10.20 from 10.10 is +1R of a dime",
         a_state(entry=10.10, stop=10.00, risk=0.1, best=10.20), a_bar(10.19),
         moved(10.11, BREAKEVEN)),
    Case("fees and half the spread are covered", a_state(best=102.0, fees=0.012),
         a_bar(101.9, spread=0.05), moved(100.05, BREAKEVEN)),
    Case("a stop at breakeven already stays, however wide the spread",
         a_state(best=102.0, stop=100.01), a_bar(101.9, spread=1.0), Wanted(stop=100.01)),
    Case("a tighter stop is never loosened", a_state(best=104.0, stop=101.0), a_bar(103.0),
         Wanted(stop=101.0)),
    Case("a close at the new stop is an exit", a_state(best=102.0), a_bar(100.01),
         left(BREAKEVEN)),
    Case("a close a tick above the new stop lets it rest", a_state(best=102.0), a_bar(100.02),
         moved(100.01, BREAKEVEN)),
    Case("a price that is missing moves nothing", a_state(best=102.0), a_bar(NAN), Wanted()),
]  # fmt: skip


@both_sides
@pytest.mark.parametrize("case", BREAKEVEN_CASES, ids=lambda case: case.name)
def test_breakeven(case: Case, side: float) -> None:
    assert wanted_of(proposed(case, BREAKEVEN_AT_1R, side)) == case.wanted


@both_sides
@pytest.mark.parametrize(
    ("arm", "best"),
    [(r(0.5), 101.0), (percent(1), 101.0), (atr(2), 101.0), (ticks(100), 101.0),
     (dollars(1), 101.0)],
    ids=["r", "percent", "atr", "ticks", "dollars"],
)  # fmt: skip
def test_breakeven_arms_in_every_unit(arm, best: float, side: float) -> None:
    rules = Rules(breakeven=Breakeven(arm=arm, extra=NOTHING))
    short_of_it = Case("", a_state(best=best - 0.01), a_bar(100.9, atr=0.5), Wanted())
    there = Case("", a_state(best=best), a_bar(100.9, atr=0.5), moved(100.01, BREAKEVEN))
    for case in (short_of_it, there):
        assert wanted_of(proposed(case, rules, side)) == case.wanted


@both_sides
def test_breakeven_adds_its_extra(side: float) -> None:
    rules = Rules(breakeven=Breakeven(arm=r(1), extra=r(0.1)))
    case = Case("", a_state(best=102.0), a_bar(101.9), moved(100.21, BREAKEVEN))
    assert wanted_of(proposed(case, rules, side)) == case.wanted


def test_breakeven_rounds_so_that_costs_are_covered_and_trails_away_from_triggering() -> None:
    rules = Rules(breakeven=Breakeven(arm=r(1), extra=NOTHING))
    state = a_state(best=102.0, fees=0.001)
    assert propose(state, a_bar(101.9), an_account(), rules).stop == 100.02
    trail = Rules(percent_trail=PercentTrail(r(1), dollars(1.005), OFF, OFF))
    assert propose(a_state(best=102.0), a_bar(101.9), an_account(), trail).stop == 100.99
    short = a_state(side=-1.0, stop=102.0, best=98.0, fees=0.001)
    assert propose(short, a_bar(98.1), an_account(), rules).stop == 99.98
    assert propose(short, a_bar(98.1), an_account(), trail).stop == 99.01


RATCHET_RULES = Rules(ratchet=Ratchet(1.5, 0.5, 2.0, 1.0, 3.0, 2.0, NAN, NAN))
RATCHET_CASES = [
    Case("under the first step holds", a_state(best=102.99), a_bar(102.5), Wanted()),
    Case("1.5R locks 0.5R", a_state(best=103.0), a_bar(102.5), moved(101.0, RATCHET)),
    Case("2R locks 1R", a_state(best=104.0), a_bar(103.5), moved(102.0, RATCHET)),
    Case("3R locks 2R", a_state(best=106.0), a_bar(105.5), moved(104.0, RATCHET)),
    Case("an unused step does nothing", a_state(best=130.0), a_bar(129.0), moved(104.0, RATCHET)),
    Case("a locked step stays", a_state(best=104.0, stop=102.0), a_bar(103.5), Wanted(stop=102.0)),
    Case("a close under the lock is an exit", a_state(best=104.0), a_bar(101.5), left(RATCHET)),
]


@both_sides
@pytest.mark.parametrize("case", RATCHET_CASES, ids=lambda case: case.name)
def test_ratchet(case: Case, side: float) -> None:
    assert wanted_of(proposed(case, RATCHET_RULES, side)) == case.wanted


CHANDELIER_RULES = Rules(chandelier=Chandelier(arm=r(1), distance=atr(3), window=22.0))
CHANDELIER_CASES = [
    Case("not armed under +1R", a_state(best=101.99), a_bar(101.5, atr=0.5, highest=101.99),
         Wanted()),
    Case("hangs three ATR under the window's high", a_state(best=104.0),
         a_bar(102.5, atr=0.5, highest=103.5), moved(102.0, CHANDELIER)),
    Case("a high from before the entry does not count", a_state(best=104.0),
         a_bar(103.5, atr=0.5, highest=109.0), moved(102.5, CHANDELIER)),
    Case("a short history counts the best price since entry", a_state(best=104.0),
         a_bar(103.5, atr=0.5), moved(102.5, CHANDELIER)),
    Case("without ATR it stays quiet", a_state(best=104.0), a_bar(103.5, highest=104.0), Wanted()),
    Case("a wider ATR never loosens", a_state(best=104.0, stop=102.5),
         a_bar(103.5, atr=2.0, highest=104.0), Wanted(stop=102.5)),
]  # fmt: skip


@both_sides
@pytest.mark.parametrize("case", CHANDELIER_CASES, ids=lambda case: case.name)
def test_chandelier(case: Case, side: float) -> None:
    assert wanted_of(proposed(case, CHANDELIER_RULES, side)) == case.wanted


@both_sides
def test_chandelier_without_a_window_hangs_from_the_best_price(side: float) -> None:
    rules = Rules(chandelier=Chandelier(arm=r(1), distance=atr(3), window=0.0))
    bar = a_bar(103.5, atr=0.5, highest=103.0)
    case = Case("", a_state(best=104.0), bar, moved(102.5, CHANDELIER))
    assert wanted_of(proposed(case, rules, side)) == case.wanted


TRAIL = Rules(percent_trail=PercentTrail(r(1), percent(1.5), r(2), percent(0.5)))
TRAIL_CASES = [
    Case("not armed under +1R", a_state(best=101.99), a_bar(101.5), Wanted()),
    Case("armed trails at the first distance", a_state(best=102.0), a_bar(101.5),
         moved(100.5, PERCENT_TRAIL)),
    Case("the second, tighter distance from the second profit on", a_state(best=104.0),
         a_bar(103.8), moved(103.5, PERCENT_TRAIL)),
    Case("a move of 0.05R is made", a_state(best=102.0, stop=100.4), a_bar(101.5),
         moved(100.5, PERCENT_TRAIL)),
    Case("a move under 0.05R is not worth a request", a_state(best=102.0, stop=100.41),
         a_bar(101.5), Wanted(stop=100.41)),
    Case("the stop may enter profit", a_state(best=104.0, stop=101.0), a_bar(103.8),
         moved(103.5, PERCENT_TRAIL)),
]  # fmt: skip


@both_sides
@pytest.mark.parametrize("case", TRAIL_CASES, ids=lambda case: case.name)
def test_percent_trail(case: Case, side: float) -> None:
    assert wanted_of(proposed(case, TRAIL, side)) == case.wanted


@both_sides
def test_a_move_of_one_tick_is_not_proposed_even_when_the_risk_is_tiny(side: float) -> None:
    rules = Rules(percent_trail=PercentTrail(ticks(1), ticks(3), OFF, OFF))
    state = a_state(risk=0.1, stop=99.98, best=100.02)
    held = Case("", state, a_bar(100.01), Wanted(stop=99.98))
    assert wanted_of(proposed(held, rules, side)) == held.wanted
    two = Case("", state._replace(best=100.03), a_bar(100.02), moved(100.0, PERCENT_TRAIL))
    assert wanted_of(proposed(two, rules, side)) == two.wanted


def test_a_move_too_small_to_propose_is_still_reported_as_true() -> None:
    state = a_state(best=102.0, stop=100.41)
    proposal = propose(state, a_bar(101.5), an_account(), TRAIL)
    assert proposal.fired == BITS[int(PERCENT_TRAIL)]


BAR_TRAIL_CASES = [
    Case("not armed under +1R", a_state(best=101.0), a_bar(100.9, trail_low=100.5), Wanted()),
    Case("rests the buffer under the window's low", a_state(best=102.5),
         a_bar(102.0, trail_low=101.5), moved(101.48, BAR_TRAIL)),
    Case("without enough bars it stays quiet", a_state(best=102.5), a_bar(102.0), Wanted()),
    Case("a lower low never loosens", a_state(best=102.5, stop=101.0),
         a_bar(102.0, trail_low=100.0), Wanted(stop=101.0)),
]  # fmt: skip


@both_sides
@pytest.mark.parametrize("case", BAR_TRAIL_CASES, ids=lambda case: case.name)
def test_bar_trail(case: Case, side: float) -> None:
    rules = Rules(bar_trail=BarTrail(arm=r(1), buffer=ticks(2), window=3.0))
    assert wanted_of(proposed(case, rules, side)) == case.wanted


AVERAGE_CASES = [
    Case("not armed under +1R", a_state(best=101.0), a_bar(100.9, average=100.5), Wanted()),
    Case("rests the buffer under the average", a_state(best=102.5),
         a_bar(102.0, average=101.509), moved(101.4, AVERAGE_TRAIL)),
    Case("without an average it stays quiet", a_state(best=102.5), a_bar(102.0), Wanted()),
    Case("a close under the raised stop is an exit", a_state(best=104.0),
         a_bar(102.0, average=102.5), left(AVERAGE_TRAIL)),
]  # fmt: skip


@both_sides
@pytest.mark.parametrize("case", AVERAGE_CASES, ids=lambda case: case.name)
def test_average_trail(case: Case, side: float) -> None:
    rules = Rules(average_trail=AverageTrail(arm=r(1), buffer=dollars(0.1)))
    assert wanted_of(proposed(case, rules, side)) == case.wanted


FOLLOW = Rules(follow_targets=FollowTargets(r(1), r(2), r(3)))
FOLLOW_CASES = [
    Case("no target reached", a_state(best=101.99), a_bar(101.5), Wanted()),
    Case("target 1 brings breakeven", a_state(best=102.0), a_bar(101.5),
         moved(100.01, FOLLOW_TARGETS)),
    Case("target 2 brings target 1", a_state(best=104.0), a_bar(103.5),
         moved(102.0, FOLLOW_TARGETS)),
    Case("target 3 brings target 2", a_state(best=106.0), a_bar(105.5),
         moved(104.0, FOLLOW_TARGETS)),
    Case("a target reached earlier stays reached", a_state(best=101.0, hits=2.0), a_bar(103.0),
         moved(102.0, FOLLOW_TARGETS)),
]  # fmt: skip


@both_sides
@pytest.mark.parametrize("case", FOLLOW_CASES, ids=lambda case: case.name)
def test_follow_targets(case: Case, side: float) -> None:
    assert wanted_of(proposed(case, FOLLOW, side)) == case.wanted


def test_targets_reached_are_carried_into_the_state() -> None:
    state = a_state(best=104.0)
    proposal = propose(state, a_bar(103.5), an_account(), FOLLOW)
    assert settle(state, proposal, NAN).hits == 2.0


def test_of_several_stops_the_most_protective_wins_and_all_are_reported() -> None:
    rules = Rules(
        breakeven=BREAKEVEN_AT_1R.breakeven,
        ratchet=RATCHET_RULES.ratchet,
        percent_trail=PercentTrail(r(1), dollars(1), OFF, OFF),
    )
    proposal = propose(a_state(best=104.0), a_bar(103.8), an_account(), rules)
    assert (proposal.stop, proposal.stop_rule) == (103.0, PERCENT_TRAIL)
    true = BITS[int(BREAKEVEN)] + BITS[int(RATCHET)] + BITS[int(PERCENT_TRAIL)]
    assert proposal.fired == true


def test_of_equal_stops_the_rule_of_higher_priority_has_it() -> None:
    rules = Rules(ratchet=RATCHET_RULES.ratchet, percent_trail=PercentTrail(r(1), r(1), OFF, OFF))
    proposal = propose(a_state(best=104.0), a_bar(103.8), an_account(), rules)
    assert (proposal.stop, proposal.stop_rule) == (102.0, RATCHET)
