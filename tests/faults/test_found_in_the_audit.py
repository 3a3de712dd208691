"""Stories in which the guard was right, and the harness took it for wrong."""

from decimal import Decimal

from tests.builders.guard import ACCOUNT
from tests.builders.simulator import AAPL
from tests.faults import found_lagging, found_looser, found_meanwhile
from tests.faults.outcome import filled_since, traded_since
from tests.faults.shrink import timeline
from tests.faults.world import World, run


def test_shares_that_no_cancel_waits_for_may_be_sold() -> None:
    """The cancel of a stop for one share had no answer; the trader added another one.

    The exit of one share was sent, as it should be: both may fill, and two are held. The harness
    wanted every cancel to be final, whatever it was for.
    """
    schedule = found_lagging.enlarged_while_a_cancel_has_no_answer()
    result = run(schedule, tracing=True)
    assert result.broken is None, timeline(schedule, result)
    whats = [line.what for line in result.lines if line.depth]
    sold = whats.index(next(what for what in whats if what.startswith("submit market sell 1 ")))
    canceled = whats.index(next(what for what in whats if what.startswith("late: cancel")))
    assert sold < canceled


def test_an_exit_that_is_done_as_a_tick_ends_is_seen_by_the_next() -> None:
    """The rest of an exit was sold between the last look of the last calm tick and its end.

    The store rightly said that it works: the harness looked for fills of others alone.
    """
    schedule = found_lagging.exit_done_as_the_last_tick_ends()
    world = World(schedule, tracing=True)
    result = world.run()
    assert result.broken is None, timeline(schedule, result)
    last = world.simulator.ledger.executions[-1].at
    assert traded_since(world.simulator, last)
    assert filled_since(world.simulator, last) == set()


def test_a_stop_taken_at_the_close_is_moved_at_the_open() -> None:
    """A stop was shrunk in the last second, and the sale it made room for was too late.

    The shares got a stop where the decision wanted it; the shrunk one is accepted until the open,
    and the broker replaces no such order. The harness wanted both at one price that night.
    """
    schedule = found_lagging.closed_between_a_shrink_and_its_sale()
    result = run(schedule, tracing=True)
    assert result.broken is None, timeline(schedule, result)
    armed = [line.what for line in result.lines if line.what.startswith("submit stop")]
    assert len(armed) == 1
    assert " @ 102.5 " in armed[0]


def test_what_was_opened_after_a_list_was_read_is_not_what_was_adopted_from_it() -> None:
    """A hundred shares were adopted; before that was written all were sold, and as many sold short.

    The trade rightly ended with the sale. The harness took the short for what was adopted, for it
    looked for a hundred shares of either side, and at what was held as the adoption was written.
    """
    schedule = found_meanwhile.turned_around_while_it_is_adopted()
    world = World(schedule, tracing=True)
    result = world.run()
    assert result.broken is None, timeline(schedule, result)
    (trade,) = world.memory.book(ACCOUNT).trades.values()
    _, sold, opened = world.simulator.ledger.executions
    assert trade.closed_at == sold.at < opened.at


def test_a_replacement_whose_order_fills_first_holds_nothing() -> None:
    """A stop of a hundred was to be for fifty; the price fell past it before that took effect.

    All was sold, and nothing more was sent. The simulator counted shares for the replacement until
    the market would refuse it, and there were none left.
    """
    schedule = found_meanwhile.stopped_out_while_its_stop_is_shrunk()
    world = World(schedule, tracing=True)
    result = world.run()
    assert result.broken is None, timeline(schedule, result)
    orders = world.memory.book(ACCOUNT).orders.values()
    assert {order.step: order.status for order in orders} == {"shrink": "rejected", "sell": "void"}
    assert world.simulator.ledger.executions[-1].quantity == 100


def test_what_he_loosened_is_loose_also_where_the_tick_that_tells_it_is_killed() -> None:
    """He loosened his stop as ours came to rest, and the tick that saw it was killed once written.

    What he added later was armed where his stop is. The harness learned of it from answers alone.
    """
    schedule = found_looser.loosened_and_killed_as_that_is_told()
    result = run(schedule, tracing=True)
    assert result.broken is None, timeline(schedule, result)
    assert any(" @ 95 " in line.what for line in result.lines if line.what.startswith("submit"))


def test_a_stop_that_is_shrunk_rested_there_before() -> None:
    """He loosened one of two stops of ours; the other was shrunk for a sale, at its own price.

    He canceled both, and the rest was armed where he had put his. The harness took the shrunk one
    for new, and for tighter than what he had loosened.
    """
    schedule = found_looser.loosened_for_some_and_shrunk_for_others()
    result = run(schedule, tracing=True)
    assert result.broken is None, timeline(schedule, result)
    assert any(" @ 91 " in line.what for line in result.lines if line.what.startswith("submit"))


def test_a_stop_that_an_order_of_his_stands_against_is_asked_for_at_each_tick() -> None:
    """A stop that the trader had left behind made him short, and another one of his rested on.

    The broker takes no stop for the short as long as that rests. The guard tries once a tick and
    raises an alarm; the harness wanted it to be quiet.
    """
    world = World(found_meanwhile.short_beside_another_stop_of_his(), tracing=True)
    result = world.run()
    assert result.broken is None, timeline(world.schedule, result)
    book = world.memory.book(ACCOUNT)
    standing = {row.alarm.key for row in book.alarms if row.cleared_at is None}
    assert standing >= {"order_rejected:AAPL", "unprotected:AAPL"}
    tries = [o for o in book.orders.values() if o.status == "rejected"]
    assert len({o.tick_at for o in tries}) == len(tries) > 2


def test_a_quote_lies_on_the_tick_where_a_split_price_does_not() -> None:
    """A split left the price half a cent above the stop that a trail wanted: refused, as too near.

    The bid lay there too, and so the stop did not count as reached. No bid in cents does.
    """
    world = World(found_meanwhile.split_into_half_cents(), tracing=True)
    result = world.run()
    assert result.broken is None, timeline(world.schedule, result)
    assert world.simulator.price(AAPL) == Decimal("50.005")
    (trade,) = world.memory.book(ACCOUNT).trades.values()
    assert trade.cause == "percent_trail"
