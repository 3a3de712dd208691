"""Defects that let a stop come back looser than one that rested, or left it there."""

import pytest

from stopward.domain.holding import STOP_KINDS
from stopward.domain.position import HAND_LOOSENED
from tests.builders.guard import ACCOUNT
from tests.builders.simulator import AAPL
from tests.faults import found_looser as found
from tests.faults.stories import D, Story
from tests.faults.whole import whole
from tests.faults.world import World


def armed(world: World) -> set[D]:
    """Return the prices of all stops that were sent."""
    orders = world.memory.book(ACCOUNT).orders.values()
    return {
        o.price for o in orders if o.step == "arm" and o.price is not None and o.broker_order_id
    }


def test_what_is_armed_is_no_looser_than_a_part_that_had_moved() -> None:
    """Of two stops one was armed at breakeven, and the other on its way there, when he canceled.

    The loosest counted as the position's, so what stayed of a sale was armed two dollars below.
    """
    assert armed(whole(found.canceled_while_a_move_settles)) == {D("100.02")}


def test_what_is_released_on_its_way_may_have_rested() -> None:
    """A stop moved, unseen, between the list and its release; the sale then went first.

    Planned anew without it, what stayed was armed where it had rested before the move.
    """
    assert armed(whole(found.released_while_a_move_settles)) == {D("100.02")}


def test_shares_added_are_armed_where_a_move_waits_for_the_open() -> None:
    """A stop was moved at the close, which nobody acknowledged; it is accepted until the open.

    Accepted counted as not resting: shares that were added got their stop at the old price.
    """
    assert armed(whole(found.enlarged_after_a_move_nobody_told_of)) == {D("100.02")}


@pytest.mark.parametrize(
    "story",
    [found.shrunk_where_he_had_moved_it_and_canceled, found.shrunk_where_he_had_moved_it_and_sold],
)
def test_a_stop_that_he_tightened_and_we_shrank_did_rest(story: Story) -> None:
    """The trader tightened his stop as we were about to shrink it, so ours rested where he put it.

    That was told to nobody: gone before the next look, it came back where his was before.
    """
    assert armed(whole(story)) == {D("99.00")}


def test_our_stop_at_the_price_of_his_is_not_loosened_by_hand() -> None:
    """The trader tightened, and shares that he added got a stop of ours there, for the same reason.

    A half was sold and what stayed of his got a tighter stop. Ours was taken for loosened by him,
    and no rule moved it again.
    """
    world = whole(found.half_sold_beside_an_older_stop_of_ours)
    (position,) = world.memory.book(ACCOUNT).open_positions()
    assert HAND_LOOSENED not in position.flags
    stops = [o for o in world.simulator.open_orders(AAPL) if o.kind in STOP_KINDS]
    assert {o.stop_price for o in stops} == {D("102.5")}
