"""The exits of freqtrade's backtest: its stop, its trail and its profit by age, inside one bar.

A second way to walk, for people who migrate; `kernel` is ours. Its assumptions are optimistic: the
trail is raised from a bar's favourable extreme before the adverse one is tested against it, and a
gap through the stop that comes back fills at the stop. docs/replay-freqtrade.md tells every
difference, each with an example, and how far it is off.

Everything is a ratio of the entry price with the fee inside, without leverage. With `fee` paid on
the value at entry and again at exit, `gain` of a price is, for a long and for a short,

    price * (1 - fee) / (entry * (1 + fee)) - 1      1 - price * (1 + fee) / (entry * (1 - fee))

Source: freqtrade 2026.9, its documentation ("Assumptions made by backtesting", "Stop Loss") and
what its backtest does; written anew from the behaviour.
"""

import math
from typing import NamedTuple

from stopward.rules.codes import AGED_TARGET, NO_RULE, PERCENT_TRAIL, STOP
from stopward.rules.geometry import countable, ratio, tick_above, tick_below, tighter
from stopward.rules.types import NAN, Bar, Fill, State

MOST_ROI_STEPS = 12
"""Steps of the table of profits by age."""
HALF_PLACE = 5e-9
"""That backtest rounds gains to eight decimals before it compares them with a parameter."""
WHATEVER_IT_IS = -1.0
"""The profit of a step that leaves at any price."""


class RoiStep(NamedTuple):
    """From `minutes` of age on, leave at a gain over `ratio`; an unused step is nan and nan."""

    minutes: float
    ratio: float


NO_STEP = RoiStep(NAN, NAN)


class FreqtradeRules(NamedTuple):
    """The exits of one strategy, under that peer's names and in its units.

    stoploss: the initial stop as a ratio of the entry price, below 0.
    trailing_stop, trailing_only_offset_is_reached: 1 or 0.
    trailing_stop_positive: the distance of the trail once the gain is over the offset; nan: it
    stays that of the stop.
    minimal_roi: MOST_ROI_STEPS steps by rising minutes, those without a use at the end.
    fee: share of the value that entry and exit cost each.
    """

    stoploss: float
    trailing_stop: float
    trailing_stop_positive: float
    trailing_stop_positive_offset: float
    trailing_only_offset_is_reached: float
    minimal_roi: tuple[RoiStep, ...]
    fee: float


class Trail(NamedTuple):
    """The stop after a bar's favourable extreme.

    distance: the ratio at which it trails. moved: 1 once it is tighter than at entry.
    """

    stop: float
    distance: float
    moved: float


class Met(NamedTuple):
    """What a bar did: its fill (quantity 0 when none) and where the stop is then."""

    fill: Fill
    stop: float


def gain(state: State, price: float, fee: float) -> float:
    """Return the gain at `price` as a ratio, both fees inside."""
    cost = state.side * fee
    return state.side * (ratio(price * (1.0 - cost), state.entry * (1.0 + cost)) - 1.0)


def price_of(state: State, wanted: float, fee: float) -> float:
    """Return the price at which `gain` is `wanted`, not yet on a tick."""
    cost = state.side * fee
    return ratio((1.0 + state.side * wanted) * state.entry * (1.0 + cost), 1.0 - cost)


def behind(state: State, price: float, distance: float) -> float:
    """Return a stop at a ratio behind `price`, on the tick nearer to it.

    The noise of the product counts, as there: 101.85000000000001 is over 101.85, and goes up.
    """
    level = price * (1.0 - state.side * distance)
    tick = ratio(1.0, state.per_unit)
    if state.side > 0.0:
        above = tick_above(level, state.per_unit)
        return tick_above(level + tick, state.per_unit) if above < level else above
    below = tick_below(level, state.per_unit)
    return tick_below(level - tick, state.per_unit) if below > level else below


def inside(price: float, bar: Bar) -> float:
    """Return the nearest price that the bar traded."""
    if price > bar.high:
        return bar.high
    if price < bar.low:
        return bar.low
    return price


def on_tick_inside(price: float, state: State, bar: Bar) -> float:
    """Return the tick nearest to a price, the upper of two; never outside the bar."""
    half = ratio(0.5, state.per_unit)
    return inside(tick_below(inside(price, bar) + half, state.per_unit), bar)


def favourable(state: State, bar: Bar) -> float:
    """Return the bar's best price for the position."""
    return bar.high if state.side > 0.0 else bar.low


def adverse(state: State, bar: Bar) -> float:
    """Return the bar's worst price for the position."""
    return bar.low if state.side > 0.0 else bar.high


def first_stop(state: State, rules: FreqtradeRules) -> float:
    """Return the stop at entry."""
    return behind(state, state.entry, -rules.stoploss)


def trailed(state: State, bar: Bar, rules: FreqtradeRules) -> Trail:
    """Return the stop after the favourable extreme; a bar that touched it already moves nothing."""
    stop = state.stop
    distance = -rules.stoploss
    if rules.trailing_stop > 0.0 and state.side * (adverse(state, bar) - stop) > 0.0:
        best = favourable(state, bar)
        over = gain(state, best, rules.fee) - rules.trailing_stop_positive_offset
        positive = rules.trailing_stop_positive
        if positive == positive and over > HALF_PLACE:
            distance = positive
        if not (rules.trailing_only_offset_is_reached > 0.0 and over < -HALF_PLACE):
            stop = tighter(state.side, behind(state, best, distance), stop)
    moved = 1.0 if state.side * (stop - first_stop(state, rules)) > 0.0 else 0.0
    return Trail(stop, distance, moved)


def stop_price(state: State, bar: Bar, age: float, trail: Trail, rules: FreqtradeRules) -> float:
    """Return what a stop that was touched fills at.

    The stop, or the open when the whole bar lies beyond it. A trail that was raised in the entry
    bar itself is taken as raised by the least that raises it: from the offset, or else from the
    open.
    """
    side = state.side
    if side * (favourable(state, bar) - trail.stop) < 0.0:
        return bar.open
    if age > 0.0 or not trail.moved > 0.0:
        return trail.stop
    positive = rules.trailing_stop_positive
    least = 1.0 - side * trail.distance
    if rules.trailing_only_offset_is_reached > 0.0 and positive == positive:
        least = 1.0 + side * rules.trailing_stop_positive_offset - side * positive
    return on_tick_inside(bar.open * least, state, bar)


def step_at(age: float, rules: FreqtradeRules) -> RoiStep:
    """Return the last step that has begun at `age` minutes; NO_STEP before the first."""
    found = RoiStep(NAN, NAN)
    for step in rules.minimal_roi:
        if step.minutes <= age:
            found = step
    return found


def begins_a_bar(minutes: float, bar_minutes: float) -> bool:
    """Return whether so many minutes are whole bars."""
    bars = ratio(minutes, bar_minutes)
    if not countable(bars):
        return minutes == 0.0
    return float(math.floor(bars)) == bars


def roi_price(
    state: State, bar: Bar, age: float, rules: FreqtradeRules, bar_minutes: float
) -> float:
    """Return what the profit by age fills at; nan while its gain was not passed.

    The wanted price, never outside the bar; the open, when a step begins with this bar and its
    price is passed there. In the entry bar of a position that was entered better than the open, a
    bar that closed against it gives nothing beyond its close.
    """
    side = state.side
    step = step_at(age, rules)
    if not gain(state, favourable(state, bar), rules.fee) - step.ratio > HALF_PLACE:
        return NAN
    begins = begins_a_bar(step.minutes, bar_minutes)
    if step.ratio == WHATEVER_IT_IS and begins:
        return bar.open
    price = price_of(state, step.ratio, rules.fee)
    if age > 0.0:
        if age == step.minutes and begins and side * (bar.open - price) > 0.0:
            return bar.open
    elif (
        side * (bar.open - bar.close) > 0.0
        and side * (bar.open - state.entry) > 0.0
        and side * (price - bar.close) > 0.0
    ):
        return NAN
    return on_tick_inside(price, state, bar)


def meet(state: State, bar: Bar, age: float, rules: FreqtradeRules, bar_minutes: float) -> Met:
    """Return what one bar does to a position, and where its stop is afterwards.

    age: minutes from the position's first bar to this one, 0 in the first. Order: the trail is
    raised; a stop that never moved; the profit by age; a trail. Where two were true, the fill is
    `ambiguous` and carries the price of the other.
    """
    trail = trailed(state, bar, rules)
    profit = roi_price(state, bar, age, rules, bar_minutes)
    stopped = NAN
    if state.side * (adverse(state, bar) - trail.stop) <= 0.0:
        stopped = stop_price(state, bar, age, trail, rules)
    both = 1.0 if profit == profit and stopped == stopped else 0.0
    if stopped == stopped and not trail.moved > 0.0:
        return Met(Fill(state.quantity, stopped, STOP, both, profit), trail.stop)
    if profit == profit:
        return Met(Fill(state.quantity, profit, AGED_TARGET, both, stopped), trail.stop)
    if stopped == stopped:
        return Met(Fill(state.quantity, stopped, PERCENT_TRAIL, 0.0, NAN), trail.stop)
    return Met(Fill(0.0, NAN, NO_RULE, 0.0, NAN), trail.stop)
