"""Taking profit: a fixed target, a target that decays with age, partial exits.

All are judged on the close (live: the quote); only a target that rests at the broker fills on
extremes.
"""

from typing import Final

from stopward.rules.codes import AGED_TARGET, PARTIAL, TARGET
from stopward.rules.geometry import (
    TOLERANCE,
    comes_to,
    covering_price,
    distance,
    floor_lot,
    profit,
    reached,
)
from stopward.rules.parameters import AgedTarget, Distance, Partial, Target
from stopward.rules.proposal import leave, leave_all
from stopward.rules.types import NAN, Account, Bar, Proposal, State

NOISE: Final = 1e-9
"""Forgiven in minutes."""


def target(
    state: State, bar: Bar, account: Account, params: Target | None, proposal: Proposal
) -> Proposal:
    """Leave at the target, unless it rests at the broker: then the broker does it.

    A target that should rest but does not (no shares are free for it) is judged on the close.
    """
    if params is None:
        return proposal
    if params.resting > 0.0 and state.target == state.target:
        return proposal
    if comes_to(profit(state, bar.close), params.distance, state, bar):
        return leave_all(state, proposal, TARGET)
    return proposal


def aged_r(state: State, params: AgedTarget) -> float:
    """Return the profit that counts as enough at the position's age, in R."""
    if state.age >= params.minutes_3 - NOISE:
        return params.r_3
    if state.age >= params.minutes_2 - NOISE:
        return params.r_2
    return params.r_1


def aged_target(
    state: State, bar: Bar, account: Account, params: AgedTarget | None, proposal: Proposal
) -> Proposal:
    """Leave at a profit that counts as enough for the position's age."""
    if params is None:
        return proposal
    if reached(profit(state, bar.close), aged_r(state, params) * state.risk, state):
        return leave_all(state, proposal, AGED_TARGET)
    return proposal


def step_quantity(state: State, bar: Bar, step: float, at: Distance, fraction: float) -> float:
    """Return the shares a step sells now; 0 when done, not reached, or under one lot."""
    if step <= state.partials:
        return 0.0
    if not comes_to(profit(state, bar.close), at, state, bar):
        return 0.0
    return floor_lot(fraction * state.initial_quantity, state.lot)


def partial(
    state: State, bar: Bar, account: Account, params: Partial | None, proposal: Proposal
) -> Proposal:
    """Sell the fractions of the initial quantity whose steps are reached and not done, in one exit.

    A step worth less than one lot is passed over. What would leave less than one lot sells
    everything.
    """
    if params is None:
        return proposal
    first = step_quantity(state, bar, 1.0, params.at_1, params.fraction_1)
    second = step_quantity(state, bar, 2.0, params.at_2, params.fraction_2)
    third = step_quantity(state, bar, 3.0, params.at_3, params.fraction_3)
    quantity = first + second + third
    if not quantity > 0.0:
        return proposal
    done = state.partials
    if third > 0.0:
        done = 3.0
    elif second > 0.0:
        done = 2.0
    elif first > 0.0:
        done = 1.0
    if state.quantity - quantity < state.lot * (1.0 - TOLERANCE):
        quantity = state.quantity
    wanted = leave(state, proposal, quantity, PARTIAL, NAN)
    return Proposal(
        wanted.stop,
        wanted.stop_rule,
        wanted.exit_quantity,
        wanted.exit_rule,
        wanted.fired,
        wanted.hits,
        done,
        wanted.crossed,
    )


def target_price(state: State, bar: Bar, params: Target | None) -> float:
    """Return where the target rests, rounded so that it earns its distance; nan when none rests."""
    if params is None:
        return NAN
    if not params.resting > 0.0:
        return NAN
    return covering_price(state.entry + state.side * distance(params.distance, state, bar), state)
