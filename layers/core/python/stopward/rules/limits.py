"""Limits of the day: the daily loss limit, the daily profit lock, the flat before the close."""

from typing import Final

from stopward.rules.codes import DAY_LOSS, DAY_PROFIT, SESSION_FLAT
from stopward.rules.geometry import distance, resting_price
from stopward.rules.parameters import DayLoss, DayProfit, SessionFlat
from stopward.rules.proposal import leave_all, raise_stop
from stopward.rules.types import Account, Bar, Proposal, State

NOISE: Final = 1e-9
"""Forgiven in sums of R, in fractions and in minutes."""
UNKNOWN_LOCK: Final = 1.0


def is_lost(account: Account, params: DayLoss | None) -> bool:
    """Return whether the day has lost its limit, or had before."""
    if params is None:
        return False
    return (
        account.locked == DAY_LOSS
        or account.locked == UNKNOWN_LOCK
        or account.day_fraction <= NOISE - params.loss_fraction
        or account.day_r <= NOISE - params.loss_r
    )


def gave_back(account: Account, params: DayProfit | None) -> bool:
    """Return whether the day, having earned `arm_r`, has lost its share of the peak, or had."""
    if params is None:
        return False
    if account.locked == DAY_PROFIT or account.locked == UNKNOWN_LOCK:
        return True
    return (
        account.peak_r >= params.arm_r - NOISE
        and account.day_r <= account.peak_r * (1.0 - params.give_back) + NOISE
    )


def day_loss(
    state: State, bar: Bar, account: Account, params: DayLoss | None, proposal: Proposal
) -> Proposal:
    """Flatten, or tighten every stop, once the day lost its limit, until the next session."""
    if params is None:
        return proposal
    if not is_lost(account, params):
        return proposal
    if params.flatten > 0.0:
        return leave_all(state, proposal, DAY_LOSS)
    price = bar.close - state.side * distance(params.tighten, state, bar)
    return raise_stop(state, bar, proposal, resting_price(price, state), DAY_LOSS)


def day_profit(
    state: State, bar: Bar, account: Account, params: DayProfit | None, proposal: Proposal
) -> Proposal:
    """Flatten once the day, having earned `arm_r`, gave back its share of the peak."""
    if params is None:
        return proposal
    if gave_back(account, params):
        return leave_all(state, proposal, DAY_PROFIT)
    return proposal


def session_flat(
    state: State, bar: Bar, account: Account, params: SessionFlat | None, proposal: Proposal
) -> Proposal:
    """Flatten some minutes before the calendar's close, half days included."""
    if params is None:
        return proposal
    if bar.to_close <= params.minutes + NOISE:
        return leave_all(state, proposal, SESSION_FLAT)
    return proposal
