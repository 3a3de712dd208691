"""Defects that the harness found in what no answer showed in time."""

from datetime import timedelta

from stopward.domain.orders import Order
from tests.builders.guard import ACCOUNT
from tests.faults import found_unseen as found
from tests.faults.whole import whole
from tests.faults.world import World


def test_a_stop_that_the_broker_took_is_not_written_off_while_no_answer_shows_it() -> None:
    """A stop was sent and taken; the next tick found it nowhere, and then released it for an exit.

    It was told as never seen, and that is final: what became of it was refused, and with it all
    that the tick had done.
    """
    own = orders(whole(found.flattened_while_its_stop_is_in_no_answer))
    assert {order.step: (order.status, order.reason) for order in own} == {
        "arm": ("canceled", "canceled"),
        "release": ("filled", "canceled"),
        "sell": ("filled", "filled"),
    }


def test_a_part_that_takes_all_is_done_when_shares_were_added_meanwhile() -> None:
    """Of a hundred ten were left when a half was due; five were added before all ten were sold.

    The exit did not say which part it was: the five were sold too, as the same part.
    """
    world = whole(found.enlarged_while_a_part_takes_all)
    (part,) = (order for order in orders(world) if order.step == "sell")
    assert (part.rule, part.filled_quantity, part.partials) == ("partial", 10, 1)
    (position,) = world.memory.book(ACCOUNT).open_positions()
    assert (position.quantity, position.marks.partials) == (5, 1)


def test_what_was_sold_before_a_split_counts_for_a_clock_that_is_ahead() -> None:
    """Ninety of a hundred were sold within the second and a half that the clock was ahead.

    They seemed sold before the adoption. The split that followed could not be told: the old stop
    counted as passed, the rest was sold, and the position stayed open for ever.
    """
    world = whole(found.reduced_before_a_split_by_an_earlier_clock)
    (position,) = world.memory.book(ACCOUNT).open_positions()
    assert (position.quantity, position.stop) == (20, 49)


def test_an_exit_that_ends_between_two_plans_is_settled_before_the_next() -> None:
    """A half was sold whole between the list of orders and the plan for the rest.

    The price was past the stop of the rest, so it was to be sold; the store refused a second exit
    while it did not know the end of the first, and the rest was bare until the next tick.
    """
    world = whole(found.sold_as_the_stop_of_the_rest_is_refused)
    half, rest = (order for order in orders(world) if order.step == "sell")
    assert (half.status, half.quantity, half.partials) == ("filled", found.D("6.25"), 1)
    assert (rest.status, rest.rule) == ("filled", "stop")
    ended, sold = (execution.at for execution in world.simulator.ledger.executions[-2:])
    assert sold - ended < timedelta(seconds=2)


def orders(world: World) -> list[Order]:
    """Return all orders of ours in the order of their recording."""
    return list(world.memory.book(ACCOUNT).orders.values())
