"""Early exits: what says that the trade does not work, before the stop says it."""

from typing import Final

from stopward.rules.codes import ADVERSE_EXCURSION, GIVE_BACK, MOMENTUM, TIME_STOP, VOLUME
from stopward.rules.geometry import (
    best_profit,
    is_gain,
    profit,
    reached,
    resting_price,
    short_of,
    usable,
)
from stopward.rules.parameters import AdverseExcursion, GiveBack, Momentum, TimeStop, Volume
from stopward.rules.proposal import leave, leave_all, raise_stop
from stopward.rules.types import NAN, Account, Bar, Proposal, State

NOISE: Final = 1e-9
"""Forgiven in minutes."""
MIDLINE: Final = 50.0


def adverse_excursion(
    state: State, bar: Bar, account: Account, params: AdverseExcursion | None, proposal: Proposal
) -> Proposal:
    """Rest the stop where few winners ever went; leave when the trade has been there already.

    Acts only from `needed` winners on, and only while that price is tighter than the stop.
    Source: John Sweeney, "Maximum Adverse Excursion", 1997.
    """
    if params is None:
        return proposal
    if not params.winners >= params.needed:
        return proposal
    price = resting_price(state.entry - state.side * params.limit_r * state.risk, state)
    if not is_gain(state.side * (price - state.stop), state):
        return proposal
    if state.side * (state.worst - price) <= 0.0:
        crossed = price if state.side * (bar.close - price) <= 0.0 else NAN
        return leave(state, proposal, state.quantity, ADVERSE_EXCURSION, crossed)
    return raise_stop(state, bar, proposal, price, ADVERSE_EXCURSION)


def give_back(
    state: State, bar: Bar, account: Account, params: GiveBack | None, proposal: Proposal
) -> Proposal:
    """Leave when too little of the best profit is left.

    Source: Stendahl and Zamansky, 1999.
    """
    if params is None:
        return proposal
    best = best_profit(state)
    if reached(best, params.arm_2_r * state.risk, state):
        keep = params.keep_2
    elif reached(best, params.arm_r * state.risk, state):
        keep = params.keep
    else:
        return proposal
    if short_of(profit(state, bar.close), keep * best, state):
        return leave_all(state, proposal, GIVE_BACK)
    return proposal


def time_stop(
    state: State, bar: Bar, account: Account, params: TimeStop | None, proposal: Proposal
) -> Proposal:
    """Leave a trade that had its time: not in profit now, or its best profit too small.

    A trade at its entry price is not in profit.
    """
    if params is None:
        return proposal
    if not state.age >= params.minutes - NOISE:
        return proposal
    if params.need_best_r == params.need_best_r:
        if short_of(best_profit(state), params.need_best_r * state.risk, state):
            return leave_all(state, proposal, TIME_STOP)
        return proposal
    if usable(bar.close) and not is_gain(profit(state, bar.close), state):
        return leave_all(state, proposal, TIME_STOP)
    return proposal


def momentum(
    state: State, bar: Bar, account: Account, params: Momentum | None, proposal: Proposal
) -> Proposal:
    """Leave on a reversal: a MACD cross since entry, RSI on the wrong side of 50, price of VWAP.

    With `votes` 1 the cross decides alone; else so many of the three must speak against the
    position.
    """
    if params is None:
        return proposal
    if not short_of(profit(state, bar.close), params.below_r * state.risk, state):
        return proposal
    votes = 0.0
    if state.reversed > 0.0:
        votes = 1.0
    if params.votes > 1.0:
        if state.side * (bar.rsi - MIDLINE) < 0.0:
            votes = votes + 1.0
        if state.side * (bar.close - bar.vwap) < 0.0:
            votes = votes + 1.0
    if votes >= params.votes:
        return leave_all(state, proposal, MOMENTUM)
    return proposal


def volume(
    state: State, bar: Bar, account: Account, params: Volume | None, proposal: Proposal
) -> Proposal:
    """Leave when the market has dried up: so many closed bars in a row with little volume."""
    if params is None:
        return proposal
    if state.quiet >= params.bars:
        return leave_all(state, proposal, VOLUME)
    return proposal


def reversed_after(state: State, bar: Bar) -> float:
    """Return `State.reversed` after a closed bar."""
    return turned(state.side, state.reversed, bar)


def turned(side: float, before: float, bar: Bar) -> float:
    """Return what was `before` the bar, 1 after a cross against the side, 0 after one back.

    A cross needs MACD on the good side (or on the signal) one closed bar earlier, so that MACD on
    the wrong side at entry is no cross. A missing number changes nothing.
    """
    now = side * (bar.macd - bar.signal)
    if now < 0.0 and side * (bar.macd_before - bar.signal_before) >= 0.0:
        return 1.0
    if now > 0.0:
        return 0.0
    return before


def quiet_after(state: State, bar: Bar, params: Volume | None) -> float:
    """Return `State.quiet` after a closed bar; an unknown volume neither counts nor resets."""
    if params is None:
        return 0.0
    if bar.relative_volume < params.limit:
        return state.quiet + 1.0
    if bar.relative_volume >= params.limit:
        return 0.0
    return state.quiet
