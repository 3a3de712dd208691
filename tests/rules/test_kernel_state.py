"""What observing, settling and booking do to a position's state."""

import math

import pytest

from stopward.rules.codes import PARTIAL, PERCENT_TRAIL, STOP, TIME_STOP
from stopward.rules.geometry import floor_lot, ratio, tick_above, tick_below, tighter, usable
from stopward.rules.kernel import book, observe, settle
from stopward.rules.parameters import Rules, Volume
from stopward.rules.types import NAN, Fill, Proposal
from tests.builders.kernel import (
    a_bar,
    a_pulse,
    a_range,
    a_state,
    both_sides,
    mirrored_bar,
    mirrored_price,
    mirrored_state,
)


@both_sides
def test_excursions_follow_the_extremes_and_never_come_back(side: float) -> None:
    state = a_state()
    bars = [a_range(100.0, 101.0, 99.0, 100.5), a_range(100.5, 100.8, 100.2, 100.4)]
    if side < 0.0:
        state, bars = mirrored_state(state), [mirrored_bar(bar) for bar in bars]
    for bar in bars:
        state = observe(state, bar, Rules())
    best, worst = state.best, state.worst
    if side < 0.0:
        best, worst = mirrored_price(best), mirrored_price(worst)
    assert (best, worst, state.age) == (101.0, 99.0, 2.0)


def test_a_pulse_moves_excursions_only() -> None:
    pulse = a_pulse(103.0, relative_volume=0.1, at_entry=1.0)
    rules = Rules(volume=Volume(0.5, 3.0))
    assert repr(observe(a_state(), pulse, rules)) == repr(a_state(best=103.0))


def test_missing_numbers_change_nothing() -> None:
    state = a_state(best=101.0, worst=99.0)
    after = observe(state, a_bar(NAN, minutes=NAN), Rules())
    assert repr(after) == repr(state)


def test_the_entry_bar_gives_the_entry_volume() -> None:
    state = observe(a_state(), a_bar(volume=1234.0, at_entry=1.0), Rules())
    assert state.entry_volume == 1234.0
    assert observe(state, a_bar(volume=99.0), Rules()).entry_volume == 1234.0


def a_proposal(**changes: float) -> Proposal:
    return Proposal(98.0, 0.0, 0.0, 0.0, 0.0, 0.0)._replace(**changes)


@both_sides
def test_settling_never_loosens_a_stop(side: float) -> None:
    state = a_state(stop=99.0)
    proposal = a_proposal(stop=98.5)
    if side < 0.0:
        state, proposal = mirrored_state(state), a_proposal(stop=101.5)
    assert settle(state, proposal, NAN).stop == state.stop


def test_settling_moves_the_stop_and_carries_targets_reached() -> None:
    after = settle(a_state(), a_proposal(stop=99.0, stop_rule=PERCENT_TRAIL, hits=2.0), NAN)
    assert (after.stop, after.hits, after.quantity, after.pending) == (99.0, 2.0, 100.0, 0.0)


def test_an_exit_that_filled_reduces_and_one_that_did_not_is_pending() -> None:
    proposal = a_proposal(exit_quantity=40.0, exit_rule=PARTIAL, partials=1.0)
    filled = settle(a_state(), proposal, 104.0)
    assert (filled.quantity, filled.partials, filled.pending) == (60.0, 1.0, 0.0)
    waiting = settle(a_state(), proposal, NAN)
    assert (waiting.quantity, waiting.partials) == (100.0, 1.0)
    assert (waiting.pending, waiting.pending_rule) == (40.0, PARTIAL)


def test_booking_a_fill_ends_what_was_pending_and_leaves_no_dust() -> None:
    state = a_state(pending=100.0, pending_rule=TIME_STOP)
    after = book(state, Fill(40.0, 99.0, TIME_STOP, 0.0, NAN))
    assert (after.quantity, after.pending, after.pending_rule) == (60.0, 0.0, 0.0)
    fraction = a_state(quantity=0.3, lot=1e-9)
    assert book(fraction, Fill(0.1 + 0.2, 98.0, STOP, 0.0, NAN)).quantity == 0.0


@pytest.mark.parametrize(
    ("price", "below", "above"),
    [
        (101.23, 101.23, 101.23),
        (101.234, 101.23, 101.24),
        (0.1 + 0.2, 0.3, 0.3),  # 0.30000000000000004
        (1.005 * 100, 100.5, 100.5),  # 100.49999999999999
    ],
)
def test_prices_land_on_the_tick_and_equal_the_written_number(price, below, above) -> None:
    assert (tick_below(price, 100.0), tick_above(price, 100.0)) == (below, above)


def test_every_cent_is_its_own_tick_both_ways() -> None:
    for cents in range(1, 60000, 7):
        price = float(f"{cents // 100}.{cents % 100:02d}")
        assert tick_below(price, 100.0) == tick_above(price, 100.0) == price


def test_quarter_points_and_sub_pennies() -> None:
    assert (tick_below(4501.3, 4.0), tick_above(4501.3, 4.0)) == (4501.25, 4501.5)
    assert (tick_below(0.12345, 10000.0), tick_above(0.12345, 10000.0)) == (0.1234, 0.1235)


@pytest.mark.parametrize("price", [NAN, math.inf, -math.inf, 0.0, -1.0, 1e300])
def test_what_is_no_price_has_no_tick(price: float) -> None:
    assert not usable(price)
    assert math.isnan(tick_below(price, 100.0))
    assert math.isnan(tick_above(price, 100.0))


@pytest.mark.parametrize(
    ("quantity", "lot", "floored"),
    [(50.0, 1.0, 50.0), (49.99, 1.0, 49.0), (0.7, 1.0, 0.0), (0.3 * 3, 0.1, 0.9), (NAN, 1.0, 0.0)],
)
def test_quantities_are_floored_to_whole_lots(quantity, lot, floored) -> None:
    assert floor_lot(quantity, lot) == pytest.approx(floored, abs=1e-12)


def test_a_quotient_that_does_not_exist_is_missing() -> None:
    assert math.isnan(ratio(1.0, 0.0))
    assert math.isnan(ratio(1.0, NAN))
    assert ratio(1.0, 4.0) == 0.25


def test_the_tighter_stop_is_the_higher_for_a_long_and_the_lower_for_a_short() -> None:
    assert tighter(1.0, 99.0, 98.0) == 99.0
    assert tighter(-1.0, 99.0, 98.0) == 98.0
    assert tighter(1.0, NAN, 98.0) == 98.0
