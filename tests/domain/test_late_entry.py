"""Fills of an entry that turn up only after the position was adopted, at NOW."""

from dataclasses import replace
from datetime import timedelta

import pytest

from stopward.domain.adoption import ENTRY_UNKNOWN, with_entry
from stopward.domain.orders import Fill
from tests.builders.positions import NOW, a_fill, a_position

UNKNOWN = a_position(opened_at=NOW, adopted_at=NOW, flags=(ENTRY_UNKNOWN,))
BOUGHT = a_fill(100, side="buy", at=NOW - timedelta(hours=2), fill_id="bought")
SOLD = a_fill(100, at=NOW - timedelta(hours=1), fill_id="sold")
AGAIN = a_fill(100, side="buy", at=NOW - timedelta(minutes=1), fill_id="again")
ADDED = a_fill(100, side="buy", at=NOW + timedelta(minutes=1), fill_id="added")


@pytest.mark.parametrize(
    ("fills", "entry", "unknown"),
    [
        ((AGAIN,), ("again",), False),
        ((AGAIN, ADDED), ("again",), False),
        ((BOUGHT,), ("bought",), True),
        ((BOUGHT, SOLD, AGAIN), ("again",), False),
        ((BOUGHT, SOLD, AGAIN, ADDED), ("again",), False),
        ((SOLD, AGAIN), ("again",), False),
        ((ADDED,), ("added",), False),
        ((), (), True),
    ],
    ids=[
        "of just now", "with an addition", "of long ago", "after an earlier one",
        "after an earlier one and with an addition", "after one that does not reach",
        "read after the clock", "still none",
    ],
)  # fmt: skip
def test_the_entry_is_the_last_one_before_the_adoption(
    fills: tuple[Fill, ...], entry: tuple[str, ...], unknown: bool
) -> None:
    found = with_entry(UNKNOWN, fills)
    assert found.fill_ids == entry
    assert (ENTRY_UNKNOWN in found.flags) is unknown


def test_an_addition_that_our_clock_takes_for_older_is_no_entry() -> None:
    early = replace(ADDED, at=NOW - timedelta(seconds=1))
    assert with_entry(UNKNOWN, (AGAIN, early)).fill_ids == ("again",)
