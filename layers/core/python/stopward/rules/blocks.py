"""Blocks of bars and their extremes, so that a calm stretch is passed over many bars at a time.

Block n is of the BLOCK bars from n times BLOCK on, whosever they are. One over the end of a symbol
is in nobody's way: a walk takes what begins at its bar and ends before its last.
"""

import math
from typing import Final

from stopward.rules.booking import bar_of
from stopward.rules.calm import Calm
from stopward.rules.columns import Bars, Blocks, Layers
from stopward.rules.early_exit import turned
from stopward.rules.geometry import LARGEST_COUNT, LARGEST_PRICE, countable, tighter
from stopward.rules.levels import higher, lower
from stopward.rules.types import NAN, State

BLOCK_BITS: Final = 2
BLOCK: Final = 1 << BLOCK_BITS
"""Bars in a block."""
LARGE_BITS: Final = 2
LARGE: Final = 1 << LARGE_BITS
"""Blocks in a large one."""
INSIDE: Final = BLOCK - 1
INSIDE_LARGE: Final = LARGE - 1
"""By these bits is known which bar begins a block, which block a large one: none is set."""
UNTURNED: Final = NAN
"""`Blocks.long_turned` where the block leaves `State.reversed` as it was."""
PARTS_OF_A_MINUTE: Final = 64.0
"""Sums of such parts are exact in floats, however they are added up."""


def layer(bars: Bars, layers: Layers) -> None:
    """Write all blocks, and the large ones of them."""
    summarize(bars, layers.blocks)
    join(layers.blocks, layers.large)


def summarize(bars: Bars, blocks: Blocks) -> None:
    """Write all blocks.

    One that is not to be passed over at once, because a number is missing or its bars are of
    different lengths, has no `low`.
    """
    for number in range(len(blocks.low)):
        begin = number * BLOCK
        length = bars.minutes[begin]
        low = LARGEST_PRICE
        high = -LARGEST_PRICE
        to_close = LARGEST_COUNT
        atr_low = LARGEST_PRICE
        atr_high = -LARGEST_PRICE
        known = adds_up(length)
        long_turned = UNTURNED
        short_turned = UNTURNED
        for at in range(begin, begin + BLOCK):
            low = lower(low, bars.low[at])
            high = higher(high, bars.high[at])
            to_close = lower(to_close, bars.to_close[at])
            atr_low = lower(atr_low, bars.atr[at])
            atr_high = higher(atr_high, bars.atr[at])
            known = known and bars.minutes[at] == length and is_whole(bars, at)
            long_turned = turned(1.0, long_turned, bar_of(bars, at, 0.0))
            short_turned = turned(-1.0, short_turned, bar_of(bars, at, 0.0))
        blocks.low[number] = low if known else NAN
        blocks.high[number] = high
        blocks.to_close[number] = to_close
        blocks.atr_low[number] = atr_low
        blocks.atr_high[number] = atr_high
        blocks.minutes[number] = length * BLOCK
        blocks.long_turned[number] = long_turned
        blocks.short_turned[number] = short_turned


def join(blocks: Blocks, large: Blocks) -> None:
    """Write all large blocks, each of LARGE blocks."""
    for number in range(len(large.low)):
        begin = number * LARGE
        low = blocks.low[begin]
        high = blocks.high[begin]
        to_close = blocks.to_close[begin]
        atr_low = blocks.atr_low[begin]
        atr_high = blocks.atr_high[begin]
        minutes = 0.0
        known = True
        long_turned = UNTURNED
        short_turned = UNTURNED
        for part in range(begin, begin + LARGE):
            low = lower(low, blocks.low[part])
            high = higher(high, blocks.high[part])
            to_close = lower(to_close, blocks.to_close[part])
            atr_low = lower(atr_low, blocks.atr_low[part])
            atr_high = higher(atr_high, blocks.atr_high[part])
            minutes = minutes + blocks.minutes[part]
            known = known and blocks.low[part] == blocks.low[part]
            long_turned = last_turn(long_turned, blocks.long_turned[part])
            short_turned = last_turn(short_turned, blocks.short_turned[part])
        large.low[number] = low if known else NAN
        large.high[number] = high
        large.to_close[number] = to_close
        large.atr_low[number] = atr_low
        large.atr_high[number] = atr_high
        large.minutes[number] = minutes
        large.long_turned[number] = long_turned
        large.short_turned[number] = short_turned


def last_turn(before: float, turn: float) -> float:
    """Return what is left in `State.reversed` after a block, or after a bar that turned nothing."""
    return before if turn != turn else turn


def is_sound(opened: float, high: float, low: float, close: float) -> bool:
    """Return whether open and close lie between low and high; nothing missing does."""
    return low <= opened <= high and low <= close <= high


def is_whole(bars: Bars, at: int) -> bool:
    """Return whether a bar's prices are sound, and what is left of its session is known."""
    return (
        is_sound(bars.open[at], bars.high[at], bars.low[at], bars.close[at])
        and bars.to_close[at] == bars.to_close[at]
    )


def adds_up(minutes: float) -> bool:
    """Return whether sums of such minutes are exact."""
    parts = minutes * PARTS_OF_A_MINUTE
    return parts > 0.0 and countable(parts) and float(math.floor(parts)) == parts


def is_calm(blocks: Blocks, number: int, state: State, calm: Calm) -> bool:
    """Return whether there is such a block and all its bars are calm; no rule is asked."""
    return (
        number < len(blocks.low)
        and blocks.low[number] > calm.floor
        and blocks.high[number] < calm.ceiling
        and blocks.to_close[number] > calm.to_close
        and not blocks.atr_low[number] < calm.atr_low
        and not blocks.atr_high[number] > calm.atr_high
        and state.age + blocks.minutes[number] < calm.age
    )


def observed(state: State, blocks: Blocks, number: int) -> State:
    """Return the state after a calm block: what `observe` makes of its bars, one after the other.

    No bar of it is the entry bar, and no rule counts quiet bars.
    """
    side = state.side
    high = blocks.high[number]
    low = blocks.low[number]
    crossed = blocks.long_turned[number] if side > 0.0 else blocks.short_turned[number]
    return State(
        side,
        state.entry,
        state.risk,
        state.quantity,
        state.initial_quantity,
        state.lot,
        state.per_unit,
        state.stop,
        state.target,
        tighter(side, high if side > 0.0 else low, state.best),
        tighter(-side, low if side > 0.0 else high, state.worst),
        state.age + blocks.minutes[number],
        state.quiet,
        last_turn(state.reversed, crossed),
        state.partials,
        state.hits,
        state.fees,
        state.entry_volume,
        state.pending,
        state.pending_rule,
    )
