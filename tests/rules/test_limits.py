"""Limits of the day, the kill switch, and priorities."""

import pytest

from stopward.rules.codes import (
    BITS,
    BREAKEVEN,
    DAY_LOSS,
    DAY_PROFIT,
    GIVE_BACK,
    PERCENT_TRAIL,
    RATCHET,
    RULE_NAMES,
    SESSION_FLAT,
    STOP,
    TIME_STOP,
    fired_rules,
)
from stopward.rules.kernel import propose, settle
from stopward.rules.parameters import (
    Breakeven,
    DayLoss,
    DayProfit,
    GiveBack,
    PercentTrail,
    Ratchet,
    Rules,
    SessionFlat,
    TimeStop,
)
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
    both_sides,
    dollars,
    proposed,
    r,
    wanted_of,
)

HELD = Wanted()


def left(rule: float) -> Wanted:
    return Wanted(exit_quantity=100.0, exit_rule=rule)


FLATTEN = Rules(day_loss=DayLoss(loss_fraction=0.02, loss_r=3.0, flatten=1.0, tighten=OFF))
LOSS_CASES = [
    (an_account(day_r=-2.99, day_fraction=-0.0199), HELD),
    (an_account(day_r=-3.0), left(DAY_LOSS)),
    (an_account(day_r=-0.1 - 0.2 - 2.7), left(DAY_LOSS)),
    (an_account(day_fraction=-0.02), left(DAY_LOSS)),
    (an_account(day_r=5.0, locked=DAY_LOSS), left(DAY_LOSS)),
    (an_account(day_r=5.0, locked=1.0), left(DAY_LOSS)),
    (an_account(day_r=5.0, locked=DAY_PROFIT), HELD),
    (an_account(day_r=NAN, day_fraction=NAN), HELD),
    (an_account(day_r=-9.0, halted=1.0), HELD),
]


@both_sides
@pytest.mark.parametrize(("account", "wanted"), LOSS_CASES)
def test_daily_loss_limit_flattens_open_positions(account, wanted: Wanted, side: float) -> None:
    case = Case("", a_state(), a_bar(99.5), wanted, account)
    assert wanted_of(proposed(case, FLATTEN, side)) == case.wanted


@both_sides
def test_daily_loss_limit_may_tighten_instead(side: float) -> None:
    rules = Rules(day_loss=DayLoss(0.02, 3.0, 0.0, r(0.25)))
    account = an_account(day_r=-3.0)
    moved = Case("", a_state(), a_bar(99.5), Wanted(99.0, DAY_LOSS), account)
    kept = Case("", a_state(stop=99.2), a_bar(99.5), Wanted(99.2), account)
    for case in (moved, kept):
        assert wanted_of(proposed(case, rules, side)) == case.wanted


def test_an_unused_part_of_the_loss_limit_never_fires() -> None:
    rules = Rules(day_loss=DayLoss(NAN, 3.0, 1.0, OFF))
    account = an_account(day_fraction=-0.5, day_r=-1.0)
    assert propose(a_state(), a_bar(99.5), account, rules).exit_quantity == 0.0


PROFIT_CASES = [
    (an_account(peak_r=2.99, day_r=0.0), HELD),
    (an_account(peak_r=3.0, day_r=1.81), HELD),
    (an_account(peak_r=3.0, day_r=1.8), left(DAY_PROFIT)),
    (an_account(peak_r=3.0, day_r=3.0, locked=DAY_PROFIT), left(DAY_PROFIT)),
    (an_account(peak_r=3.0, day_r=3.0, locked=1.0), left(DAY_PROFIT)),
    (an_account(peak_r=3.0, day_r=3.0, locked=DAY_LOSS), HELD),
]


@both_sides
@pytest.mark.parametrize(("account", "wanted"), PROFIT_CASES)
def test_daily_profit_lock(account, wanted: Wanted, side: float) -> None:
    rules = Rules(day_profit=DayProfit(arm_r=3.0, give_back=0.4))
    case = Case("", a_state(), a_bar(99.5), wanted, account)
    assert wanted_of(proposed(case, rules, side)) == case.wanted


@both_sides
@pytest.mark.parametrize(
    ("to_close", "wanted"),
    [(11.0, HELD), (10.0, left(SESSION_FLAT)), (-1.0, left(SESSION_FLAT)), (NAN, HELD)],
)
def test_session_flat_counts_from_the_calendar_close(
    to_close: float, wanted: Wanted, side: float
) -> None:
    case = Case("", a_state(), a_bar(99.5, to_close=to_close), wanted)
    assert wanted_of(proposed(case, Rules(session_flat=SessionFlat(10.0)), side)) == case.wanted


EVERYTHING_FIRES = Rules(
    day_loss=FLATTEN.day_loss,
    session_flat=SessionFlat(10.0),
    give_back=GiveBack(1.5, 0.5, 3.0, 0.6),
    time_stop=TimeStop(15.0, 9.0),
    breakeven=Breakeven(r(1), NOTHING),
    ratchet=Ratchet(1.5, 0.5, NAN, NAN, NAN, NAN, NAN, NAN),
    percent_trail=PercentTrail(r(1), dollars(1), OFF, OFF),
)


def test_the_kill_switch_stops_every_rule_and_leaves_the_stop() -> None:
    state = a_state(best=104.0, age=60.0)
    bar = a_bar(101.0, to_close=5.0)
    proposal = propose(state, bar, an_account(day_r=-9.0, halted=1.0), EVERYTHING_FIRES)
    assert (proposal.stop, proposal.exit_quantity, proposal.fired) == (98.0, 0.0, 0.0)


def test_a_closed_position_is_told_nothing() -> None:
    state = a_state(best=104.0, age=60.0)._replace(quantity=0.0)
    proposal = propose(state, a_bar(90.0, to_close=5.0), an_account(), EVERYTHING_FIRES)
    assert (proposal.stop, proposal.exit_quantity, proposal.fired) == (98.0, 0.0, 0.0)


def test_the_first_exit_in_priority_wins_and_every_true_rule_is_reported() -> None:
    state = a_state(best=104.0, age=60.0)
    bar = a_bar(101.5, to_close=5.0)
    proposal = propose(state, bar, an_account(day_r=-3.0), EVERYTHING_FIRES)
    assert (proposal.exit_quantity, proposal.exit_rule) == (100.0, DAY_LOSS)
    assert (proposal.stop, proposal.stop_rule) == (101.0, RATCHET)
    assert fired_rules(proposal.fired) == (
        "day_loss", "session_flat", "give_back", "time_stop", "breakeven", "ratchet",
        "percent_trail",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("account", "to_close", "age", "winner"),
    [
        (an_account(day_r=-3.0), 5.0, 60.0, DAY_LOSS),
        (an_account(), 5.0, 60.0, SESSION_FLAT),
        (an_account(), 50.0, 60.0, GIVE_BACK),
    ],
)
def test_priority(account, to_close: float, age: float, winner: float) -> None:
    bar = a_bar(101.5, to_close=to_close)
    proposal = propose(a_state(best=104.0, age=age), bar, account, EVERYTHING_FIRES)
    assert proposal.exit_rule == winner


def test_an_exit_comes_before_a_stop_that_the_close_has_crossed() -> None:
    rules = EVERYTHING_FIRES._replace(give_back=None)
    proposal = propose(a_state(best=104.0, age=60.0), a_bar(100.5), an_account(), rules)
    assert proposal.exit_rule == TIME_STOP
    assert fired_rules(proposal.fired) == ("time_stop", "breakeven", "ratchet", "percent_trail")
    crossed = propose(a_state(best=104.0), a_bar(100.5), an_account(), rules)
    assert (crossed.exit_rule, crossed.crossed) == (RATCHET, 101.0)
    assert (crossed.stop, crossed.stop_rule) == (100.01, BREAKEVEN)


@both_sides
@pytest.mark.parametrize(
    ("price", "wanted"), [(98.01, HELD), (98.0, left(STOP)), (97.0, left(STOP))]
)
def test_a_price_at_or_through_the_resting_stop_is_left(
    price: float, wanted: Wanted, side: float
) -> None:
    case = Case("", a_state(), a_pulse(price), wanted)
    assert wanted_of(proposed(case, Rules(), side)) == case.wanted


def test_asking_again_after_settling_wants_nothing_more() -> None:
    state = a_state(best=104.0)
    first = propose(state, a_bar(103.5), an_account(), EVERYTHING_FIRES)
    assert (first.stop, first.stop_rule) == (103.0, PERCENT_TRAIL)
    state = settle(state, first, NAN)
    again = propose(state, a_bar(103.5), an_account(), EVERYTHING_FIRES)
    assert (again.stop, again.stop_rule, again.exit_quantity, again.fired) == (103.0, 0.0, 0.0, 0.0)


def test_codes_names_parameters_and_bits_are_held_together() -> None:
    assert Rules._fields == RULE_NAMES[2:]
    assert [fired_rules(bit) for bit in BITS[1:]] == [(name,) for name in RULE_NAMES[1:]]
    assert BITS[0] == 0.0
