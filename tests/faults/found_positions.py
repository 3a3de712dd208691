"""Stories of what a position is believed to be: the smallest schedule that showed each."""

from dataclasses import replace
from datetime import timedelta

from tests.builders.faults import Opening, Schedule
from tests.builders.simulator import AAPL, Prices, flat
from tests.faults.stories import (
    BREAKEVEN,
    GRID,
    STORIES,
    TARGET,
    D,
    base,
    by_hand,
    fault,
)


def lagging_position_list() -> Schedule:
    """A position is closed; then the list of positions shows it once more."""
    return replace(base(), disturbances=(by_hand(3, "close"), fault(4, 1, "stale", amount=12)))


def absent_from_a_lagging_list() -> Schedule:
    """The trader opens; a tick adopts; then an older list has no position."""
    return replace(
        base(),
        openings=(),
        disturbances=(by_hand(1, "open"), fault(2, 1, "stale", amount=12)),
    )


def clock_ahead() -> Schedule:
    """Our clock is ahead; what is sold right after the adoption seems older than it."""
    return replace(
        base(rules=TARGET, stop=None),
        skew_seconds=2.0,
        wakes=(replace(GRID[1], seconds=0.0), replace(GRID[0], number=800, seconds=0.5), *GRID[2:]),
        disturbances=(by_hand(800, "close"),),
        latency=timedelta(milliseconds=1),
    )


def lagging_order_list() -> Schedule:
    """A stop is at breakeven; an older list shows it where it was; then shares are added."""
    return replace(
        base(rules=BREAKEVEN, up=True),
        disturbances=(fault(4, 1, "stale", amount=2), by_hand(5, "add")),
    )


def loosened_as_shares_are_added() -> Schedule:
    """The trader adds shares and moves the old stop away, before the new ones get theirs."""
    return replace(
        base(),
        disturbances=(
            by_hand(4, "add", amount="0.1"),
            by_hand(4, "loosen", before="record_tick"),
        ),
    )


def closed_past_a_stop_and_still_listed() -> Schedule:
    """The trader sells all and leaves our stop; the list of positions, read again, is older."""
    schedule = STORIES["the trader closes past our stop"]()
    lags = fault(3, 2, "stale", at="positions", amount=2)
    return replace(schedule, disturbances=(*schedule.disturbances, lags))


def reentered_while_an_exit_works() -> Schedule:
    """A short is stopped out and opened again at its price; the exit of the first is half done."""
    jump: Prices = (48.0, 48.25, 47.77, 47.92)
    thin: Prices = (47.92, 48.58, 46.5, 46.6)
    return Schedule(
        prices={AAPL: (jump, thin, *flat(46.6, 8))},
        rules=TARGET,
        openings=(Opening(side="short", stop=D("0.01")),),
        start_minute=389,
        wakes=(replace(GRID[0], seconds=10.0), replace(GRID[2], seconds=26.34)),
        volume_share=D("0.01"),
        latency=timedelta(milliseconds=1),
        disturbances=(by_hand(2, "open", call=3, amount="1", side="short"),),
    )


def added_right_after_the_adoption() -> Schedule:
    """Our clock is ahead; after the adoption the trader buys and sells all before we look again."""
    return replace(
        base(up=True),
        skew_seconds=2.0,
        wakes=(replace(GRID[1], seconds=0.0), replace(GRID[3], seconds=0.5), *GRID[4:]),
        disturbances=(
            by_hand(3, "add", amount="0.9"),
            fault(3, 1, "kill_before"),
            by_hand(4, "close", amount="1"),
        ),
        latency=timedelta(milliseconds=1),
    )


def stopped_out_between_the_lists() -> Schedule:
    """Two stops rest; after the list of orders the tighter one sells its shares."""
    return replace(
        base(covered=D("0.4")),
        prices={AAPL: (*flat(100, 1), (100, 100, 99.2, 99.2), *flat(99.2, 9))},
        disturbances=(
            by_hand(2, "tighten"),
            fault(3, 1, "slow", at="positions", amount=12),
        ),
    )


def enlarged_before_it_is_adopted() -> Schedule:
    """Shares are added while the first tick looks, so it waits; the next one reads older lists."""
    return replace(
        base(),
        wakes=(replace(GRID[0], seconds=0.3), replace(GRID[1], seconds=5.0)),
        disturbances=(
            by_hand(0, "add", call=2, before="open_orders", amount="1"),
            fault(1, 1, "stale", at="positions", amount=12),
        ),
        latency=timedelta(milliseconds=1),
    )
