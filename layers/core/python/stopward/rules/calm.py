"""Calm: prices and times inside which nothing fills and no rule wants anything.

On most bars nothing happens, and a replay need not ask every rule to know it. After a bar `calm_of`
says what the next ones must keep to; while they do, `observe` is all there is to do. What it says
may be too careful, which costs time, and never too bold (a test holds each rule to that).
"""

from typing import Final, NamedTuple

from stopward.rules.geometry import profit, ratio
from stopward.rules.levels import (
    ENDLESS,
    NEAR,
    SLACK_TICKS,
    aged_target_age,
    aged_target_level,
    either,
    give_back_floor,
    give_back_level,
    higher,
    lower,
    momentum_floor,
    partial_level,
    session_flat_left,
    target_level,
    time_stop_age,
    time_stop_floor,
    volume_floor,
)
from stopward.rules.parameters import Rules
from stopward.rules.stop_levels import (
    adverse_excursion_level,
    average_trail_level,
    bar_trail_level,
    breakeven_level,
    chandelier_level,
    follow_targets_level,
    model_tighten_level,
    percent_trail_level,
    ratchet_level,
)
from stopward.rules.types import Bar, State

EARLY: Final = 1e-6
"""Minutes."""


class Calm(NamedTuple):
    """What a closed bar must keep to, for a position to be left alone.

    floor, ceiling: prices; its low stays over the one and its high under the other. age: minutes
    that the position stays younger than, that bar included. to_close: more minutes than these are
    left. atr_low, atr_high: what its ATR stays between; a missing one is no matter.
    asks_exits, asks_stops: 1 when `leaves`, `raises` have to be asked on every bar.
    """

    floor: float
    ceiling: float
    age: float
    to_close: float
    atr_low: float
    atr_high: float
    asks_exits: float
    asks_stops: float


def calm_of(state: State, bar: Bar, rules: Rules) -> Calm:
    """Return what the bars after `bar` must keep to; `state` is that after `bar` was settled."""
    slack = ratio(SLACK_TICKS, state.per_unit)
    up = lower(target_level(state, bar, rules.target), profit(state, state.target))
    up = lower(up, aged_target_level(state, rules.aged_target))
    up = lower(up, partial_level(state, bar, rules.partial))
    up = lower(up, give_back_level(state, rules.give_back, slack))
    down = higher(profit(state, state.stop), give_back_floor(state, rules.give_back, slack))
    down = higher(down, time_stop_floor(state, rules.time_stop))
    turned = momentum_floor(state, bar, rules.momentum)
    dried = volume_floor(rules.volume)
    raised = either(
        adverse_excursion_level(state, rules.adverse_excursion),
        breakeven_level(state, bar, rules.breakeven, slack),
    )
    raised = either(raised, ratchet_level(state, rules.ratchet, slack))
    raised = either(raised, chandelier_level(state, bar, rules.chandelier, slack))
    raised = either(raised, percent_trail_level(state, bar, rules.percent_trail, slack))
    raised = either(raised, bar_trail_level(state, bar, rules.bar_trail, slack))
    raised = either(raised, average_trail_level(state, bar, rules.average_trail, slack))
    raised = either(raised, follow_targets_level(state, bar, rules.follow_targets, slack))
    raised = either(raised, model_tighten_level(rules.model_tighten))
    up = lower(up, raised) - slack
    down = higher(down, turned) + slack
    if state.pending > 0.0:
        up = -ENDLESS
    floor = state.entry + down
    ceiling = state.entry + up
    if state.side < 0.0:
        floor = state.entry - up
        ceiling = state.entry - down
    age = lower(time_stop_age(state, rules.time_stop), aged_target_age(state, rules.aged_target))
    return Calm(
        floor,
        ceiling,
        age - EARLY,
        session_flat_left(rules.session_flat) + EARLY,
        bar.atr * (1.0 - NEAR),
        bar.atr * (1.0 + NEAR),
        1.0 if turned != turned or dried != dried else 0.0,
        1.0 if raised != raised else 0.0,
    )
