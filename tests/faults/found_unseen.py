"""Stories of what happened and no answer showed in time: the smallest schedule that showed each."""

from dataclasses import replace
from datetime import timedelta

from stopward.local.simulator import Settling
from tests.builders.faults import Schedule, Wake
from tests.builders.simulator import AAPL, flat
from tests.faults.found_lagging import monitored
from tests.faults.stories import PARTIAL, D, base, by_hand, fault


def flattened_while_its_stop_is_in_no_answer() -> Schedule:
    """A naked position is armed; for seven calls no answer shows the stop; all is flattened."""
    return replace(
        base(stop=None),
        disturbances=(
            fault(0, 1, "hidden", at="submit stop", amount=7),
            by_hand(1, "flatten"),
        ),
    )


def enlarged_while_a_part_takes_all() -> Schedule:
    """Of a hundred ten are left when a half is to be sold; meanwhile the trader adds some."""
    return replace(
        base(rules=PARTIAL, up=True),
        disturbances=(
            by_hand(1, "reduce_keep", amount="0.9"),
            by_hand(4, "add", before="position AAPL"),
        ),
    )


def reduced_before_a_split_by_an_earlier_clock() -> Schedule:
    """A clock ahead adopts a position; a second later some is sold, and the rest is split."""
    return replace(
        base(),
        skew_seconds=1.5,
        wakes=tuple(Wake(number=n, guard="breakeven", seconds=n) for n in (0.0, 1.0)),
        disturbances=(by_hand(1, "reduce_keep", amount="0.9"), by_hand(1, "split")),
    )


def sold_as_the_stop_of_the_rest_is_refused() -> Schedule:
    """A half sells one share at first; the stop of the rest is rejected, and the price is past it.

    The half is sold whole between the list of orders and the next plan of the tick.
    """
    return replace(
        base(rules=PARTIAL, quantity=D("12.5")),
        prices={AAPL: (*flat(100, 1), (100, 103, 97, 97), *flat(97, 9))},
        latency=timedelta(milliseconds=150),
        settling=Settling(calls=3, after=timedelta(seconds=0.4)),
        wakes=monitored(0, 17, 58.3),
        disturbances=(
            by_hand(1, "reject", before="submit stop"),
            by_hand(1, "cap", before="submit market"),
        ),
    )
