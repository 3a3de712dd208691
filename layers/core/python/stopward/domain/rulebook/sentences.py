"""One sentence for one rule of one decision: why, with the numbers of the moment."""

from math import floor, isnan
from typing import Final

from stopward.domain.excursions import SHARE
from stopward.domain.rulebook.book import Parameters
from stopward.domain.rulebook.wording import (
    distance_words,
    measured_r,
    minutes_words,
    percent_words,
    price_words,
    r_words,
)
from stopward.errors import InvalidState
from stopward.rules.geometry import best_profit, profit, ratio, reached
from stopward.rules.parameters import (
    AdverseExcursion,
    AgedTarget,
    AverageTrail,
    BarTrail,
    Breakeven,
    Chandelier,
    DayLoss,
    DayProfit,
    FollowTargets,
    GiveBack,
    ModelTighten,
    Momentum,
    Partial,
    PercentTrail,
    Ratchet,
    SessionFlat,
    Target,
    TimeStop,
    Volume,
)
from stopward.rules.types import Account, Bar, Proposal, State

SCORE_STEPS: Final = 10_000
"""A score is told to a hundredth of a percent, rounded down: one under a bound shows under it."""
Trail = Breakeven | Ratchet | Chandelier | PercentTrail | BarTrail | AverageTrail | FollowTargets


def sentence(  # noqa: PLR0917  the kernel's own order of arguments
    rule: str,
    state: State,
    bar: Bar,
    account: Account,
    params: Parameters | None,
    proposal: Proposal,
) -> str:
    """Return why a rule that was true wanted what it wanted, as in "best +1.32R: stop to 100.03".

    state, bar, account: what the rule was given; `proposal` is what it wants when asked alone.
    params: the rule's own; None for `stop`, which has none. Raises InvalidState for a rule
    without its parameters.
    """
    now, best = _r(state, profit(state, bar.close)), _r(state, best_profit(state))
    wish = _wish(state, proposal)
    match params:
        case None:
            if rule != "stop":
                raise InvalidState(f"rule {rule} was true without parameters")
            stop = price_words(state.stop)
            return f"price {price_words(bar.close)} is at or through the stop {stop}: {wish}"
        case DayLoss() | DayProfit() | SessionFlat():
            return f"{_day(params, bar, account)}: {wish}"
        case AdverseExcursion() | GiveBack() | TimeStop() | Momentum() | Volume():
            return f"{_early(params, state, bar, now, best)}: {wish}"
        case Target() | AgedTarget() | Partial():
            return f"{_profit(params, state, now)}: {wish}"
        case ModelTighten():
            return f"{_score(params)} at {now}: {wish}"
        case _:
            return f"best {best} {_trail(params, state)}: {wish}"


def _wish(state: State, proposal: Proposal) -> str:
    if proposal.exit_quantity > 0.0:
        if proposal.exit_quantity < state.quantity:
            return f"close {proposal.exit_quantity:,.10g} of {state.quantity:,.10g}"
        if not isnan(proposal.crossed):
            return f"the price is past {price_words(proposal.crossed)} already, close the position"
        return "close the position"
    if proposal.stop_rule > 0.0:
        return f"stop to {price_words(proposal.stop)}"
    return "the move is too small to send"


def _day(params: DayLoss | DayProfit | SessionFlat, bar: Bar, account: Account) -> str:
    match params:
        case DayLoss():
            marks = " or ".join(
                words
                for words, limit in (
                    (f"-{params.loss_fraction:.2%} of equity", params.loss_fraction),
                    (f"-{params.loss_r:.10g}R", params.loss_r),
                )
                if not isnan(limit)
            )
            day = f"{measured_r(account.day_r)} ({account.day_fraction:+.2%} of equity)"
            return f"the day is at {day}, its limit is {marks}"
        case DayProfit():
            return (
                f"the day is at {measured_r(account.day_r)} after a best of"
                f" {measured_r(account.peak_r)},"
                f" it may give back {params.give_back:.0%}"
            )
        case SessionFlat():
            flat = minutes_words(params.minutes)
            return f"{minutes_words(bar.to_close)} to the close, flat is at {flat}"


def _early(
    params: AdverseExcursion | GiveBack | TimeStop | Momentum | Volume,
    state: State,
    bar: Bar,
    now: str,
    best: str,
) -> str:
    match params:
        case AdverseExcursion():
            worst = _r(state, state.side * (state.worst - state.entry))
            return f"worst {worst}, {_limit(params)}"
        case GiveBack():
            second = best_profit(state) >= params.arm_2_r * state.risk
            keep = params.keep_2 if second else params.keep
            return f"{now} is left of a best of {best}, at least {keep:.0%} was to be kept"
        case TimeStop():
            age, limit = minutes_words(state.age), minutes_words(params.minutes)
            if isnan(params.need_best_r):
                return f"{now} after {age}, a profit was needed after {limit}"
            return (
                f"best {best} after {age}, {r_words(params.need_best_r)} was needed after {limit}"
            )
        case Momentum():
            return f"momentum is against it at {now} ({', '.join(_votes(state, bar))})"
        case Volume():
            return f"{state.quiet:.0f} bars in a row under {params.limit:.0%} of the usual volume"


def _limit(params: AdverseExcursion) -> str:
    if not params.needed:
        return f"the limit is {r_words(-params.limit_r)}"
    return (
        f"{percent_words(SHARE)} of the last {params.winners:.0f} winners never went beyond"
        f" {measured_r(-params.limit_r)}"
    )


def _votes(state: State, bar: Bar) -> list[str]:
    votes = []
    if state.reversed > 0.0:
        votes.append("MACD crossed")
    if state.side * (bar.rsi - 50.0) < 0.0:
        votes.append(f"RSI {bar.rsi:.0f}")
    if state.side * (bar.close - bar.vwap) < 0.0:
        votes.append(f"VWAP {price_words(bar.vwap)}")
    return votes


def _profit(params: Target | AgedTarget | Partial, state: State, now: str) -> str:
    match params:
        case Target():
            return f"{now} reached the target of {distance_words(params.distance)}"
        case AgedTarget():
            wanted = params.r_1
            if state.age >= params.minutes_3:
                wanted = params.r_3
            elif state.age >= params.minutes_2:
                wanted = params.r_2
            age = minutes_words(state.age)
            return f"{now} is enough after {age}, {r_words(wanted)} was asked for"
        case Partial():
            return f"{now} reached step {state.partials + 1:.0f} of the partial exits"


def _score(params: ModelTighten) -> str:
    score = percent_words(floor(params.score * SCORE_STEPS) / SCORE_STEPS)
    return f"a model gives it a chance of {score}, under {percent_words(params.below)},"


def _trail(params: Trail, state: State) -> str:
    match params:
        case Breakeven():
            return f"reached the {distance_words(params.arm)} mark"
        case Ratchet():
            return f"reached the {r_words(_step(params, state))} step"
        case Chandelier():
            return f"arms the chandelier, {distance_words(params.distance)} behind the extreme"
        case PercentTrail():
            return f"arms the trail behind {price_words(state.best)}"
        case BarTrail():
            return f"arms the trail behind the last {params.window:.0f} bars"
        case AverageTrail():
            return "arms the trail behind the moving average"
        case FollowTargets():
            return "reached a target"


def _step(params: Ratchet, state: State) -> float:
    steps = (params.at_4, params.at_3, params.at_2)
    best = best_profit(state)
    return next((at for at in steps if reached(best, at * state.risk, state)), params.at_1)


def _r(state: State, gain: float) -> str:
    return measured_r(ratio(gain, state.risk))
