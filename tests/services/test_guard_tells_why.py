"""What the store asks an explanation for, the guard gives: its own tick is never refused."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from stopward.domain.orders import BrokerOrder, Fill, OrderRequest
from stopward.domain.snapshot import Observation
from tests.builders.guard import AAPL, ADOPT_ALL, World, a_world
from tests.builders.simulator import flat

TIME_STOP = ADOPT_ALL + "[rules.time_stop]\nminutes = 2\n"
PARTIAL = ADOPT_ALL + '[rules.partial]\nat_1 = "0.5 r"\nfraction_1 = 0.5\n'


@dataclass(slots=True)
class Disturbed:
    """A broker that hides fills of after a moment, and tells when an order is about to be sent."""

    inner: Any
    fills_until: datetime | None = None
    before_submit: Callable[[], object] = lambda: None

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)

    def fills(self, *, since: datetime) -> tuple[Fill, ...]:
        found = self.inner.fills(since=since)
        until = self.fills_until
        return tuple(fill for fill in found if until is None or fill.at < until)

    def submit(self, request: OrderRequest) -> BrokerOrder:
        self.before_submit()
        answer: BrokerOrder = self.inner.submit(request)
        return answer


def observations(world: World) -> list[Observation]:
    written = (*world.store.records, *world.store.acknowledgements)
    return [seen for each in written for seen in each.observations]


def test_an_exit_sells_all_that_is_held_where_fills_explain_less_and_tells_it() -> None:
    with a_world(*flat(100, 8), rules=TIME_STOP) as world:
        world.open(stop="98")
        world.tick(1)
        disturbed = Disturbed(world.guard.broker, fills_until=world.simulator.now)
        world.guard.broker = disturbed
        world.simulator.hand_add(AAPL, Decimal(50))
        world.run(2, 3)
        assert world.failures == []
        assert world.shares() == 0
        held = [seen for seen in observations(world) if seen.kind == "held"]
        assert [(seen.cause, seen.detail) for seen in held] == [("broker", {"quantity": "150"})]


def test_what_fills_explain_needs_no_telling() -> None:
    with a_world(*flat(100, 8), rules=TIME_STOP) as world:
        world.open(stop="98")
        world.tick(1)
        world.simulator.hand_add(AAPL, Decimal(50))
        world.run(2, 3)
        assert world.shares() == 0
        assert "held" not in {seen.kind for seen in observations(world)}


def test_shares_added_while_an_exit_is_sent_are_observed_in_its_acknowledgement() -> None:
    with a_world((100, 101.5, 100, 101.5), *flat(101.5, 6), rules=PARTIAL) as world:
        world.open(stop="98")
        world.tick(0.5)
        once = [Decimal(50)]
        world.guard.broker = Disturbed(
            world.guard.broker,
            before_submit=lambda: once and world.simulator.hand_add(AAPL, once.pop()),
        )
        world.run(1, 3)
        assert world.failures == []
        assert (world.position().quantity, world.position().initial_quantity) == (100, 150)
        added = [
            seen
            for each in world.store.acknowledgements
            for seen in each.observations
            if seen.kind == "added"
        ]
        assert [(seen.cause, seen.detail["quantity"]) for seen in added] == [("by_hand", "50")]
