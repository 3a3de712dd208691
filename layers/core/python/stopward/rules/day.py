"""A session as the limits see it: what positions add to it, and what it tells them."""

from stopward.rules.codes import DAY_LOSS, DAY_PROFIT
from stopward.rules.columns import Day, DayPath, Market
from stopward.rules.course import Tally
from stopward.rules.geometry import profit, ratio
from stopward.rules.limits import day_loss, day_profit, gave_back, is_lost
from stopward.rules.parameters import Rules
from stopward.rules.proposal import nothing
from stopward.rules.types import Account, Bar, State


def account_of(path: DayPath, minute: int) -> Account:
    """Return the account at a minute of the session."""
    return Account(
        path.day_r[minute],
        path.day_fraction[minute],
        path.peak_r[minute],
        0.0,
        path.locked[minute],
        0.0,
    )


def account_at(day: Day | None, account: Account, at: int) -> Account:
    """Return the account as bar `at` sees it."""
    if day is None:
        return account
    return account_of(day.assumed, day.minute[at])


def gained(day: Day, state: State, tally: Tally, price: float, row: int) -> float:
    """Return what a position has gained today in R of its initial quantity, at `price`.

    Fees count once it is closed; of one held overnight only what was sold today counts, with its
    fees, for no mark tells today's part of the rest (`domain.day`).
    """
    whole = state.risk * state.initial_quantity
    if day.carried[row] > 0.0:
        sold = state.initial_quantity - state.quantity - day.before_sold[row]
        return tally.slipped_r - day.before_r[row] - ratio(state.fees * sold, whole)
    if not state.quantity > 0.0:
        return tally.slipped_r - ratio(state.fees * state.initial_quantity, whole)
    return tally.slipped_r + ratio(profit(state, price) * state.quantity, whole)


def tell(  # noqa: PLR0917  a kernel function has no keyword-only arguments
    day: Day | None, market: Market, state: State, tally: Tally, at: int, until: int, row: int
) -> None:
    """Add what a position has gained by bar `at` to its minutes, up to its next bar's."""
    if day is None:
        return
    amount = gained(day, state, tally, market.bars.close[at], row)
    last = len(day.gained_r)
    if at + 1 < until and state.quantity > 0.0:
        last = day.minute[at + 1]
    dollars = amount * state.risk * state.initial_quantity
    for minute in range(day.minute[at], last):
        day.gained_r[minute] = day.gained_r[minute] + amount
        day.gained[minute] = day.gained[minute] + dollars


def tell_limits(  # noqa: PLR0917  a kernel function has no keyword-only arguments
    day: Day | None, state: State, bar: Bar, account: Account, rules: Rules, at: int
) -> None:
    """Note the limits of the day that are true for a position: they lock the day (`judge`)."""
    if day is None:
        return
    unasked = nothing(state)
    minute = day.minute[at]
    if day_loss(state, bar, account, rules.day_loss, unasked).fired > 0.0:
        day.lost[minute] = 1.0
    if day_profit(state, bar, account, rules.day_profit, unasked).fired > 0.0:
        day.gave_back[minute] = 1.0


def make_day(day: Day, equity: float, made: DayPath) -> None:
    """Write the day that the positions have made, minute by minute, as `domain.day` does live.

    equity: dollars at the prior close, 0 when unknown. The first limit that was true for a position
    locks the day from the next minute on.
    """
    peak = 0.0
    locked = 0.0
    for minute in range(len(day.gained_r)):
        in_r = day.gained_r[minute]
        if in_r > peak:
            peak = in_r
        fraction = 0.0
        if equity > 0.0:
            fraction = ratio(day.gained[minute], equity)
        made.day_r[minute] = in_r
        made.day_fraction[minute] = fraction
        made.peak_r[minute] = peak
        made.locked[minute] = locked
        if locked == 0.0 and day.lost[minute] > 0.0:
            locked = DAY_LOSS
        elif locked == 0.0 and day.gave_back[minute] > 0.0:
            locked = DAY_PROFIT


def first_wrong(assumed: DayPath, made: DayPath, rules: Rules) -> int:
    """Return the first minute in which a limit is true and was assumed not to be, or the reverse.

    The number of minutes when there is none. What was made of the day is right up to there.
    """
    for minute in range(len(made.day_r)):
        told = account_of(assumed, minute)
        found = account_of(made, minute)
        if is_lost(told, rules.day_loss) != is_lost(found, rules.day_loss):
            return minute
        if gave_back(told, rules.day_profit) != gave_back(found, rules.day_profit):
            return minute
    return len(made.day_r)


def correct(assumed: DayPath, made: DayPath, wrong: int, rules: Rules) -> None:
    """Assume what was made up to minute `wrong`, and after it a quiet day under its lock."""
    found = account_of(made, wrong)
    locked = found.locked
    if locked == 0.0 and is_lost(found, rules.day_loss):
        locked = DAY_LOSS
    elif locked == 0.0 and gave_back(found, rules.day_profit):
        locked = DAY_PROFIT
    for minute in range(len(made.day_r)):
        if minute <= wrong:
            assumed.day_r[minute] = made.day_r[minute]
            assumed.day_fraction[minute] = made.day_fraction[minute]
            assumed.peak_r[minute] = made.peak_r[minute]
            assumed.locked[minute] = made.locked[minute]
        else:
            assumed.day_r[minute] = 0.0
            assumed.day_fraction[minute] = 0.0
            assumed.peak_r[minute] = 0.0
            assumed.locked[minute] = locked
