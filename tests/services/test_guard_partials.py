"""The guard sells a part: the rest stays protected all the while, and its stop follows at once."""

from decimal import Decimal

from tests.builders.guard import AAPL, ADOPT_ALL, a_world
from tests.builders.simulator import climb

PARTIAL = (
    ADOPT_ALL + '[rules.partial]\nat_1 = "2 r"\nfraction_1 = 0.5\nat_2 = "3 r"\nfraction_2 = 0.25\n'
)
AND_BREAKEVEN = PARTIAL + '[rules.breakeven]\narm = "2 r"\n'


def test_a_partial_exit_shrinks_the_stop_before_it_sells() -> None:
    with a_world(*climb(102, 104, 104, 104), rules=PARTIAL) as world:
        world.open(stop="98")
        world.run(1, 3)
        assert world.shares() == 50
        assert world.stop_prices() == ["50@98"]
        assert world.position().marks.partials == 1
        assert world.simulator.unprotected_seconds(AAPL) == 0


def test_the_stop_that_a_partial_exit_shrank_is_still_a_stop_when_it_fills() -> None:
    with a_world(*climb(102, 104, 104, 97, 97), rules=PARTIAL) as world:
        world.open(stop="98")
        world.run(1, 5)
        assert world.shares() == 0
        assert [trade.cause for trade in world.trades()] == ["stop"]


def test_a_fractional_position_is_armed_in_tranches_and_a_partial_releases_its_own() -> None:
    with a_world(*climb(102, 104, 104, 104), rules=PARTIAL) as world:
        world.open("10.5")
        world.tick(1)
        assert len(world.stops()) == 3
        world.run(2, 3)
        assert world.shares() == Decimal("5.25")
        assert sum(order.open_quantity for order in world.stops()) == Decimal("5.25")
        assert len(world.stops()) == 2


def test_a_partial_exit_of_a_bracket_keeps_the_rest_protected() -> None:
    with a_world(*climb(102, 104, 104, 104), rules=PARTIAL) as world:
        world.open(stop="98", target="120")
        world.run(1, 3)
        assert world.shares() == 50
        assert world.stop_prices() == ["50@98"]


def test_the_stop_of_what_stays_moves_in_the_tick_that_sold_the_part() -> None:
    """It used to wait for the next pulse: the rest could be stopped out at the looser price."""
    with a_world(*climb(102, 104, 104, 104), rules=AND_BREAKEVEN) as world:
        world.open(stop="98")
        world.tick(1)
        assert (world.shares(), world.stop_prices()) == (100, ["100@98"])
        world.tick(2)
        assert (world.shares(), world.stop_prices()) == (50, ["50@100.01"])
        assert world.position().stop == Decimal("100.01")
        assert world.simulator.unprotected_seconds(AAPL) == 0
        sent = len(world.sent())
        world.run(3, 3)
        assert len(world.sent()) == sent


def test_a_part_that_is_not_sold_yet_moves_no_stop() -> None:
    """The sale comes first: while it works, the next tick looks again."""
    with a_world(*climb(102, 104, 104, 104), rules=AND_BREAKEVEN) as world:
        world.open(stop="98")
        world.tick(1)
        world.simulator.cap_next_fill(AAPL, Decimal(1))
        world.tick(2)
        assert world.stop_prices() == ["50@98"]
