"""Defects that the harness found in what the guard sees when it looks at broker and market."""

from collections import Counter

import pytest

from tests.builders.guard import ACCOUNT
from tests.builders.simulator import AAPL, MSFT
from tests.faults import found_looks as found
from tests.faults.stories import GRID, Story
from tests.faults.whole import whole

ONE_PULSE = 10.5


def test_a_stop_nearer_to_the_price_than_a_tick_becomes_an_exit() -> None:
    """The broker wants a stop a tick below the price, and this one was half a tick below it.

    It was refused, and the price was not at the stop: it was sent again and again, for ever.
    """
    world = whole(found.half_a_cent_above_its_stop)
    (trade,) = world.memory.book(ACCOUNT).trades.values()
    assert trade.cause == "stop"


def test_a_position_opened_right_before_a_split_is_not_doubted() -> None:
    """Thirty were bought, and sixty listed after a split of two for one.

    The list seemed to lag behind the fills: for a minute after the last of them the position was
    not adopted, and had no stop.
    """
    world = whole(found.opened_right_before_a_split)
    opened = world.simulator.ledger.executions[-1].at
    (position,) = world.memory.book(ACCOUNT).open_positions()
    assert position.quantity == 60
    assert (position.adopted_at - opened).total_seconds() <= ONE_PULSE


def test_what_was_read_last_is_armed_where_an_order_of_his_is_not_told() -> None:
    """Our stop had ended, so fills were read, and then orders and positions once more.

    The order of a fill could not be read, and all of that look was dropped with it: a stop went out
    for what had been held before. Now it is for what was read last; the fill is told by the next.
    """
    world = whole(found.reduced_and_not_told_by_whose_order)
    armed = [line.what for line in world.boundary.lines if line.what.startswith("submit stop")]
    assert [what.split()[3] for what in armed] == ["100", "50"]
    seen = [each for _, each in world.memory.book(ACCOUNT).observations if each.kind == "reduced"]
    assert [(each.cause, each.detail["quantity"]) for each in seen] == [("by_hand", "50")]


def test_a_stop_that_has_filled_is_not_taken_for_surplus_in_an_older_list() -> None:
    """The trader had tightened a stop of ours, and it filled: his own rested for the other shares.

    An older list showed both, so stops seemed to rest for shares that were gone. His was canceled,
    and only then it was seen that the other could not be shrunk: what was held had no stop.
    """
    world = whole(found.a_stop_that_has_filled_is_listed_again)
    assert "an older answer is given" in {line.effect for line in world.boundary.lines}
    sent = Counter(line.what.split()[0] for line in world.boundary.lines)
    assert (sent["submit"], sent["cancel"], sent["replace"]) == (1, 0, 0)


@pytest.mark.parametrize(
    "story",
    [found.sold_and_bought_again_at_one_price, found.observed_and_entered_again_at_one_price],
)
def test_what_was_sold_and_bought_again_at_one_price_is_another_position(story: Story) -> None:
    """As many shares were held, at the average of before, and only their stop was gone.

    Quantity and average were as we knew them, so no fill was read: the stop was armed again, and
    the position of before went on with its risk and its age. In mode `observe` it went on longer,
    for no stop of ours was gone.
    """
    world = whole(story)
    book = world.memory.book(ACCOUNT)
    (trade,) = book.trades.values()
    (position,) = book.open_positions()
    assert trade.cause == "by_hand"
    assert trade.position_id != position.id


def test_a_surplus_of_one_that_cannot_be_read_keeps_no_other_from_its_stop() -> None:
    """Stops rested for more than was held of one position, and reading them again failed.

    The whole tick was given up: another position, whose stop was gone, had none until the next.
    """
    world = whole(found.surplus_that_cannot_be_read)
    assert len(world.failures) == 1
    orders = world.memory.book(ACCOUNT).orders.values()
    first = {order.symbol: order for order in sorted(orders, key=lambda o: o.tick_at, reverse=True)}
    assert (first[MSFT].step, first[AAPL].step) == ("arm", "shrink")
    wakes = [(first[symbol].tick_at - world.begins_at).total_seconds() for symbol in (MSFT, AAPL)]
    assert wakes == [GRID[3].seconds, GRID[4].seconds]
