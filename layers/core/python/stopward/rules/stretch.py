"""A stretch of calm bars, passed over: what `walk` does on most bars, without asking every rule."""

from stopward.rules.blocks import (
    BLOCK,
    BLOCK_BITS,
    INSIDE,
    INSIDE_LARGE,
    LARGE,
    LARGE_BITS,
    is_calm,
    is_sound,
    observed,
)
from stopward.rules.booking import bar_of
from stopward.rules.calm import Calm
from stopward.rules.columns import Bars, Day, Layers, Log, Market, StopPath
from stopward.rules.course import Course
from stopward.rules.day import account_at, tell
from stopward.rules.early_exit import adverse_excursion, momentum, volume
from stopward.rules.kernel import observe
from stopward.rules.limits import gave_back, is_lost
from stopward.rules.parameters import Rules
from stopward.rules.proposal import nothing
from stopward.rules.protective import (
    average_trail,
    bar_trail,
    breakeven,
    chandelier,
    follow_targets,
    model_tighten,
    percent_trail,
    ratchet,
)
from stopward.rules.types import Account, Bar, State


def leaves(state: State, bar: Bar, account: Account, rules: Rules) -> bool:
    """Return whether momentum or volume wants to leave."""
    wanted = momentum(state, bar, account, rules.momentum, nothing(state))
    wanted = volume(state, bar, account, rules.volume, wanted)
    return wanted.exit_quantity > 0.0


def raises(state: State, bar: Bar, account: Account, rules: Rules) -> bool:
    """Return whether a rule wants the stop moved, counts a target, or leaves instead."""
    wanted = adverse_excursion(state, bar, account, rules.adverse_excursion, nothing(state))
    wanted = breakeven(state, bar, account, rules.breakeven, wanted)
    wanted = ratchet(state, bar, account, rules.ratchet, wanted)
    wanted = chandelier(state, bar, account, rules.chandelier, wanted)
    wanted = percent_trail(state, bar, account, rules.percent_trail, wanted)
    wanted = bar_trail(state, bar, account, rules.bar_trail, wanted)
    wanted = average_trail(state, bar, account, rules.average_trail, wanted)
    wanted = follow_targets(state, bar, account, rules.follow_targets, wanted)
    wanted = model_tighten(state, bar, account, rules.model_tighten, wanted)
    if wanted.exit_quantity > 0.0:
        return True
    return wanted.stop != state.stop or wanted.hits != state.hits


def is_inside(bar: Bar, calm: Calm) -> bool:
    """Return whether a bar keeps to the prices, the time and the ATR.

    Missing prices do not, nor does an open or a close that contradicts the low or the high.
    """
    return (
        bar.low > calm.floor
        and bar.high < calm.ceiling
        and is_sound(bar.open, bar.high, bar.low, bar.close)
        and bar.to_close > calm.to_close
        and not bar.atr < calm.atr_low
        and not bar.atr > calm.atr_high
    )


def passed(  # noqa: PLR0917  a kernel function has no keyword-only arguments
    course: Course,
    calm: Calm,
    row: int,
    until: int,
    start: int,
    market: Market,
    layers: Layers | None,
    account: Account,
    rules: Rules,
    log: Log,
    day: Day | None,
) -> Course:
    """Return the course at the first bar that is not calm, or at `until`.

    `layers`, those of the market, are for walks without a day and without a path of stops.
    """
    if layers is not None:
        if not calm.asks_exits > 0.0 and not calm.asks_stops > 0.0:
            return passed_by_blocks(course, calm, until, market.bars, layers, rules)
    state = course.state
    at = course.at
    while at < until:
        bar = bar_of(market.bars, at, 0.0)
        if not is_inside(bar, calm):
            break
        now = account_at(day, account, at)
        if is_lost(now, rules.day_loss) or gave_back(now, rules.day_profit):
            break
        after = observe(state, bar, rules)
        if not after.age < calm.age:
            break
        if calm.asks_exits > 0.0 and leaves(after, bar, now, rules):
            break
        if calm.asks_stops > 0.0 and raises(after, bar, now, rules):
            break
        state = after
        tell(day, market, state, course.tally, at, until, row)
        mark_stop(log.path, state, at - start, row)
        at = at + 1
    return Course(state, course.tally, at)


def passed_by_blocks(  # noqa: PLR0917  a kernel function has no keyword-only arguments
    course: Course, calm: Calm, until: int, bars: Bars, layers: Layers, rules: Rules
) -> Course:
    """Return the course at the first bar that is not calm, or at `until`; no rule is asked.

    Of the largest blocks first: of what begins at a bar, one that is calm to its end is taken.
    """
    state = course.state
    at = course.at
    while at < until:
        if at & INSIDE == 0:
            number = at >> BLOCK_BITS
            if number & INSIDE_LARGE == 0:
                large = number >> LARGE_BITS
                end = at + BLOCK * LARGE
                if end <= until and is_calm(layers.large, large, state, calm):
                    state = observed(state, layers.large, large)
                    at = end
                    continue
            end = at + BLOCK
            if end <= until and is_calm(layers.blocks, number, state, calm):
                state = observed(state, layers.blocks, number)
                at = end
                continue
        bar = bar_of(bars, at, 0.0)
        if not is_inside(bar, calm):
            break
        after = observe(state, bar, rules)
        if not after.age < calm.age:
            break
        state = after
        at = at + 1
    return Course(state, course.tally, at)


def mark_stop(path: StopPath | None, state: State, number: int, row: int) -> None:
    """Write where the stop rests after a position's n-th bar."""
    if path is None:
        return
    path.stop[path.first[row] + number] = state.stop
