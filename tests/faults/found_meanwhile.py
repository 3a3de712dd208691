"""Stories of what happens between two calls of a tick: the smallest schedule that showed each."""

from dataclasses import replace

from tests.builders.faults import Schedule
from tests.faults.stories import PARTIAL, base, by_hand


def reduced_before(call: str) -> Schedule:
    """A half is sold; before the call of that name the trader sells a half of what is left."""
    return replace(base(rules=PARTIAL, up=True), disturbances=(by_hand(4, "reduce", before=call),))
