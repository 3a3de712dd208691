"""What holds for any rules, any position and any bar."""

from hypothesis import given
from hypothesis import strategies as st

from stopward.rules.codes import TARGET
from stopward.rules.geometry import floor_lot, tick_below
from stopward.rules.kernel import BOOKS_OPEN, BOOKS_TARGET, fill, observe, propose, settle
from stopward.rules.parameters import Rules
from stopward.rules.types import NAN, Bar, State
from tests.builders.kernel import a_pulse, an_account, mirrored_bar, mirrored_price, mirrored_state
from tests.builders.kernel_random import (
    GRID,
    a_random_account,
    a_random_bar,
    a_random_state,
    all_rules,
    dice,
    on_grid,
    some_rules,
)

seeds = st.integers(0, 2**32)
sides = st.sampled_from([1.0, -1.0])


@given(seed=seeds, side=sides)
def test_a_stop_never_loosens_even_when_the_rules_change_every_bar(seed: int, side: float) -> None:
    rng = dice(seed)
    state = a_random_state(rng, side)
    for _ in range(12):
        rules = some_rules(rng)
        bar = a_random_bar(rng, state.entry)
        state = observe(state, bar, rules)
        proposal = propose(state, bar, a_random_account(rng), rules)
        assert side * proposal.stop >= side * state.stop
        after = settle(state, proposal, rng.choice([NAN, bar.close]))
        assert side * after.stop >= side * state.stop
        state = after._replace(quantity=state.quantity, pending=0.0)


@given(seed=seeds, side=sides)
def test_a_proposed_stop_lies_on_the_tick_and_on_the_safe_side_of_the_price(
    seed: int, side: float
) -> None:
    rng = dice(seed)
    state = a_random_state(rng, side)
    bar = a_random_bar(rng, state.entry)
    proposal = propose(state, bar, a_random_account(rng), all_rules(rng))
    if proposal.stop_rule > 0.0:
        assert side * (bar.close - proposal.stop) > 0.0
        assert proposal.stop == tick_below(proposal.stop, GRID)
        assert side * (proposal.stop - state.stop) >= max(2.0 / GRID, 0.05 * state.risk) - 1e-6
    else:
        assert proposal.stop == state.stop


@given(seed=seeds, side=sides)
def test_an_exit_is_in_whole_lots_and_never_more_than_the_position(seed: int, side: float) -> None:
    rng = dice(seed)
    state = a_random_state(rng, side)
    bar = a_random_bar(rng, state.entry)
    proposal = propose(state, bar, a_random_account(rng), some_rules(rng))
    sold = proposal.exit_quantity
    assert 0.0 <= sold <= state.quantity
    assert sold == state.quantity or sold == floor_lot(sold, state.lot)
    assert (sold > 0.0) == (proposal.exit_rule > 0.0)


@given(seed=seeds)
def test_long_and_short_mirror_each_other(seed: int) -> None:
    rng = dice(seed)
    rules, account = some_rules(rng), a_random_account(rng)
    long = a_random_state(rng)
    bar = a_random_bar(rng, long.entry)
    short, reflection = mirrored_state(long), mirrored_bar(bar, long.entry)
    entry = long.entry

    assert repr(mirrored_state(observe(short, reflection, rules))) == repr(
        observe(long, bar, rules)
    )
    wanted = propose(observe(long, bar, rules), bar, account, rules)
    other = propose(observe(short, reflection, rules), reflection, account, rules)
    told = other._replace(
        stop=mirrored_price(other.stop, entry), crossed=mirrored_price(other.crossed, entry)
    )
    assert repr(told) == repr(wanted)
    for gap in (BOOKS_TARGET, BOOKS_OPEN):
        filled, seen = fill(long, bar, gap), fill(short, reflection, gap)
        assert repr(filled) == repr(
            seen._replace(
                price=mirrored_price(seen.price, entry),
                other_price=mirrored_price(seen.other_price, entry),
            )
        )


@given(seed=seeds, side=sides)
def test_ten_pulses_on_one_bar_advance_bar_state_once(seed: int, side: float) -> None:
    """Even if every pulse were stored: what they saw lies inside the bar that closes over them."""
    rng = dice(seed)
    rules = all_rules(rng)
    state = a_random_state(rng, side)
    bar = a_random_bar(rng, state.entry)
    pulsed = state
    for _ in range(10):
        price = bar.low + rng.random() * (bar.high - bar.low)
        pulse = a_pulse(price)._replace(macd=bar.macd, relative_volume=bar.relative_volume)
        pulsed = observe(pulsed, pulse, rules)
        assert (pulsed.age, pulsed.quiet, pulsed.reversed) == (
            state.age,
            state.quiet,
            state.reversed,
        )
    assert repr(observe(pulsed, bar, rules)) == repr(observe(state, bar, rules))


@given(seed=seeds, side=sides)
def test_deciding_twice_is_deciding_once(seed: int, side: float) -> None:
    rng = dice(seed)
    rules, account = some_rules(rng), a_random_account(rng)
    state = a_random_state(rng, side)
    bar = a_random_bar(rng, state.entry)
    state = observe(state, bar, rules)
    first = propose(state, bar, account, rules)
    assert repr(propose(state, bar, account, rules)) == repr(first)
    done = settle(state, first, bar.close)
    again = propose(done, bar, account, rules)
    assert (again.stop, again.stop_rule, again.exit_quantity) == (done.stop, 0.0, 0.0)
    assert repr(settle(done, again, bar.close)) == repr(done)


@given(seed=seeds, side=sides, gap=st.sampled_from([BOOKS_TARGET, BOOKS_OPEN]))
def test_nothing_fills_outside_the_bar_but_a_target_booked_below_its_gap(
    seed: int, side: float, gap: float
) -> None:
    rng = dice(seed)
    state = a_random_state(rng, side)
    bar = a_random_bar(rng, state.entry)
    filled = fill(state, bar, gap)
    if filled.quantity == 0.0:
        return
    assert filled.quantity == state.quantity
    if filled.rule == TARGET and gap == BOOKS_TARGET:
        best_traded = bar.high if side > 0.0 else bar.low
        assert side * (filled.price - best_traded) <= 0.0
    else:
        assert bar.low <= filled.price <= bar.high


def resting(state: State, bar: Bar, rules: Rules) -> float:
    return propose(observe(state, bar, rules), bar, an_account(), rules).stop


@given(seed=seeds, side=sides)
def test_adding_rules_never_leaves_a_stop_further_away(seed: int, side: float) -> None:
    rng = dice(seed)
    rules = some_rules(rng)
    state = a_random_state(rng, side)
    bar = a_random_bar(rng, state.entry + side * on_grid(rng, 0, 3))
    fewer = rules._replace(chandelier=None, ratchet=None, breakeven=None)
    assert side * resting(state, bar, rules) >= side * resting(state, bar, fewer)
