"""Stories of what happened and no answer showed in time: the smallest schedule that showed each."""

from dataclasses import replace

from tests.builders.faults import Schedule, Wake
from tests.faults.stories import PARTIAL, base, by_hand, fault


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
