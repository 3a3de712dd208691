"""Defects that the harness found in how the guard sends orders, each in its smallest story."""

from datetime import timedelta
from decimal import Decimal

from stopward.domain.identity import BrokerOrderId, OrderId
from stopward.domain.orders import BrokerOrder, Order
from stopward.domain.position import Position
from stopward.errors import BrokerUnavailable
from stopward.local.simulator import Simulator
from stopward.local.simulator_broker import SimulatorBroker
from stopward.services.guard.act import Executor
from tests.builders.faults import Schedule
from tests.builders.guard import ACCOUNT
from tests.builders.simulated_clock import SimulatedClock
from tests.builders.simulator import AAPL, a_simulator, at, sell
from tests.builders.store import a_position, an_order
from tests.faults import found
from tests.faults.result import Result
from tests.faults.shrink import timeline
from tests.faults.world import World, run

D = Decimal


def whole(schedule: Schedule) -> Result:
    """Run a story; fail with its timeline when an invariant does not hold."""
    result = run(schedule, tracing=True)
    assert result.broken is None, timeline(schedule, result)
    return result


def sent(result: Result, verb: str) -> list[str]:
    """Return the requests of one kind, in order."""
    return [line.what for line in result.lines if line.what.startswith(verb)]


def test_an_event_delivered_twice_at_once_is_one_tick() -> None:
    """Both runs had the same holder, so the same lease and fence.

    The one that came late wrote the day as it had read it: the trade of the other was gone from it.
    """
    result = whole(found.doubled_event_at_once())
    assert len(sent(result, "submit market")) == 1


def test_a_sale_that_had_to_wait_is_read_again() -> None:
    """The broker asked us to wait; meanwhile the trader sold a part.

    What was read before the wait was sent after it: more than was held.
    """
    result = whole(found.rate_limited_sale())
    quantities = [what.split()[3] for what in sent(result, "submit market sell")]
    assert quantities == ["100", "75"]


def test_a_stop_that_rested_unseen_is_not_forgotten() -> None:
    """A move took effect, its tick was killed, and the trader canceled it before the next one.

    The stop was armed where it had been before the move: looser than what had rested.
    """
    result = whole(found.move_rested_unseen())
    moved = float(sent(result, "replace")[0].split("stop=")[1].split()[0])
    armed = float(sent(result, "submit stop")[0].split(" @ ")[1].split()[0])
    assert armed >= moved > 98


def test_a_stop_that_rested_and_filled_is_not_forgotten_either() -> None:
    """A part rested at the raised stop and was stopped out; its tick had been killed before.

    The rest was armed at the stop of before: looser than what had rested.
    """
    result = whole(found.a_part_is_stopped_out())
    prices = [D(what.split(" @ ")[1].split()[0]) for what in sent(result, "submit stop")]
    assert min(prices) > 100


def test_a_stop_is_not_released_for_a_sale_that_will_not_be_sent() -> None:
    """A half was sold; the same tick ran again, and by then the target wanted the rest sold.

    The sale had the id of the first one and was not sent; the stop had been released for it.
    """
    result = whole(found.half_sold_twice_over())
    ids = [what.split()[-1] for what in sent(result, "submit market")]
    assert len(ids) == len(set(ids)) == 2


def test_a_stop_tightened_by_hand_and_shrunk_by_us_is_not_forgotten() -> None:
    """The trader tightened a stop while we planned; we shrank it, and the sale was rejected.

    The shares that were to be sold were armed at the stop of before.
    """
    result = whole(found.tightened_and_refused())
    prices = [D(what.split(" @ ")[1].split()[0]) for what in sent(result, "submit stop")]
    assert prices
    assert min(prices) > 98


def test_an_older_answer_takes_no_fills_back() -> None:
    """A stop had filled in part, and an older list showed less of it.

    The database took no fills back: the record was refused, for all positions of the account.
    """
    whole(found.older_fills())


def test_parts_whose_move_was_lost_follow_the_part_that_moved() -> None:
    """Three stops were to move; the tick was killed after the first, and the price fell.

    The other two were moved to where a trail wanted them by then, below the first.
    """
    result = whole(found.one_of_three_moves_is_done())
    prices = [what.split("stop=")[1].split()[0] for what in sent(result, "replace")]
    assert len(prices) == 3
    assert len(set(prices)) == 1


def test_a_plan_that_is_done_does_not_stop_the_others_from_being_made_anew() -> None:
    """Two exits came out otherwise; one needed no more steps, the other needed two more plans.

    The second plan of a finished position was looked for and not there: the tick ended with a
    KeyError, the stop not back and nothing acknowledged.
    """
    result = whole(found.two_plans_come_out_otherwise())
    assert len(sent(result, "submit stop")) == 3


def test_a_position_that_cannot_be_read_keeps_no_other_from_its_stop() -> None:
    """After a rejected exit all positions of the plan were read again; one did not answer.

    Then none was planned anew, and the stop of the other stayed released until the next tick.
    """
    for story in (found.one_replan_read_is_lost, found.replan_without_an_answer):
        result = whole(story())
        assert len(sent(result, "submit stop")) == 1
        assert result.unprotected_seconds < 1


def test_what_follows_a_sale_is_planned_anew_when_less_was_held() -> None:
    """The trader sold sixty of a hundred between the record of a partial exit and its sale.

    The sale took the forty that were left, and the stop for fifty was armed all the same: elected,
    it would have opened a position.
    """
    result = whole(found.reduced_before_its_partial_sale())
    assert [what.split()[3] for what in sent(result, "submit market sell")] == ["40"]
    assert sent(result, "submit stop") == []


def test_a_split_that_is_seen_by_half_sells_nothing() -> None:
    """Positions were still listed as before a split, prices already as after it.

    The stop at the old price was refused, the price counted as through it, and all was sold.
    """
    result = whole(found.split_seen_by_half())
    assert sent(result, "submit market") == []
    assert sent(result, "submit stop")[-1].startswith("submit stop sell 200 AAPL @ 49 ")


def test_an_order_that_only_the_second_list_lacks_is_read_by_its_id() -> None:
    """A new position made the orders be listed twice; the second list was older.

    The stop that rested was in the first, so that nobody looked it up, and was settled by the
    second: as one that the broker never saw.
    """
    world = World(found.unlisted_as_another_is_adopted(), tracing=True)
    assert world.run().broken is None
    assert any(line.effect == "an older answer is given" for line in world.boundary.lines)
    events = world.memory.book(ACCOUNT).events
    assert {event.order.status for event in events} == {"recorded", "working"}


def test_nothing_is_sold_of_shares_that_were_split_since_the_look() -> None:
    """An exit was recorded for what a lagging list showed; the shares had been split before.

    Half of the new shares were sold, and for a minute nobody guarded the rest.
    """
    simulator = a_simulator()
    simulator.open_position(AAPL, "long", D(100), D(100))
    simulator.hand_split(AAPL, D(2))
    position = a_position()
    executor = Executor(
        broker=SimulatorBroker(simulator),
        clock=SimulatedClock(simulator),
        deadline=at(0) + timedelta(seconds=10),
    )
    exit_order = an_order(position, step="sell", quantity=D(100), price=None)
    (result,) = executor.run([(position, (exit_order,))], lambda *_: None)
    assert (result.complete, result.orders) == (False, ())
    assert simulator.shares(AAPL) == 200


def test_a_stop_of_the_traders_that_was_not_moved_is_not_taken_for_loosened() -> None:
    """Of two stops, ours moved and the trader's did not: the row said that both had.

    The next tick took the trader's for one that he had loosened, and left it alone for good.
    """
    simulator = a_simulator()
    simulator.open_position(AAPL, "long", D(100), D(100))
    ours, theirs = (_a_stop(simulator, quantity=q) for q in ("60", "40"))
    position = a_position()
    steps = (_a_move(position, ours, "98.5"), _a_move(position, theirs, "98.6"))
    broker = _DeafBroker(simulator, deaf_to=theirs)
    executor = Executor(
        broker=broker, clock=SimulatedClock(simulator), deadline=at(0) + timedelta(seconds=10)
    )
    (result,) = executor.run([(position, steps)], lambda *_: None)
    assert result.position.stop == D(98)
    assert [order.status for order in result.orders] == ["working"]


class _DeafBroker(SimulatorBroker):
    # A broker that gives no answer about one order.

    def __init__(self, simulator: Simulator, *, deaf_to: BrokerOrderId) -> None:
        super().__init__(simulator)
        self._deaf_to = deaf_to

    def replace(
        self,
        order_id: BrokerOrderId,
        *,
        client_order_id: OrderId,
        quantity: Decimal | None = None,
        stop_price: Decimal | None = None,
    ) -> BrokerOrder:
        if order_id == self._deaf_to:
            raise BrokerUnavailable("no answer")
        return super().replace(
            order_id, client_order_id=client_order_id, quantity=quantity, stop_price=stop_price
        )


def _a_stop(simulator: Simulator, *, quantity: str) -> BrokerOrderId:
    order = simulator.submit(sell(quantity, kind="stop", stop_price=D(98), time_in_force="gtc"))
    simulator.settle()
    return order.id


def _a_move(position: Position, on: BrokerOrderId, price: str) -> Order:
    return an_order(position, step="move", on=on, price=D(price), quantity=D(60))
