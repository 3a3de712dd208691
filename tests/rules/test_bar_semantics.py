"""When an exit fills inside bars, and at what price: one case for each line of the fill rules.

Prices are a long's (entry 100, stop 98, R 2); every case is walked on its mirror too.
"""

import pytest

from stopward.rules.codes import (
    BREAKEVEN,
    NO_RULE,
    PARTIAL,
    PERCENT_TRAIL,
    SESSION_FLAT,
    STOP,
    TARGET,
    TIME_STOP,
)
from stopward.rules.kernel import BOOKS_OPEN, BOOKS_TARGET, fill, slipped
from stopward.rules.parameters import (
    Breakeven,
    Partial,
    PercentTrail,
    Rules,
    SessionFlat,
    TimeStop,
)
from stopward.rules.types import NAN, Fill, Slippage
from stopward.rules.walk import EXECUTABLE, IDEALISED
from tests.builders.kernel import (
    NOTHING,
    OFF,
    ONE_TICK,
    a_bar,
    a_range,
    a_state,
    both_sides,
    dollars,
    r,
    walked,
)

QUIET = a_range(100.0, 100.5, 99.5, 100.0)
TRAIL = Rules(percent_trail=PercentTrail(r(1), dollars(1), OFF, OFF))
WITH_TARGET = a_state(target=104.0)


@both_sides
def test_1a_an_open_through_the_stop_fills_at_the_open_even_when_the_bar_recovers(side) -> None:
    outcome = walked([QUIET, a_range(97.0, 101.0, 96.5, 100.5)], side=side)
    assert (outcome.price, outcome.rule, outcome.bar) == (97.0, STOP, 1.0)
    assert outcome.result_r == -1.5


@both_sides
def test_1b_an_open_beyond_the_target_comes_before_the_low_that_touches_the_stop(side) -> None:
    outcome = walked([QUIET, a_range(105.0, 105.0, 97.0, 98.5)], side=side, state=WITH_TARGET)
    assert (outcome.price, outcome.rule, outcome.ambiguous) == (104.0, TARGET, 0.0)


@both_sides
def test_1c_the_low_touches_the_stop_known_before_the_bar(side) -> None:
    bars = [QUIET, a_range(100.0, 103.0, 97.5, 102.9)]
    outcome = walked(bars, TRAIL, side=side)
    assert (outcome.price, outcome.rule, outcome.bar) == (98.0, STOP, 1.0)


@both_sides
def test_1d_the_high_trades_through_the_target(side) -> None:
    outcome = walked([QUIET, a_range(103.0, 104.01, 102.0, 103.0)], side=side, state=WITH_TARGET)
    assert (outcome.price, outcome.rule, outcome.result_r) == (104.0, TARGET, 2.0)


@both_sides
def test_1e_the_trail_is_raised_from_the_high_after_the_stop_was_judged(side) -> None:
    """An exit on a trail raised later in the same bar is the mistake of other engines."""
    bars = [a_range(100.0, 103.0, 99.0, 102.5), a_range(102.5, 102.6, 101.5, 101.9)]
    outcome = walked(bars, TRAIL, side=side)
    assert (outcome.price, outcome.rule, outcome.bar) == (102.0, STOP, 1.0)


@both_sides
@pytest.mark.parametrize(
    ("timing", "price", "bar"), [(EXECUTABLE, 101.2, 1.0), (IDEALISED, 102.0, 0.0)]
)
def test_1f_and_3_a_close_through_the_raised_stop(timing, price, bar, side) -> None:
    bars = [a_range(100.0, 103.0, 99.0, 101.5), a_range(101.2, 101.3, 101.0, 101.1)]
    outcome = walked(bars, TRAIL, side=side, timing=timing)
    assert (outcome.price, outcome.rule, outcome.bar) == (price, PERCENT_TRAIL, bar)


@both_sides
def test_2_stop_and_target_inside_one_bar_is_the_stop_and_keeps_both_prices(side) -> None:
    outcome = walked([QUIET, a_range(100.0, 105.0, 97.0, 104.0)], side=side, state=WITH_TARGET)
    assert (outcome.price, outcome.rule) == (98.0, STOP)
    assert (outcome.ambiguous, outcome.other_price) == (1.0, 104.0)


@both_sides
def test_2_a_stop_gap_is_not_ambiguous_for_the_open_came_first(side) -> None:
    outcome = walked([QUIET, a_range(97.0, 105.0, 96.0, 104.0)], side=side, state=WITH_TARGET)
    assert (outcome.price, outcome.rule, outcome.ambiguous) == (97.0, STOP, 0.0)


@both_sides
def test_3_a_raised_stop_rests_from_the_next_bar_on(side) -> None:
    bars = [a_range(100.0, 102.0, 99.0, 101.9), a_range(101.9, 102.0, 100.01, 101.0)]
    rules = Rules(breakeven=Breakeven(r(1), NOTHING))
    outcome = walked(bars, rules, side=side)
    assert (outcome.price, outcome.rule, outcome.bar) == (100.01, STOP, 1.0)


@both_sides
@pytest.mark.parametrize("timing", [EXECUTABLE, IDEALISED])
def test_3_an_exit_of_a_rule_fills_at_the_next_open(timing, side) -> None:
    rules = Rules(time_stop=TimeStop(2.0, NAN))
    bars = [a_bar(99.5), a_bar(99.5), a_range(99.2, 99.9, 98.5, 99.8), QUIET]
    outcome = walked(bars, rules, side=side, timing=timing)
    assert (outcome.price, outcome.rule, outcome.bar) == (99.2, TIME_STOP, 2.0)


@both_sides
def test_3_a_pending_exit_meets_a_gap_through_the_stop_at_the_open(side) -> None:
    rules = Rules(time_stop=TimeStop(1.0, NAN))
    outcome = walked([a_bar(99.5), a_range(97.0, 97.5, 96.0, 96.5)], rules, side=side)
    assert (outcome.price, outcome.rule, outcome.bar) == (97.0, TIME_STOP, 1.0)


@both_sides
def test_3_partials_are_judged_on_the_close_and_filled_at_the_next_open(side) -> None:
    rules = Rules(partial=Partial(r(1), 0.5, OFF, NAN, OFF, NAN))
    bars = [
        a_range(100.0, 103.0, 99.5, 101.9),  # the high is not enough
        a_range(101.9, 102.5, 101.5, 102.0),
        a_range(102.2, 102.3, 101.0, 101.5),
        a_range(101.5, 101.5, 97.0, 97.5),
    ]
    outcome = walked(bars, rules, side=side)
    assert (outcome.partials, outcome.price, outcome.rule) == (1.0, 98.0, STOP)
    assert outcome.result_r == pytest.approx(0.5 * 1.1 - 0.5)


@both_sides
def test_3_a_partial_and_the_stop_may_fill_in_one_bar(side) -> None:
    rules = Rules(partial=Partial(r(1), 0.5, OFF, NAN, OFF, NAN))
    bars = [a_bar(102.0), a_range(101.0, 101.5, 97.0, 99.0), QUIET]
    outcome = walked(bars, rules, side=side)
    assert (outcome.partials, outcome.price, outcome.rule, outcome.bar) == (1.0, 98.0, STOP, 1.0)
    assert outcome.result_r == pytest.approx(0.5 * 0.5 - 0.5 * 1.0)


@both_sides
@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (98.01, 103.99, (100.0, NO_RULE)),  # neither is touched
        (98.0, 103.99, (98.0, STOP)),  # touching is a trigger
        (98.01, 104.0, (100.0, NO_RULE)),  # touching is not trading through
        (98.01, 104.01, (104.0, TARGET)),
    ],
)
def test_4_a_stop_triggers_on_touch_and_a_target_must_trade_through(low, high, expected, side):
    bars = [QUIET, a_range(100.0, high, low, 100.0)]
    outcome = walked(bars, side=side, state=WITH_TARGET)
    assert (outcome.price, outcome.rule) == expected


@both_sides
@pytest.mark.parametrize(("gap", "price"), [(BOOKS_TARGET, 104.0), (BOOKS_OPEN, 105.0)])
def test_4_a_favourable_gap_over_a_target_is_a_switch(gap, price, side) -> None:
    bars = [QUIET, a_range(105.0, 106.0, 104.5, 105.5)]
    outcome = walked(bars, side=side, state=WITH_TARGET, gap=gap)
    assert (outcome.price, outcome.rule) == (price, TARGET)


@both_sides
@pytest.mark.parametrize(("at_open", "rule", "bar"), [(1.0, STOP, 0.0), (0.0, NO_RULE, 1.0)])
def test_5_the_stop_lives_in_the_entry_bar_only_when_the_entry_is_at_its_open(
    at_open, rule, bar, side
) -> None:
    outcome = walked([a_range(100.0, 100.5, 97.0, 99.5), QUIET], side=side, at_open=at_open)
    assert (outcome.rule, outcome.bar) == (rule, bar)


@both_sides
@pytest.mark.parametrize(("at_open", "price", "best_r"), [(1.0, 102.0, 1.5), (0.0, 101.9, 1.25)])
def test_5_trails_live_in_the_entry_bar_only_when_the_entry_is_at_its_open(
    at_open, price, best_r, side
) -> None:
    bars = [a_range(100.0, 103.0, 99.5, 102.5), a_range(102.5, 102.5, 101.8, 101.9)]
    outcome = walked(bars, TRAIL, side=side, at_open=at_open)
    assert (outcome.price, outcome.best_r) == (price, best_r)


@both_sides
@pytest.mark.parametrize(("at_open", "rule"), [(1.0, TARGET), (0.0, NO_RULE)])
def test_5_targets_live_in_the_entry_bar_only_when_the_entry_is_at_its_open(
    at_open, rule, side
) -> None:
    bars = [a_range(100.0, 105.0, 99.5, 102.5), QUIET]
    assert walked(bars, side=side, state=WITH_TARGET, at_open=at_open).rule == rule


def test_6_the_high_water_mark_dies_with_its_position() -> None:
    high = [a_range(100.0, 110.0, 99.5, 109.5), a_bar(109.0)]
    assert walked(high, TRAIL).best_r == 5.0
    assert walked([QUIET, QUIET], TRAIL).best_r == 0.25


def test_6_a_changed_configuration_never_loosens() -> None:
    wide = Rules(percent_trail=PercentTrail(r(1), dollars(5), OFF, OFF))
    state = a_state(stop=102.0)
    bars = [a_range(103.0, 106.0, 102.5, 105.5), a_range(105.0, 105.0, 101.5, 101.6)]
    assert walked(bars, wide, state=state).price == 102.0


@both_sides
def test_7_a_raised_stop_that_the_bar_never_traded_fills_at_the_close(side) -> None:
    """Breakeven arms late: by the close its price is above the whole bar, where nothing fills."""
    rules = Rules(breakeven=Breakeven(r(1), dollars(1.5)))
    bars = [a_range(100.0, 102.0, 100.0, 101.4), a_range(101.3, 101.4, 101.2, 101.3)]
    there = walked(bars, rules, side=side, timing=IDEALISED)
    assert (there.price, there.rule, there.bar) == (101.51, BREAKEVEN, 0.0)
    late = [bars[0]._replace(high=101.5), bars[1]]
    rules = Rules(breakeven=Breakeven(r(0.75), dollars(1.5)))
    outside = walked(late, rules, side=side, timing=IDEALISED)
    assert (outside.price, outside.rule, outside.bar) == (101.4, BREAKEVEN, 0.0)


@both_sides
@pytest.mark.parametrize(("spread", "cost"), [(NAN, 0.01), (0.01, 0.01), (0.06, 0.03)])
def test_7_slippage_comes_after_on_stop_fills(spread, cost, side) -> None:
    bars = [QUIET, a_range(99.0, 99.0, 97.0, 97.5, spread=spread)]
    outcome = walked(bars, side=side)
    assert (outcome.price, outcome.result_r) == (98.0, -1.0)
    assert outcome.slipped_r == pytest.approx(-1.0 - cost / 2.0)


def test_7_targets_do_not_slip() -> None:
    outcome = walked([QUIET, a_range(103.0, 104.5, 102.0, 103.0)], state=WITH_TARGET)
    assert outcome.slipped_r == outcome.result_r == 2.0
    stopped = Fill(100.0, 98.0, STOP, 0.0, NAN)
    assert slipped(a_state(), a_bar(98.0, spread=0.1), stopped, ONE_TICK) == 97.95


@pytest.mark.parametrize(
    ("slippage", "price"),
    [
        (Slippage(0.0, 0.0, 0.0, 0.0), 98.0),
        (Slippage(3.0, 0.0, 0.0, 0.0), 97.97),
        (Slippage(3.0, 1.0, 0.0, 0.0), 97.9),
        (Slippage(3.0, 1.0, 0.01, 0.0), 97.02),
    ],
)
def test_7_of_several_slippages_the_largest_counts(slippage, price) -> None:
    bar = a_bar(98.0, spread=0.1)
    stopped = Fill(100.0, 98.0, STOP, 0.0, NAN)
    assert slipped(a_state(), bar, stopped, slippage) == pytest.approx(price)
    late = stopped._replace(rule=TIME_STOP)
    assert slipped(a_state(), bar, late, slippage) == 98.0
    assert slipped(a_state(), bar, late, slippage._replace(exits=1.0)) == pytest.approx(price)
    at_target = stopped._replace(rule=TARGET)
    assert slipped(a_state(), bar, at_target, slippage._replace(exits=1.0)) == 98.0


@both_sides
def test_8_ages_count_session_minutes_so_nights_and_gaps_add_nothing(side) -> None:
    """Five-minute bars of two days: only what the bars span counts."""
    rules = Rules(time_stop=TimeStop(30.0, NAN))
    bars = [a_bar(99.5, minutes=5.0) for _ in range(6)] + [a_bar(99.4, minutes=5.0)]
    outcome = walked(bars, rules, side=side)
    assert (outcome.bar, outcome.rule) == (6.0, TIME_STOP)
    assert walked(bars[2:], rules, side=side).rule == NO_RULE


@both_sides
def test_8_a_half_day_ends_at_the_calendars_close(side) -> None:
    rules = Rules(session_flat=SessionFlat(10.0))
    bars = [a_bar(100.5, to_close=left) for left in (12.0, 11.0, 10.0, 9.0)]
    outcome = walked(bars, rules, side=side)
    assert (outcome.rule, outcome.bar) == (SESSION_FLAT, 3.0)


def test_an_exit_decided_on_the_last_bar_is_booked_at_its_close() -> None:
    outcome = walked([a_bar(99.5, to_close=5.0)], Rules(session_flat=SessionFlat(10.0)))
    assert (outcome.price, outcome.rule, outcome.bar) == (99.5, SESSION_FLAT, 0.0)


def test_a_position_still_open_is_valued_at_the_last_close() -> None:
    outcome = walked([QUIET, a_bar(101.0)])
    assert (outcome.price, outcome.rule, outcome.result_r) == (101.0, NO_RULE, 0.5)
    assert (outcome.best_r, outcome.worst_r) == (0.5, -0.25)


def test_a_partial_exit_of_everything_left_is_the_whole_exit() -> None:
    rules = Rules(partial=Partial(r(1), 1.0, OFF, NAN, OFF, NAN))
    outcome = walked([a_bar(102.0), a_bar(102.5)], rules)
    assert (outcome.rule, outcome.partials, outcome.result_r) == (PARTIAL, 0.0, 1.25)


def test_a_bar_without_numbers_fills_nothing() -> None:
    nothing = Fill(0.0, NAN, 0.0, 0.0, NAN)
    empty = a_bar(NAN)
    for state in (WITH_TARGET, a_state(pending=100.0, pending_rule=TIME_STOP)):
        assert repr(fill(state, empty, BOOKS_TARGET)) == repr(nothing)
    assert repr(fill(a_state()._replace(quantity=0.0), QUIET, BOOKS_TARGET)) == repr(nothing)
