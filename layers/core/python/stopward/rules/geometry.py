"""Prices on the tick, quantities on the lot, distances and comparisons; all in floats.

Thresholds are exact: a gain of exactly +1R has reached +1R. Prices like 10.20 - 10.10 carry noise
of about 1e-15, so a comparison of a computed gain or level forgives `TOLERANCE`, a millionth of a
tick; two prices of the market are compared as they are.
"""

import math
from typing import Final

from stopward.rules.parameters import ATR, PERCENT, PRICE, TICKS, Distance, R
from stopward.rules.types import NAN, Bar, State

TOLERANCE: Final = 1e-6
"""Noise forgiven, in ticks (in lots, where a quantity is floored)."""
LARGEST_PRICE: Final = 1e12
SMALLEST_MOVE_TICKS: Final = 2.0
SMALLEST_MOVE_R: Final = 0.05


def ratio(numerator: float, denominator: float) -> float:
    """Return the quotient, nan where it has none."""
    if denominator == 0.0 or denominator != denominator:
        return NAN
    return numerator / denominator


LARGEST_COUNT: Final = 9.0e15
"""Below it every whole number is a float of its own."""
NOISE: Final = 1e-15
"""What a division may be off by, as a share of its result."""


def usable(price: float) -> bool:
    """Return whether a price is a positive, finite number (nan and infinity are not)."""
    return 0.0 < price < LARGEST_PRICE


def countable(number: float) -> bool:
    """Return whether a number is positive, finite and small enough to be floored exactly."""
    return 0.0 < number < LARGEST_COUNT


def tighter(side: float, first: float, second: float) -> float:
    """Return the more protective of two stops: the higher for a long, the lower for a short."""
    return first if side * first > side * second else second


def reached(gain: float, level: float, state: State) -> bool:
    """Return whether `gain` is at or past `level` (both dollars a share); a nan reaches nothing."""
    return (gain - level) * state.per_unit >= -TOLERANCE


def short_of(gain: float, level: float, state: State) -> bool:
    """Return whether `gain` is under `level`; a nan is short of nothing."""
    return (gain - level) * state.per_unit < -TOLERANCE


def is_gain(amount: float, state: State) -> bool:
    """Return whether an amount of dollars a share is more than noise over nothing."""
    return amount * state.per_unit > TOLERANCE


def profit(state: State, price: float) -> float:
    """Return the result a share at `price`, in dollars."""
    return state.side * (price - state.entry)


def best_profit(state: State) -> float:
    """Return the most favourable result a share since entry, in dollars."""
    return state.side * (state.best - state.entry)


def distance(amount: Distance, state: State, bar: Bar) -> float:
    """Return a distance in dollars a share; nan when its unit needs a number that is missing."""
    if amount.unit == R:
        return amount.value * state.risk
    if amount.unit == PERCENT:
        return amount.value * state.entry * 0.01
    if amount.unit == ATR:
        return amount.value * bar.atr
    if amount.unit == TICKS:
        return ratio(amount.value, state.per_unit)
    if amount.unit == PRICE:
        return amount.value
    return NAN


def comes_to(gain: float, amount: Distance, state: State, bar: Bar) -> bool:
    """Return whether `gain` (dollars a share) has reached a distance; one that is off it has not.

    Asked first whether it is off, for that is what most distances are.
    """
    if amount.value != amount.value:
        return False
    return reached(gain, distance(amount, state, bar), state)


def tick_below(price: float, per_unit: float) -> float:
    """Return the last tick at or under `price`; nan when the price is not usable."""
    if not (usable(price) and per_unit > 0.0):
        return NAN
    return float(math.floor(price * per_unit + TOLERANCE)) / per_unit


def tick_above(price: float, per_unit: float) -> float:
    """Return the first tick at or over `price`; nan when the price is not usable."""
    if not (usable(price) and per_unit > 0.0):
        return NAN
    return float(math.ceil(price * per_unit - TOLERANCE)) / per_unit


def resting_price(price: float, state: State) -> float:
    """Round a stop to the tick away from triggering: down for a long, up for a short."""
    if state.side > 0.0:
        return tick_below(price, state.per_unit)
    return tick_above(price, state.per_unit)


def covering_price(price: float, state: State) -> float:
    """Round a stop that must cover costs, or a target, so that it earns them: up for a long."""
    if state.side > 0.0:
        return tick_above(price, state.per_unit)
    return tick_below(price, state.per_unit)


def breakeven_price(state: State, bar: Bar, extra: float) -> float:
    """Return the stop that costs nothing: entry + fees + half spread + 1 tick + `extra`.

    An unknown spread adds nothing. Rounded so that the costs are covered.
    """
    costs = state.fees + ratio(1.0, state.per_unit) + extra
    if bar.spread > 0.0:
        costs = costs + 0.5 * bar.spread
    return covering_price(state.entry + state.side * costs, state)


def earns_its_costs(state: State) -> bool:
    """Return whether the resting stop is at breakeven already, whatever the spread is now."""
    earned = state.side * (state.stop - state.entry) - state.fees
    return earned * state.per_unit >= 1.0 - TOLERANCE


def is_worth_a_move(move: float, state: State) -> bool:
    """Return whether a stop moves enough for a request: 2 ticks and 0.05R (a move in dollars)."""
    return move * state.per_unit >= SMALLEST_MOVE_TICKS - TOLERANCE and reached(
        move, SMALLEST_MOVE_R * state.risk, state
    )


def floor_lot(quantity: float, lot: float) -> float:
    """Round a quantity down to whole lots, forgiving the noise of the division; nan gives 0."""
    lots = ratio(quantity, lot)
    if not countable(lots):
        return 0.0
    return float(math.floor(lots + TOLERANCE + lots * NOISE)) * lot
