"""Defects that were found where shares were split, and all of them sold, between two ticks."""

from decimal import Decimal

import pytest

from tests.builders.guard import ACCOUNT, a_world
from tests.builders.simulator import AAPL, flat


@pytest.mark.parametrize("side", ["long", "short"])
@pytest.mark.parametrize(("ratio", "shares"), [("2", 200), ("0.1", 10)])
def test_all_that_is_sold_after_a_split_is_the_trade_of_the_new_shares(
    side: str, ratio: str, shares: int
) -> None:
    """A hundred from 100 were split two for one, and two hundred sold at 50, before a tick came.

    The trade told of a hundred, which had lost a half of their price: 5,000 that nobody lost, and
    that the day's limit counted. After one for ten nothing closed: ninety were missing for ever.
    """
    with a_world(*flat(100, 8)) as world:
        world.open(side=side, stop="98" if side == "long" else "102")
        world.tick(1)
        world.simulator.hand_split(AAPL, Decimal(ratio))
        world.simulator.hand_close(AAPL)
        world.run(2, 4)
        (trade,) = world.trades()
        assert (trade.cause, trade.result, trade.mae_r) == ("by_hand", 0, 0)
        position = world.memory.book(ACCOUNT).positions[trade.position_id]
        assert (position.quantity, position.closed_quantity) == (0, shares)
        told = [o.kind for record in world.store.records for o in record.observations]
        assert told == ["adopted", "reduced", "split"]
        assert world.alarms() == set()
        state = world.memory.book(ACCOUNT).symbols[AAPL]
        assert state.carry.close == 100 / float(ratio)
        assert [day.realised for day in world.memory.book(ACCOUNT).days.values()] == [0]
