"""Defects that the harness found in what happens between two calls, or two ticks, of the guard."""

from decimal import Decimal

import pytest

from stopward.domain.holding import STOP_KINDS
from stopward.domain.identity import Symbol
from tests.builders.guard import ACCOUNT
from tests.builders.simulator import at
from tests.faults import found_meanwhile as found
from tests.faults.stories import GRID
from tests.faults.whole import whole

AAPL = Symbol("AAPL")
ONE_PULSE = 10.5


def test_a_position_opened_soon_after_a_split_is_not_doubted() -> None:
    """A hundred were bought, two hundred sold after a split of two for one, and a short opened.

    The fills do not add up in one kind of share, so the list seemed to lag behind them: for a
    minute after the last of them the short was not adopted, and had no stop.
    """
    world = whole(found.opened_right_after_a_split)
    opened = world.simulator.ledger.executions[-1].at
    (position,) = world.memory.book(ACCOUNT).open_positions()
    assert position.side == "short"
    assert (position.adopted_at - opened).total_seconds() <= ONE_PULSE


def test_a_release_that_never_took_effect_is_over() -> None:
    """A tick was killed before its cancel, and the trader sold all: his own stop rested on.

    The release waited for its end, and was read at every tick, for as long as that stop rested.
    """
    world = whole(found.sold_by_hand_before_its_stop_is_canceled)
    (release,) = (o for o in world.memory.book(ACCOUNT).orders.values() if o.step == "release")
    assert (release.status, release.reason) == ("void", "not canceled, it is new")


def test_a_target_that_sold_one_share_does_not_hold_the_stop_of_the_others() -> None:
    """One of a hundred shares was sold at the target of a bracket, and the price went on.

    The bracket counted as busy, so its stop was never moved again; that of other shares was, and
    what the store said of all was what rested for a few.
    """
    world = whole(found.a_target_sells_one_share)
    stops = [o for o in world.simulator.open_orders(AAPL) if o.kind in STOP_KINDS]
    assert {order.stop_price for order in stops} == {Decimal("101.5")}
    assert sum(order.open_quantity for order in stops) == abs(world.simulator.shares(AAPL)) == 149


def test_a_half_whose_acknowledgement_is_lost_is_sold_once() -> None:
    """A half was sold, settled in the record of the next round, and not acknowledged.

    What is settled is in no later snapshot, and the position did not know of its half: the next
    tick sold it again, which was all that was left.
    """
    world = whole(found.a_half_is_sold_and_not_acknowledged)
    (position,) = world.memory.book(ACCOUNT).open_positions()
    assert (position.quantity, position.marks.partials) == (50, 1)


def test_what_is_opened_after_a_sale_our_clock_takes_for_older_is_another_position() -> None:
    """Our clock was two seconds ahead; all was sold as it was adopted, then a short was opened.

    The sale seemed older than the position, so the opening of the short closed it, at its price.
    """
    world = whole(found.opened_anew_while_our_clock_is_ahead)
    (trade,) = world.memory.book(ACCOUNT).trades.values()
    assert trade.closed_at < at(2.1)


def test_what_is_entered_again_after_a_sale_our_clock_takes_for_older_is_another_position() -> None:
    """The same, and the same side was entered again: forty long after a hundred long.

    The sale was passed over and the forty counted as added, under the old stop and in one trade:
    where the price had passed that stop, they were sold at once.
    """
    world = whole(found.entered_again_while_our_clock_is_ahead)
    (trade,) = world.memory.book(ACCOUNT).trades.values()
    assert trade.closed_at < at(2.1)
    (position,) = world.memory.book(ACCOUNT).open_positions()
    assert (position.quantity, position.initial_quantity) == (40, 40)


def test_shares_added_beside_a_bracket_are_armed_though_its_stop_is_loosened() -> None:
    """A leg read alone tells no parent: it counted as a stop of other shares than its target.

    So two hundred of a hundred and ten shares seemed held, and the ten that were added got no stop.
    """
    world = whole(found.loosened_as_shares_are_added_to_a_bracket)
    stops = [o for o in world.simulator.open_orders(AAPL) if o.kind in STOP_KINDS]
    assert sorted(order.open_quantity for order in stops) == [10, 100]


def test_as_many_shares_entered_anew_are_another_position() -> None:
    """A hundred were sold and bought again between two ticks: the broker still told of a hundred.

    The first trade ended with the first sale, once fills were read, and what the new shares made
    was in no trade and not in the day's result. They cost something else, and so they are noticed.
    """
    world = whole(found.entered_anew_between_two_ticks)
    sales = [each for each in world.simulator.ledger.executions if each.side == "sell"]
    trades = world.memory.book(ACCOUNT).trades.values()
    assert sorted((t.closed_at, t.result) for t in trades) == [(s.at, s.realised) for s in sales]
    assert len(sales) == 2


def test_as_many_shares_at_the_same_price_are_another_position_too() -> None:
    """Neither quantity nor average entry tells of it; that our stop has ended does.

    One trade was told where there were two, and the age of the first was that of the second.
    """
    world = whole(found.entered_anew_at_the_same_price)
    (sale,) = (each for each in world.simulator.ledger.executions if each.side == "sell")
    (trade,) = world.memory.book(ACCOUNT).trades.values()
    (position,) = world.memory.book(ACCOUNT).open_positions()
    assert trade.closed_at == sale.at < position.opened_at
    assert position.average_entry == 100


@pytest.mark.parametrize(("read", "which"), [("fills", 1), ("open_orders", 2), ("positions", 2)])
def test_a_stop_is_armed_again_also_where_fills_cannot_be_read(read: str, which: int) -> None:
    """That an order of ours has ended asks for fills; protection does not wait for their answer.

    The tick gave up without them, and the position stood bare until they could be read.
    """
    world = whole(lambda: found.canceled_and_no_answer(read, which))
    arms = [o for o in world.memory.book(ACCOUNT).orders.values() if o.step == "arm"]
    waited = max(o.tick_at for o in arms) - world.begins_at
    assert len(arms) == 2
    assert waited.total_seconds() == GRID[3].seconds


def test_all_that_an_exit_of_ours_sold_was_of_its_position() -> None:
    """Our clock was ahead: shares added after the adoption seemed older, and a stop took as many.

    The exit of what was left found the position closed by the stop, and was in no trade.
    """
    world = whole(found.added_and_stopped_out_while_our_clock_is_ahead)
    (trade,) = world.memory.book(ACCOUNT).trades.values()
    assert trade.closed_at == world.simulator.ledger.executions[-1].at
    assert world.memory.book(ACCOUNT).positions[trade.position_id].closed_quantity == 200
