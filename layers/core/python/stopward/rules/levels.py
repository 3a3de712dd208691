"""Levels: for each rule, the gains and times inside which it wants nothing.

A level is a gain in dollars a share, under which the rule is silent; a floor one over which it is.
ENDLESS, or minus that, where it is silent whatever happens, and ASK where it has none, because it
follows an indicator: then the rule itself has to be asked on every bar. Each may be too careful and
never too bold; a gain within `slack` of a level has come to it, for all that is certain.
"""

from typing import Final

from stopward.rules.early_exit import NOISE
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
    short_of,
)
from stopward.rules.parameters import (
    ATR,
    AdverseExcursion,
    AgedTarget,
    AverageTrail,
    BarTrail,
    Breakeven,
    Chandelier,
    Distance,
    FollowTargets,
    GiveBack,
    Momentum,
    Partial,
    PercentTrail,
    Ratchet,
    SessionFlat,
    Target,
    TimeStop,
    Volume,
)
from stopward.rules.profit import aged_r
from stopward.rules.types import NAN, Bar, State

ENDLESS: Final = float("inf")
ASK: Final = NAN
NEAR: Final = 0.25
"""The part of the ATR by which it may change before the rules are asked again."""
ROOM: Final = 0.1
"""R by which the best price may grow before the give-back is asked again."""
SLACK_TICKS: Final = 0.01
"""More than the noise of a sum of prices, less than a tick."""


def lower(first: float, second: float) -> float:
    """Return the lower of two levels; a missing second one is none."""
    return second if second < first else first


def higher(first: float, second: float) -> float:
    """Return the higher of two levels; a missing second one is none."""
    return second if second > first else first


def either(first: float, second: float) -> float:
    """Return the lower of two levels; ASK when one of them is."""
    if first != first or second != second:
        return ASK
    return lower(first, second)


def least(amount: Distance, state: State, bar: Bar) -> float:
    """Return the least a distance comes to while the ATR stays NEAR; endless when there is none.

    One in an ATR that is not known yet may come to anything.
    """
    if amount.value != amount.value:
        return ENDLESS
    now = distance(amount, state, bar)
    if amount.unit == ATR:
        if now != now:
            return -ENDLESS
        return lower(now * (1.0 - NEAR), now * (1.0 + NEAR))
    return now if now == now else ENDLESS


def armed_at(gain: float, level: float, slack: float) -> float:
    """Return a level that `gain` has not come to; ASK when it may have."""
    return level if gain < level - slack else ASK


def arms_at(amount: Distance, state: State, bar: Bar, slack: float) -> float:
    """Return the level at which the best price comes to a distance; ASK when it may have."""
    if amount.value != amount.value:
        return ENDLESS
    return armed_at(best_profit(state), least(amount, state, bar), slack)


def session_flat_left(params: SessionFlat | None) -> float:
    """Return the minutes to the close from which positions are flattened."""
    if params is None:
        return -ENDLESS
    return higher(-ENDLESS, params.minutes)


def later(minutes: float, state: State) -> float:
    """Return an age in minutes if it is to come, else endless."""
    return minutes if state.age < minutes - NOISE else ENDLESS


def time_stop_age(state: State, params: TimeStop | None) -> float:
    """Return the age at which the time stop is due."""
    if params is None:
        return ENDLESS
    return later(params.minutes, state)


def time_stop_floor(state: State, params: TimeStop | None) -> float:
    """Return the floor of a time stop that is due."""
    if params is None:
        return -ENDLESS
    if not state.age >= params.minutes - NOISE:
        return -ENDLESS
    if params.need_best_r != params.need_best_r:
        return 0.0
    is_short = short_of(best_profit(state), params.need_best_r * state.risk, state)
    return ENDLESS if is_short else -ENDLESS


def aged_target_age(state: State, params: AgedTarget | None) -> float:
    """Return the age at which another profit counts as enough."""
    if params is None:
        return ENDLESS
    return lower(later(params.minutes_2, state), later(params.minutes_3, state))


def aged_target_level(state: State, params: AgedTarget | None) -> float:
    """Return the profit that counts as enough."""
    if params is None:
        return ENDLESS
    return lower(ENDLESS, aged_r(state, params) * state.risk)


def target_level(state: State, bar: Bar, params: Target | None) -> float:
    """Return the level of a target that is judged on the close."""
    if params is None:
        return ENDLESS
    if params.resting > 0.0 and state.target == state.target:
        return ENDLESS
    return least(params.distance, state, bar)


def partial_level(state: State, bar: Bar, params: Partial | None) -> float:
    """Return the level of the next step."""
    if params is None:
        return ENDLESS
    up = ENDLESS
    if state.partials < 3.0:
        up = lower(up, least(params.at_3, state, bar))
    if state.partials < 2.0:
        up = lower(up, least(params.at_2, state, bar))
    if state.partials < 1.0:
        up = lower(up, least(params.at_1, state, bar))
    return up


def give_back_level(state: State, params: GiveBack | None, slack: float) -> float:
    """Return the level that arms a step of the give-back, or asks for more to be kept."""
    if params is None:
        return ENDLESS
    best = best_profit(state)
    first = params.arm_r * state.risk
    second = params.arm_2_r * state.risk
    up = ENDLESS
    if best >= first - slack or best >= second - slack:
        up = best + ROOM * state.risk
    if best < first - slack:
        up = lower(up, first)
    if best < second - slack:
        up = lower(up, second)
    return up


def give_back_floor(state: State, params: GiveBack | None, slack: float) -> float:
    """Return what is to be kept of the best price, with ROOM for it to grow."""
    if params is None:
        return -ENDLESS
    best = best_profit(state)
    grown = best + ROOM * state.risk
    down = -ENDLESS
    if best >= params.arm_r * state.risk - slack:
        down = higher(higher(down, params.keep * best), params.keep * grown)
    if best >= params.arm_2_r * state.risk - slack:
        down = higher(higher(down, params.keep_2 * best), params.keep_2 * grown)
    return down


def volume_floor(params: Volume | None) -> float:
    """Return ASK: it follows the market."""
    if params is None:
        return -ENDLESS
    return ASK if params.bars == params.bars else -ENDLESS


def momentum_floor(state: State, bar: Bar, params: Momentum | None) -> float:
    """Return the gain from which no reversal counts, or ASK when the close is not well over it."""
    if params is None:
        return -ENDLESS
    if params.votes != params.votes:
        return -ENDLESS
    level = params.below_r * state.risk
    return level if profit(state, bar.close) > level + ROOM * state.risk else ASK


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
