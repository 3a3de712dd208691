"""Stories of what happens between two calls of a tick: the smallest schedule that showed each."""

from dataclasses import replace
from datetime import timedelta

from stopward.local.simulator import Settling
from tests.builders.faults import Schedule
from tests.builders.guard import ADOPT_ALL
from tests.builders.simulator import AAPL, flat
from tests.faults.found_lagging import monitored
from tests.faults.stories import BREAKEVEN, GRID, PARTIAL, TRAIL, D, base, by_hand, fault


def reduced_before(call: str) -> Schedule:
    """A half is sold; before the call of that name the trader sells a half of what is left."""
    return replace(base(rules=PARTIAL, up=True), disturbances=(by_hand(4, "reduce", before=call),))


def opened_right_after_a_split() -> Schedule:
    """Shares are split, and sold soon after; then the trader opens the other side."""
    return replace(
        base(),
        disturbances=(
            by_hand(1, "split"),
            by_hand(2, "close"),
            by_hand(3, "open", side="short"),
        ),
    )


def sold_by_hand_before_its_stop_is_canceled() -> Schedule:
    """All is to be flattened; the tick is killed before its cancel, and the trader sells all."""
    return replace(
        base(),
        disturbances=(
            by_hand(2, "flatten"),
            fault(2, 1, "kill_before", at="cancel"),
            by_hand(3, "reduce_keep", amount="1"),
        ),
    )


def a_target_sells_one_share() -> Schedule:
    """A target takes one share as shares are added; then the price goes on without it."""
    return replace(
        base(rules=TRAIL, target=D("0.0199")),
        prices={
            AAPL: (*flat(100, 1), (100, 101, 100, 101), (101, 102, 101, 101.6), *flat(101.6, 9))
        },
        wakes=monitored(10, 95, 105),
        disturbances=(by_hand(0, "add"), by_hand(0, "cap", call=2)),
    )


def a_half_is_sold_and_not_acknowledged() -> Schedule:
    """A half is sold and the stop raised; that it was acknowledged is lost."""
    return replace(
        base(rules=PARTIAL + BREAKEVEN[len(ADOPT_ALL) :], up=True),
        wakes=monitored(10, 40, 60),
        disturbances=(fault(1, 1, "no_answer", at="acknowledge"),),
    )


def opened_anew_while_our_clock_is_ahead() -> Schedule:
    """Our clock is ahead; all is sold as it is adopted, and then the other side is opened."""
    return replace(
        base(stop=None),
        skew_seconds=2.0,
        wakes=(replace(GRID[1], seconds=0.0), *GRID[2:]),
        disturbances=(
            by_hand(1, "close", before="record_tick"),
            by_hand(2, "open", side="short", amount="1"),
        ),
        latency=timedelta(milliseconds=1),
    )


def entered_again_while_our_clock_is_ahead() -> Schedule:
    """Our clock is ahead; all is sold as it is adopted, and more of the same is bought at once."""
    return replace(
        base(stop=None),
        skew_seconds=2.0,
        wakes=(replace(GRID[1], seconds=0.0), *GRID[2:]),
        disturbances=(
            by_hand(1, "close", before="record_tick"),
            by_hand(2, "open", amount="0.4"),
        ),
        latency=timedelta(milliseconds=1),
    )


def loosened_as_shares_are_added_to_a_bracket() -> Schedule:
    """The trader adds shares beside a bracket, and loosens the bracket's stop."""
    return replace(
        base(stop=D("0.02"), target=D("0.1")),
        disturbances=(by_hand(2, "add", before="quotes", amount="0.1"), by_hand(3, "loosen")),
    )


def turned_around_while_it_is_adopted() -> Schedule:
    """A tick has read all lists and adopts; all is sold, and the other side opened."""
    return replace(
        base(),
        mode="observe",
        disturbances=(
            by_hand(0, "close", before="record_tick"),
            by_hand(0, "open", before="record_tick", side="short", amount="1"),
        ),
    )


def entered_anew_between_two_ticks() -> Schedule:
    """All is sold, and as much bought again at once; later that is sold too."""
    return replace(
        base(up=True),
        disturbances=(by_hand(3, "close"), by_hand(3, "open", amount="1"), by_hand(8, "close")),
    )


def entered_anew_at_the_same_price() -> Schedule:
    """All is sold, and as much bought again at once, at the price of the first entry."""
    return replace(
        base(stop=None),
        disturbances=(by_hand(3, "close"), by_hand(3, "open", amount="1")),
    )


def canceled_and_no_answer(read: str, which: int) -> Schedule:
    """The trader cancels our stop, and the so-manieth read of that name in the tick is silent."""
    return replace(
        base(stop=None),
        disturbances=(by_hand(3, "cancel"), fault(3, which, "no_answer", at=read)),
    )


def stopped_out_while_its_stop_is_shrunk() -> Schedule:
    """A half is to be sold; the price falls past the stop before its replacement takes effect."""
    return replace(
        base(rules=PARTIAL),
        prices={AAPL: (*flat(100, 1), (100, 103, 100, 103), *flat(97, 9))},
        settling=Settling(calls=None, after=timedelta(seconds=1)),
        wakes=monitored(10, 59.5),
    )


def added_and_stopped_out_while_our_clock_is_ahead() -> Schedule:
    """Our clock is ahead; as many are added as were adopted, and the stop of those sells."""
    return replace(
        base(stop=D("0.01")),
        prices={AAPL: (*flat(100, 2), (100, 100, 98.5, 98.5), *flat(98.5, 9))},
        skew_seconds=2.0,
        wakes=(
            replace(GRID[1], seconds=57.0),
            replace(GRID[3], seconds=57.5),
            replace(GRID[4], seconds=115.0),
        ),
        disturbances=(
            by_hand(3, "add", amount="1"),
            fault(3, 1, "kill_before"),
        ),
        latency=timedelta(milliseconds=1),
    )


def split_after_a_release() -> Schedule:
    """A half is to be sold, and its stop is released; before it is armed again shares are split."""
    return replace(
        base(rules=PARTIAL, up=True, quantity=D("12.5")),
        disturbances=(by_hand(4, "split", before="position AAPL"),),
    )


def split_seen_as_an_exit_is_sent() -> Schedule:
    """A half is recorded and its tick killed; before the next one shares are split."""
    return replace(
        base(rules=PARTIAL, up=True),
        disturbances=(
            fault(4, 1, "kill_after", at="record_tick"),
            by_hand(5, "split"),
        ),
    )


def short_beside_another_stop_of_his() -> Schedule:
    """The trader sells all and leaves two stops: one makes him short, and the other one rests on.

    A stop for the short would trade against it, and the broker refuses that.
    """
    return replace(
        base(covered=D("0.4")),
        prices={AAPL: (*flat(100, 1), (100, 100, 99, 99), *flat(99, 10))},
        wakes=monitored(10, 20),
        disturbances=(
            by_hand(1, "tighten", amount="0.5"),
            by_hand(1, "reduce_keep", amount="1"),
        ),
    )


def split_into_half_cents() -> Schedule:
    """Shares are split two for one at an odd price, which stands where a trail would have its stop.

    The price is half a cent above that stop, too near for the broker.
    """
    return replace(
        base(rules=TRAIL),
        prices={
            AAPL: (*flat(100, 1), (100, 100.5, 100, 100.01), *flat(100.01, 10)),
        },
        wakes=monitored(10, 20, 50),
        disturbances=(by_hand(1, "split"),),
    )
