"""What the limits of the day are told of one position, and what they tell it."""

from stopward.rules.columns import Day, Market
from stopward.rules.course import Course
from stopward.rules.geometry import profit, ratio
from stopward.rules.types import Account


def account_at(day: Day | None, account: Account, at: int) -> Account:
    """Return the account as bar `at` sees it."""
    if day is None:
        return account
    minute = day.minute[at]
    return Account(
        day.day_r[minute],
        day.day_fraction[minute],
        day.peak_r[minute],
        account.losses,
        day.locked[minute],
        account.halted,
    )


def gained(day: Day, course: Course, price: float, row: int) -> float:
    """Return what a position has gained today in R of its initial quantity, at `price`.

    Fees count once it is closed; of one held overnight only what was sold today counts, with its
    fees, for no mark tells today's part of the rest (`domain.day`).
    """
    state = course.state
    whole = state.risk * state.initial_quantity
    if day.carried[row] > 0.0:
        sold = state.initial_quantity - state.quantity - day.before_sold[row]
        return course.tally.slipped_r - day.before_r[row] - ratio(state.fees * sold, whole)
    if not state.quantity > 0.0:
        return course.tally.slipped_r - ratio(state.fees * state.initial_quantity, whole)
    return course.tally.slipped_r + ratio(profit(state, price) * state.quantity, whole)


def tell(  # noqa: PLR0917  numba has no keyword-only arguments
    day: Day | None, market: Market, course: Course, at: int, until: int, row: int
) -> None:
    """Add what a position has gained by bar `at` to its minutes, up to its next bar's."""
    if day is None:
        return
    amount = gained(day, course, market.bars.close[at], row)
    last = len(day.gained_r)
    if at + 1 < until and course.state.quantity > 0.0:
        last = day.minute[at + 1]
    dollars = amount * course.state.risk * course.state.initial_quantity
    for minute in range(day.minute[at], last):
        day.gained_r[minute] = day.gained_r[minute] + amount
        day.gained[minute] = day.gained[minute] + dollars
