"""Levels of the rules that move the stop, as `stopward.rules.levels` has them."""

from stopward.rules.geometry import (
    SMALLEST_MOVE_R,
    SMALLEST_MOVE_TICKS,
    best_profit,
    distance,
    earns_its_costs,
    is_gain,
    is_worth_a_move,
    profit,
    ratio,
    resting_price,
)
from stopward.rules.levels import ASK, ENDLESS, armed_at, arms_at, either, higher
from stopward.rules.parameters import (
    ATR,
    AdverseExcursion,
    AverageTrail,
    BarTrail,
    Breakeven,
    Chandelier,
    Distance,
    FollowTargets,
    ModelTighten,
    PercentTrail,
    Ratchet,
)
from stopward.rules.types import Bar, State


def adverse_excursion_level(state: State, params: AdverseExcursion | None) -> float:
    """Return ASK while its price is tighter than the stop; the price never changes."""
    if params is None:
        return ENDLESS
    if not params.winners >= params.needed:
        return ENDLESS
    price = resting_price(state.entry - state.side * params.limit_r * state.risk, state)
    return ASK if is_gain(state.side * (price - state.stop), state) else ENDLESS


def breakeven_level(state: State, bar: Bar, params: Breakeven | None, slack: float) -> float:
    """Return the level that arms it; once it earns its costs, the stop stays."""
    if params is None:
        return ENDLESS
    arm = arms_at(params.arm, state, bar, slack)
    if arm != arm:
        return ENDLESS if earns_its_costs(state) else ASK
    return arm


def moves(price: float, state: State) -> bool:
    """Return whether a rule that wants the stop at `price` moves it."""
    move = state.side * (price - state.stop)
    return is_gain(move, state) and is_worth_a_move(move, state)


def step_level(state: State, at: float, lock: float, slack: float) -> float:
    """Return the level of one step; ASK when it was reached and wants the stop moved."""
    if at != at:
        return ENDLESS
    arm = armed_at(best_profit(state), at * state.risk, slack)
    if arm == arm:
        return arm
    price = resting_price(state.entry + state.side * lock * state.risk, state)
    return ASK if moves(price, state) else ENDLESS


def ratchet_level(state: State, params: Ratchet | None, slack: float) -> float:
    """Return the level of the next step, or ASK."""
    if params is None:
        return ENDLESS
    up = either(
        step_level(state, params.at_1, params.lock_1, slack),
        step_level(state, params.at_2, params.lock_2, slack),
    )
    up = either(up, step_level(state, params.at_3, params.lock_3, slack))
    return either(up, step_level(state, params.at_4, params.lock_4, slack))


def trail_level(state: State, bar: Bar, arm: Distance, behind: Distance, slack: float) -> float:
    """Return the level that arms a trail `behind` the best price, or at which it moves the stop."""
    level = arms_at(arm, state, bar, slack)
    if level == level:
        return level
    if behind.unit == ATR:
        return ASK
    move = higher(ratio(SMALLEST_MOVE_TICKS, state.per_unit), SMALLEST_MOVE_R * state.risk)
    level = profit(state, state.stop) + move + distance(behind, state, bar)
    if level != level:
        return ENDLESS
    return armed_at(best_profit(state), level, slack)


def chandelier_level(state: State, bar: Bar, params: Chandelier | None, slack: float) -> float:
    """Return the level that arms it, or at which it moves the stop if no window holds it back."""
    if params is None:
        return ENDLESS
    return trail_level(state, bar, params.arm, params.distance, slack)


def percent_trail_level(state: State, bar: Bar, params: PercentTrail | None, slack: float) -> float:
    """Return the level that arms one of its distances, or at which it moves the stop."""
    if params is None:
        return ENDLESS
    return either(
        trail_level(state, bar, params.arm, params.distance, slack),
        trail_level(state, bar, params.arm_2, params.distance_2, slack),
    )


def bar_trail_level(state: State, bar: Bar, params: BarTrail | None, slack: float) -> float:
    """Return the level that arms it; then it follows lows."""
    if params is None:
        return ENDLESS
    return arms_at(params.arm, state, bar, slack)


def average_trail_level(state: State, bar: Bar, params: AverageTrail | None, slack: float) -> float:
    """Return the level that arms it; then it follows the average."""
    if params is None:
        return ENDLESS
    return arms_at(params.arm, state, bar, slack)


def follow_targets_level(
    state: State, bar: Bar, params: FollowTargets | None, slack: float
) -> float:
    """Return the level of the next target; ASK while one that was reached wants the stop moved."""
    if params is None:
        return ENDLESS
    up = ENDLESS
    if state.hits < 3.0:
        up = either(up, arms_at(params.target_3, state, bar, slack))
    if state.hits < 2.0:
        up = either(up, arms_at(params.target_2, state, bar, slack))
    if state.hits < 1.0:
        return either(up, arms_at(params.target_1, state, bar, slack))
    if state.hits < 2.0:
        return up if earns_its_costs(state) else ASK
    behind = params.target_1 if state.hits < 3.0 else params.target_2
    if behind.unit == ATR:
        return ASK
    price = state.entry + state.side * distance(behind, state, bar)
    return ASK if moves(resting_price(price, state), state) else up


def model_tighten_level(params: ModelTighten | None) -> float:
    """Return ASK while the score is too low, for the stop then follows the price."""
    if params is None:
        return ENDLESS
    return ASK if params.score < params.below else ENDLESS
