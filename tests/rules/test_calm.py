"""Calm is never too bold: inside it nothing fills, and every rule wants what it wanted before."""

from random import Random

import pytest

from stopward.rules.blocks import BLOCK, is_calm, observed, summarize
from stopward.rules.booking import bar_of
from stopward.rules.calm import Calm, calm_of
from stopward.rules.codes import TIME_STOP
from stopward.rules.columns import Bars, Blocks
from stopward.rules.kernel import BOOKS_TARGET, fill, observe, propose, settle
from stopward.rules.parameters import FollowTargets, Rules
from stopward.rules.stretch import is_inside, leaves, raises
from stopward.rules.types import NAN, Account, Bar, State
from tests.builders.kernel import OFF, a_bar, a_state, an_account, r
from tests.builders.kernel_random import (
    a_random_bar,
    a_random_state,
    all_rules,
    dice,
    only,
    some_rules,
)

TRIES = 800
"""Positions a rule; each meets some bars that try the edges of its calm."""
BARS_EACH = 6
QUIET = an_account()


def settled(rng: Random, rules: Rules) -> tuple[State, Bar] | None:
    """Return a position that its rules have just looked at, and the bar they looked at."""
    side = rng.choice([1.0, -1.0])
    state = a_random_state(rng, side)
    bar = a_random_bar(rng, state.entry)
    state = observe(state, bar, rules)
    state = settle(state, propose(state, bar, QUIET, rules), NAN)
    return None if state.pending > 0.0 else (state, bar)


def edges(calm: Calm, state: State, rng: Random) -> tuple[float, float]:
    """Return a low and a high inside the calm, often at its very edge."""
    floor = calm.floor if calm.floor > 0.0 else state.entry - 3.0 * state.risk
    ceiling = calm.ceiling if calm.ceiling < 1e9 else state.entry + 6.0 * state.risk
    a_bit = (ceiling - floor) * rng.choice([1e-9, 1e-6, 0.01, 0.3])
    low = floor + a_bit if rng.random() < 0.7 else rng.uniform(floor, ceiling)
    high = ceiling - a_bit if rng.random() < 0.7 else rng.uniform(floor, ceiling)
    return min(low, high), max(low, high)


def a_bar_inside(rng: Random, calm: Calm, state: State, before: Bar) -> Bar:
    """Return a closed bar between the edges; its indicators are random, its ATR near."""
    low, high = edges(calm, state, rng)
    atr = before.atr * rng.uniform(0.74, 1.26) if rng.random() < 0.9 else rng.choice([NAN, 1.0])
    return a_random_bar(rng, state.entry)._replace(
        low=low,
        high=high,
        open=rng.choice([low, high]),
        close=rng.choice([low, high, rng.uniform(low, high)]),
        atr=atr,
        minutes=rng.choice([1.0, 1.0, 5.0]),
    )


def is_left_alone(state: State, bar: Bar, calm: Calm, account: Account, rules: Rules) -> bool:
    """Return what `passed` would say of the bar."""
    after = observe(state, bar, rules)
    if not (is_inside(bar, calm) and after.age < calm.age):
        return False
    if calm.asks_exits > 0.0 and leaves(after, bar, account, rules):
        return False
    return not (calm.asks_stops > 0.0 and raises(after, bar, account, rules))


def passes(rng: Random, rules: Rules) -> tuple[int, int]:
    """Try the edges of one calm; return how many bars it let pass, and how many unasked."""
    found = settled(rng, rules)
    if found is None:
        return 0, 0
    state, before = found
    calm = calm_of(state, before, rules)
    passed = unasked = 0
    for _ in range(BARS_EACH):
        bar = a_bar_inside(rng, calm, state, before)
        if not is_left_alone(state, bar, calm, QUIET, rules):
            continue
        assert fill(state, bar, BOOKS_TARGET).quantity == 0.0
        after = observe(state, bar, rules)
        wanted = propose(after, bar, QUIET, rules)
        assert (wanted.exit_quantity, wanted.stop, wanted.hits) == (0.0, state.stop, state.hits)
        assert settle(after, wanted, NAN) == after
        passed += 1
        unasked += not (calm.asks_exits > 0.0 or calm.asks_stops > 0.0)
        state = after
    return passed, unasked


@pytest.mark.parametrize("rule", Rules._fields)
def test_inside_its_calm_a_rule_wants_nothing(rule: str) -> None:
    rng = dice(Rules._fields.index(rule))
    passed = sum(passes(rng, only(all_rules(rng), frozenset({rule})))[0] for _ in range(TRIES))
    assert passed > TRIES, "so few bars passed that nothing was tried"


def test_inside_the_calm_of_several_rules_none_wants_anything() -> None:
    rng = dice(99)
    counts = [passes(rng, some_rules(rng)) for _ in range(5 * TRIES)]
    assert sum(passed for passed, _ in counts) > TRIES
    assert sum(unasked for _, unasked in counts) > TRIES // 5


def test_a_bar_with_prices_missing_or_at_odds_is_not_passed_over() -> None:
    rng = dice(3)
    state, before = next(found for _ in range(9) if (found := settled(rng, Rules())))
    calm = calm_of(state, before, Rules())
    bar = a_bar_inside(rng, calm, state, before)
    assert is_inside(bar, calm)
    assert not is_inside(bar._replace(low=NAN), calm)
    assert not is_inside(bar._replace(high=NAN), calm)
    assert not is_inside(bar._replace(open=bar.low - 1.0), calm)
    assert not is_inside(bar._replace(close=bar.high + 1.0), calm)


def test_with_an_exit_pending_no_bar_is_calm() -> None:
    state = a_state(pending=100.0, pending_rule=TIME_STOP)
    bar = a_bar(101.0, to_close=99.0)
    assert is_inside(bar, calm_of(state._replace(pending=0.0), bar, Rules()))
    assert not is_inside(bar, calm_of(state, bar, Rules()))


def test_a_breakeven_that_a_wider_spread_would_move_is_asked_again() -> None:
    rules = Rules(follow_targets=FollowTargets(r(1.0), OFF, OFF))
    state, bar = a_state(stop=99.97, best=102.5, hits=1.0), a_bar(102.0, to_close=99.0)
    wide = bar._replace(spread=0.5)
    assert propose(state, bar, QUIET, rules).stop == state.stop
    assert propose(state, wide, QUIET, rules).stop > state.stop
    calm = calm_of(state, bar, rules)
    assert is_left_alone(state, bar, calm, QUIET, rules)
    assert not is_left_alone(state, wide, calm, QUIET, rules)


def a_block(rng: Random, state: State, calm: Calm, before: Bar) -> list[Bar]:
    """Return the bars of one block, of one length, most of them inside the calm."""
    bars = [a_bar_inside(rng, calm, state, before) for _ in range(BLOCK)]
    return [bar._replace(to_close=99.0, minutes=bars[0].minutes) for bar in bars]


def summarized(bars: list[Bar]) -> tuple[Bars, Blocks]:
    """Return bars as columns, and the one block they make."""
    columns = Bars(*(list(column) for column in zip(*(bar[:-2] for bar in bars), strict=True)))
    blocks = Blocks(*([NAN] for _ in Blocks._fields))
    summarize(columns, blocks)
    return columns, blocks


def test_a_calm_block_is_its_bars_one_after_the_other() -> None:
    rng, tried = dice(5), 0
    for _ in range(3 * TRIES):
        rules = some_rules(rng)._replace(volume=None)
        found = settled(rng, rules)
        if found is None:
            continue
        state, before = found
        state = observe(state, before, rules)
        calm = calm_of(state, before, rules)
        columns, blocks = summarized(a_block(rng, state, calm, before))
        if not is_calm(blocks, 0, state, calm):
            continue
        one_by_one = state
        for at in range(BLOCK):
            bar = bar_of(columns, at, 0.0)
            assert is_inside(bar, calm)
            one_by_one = observe(one_by_one, bar, rules)
            assert one_by_one.age < calm.age
        assert repr(observed(state, blocks, 0)) == repr(one_by_one)
        tried += 1
    assert tried > TRIES // 20


@pytest.mark.parametrize("missing", ["open", "low", "high", "close", "to_close", "minutes"])
def test_a_block_that_lacks_a_number_is_not_passed_over(missing: str) -> None:
    rng = dice(6)
    state, before = next(found for _ in range(9) if (found := settled(rng, Rules())))
    calm = calm_of(state, before, Rules())
    bars = a_block(rng, state, calm, before)
    assert is_calm(summarized(bars)[1], 0, state, calm)
    for place in range(BLOCK):
        lacking = [*bars[:place], bars[place]._replace(**{missing: NAN}), *bars[place + 1 :]]
        assert not is_calm(summarized(lacking)[1], 0, state, calm)


def test_minutes_that_do_not_add_up_exactly_are_walked_one_by_one() -> None:
    rng = dice(7)
    state, before = next(found for _ in range(9) if (found := settled(rng, Rules())))
    calm = calm_of(state, before, Rules())
    bars = a_block(rng, state, calm, before)
    odd = [bar._replace(minutes=0.1) for bar in bars]
    assert not is_calm(summarized(odd)[1], 0, state, calm)


@pytest.mark.parametrize("place", range(BLOCK))
def test_bars_of_different_lengths_are_walked_one_by_one(place: int) -> None:
    rng = dice(8)
    state, before = next(found for _ in range(9) if (found := settled(rng, Rules())))
    calm = calm_of(state, before, Rules())
    bars = a_block(rng, state, calm, before)
    bars[place] = bars[place]._replace(minutes=bars[place].minutes + 1.0)
    assert not is_calm(summarized(bars)[1], 0, state, calm)


def test_no_block_is_calm_that_is_not_there() -> None:
    rng = dice(9)
    state, before = next(found for _ in range(9) if (found := settled(rng, Rules())))
    calm = calm_of(state, before, Rules())
    blocks = summarized(a_block(rng, state, calm, before))[1]
    assert is_calm(blocks, 0, state, calm)
    assert not is_calm(blocks, 1, state, calm)
