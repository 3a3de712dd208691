"""Stories of what happens between two calls of a tick: the smallest schedule that showed each."""

from dataclasses import replace

from tests.builders.faults import Schedule
from tests.faults.stories import PARTIAL, D, base, by_hand, fault


def reduced_before(call: str) -> Schedule:
    """A half is sold; before the call of that name the trader sells a half of what is left."""
    return replace(base(rules=PARTIAL, up=True), disturbances=(by_hand(4, "reduce", before=call),))


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
