"""Stories of defects that were: the smallest schedule that showed each."""

from dataclasses import replace

from tests.builders.faults import Disturbance, Opening, Schedule, grid
from tests.builders.guard import ADOPT_ALL
from tests.builders.simulator import AAPL, MSFT, flat
from tests.faults.stories import (
    BREAKEVEN,
    GRID,
    PARTIAL,
    TARGET,
    TRAIL,
    D,
    base,
    by_hand,
    fault,
    walk,
)


def doubled_event_at_once() -> Schedule:
    """A target is due; the same event is delivered again while the first run decides."""
    again = replace(GRID[4], number=900, cold=True)
    return replace(
        base(rules=TARGET, up=True),
        disturbances=(Disturbance(wake=4, call=1, what="quotes", kind="overlap", overlap=again),),
    )


def rate_limited_sale() -> Schedule:
    """The broker asks us to wait when the exit is sent; the trader sells a part meanwhile."""
    return replace(
        base(rules=TARGET, up=True),
        disturbances=(
            fault(4, 1, "rate_limited", at="submit market"),
            by_hand(4, "add", call=2, before="position "),
            by_hand(4, "reduce", call=2, before="position "),
        ),
    )


def move_rested_unseen() -> Schedule:
    """A move takes effect, and its tick is killed; before the next one the trader cancels it."""
    wakes = grid(8, pulse=30.0)
    return replace(
        base(rules=TRAIL, up=True),
        wakes=wakes,
        disturbances=(fault(2, 1, "kill_after", at="replace"), by_hand(3, "cancel")),
    )


def lease_taken_over() -> Schedule:
    """A tick stalls before it records; the next one takes the lease and acts."""
    return replace(
        base(stop=None),
        disturbances=(
            fault(0, 1, "slow", at="record_tick", amount=16.0),
            Disturbance(wake=0, call=1, what="record_tick", kind="overlap", overlap=GRID[1]),
        ),
    )


def one_of_three_moves_is_done() -> Schedule:
    """Three stops of one position: the tick is killed after it moved one; then the price falls."""
    rules = PARTIAL.replace('"0.5 r"', '"4 r"').replace('"2 r"', '"5 r"') + TRAIL[len(ADOPT_ALL) :]
    seconds = (0.0, 40.0, 57.0)
    return replace(
        base(rules=rules, quantity=D("12.5"), stop=None),
        prices={AAPL: (*flat(100, 1), (100, 103, 100, 102.6), *flat(102.6, 9))},
        wakes=tuple(replace(GRID[0], number=n, seconds=s) for n, s in enumerate(seconds)),
        disturbances=(fault(1, 1, "kill_after", at="replace"),),
    )


def two_plans_come_out_otherwise() -> Schedule:
    """One exit is rejected, and its stop not accepted either; the other was done by hand."""
    schedule = base(rules=TARGET)
    return replace(
        schedule,
        prices={AAPL: walk(100, 103), MSFT: walk(100, 103)},
        openings=(Opening(), Opening(symbol=MSFT)),
        disturbances=(
            by_hand(4, "reject", before="submit market"),
            by_hand(4, "close", call=2, before="cancel", symbol=MSFT),
            *(fault(4, call, "no_answer", at="submit stop") for call in (1, 2)),
        ),
    )


def canceled_after_a_move() -> Schedule:
    """The stop is at breakeven; then the trader cancels it."""
    return replace(base(rules=BREAKEVEN, up=True), disturbances=(by_hand(6, "cancel"),))


def arm_without_an_answer() -> Schedule:
    """A naked position is armed, and no answer comes."""
    return replace(base(stop=None), disturbances=(fault(0, 1, "no_answer", at="submit stop"),))


def exit_recorded_and_killed() -> Schedule:
    """An exit is recorded, and the process ends before it is sent."""
    return replace(
        base(rules=TARGET, up=True), disturbances=(fault(4, 1, "kill_after", at="record_tick"),)
    )


def one_replan_read_is_lost() -> Schedule:
    """Two exits come out otherwise; the second position does not answer when it is read again."""
    schedule = two_plans_come_out_otherwise()
    lost = fault(4, 2, "no_answer", at="position MSFT")
    return replace(schedule, disturbances=(*schedule.disturbances[:2], lost))


def replan_without_an_answer() -> Schedule:
    """An exit is rejected, and the list of orders does not answer when it is read again."""
    return replace(
        base(rules=TARGET, up=True),
        disturbances=(
            by_hand(4, "reject", before="submit market"),
            fault(4, 2, "no_answer", at="open_orders"),
        ),
    )


def naked_and_only_looked_at() -> Schedule:
    """A naked position of an account in mode observe."""
    return replace(base(stop=None), mode="observe")


def a_part_is_stopped_out() -> Schedule:
    """A half is to be sold and the stop raised: killed after one of two stops, which then fills."""
    seconds = (0.0, 40.0, 60.0)
    return replace(
        base(rules=PARTIAL + BREAKEVEN[len(ADOPT_ALL) :], quantity=D("12.5")),
        prices={AAPL: (*flat(100, 1), (100, 103, 100, 103), *flat(99.8, 9))},
        wakes=tuple(replace(GRID[0], number=n, seconds=s) for n, s in enumerate(seconds)),
        disturbances=(fault(1, 2, "kill_before", at="submit stop"),),
    )


def half_sold_twice_over() -> Schedule:
    """A half is sold; the same event runs once more, and by now the target wants the rest sold."""
    rules = PARTIAL + TARGET[len(ADOPT_ALL) :]
    return replace(
        base(rules=rules, up=True),
        wakes=(
            replace(GRID[0], number=0, seconds=0.0),
            replace(GRID[0], number=1, seconds=27.0),
            replace(GRID[0], number=2, seconds=27.0, late_seconds=12.0, cold=True),
        ),
    )


def tightened_and_refused() -> Schedule:
    """The trader tightens a stop that we then shrink; the sale is rejected, and we arm again."""
    return replace(
        base(rules=PARTIAL, up=True),
        disturbances=(
            by_hand(4, "tighten", before="record_tick", amount="1"),
            by_hand(4, "reject", before="submit market"),
        ),
    )


def older_fills() -> Schedule:
    """A stop has filled in part; then an older list shows less of it."""
    return replace(
        base(rules=BREAKEVEN, up=True),
        prices={AAPL: (*flat(100, 1), (100, 103, 100, 103), *flat(99.5, 9))},
        wakes=grid(16, pulse=10.0),
        disturbances=(
            by_hand(2, "cap"),
            *(fault(wake, 1, "stale", amount=12) for wake in (13, 15)),
        ),
    )


def reduced_before_its_partial_sale() -> Schedule:
    """No stop rests; a half is to be sold and a stop armed; the trader sells most of it first."""
    return replace(
        base(rules=PARTIAL, up=True),
        disturbances=(
            by_hand(4, "cancel"),
            by_hand(4, "reduce", before="position AAPL", amount="0.6"),
        ),
    )


def split_seen_by_half() -> Schedule:
    """Shares are split; the same tick lists old positions, and its stop is refused."""
    return replace(
        base(),
        disturbances=(
            by_hand(4, "split"),
            fault(4, 1, "stale", at="positions", amount=5),
        ),
    )


def unlisted_as_another_is_adopted() -> Schedule:
    """A stop of ours rests; for a new position orders are listed again, and that list is older."""
    return replace(
        base(stop=None),
        prices={AAPL: walk(100), MSFT: walk(100)},
        disturbances=(
            by_hand(2, "open", symbol=MSFT),
            fault(2, 2, "stale", at="open_orders", amount=1),
        ),
    )
