"""Levels: for each rule, the gains and times inside which it wants nothing.

Here are those of exits, and what all share; `stopward.rules.stop_levels` has the stops.
A level is a gain in dollars a share, under which the rule is silent; a floor one over which it is.
ENDLESS, or minus that, where it is silent whatever happens, and ASK where it has none, because it
follows an indicator: then the rule itself has to be asked on every bar. Each may be too careful and
never too bold; a gain within `slack` of a level has come to it, for all that is certain.
"""

from typing import Final

from stopward.rules.early_exit import NOISE
from stopward.rules.geometry import best_profit, distance, profit, short_of
from stopward.rules.parameters import (
    ATR,
    AgedTarget,
    Distance,
    GiveBack,
    Momentum,
    Partial,
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
