"""What a rule that closes does, in plain words with its own numbers."""

from math import isnan

from stopward.domain.excursions import COUNTED, SHARE
from stopward.domain.rulebook.wording import (
    distance_words,
    joined,
    minutes_words,
    percent_words,
    r_words,
)
from stopward.rules.parameters import (
    AdverseExcursion,
    AgedTarget,
    DayLoss,
    DayProfit,
    Distance,
    GiveBack,
    Momentum,
    Partial,
    SessionFlat,
    Target,
    TimeStop,
    Volume,
)

ExitParameters = (
    DayLoss | DayProfit | SessionFlat | AdverseExcursion | GiveBack | TimeStop | Momentum | Volume
    | Target | AgedTarget | Partial
)  # fmt: skip


def exit_words(params: ExitParameters) -> str:
    """Return what the rule does, in one or two sentences."""
    match params:
        case DayLoss():
            return _day_loss(params)
        case DayProfit():
            return (
                f"Once the day has been at {r_words(params.arm_r)} or better and gives back"
                f" {percent_words(params.give_back)} of its best, every position is closed and the"
                " day is over."
            )
        case SessionFlat():
            before = minutes_words(params.minutes)
            return f"The position is closed {before} before the session's close."
        case AdverseExcursion():
            return _adverse_excursion(params)
        case GiveBack():
            return _give_back(params)
        case TimeStop():
            return _time_stop(params)
        case Momentum():
            return _momentum(params)
        case Volume():
            return (
                f"After {params.bars:.0f} closed bars in a row with less than"
                f" {percent_words(params.limit)} of the usual volume the position is closed."
            )
        case Target():
            where = "with an order at the broker" if params.resting else "at the market"
            return f"At {distance_words(params.distance)} the position is closed {where}."
        case AgedTarget():
            return _aged_target(params)
        case Partial():
            return _partial(params)


def _day_loss(params: DayLoss) -> str:
    marks = []
    if not isnan(params.loss_fraction):
        marks.append(f"{percent_words(params.loss_fraction)} of the prior close's equity")
    if not isnan(params.loss_r):
        marks.append(f"{params.loss_r:.10g}R over all positions")
    when = f"When the day, open positions included, has lost {' or '.join(marks)}"
    if params.flatten:
        return f"{when}, every position is closed and the day is over."
    tighten = distance_words(params.tighten, signed=False)
    return f"{when}, every stop is pulled in to {tighten} from the price until the next session."


def _adverse_excursion(params: AdverseExcursion) -> str:
    there = "a position that was there already is closed"
    if not isnan(params.limit_r):
        return f"The stop is pulled in to {r_words(-params.limit_r)}; {there}."
    return (
        f"Once {params.needed:.0f} trades were won, the stop is pulled in to where"
        f" {percent_words(SHARE)} of the last {COUNTED} winners never went; {there}."
    )


def _give_back(params: GiveBack) -> str:
    words = (
        f"Once the best profit was {r_words(params.arm_r)}, the position is closed when less than"
        f" {percent_words(params.keep)} of the best is left"
    )
    if isnan(params.arm_2_r):
        return f"{words}."
    return f"{words}; from {r_words(params.arm_2_r)}, less than {percent_words(params.keep_2)}."


def _time_stop(params: TimeStop) -> str:
    minutes = minutes_words(params.minutes)
    if isnan(params.need_best_r):
        return f"After {minutes} the position is closed unless it is in profit."
    need = r_words(params.need_best_r)
    return f"After {minutes} the position is closed unless its best profit reached {need}."


def _momentum(params: Momentum) -> str:
    limit = f"while its profit is under {r_words(params.below_r)}"
    if params.below_r == 0.0:
        limit = "while it is losing"
    votes = "all" if params.votes == 3.0 else f"{params.votes:.0f}"
    if params.votes == 1.0:
        return f"When MACD crosses against it, the position is closed, {limit}."
    return (
        f"When {votes} of 3 (MACD crossed against it, RSI on the wrong side of 50, price"
        f" on the wrong side of VWAP) hold, the position is closed, {limit}."
    )


def _aged_target(params: AgedTarget) -> str:
    steps = [f"At {r_words(params.r_1)} the position is closed"]
    for minutes, enough in ((params.minutes_2, params.r_2), (params.minutes_3, params.r_3)):
        if not isnan(minutes):
            steps.append(f"after {minutes_words(minutes)} {r_words(enough)} is enough")
    return f"{'; '.join(steps)}."


def _partial(params: Partial) -> str:
    steps: list[tuple[Distance, float]] = [
        (params.at_1, params.fraction_1),
        (params.at_2, params.fraction_2),
        (params.at_3, params.fraction_3),
    ]
    words = [
        f"{percent_words(fraction)} at {distance_words(at)}"
        for at, fraction in steps
        if not isnan(at.value)
    ]
    whole = sum(fraction for at, fraction in steps if not isnan(at.value)) > 1.0 - 1e-9
    rest = "" if whole else "; the rest runs on"
    return f"Of the initial quantity {joined(words)} is closed{rest}."
