"""Stories of answers that lag or never come: the smallest schedule that showed each."""

from dataclasses import replace
from datetime import timedelta

from stopward.local.simulator import Settling
from tests.builders.faults import Opening, Schedule, Wake
from tests.builders.guard import ADOPT_ALL
from tests.faults.stories import BREAKEVEN, PARTIAL, TRAIL, D, base, by_hand, fault


def monitored(*seconds: float) -> tuple[Wake, ...]:
    """Return wakes of the function that applies all rules, at these seconds."""
    return tuple(
        Wake(number=number, guard="monitor", seconds=each) for number, each in enumerate(seconds)
    )


def canceled_and_his_old_stop_listed() -> Schedule:
    """A half is sold and two stops take the place of his; he cancels both; then older lists."""
    return replace(
        base(rules=PARTIAL + BREAKEVEN[len(ADOPT_ALL) :], quantity=D("12.5"), up=True),
        wakes=monitored(10, 27, 35),
        disturbances=(
            by_hand(1, "cancel", before="position AAPL"),
            fault(2, 1, "stale", at="begin_tick", amount=1),
            fault(2, 1, "stale", at="fills", amount=1),
        ),
    )


def enlarged_while_a_cancel_has_no_answer() -> Schedule:
    """All is to be flattened; the cancel of the stop takes effect late, and a share is added."""
    return replace(
        base(),
        openings=(Opening(quantity=D(1)),),
        disturbances=(
            by_hand(2, "flatten"),
            fault(2, 1, "late_effect", at="cancel", amount=12),
            by_hand(2, "add", before="open_orders", call=2),
        ),
    )


def exit_done_as_the_last_tick_ends() -> Schedule:
    """An exit sells one share; the rest is sold just after the last calm tick has looked."""
    return replace(
        base(),
        latency=timedelta(milliseconds=150),
        wakes=monitored(5, 21.2),
        disturbances=(by_hand(1, "flatten"), by_hand(1, "cap")),
    )


def closed_between_a_shrink_and_its_sale() -> Schedule:
    """A half is to be sold and the stop raised; the market closes before the sale is filled."""
    return replace(
        base(rules=PARTIAL + TRAIL[len(ADOPT_ALL) :], up=True),
        start_minute=389,
        latency=timedelta(milliseconds=150),
        settling=Settling(calls=3, after=timedelta(seconds=0.4)),
        wakes=monitored(15, 58.05),
    )
