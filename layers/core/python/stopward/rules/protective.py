"""Stops that follow: breakeven, ratchet, trails, targets, a low score. They only tighten."""

from stopward.rules.codes import (
    AVERAGE_TRAIL,
    BAR_TRAIL,
    BREAKEVEN,
    CHANDELIER,
    FOLLOW_TARGETS,
    MODEL_TIGHTEN,
    PERCENT_TRAIL,
    RATCHET,
)
from stopward.rules.geometry import (
    best_profit,
    breakeven_price,
    comes_to,
    distance,
    earns_its_costs,
    reached,
    resting_price,
)
from stopward.rules.parameters import (
    AverageTrail,
    BarTrail,
    Breakeven,
    Chandelier,
    FollowTargets,
    ModelTighten,
    PercentTrail,
    Ratchet,
)
from stopward.rules.proposal import raise_stop
from stopward.rules.types import Account, Bar, Proposal, State


def breakeven(
    state: State, bar: Bar, account: Account, params: Breakeven | None, proposal: Proposal
) -> Proposal:
    """Rest the stop where the trade costs nothing, once; a wider spread moves it no more."""
    if params is None:
        return proposal
    if not comes_to(best_profit(state), params.arm, state, bar) or earns_its_costs(state):
        return proposal
    price = breakeven_price(state, bar, distance(params.extra, state, bar))
    return raise_stop(state, bar, proposal, price, BREAKEVEN)


def ratchet(
    state: State, bar: Bar, account: Account, params: Ratchet | None, proposal: Proposal
) -> Proposal:
    """Lock a step of R for each step of best profit.

    Source: Van Tharp, "Trade Your Way to Financial Freedom".
    """
    if params is None:
        return proposal
    best = best_profit(state)
    if reached(best, params.at_4 * state.risk, state):
        lock = params.lock_4
    elif reached(best, params.at_3 * state.risk, state):
        lock = params.lock_3
    elif reached(best, params.at_2 * state.risk, state):
        lock = params.lock_2
    elif reached(best, params.at_1 * state.risk, state):
        lock = params.lock_1
    else:
        return proposal
    price = resting_price(state.entry + state.side * lock * state.risk, state)
    return raise_stop(state, bar, proposal, price, RATCHET)


def chandelier(
    state: State, bar: Bar, account: Account, params: Chandelier | None, proposal: Proposal
) -> Proposal:
    """Hang the stop below the highest high of the window since entry (mirrored for shorts).

    The window's extreme may be older than the position; the lesser of it and the best price since
    entry is the extreme of the window since entry. Unknown (a short history), it is the best price.
    Source: Chuck LeBeau; Alexander Elder, "Come Into My Trading Room".
    """
    if params is None:
        return proposal
    if not comes_to(best_profit(state), params.arm, state, bar):
        return proposal
    extreme = state.best
    if params.window > 0.0:
        if state.side > 0.0:
            if bar.highest < extreme:
                extreme = bar.highest
        elif bar.lowest > extreme:
            extreme = bar.lowest
    price = resting_price(extreme - state.side * distance(params.distance, state, bar), state)
    return raise_stop(state, bar, proposal, price, CHANDELIER)


def percent_trail(
    state: State, bar: Bar, account: Account, params: PercentTrail | None, proposal: Proposal
) -> Proposal:
    """Trail behind the best price, at a second, tighter distance from a second profit on."""
    if params is None:
        return proposal
    best = best_profit(state)
    if comes_to(best, params.arm_2, state, bar):
        behind = distance(params.distance_2, state, bar)
    elif comes_to(best, params.arm, state, bar):
        behind = distance(params.distance, state, bar)
    else:
        return proposal
    price = resting_price(state.best - state.side * behind, state)
    return raise_stop(state, bar, proposal, price, PERCENT_TRAIL)


def bar_trail(
    state: State, bar: Bar, account: Account, params: BarTrail | None, proposal: Proposal
) -> Proposal:
    """Trail below the lowest low of the last closed bars (mirrored for shorts)."""
    if params is None:
        return proposal
    if not comes_to(best_profit(state), params.arm, state, bar):
        return proposal
    extreme = bar.trail_low if state.side > 0.0 else bar.trail_high
    price = resting_price(extreme - state.side * distance(params.buffer, state, bar), state)
    return raise_stop(state, bar, proposal, price, BAR_TRAIL)


def average_trail(
    state: State, bar: Bar, account: Account, params: AverageTrail | None, proposal: Proposal
) -> Proposal:
    """Trail below the moving average of closes (mirrored for shorts)."""
    if params is None:
        return proposal
    if not comes_to(best_profit(state), params.arm, state, bar):
        return proposal
    price = bar.average - state.side * distance(params.buffer, state, bar)
    return raise_stop(state, bar, proposal, resting_price(price, state), AVERAGE_TRAIL)


def follow_targets(
    state: State, bar: Bar, account: Account, params: FollowTargets | None, proposal: Proposal
) -> Proposal:
    """Rest the stop at breakeven once target 1 was reached, at target k - 1 once target k was.

    A target reached stays so (`State.hits`), even when its distance grows with the ATR later.
    """
    if params is None:
        return proposal
    best = best_profit(state)
    hits = state.hits
    if hits < 3.0 and comes_to(best, params.target_3, state, bar):
        hits = 3.0
    elif hits < 2.0 and comes_to(best, params.target_2, state, bar):
        hits = 2.0
    elif hits < 1.0 and comes_to(best, params.target_1, state, bar):
        hits = 1.0
    if not hits > 0.0:
        return proposal
    counted = Proposal(
        proposal.stop,
        proposal.stop_rule,
        proposal.exit_quantity,
        proposal.exit_rule,
        proposal.fired,
        hits,
        proposal.partials,
        proposal.crossed,
    )
    if hits >= 3.0:
        second = distance(params.target_2, state, bar)
        price = resting_price(state.entry + state.side * second, state)
    elif hits >= 2.0:
        first = distance(params.target_1, state, bar)
        price = resting_price(state.entry + state.side * first, state)
    elif earns_its_costs(state):
        return counted
    else:
        price = breakeven_price(state, bar, 0.0)
    return raise_stop(state, bar, counted, price, FOLLOW_TARGETS)


def model_tighten(
    state: State, bar: Bar, account: Account, params: ModelTighten | None, proposal: Proposal
) -> Proposal:
    """Pull the stop in behind the price while a model gives the trade too little chance.

    A distance that comes to nothing (the ATR of a market that stands still) would put the stop at
    the price, and so close the position: then it is silent.
    """
    if params is None:
        return proposal
    if not params.score < params.below:
        return proposal
    behind = distance(params.distance, state, bar)
    price = resting_price(bar.close - state.side * behind, state)
    if not state.side * (bar.close - price) > 0.0:
        return proposal
    return raise_stop(state, bar, proposal, price, MODEL_TIGHTEN)
