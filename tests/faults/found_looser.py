"""Stories of stops that came back looser than one that rested: the smallest schedule of each."""

from dataclasses import replace
from datetime import timedelta

from stopward.local.simulator import Settling
from tests.builders.faults import Schedule, Wake
from tests.builders.guard import ADOPT_ALL
from tests.faults.found_lagging import monitored
from tests.faults.stories import BREAKEVEN, PARTIAL, TRAIL, D, base, by_hand, fault

MOVED_PARTIAL = PARTIAL + BREAKEVEN[len(ADOPT_ALL) :]
SLOW = Settling(calls=None, after=timedelta(seconds=1))


def moved(seconds: float, *, number: int = 0) -> Wake:
    """Return a wake of the function that moves stops, and sells nothing."""
    return Wake(number=number, guard="breakeven", seconds=seconds)


def canceled_while_a_move_settles() -> Schedule:
    """A stop is armed and another moved to its price; before that settles the trader cancels all.

    The move is not read again, and the next tick, a moment later, sells a half.
    """
    return replace(
        base(rules=MOVED_PARTIAL, up=True, covered=D("0.4")),
        settling=SLOW,
        latency=timedelta(milliseconds=150),
        wakes=(moved(40), *monitored(0, 40.2)[1:]),
        disturbances=(
            fault(0, 2, "no_answer", at="order "),
            by_hand(1, "cancel", before="order "),
        ),
    )


def released_while_a_move_settles() -> Schedule:
    """A stop of fractions is moved, which no answer tells; it is released for a sale at once."""
    return replace(
        base(rules=MOVED_PARTIAL, up=True, quantity=D("12.5")),
        settling=Settling(calls=3, after=timedelta(seconds=0.4)),
        latency=timedelta(milliseconds=1),
        wakes=(moved(40), *monitored(0, 40.1)[1:]),
        disturbances=(
            fault(0, 2, "no_answer", at="order "),
            fault(1, 1, "slow", at="cancel", amount=0.5),
            fault(1, 1, "no_answer", at="order "),
            fault(1, 2, "slow", at="open_orders", amount=0.5),
        ),
    )


def enlarged_after_a_move_nobody_told_of() -> Schedule:
    """A stop is moved and its tick killed, as shares are added; then the session ends."""
    return replace(
        base(rules=BREAKEVEN, up=True),
        start_minute=389,
        wakes=monitored(10, 50),
        disturbances=(
            by_hand(1, "add", before="record_tick"),
            fault(1, 1, "kill_after", at="replace"),
        ),
    )


def shrunk_where_he_had_moved_it() -> Schedule:
    """The trader sells a tenth and tightens his stop as a tick decides to shrink it."""
    return replace(
        base(),
        wakes=monitored(10, 20),
        disturbances=(
            by_hand(0, "reduce_keep", before="open_orders", amount="0.1"),
            by_hand(0, "tighten", before="quotes", amount="1"),
        ),
    )


def shrunk_where_he_had_moved_it_and_canceled() -> Schedule:
    """And he cancels it before the next tick."""
    schedule = shrunk_where_he_had_moved_it()
    return replace(schedule, disturbances=(*schedule.disturbances, by_hand(1, "cancel")))


def shrunk_where_he_had_moved_it_and_sold() -> Schedule:
    """And he sells most of the rest, his stop with it, in the same tick."""
    schedule = shrunk_where_he_had_moved_it()
    sold = by_hand(0, "reduce", before="order ", call=3, amount="0.9")
    return replace(schedule, disturbances=(*schedule.disturbances, sold))


def half_sold_beside_an_older_stop_of_ours() -> Schedule:
    """The trader tightens, adds as many, and these get a stop there; then a half is sold.

    What is left of his shares has its stop where a rule wants it, and the added ones as they were.
    """
    return replace(
        base(rules=PARTIAL + TRAIL[len(ADOPT_ALL) :], up=True, quantity=D("3.333")),
        wakes=monitored(5, 10, 15, 45),
        disturbances=(
            by_hand(1, "tighten", amount="0.9"),
            by_hand(2, "add", amount="1"),
        ),
    )


def loosened_and_killed_as_that_is_told() -> Schedule:
    """The trader loosens his stop; the tick that sees it is killed once it is written; he adds."""
    return replace(
        base(stop=D("0.005")),
        wakes=monitored(5, 10, 15, 20),
        disturbances=(
            by_hand(0, "add", before="positions"),
            by_hand(0, "loosen", before="positions", call=2),
            fault(1, 1, "kill_after", at="record_tick"),
            by_hand(2, "add", amount="0.9"),
        ),
    )


def loosened_for_some_and_shrunk_for_others() -> Schedule:
    """Two stops of ours rest; the trader loosens one, a half shrinks the other, and he cancels."""
    return replace(
        base(rules=PARTIAL, stop=None, up=True),
        wakes=monitored(5, 10, 15, 45, 55),
        disturbances=(
            by_hand(1, "add"),
            by_hand(2, "loosen", amount="0.9"),
            by_hand(4, "cancel", before="record_tick"),
        ),
    )
