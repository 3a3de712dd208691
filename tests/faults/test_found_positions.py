"""Defects that the harness found in what the guard believes of positions and trades."""

from collections import Counter
from datetime import timedelta
from decimal import Decimal

import pytest

from stopward.domain.fills import fold_fills
from stopward.domain.identity import BrokerOrderId, Symbol
from stopward.domain.orders import Fill, OrderSide
from stopward.domain.snapshot import DayRow
from stopward.services.guard.confirm import confirm
from stopward.services.guard.sent import Sent
from tests.builders import positions as build
from tests.builders.faults import Schedule
from tests.builders.guard import ACCOUNT
from tests.builders.simulator import at
from tests.builders.store import NOON, a_position, an_order
from tests.faults import found_lagging, found_meanwhile, found_positions
from tests.faults.result import Result
from tests.faults.shrink import timeline
from tests.faults.stories import STORIES, Story
from tests.faults.world import World, run

D = Decimal
ONE_PULSE = 10.5


def a_fill(name: str, *, symbol: str = "AAPL", side: OrderSide, quantity: Decimal) -> Fill:
    """Return a fill of the order of that name, a second after NOON."""
    return Fill(
        id=name,
        order_id=BrokerOrderId(name),
        symbol=Symbol(symbol),
        side=side,
        quantity=quantity,
        price=D(98),
        at=NOON + timedelta(seconds=1),
    )


def whole(schedule: Schedule) -> Result:
    """Run a story; fail with its timeline when an invariant does not hold."""
    result = run(schedule, tracing=True)
    assert result.broken is None, timeline(schedule, result)
    return result


def test_a_stop_left_behind_is_canceled_before_its_position_is_closed() -> None:
    """The trader sold past our stop, so the position was closed and its stop was to be canceled.

    The database takes no order for a closed position: the record was refused, that tick and every
    later one, for all positions of the account.
    """
    result = whole(STORIES["the trader closes past our stop"]())
    whats = [line.what for line in result.lines]
    assert sum(what.startswith("cancel") for what in whats) == 1
    assert any("record_tick [release 100 AAPL" in what for what in whats)


def test_a_list_that_lags_behind_a_sale_is_not_adopted() -> None:
    """A position was closed; then the list of positions showed it once more.

    It was adopted anew, as one that nobody held: its stop was refused at every tick, for ever.
    """
    result = whole(found_positions.lagging_position_list())
    assert "an older answer is given" in {line.effect for line in result.lines}
    assert not any(line.what.startswith("submit") for line in result.lines)


def test_a_sale_right_after_the_adoption_counts_when_our_clock_is_ahead() -> None:
    """Our clock was two seconds ahead, so the sale seemed older than the position.

    It was passed over at every tick: the position stayed open in the store for ever.
    """
    whole(found_positions.clock_ahead())


def test_shares_added_right_after_the_adoption_count_when_our_clock_is_ahead() -> None:
    """The trader bought more and then sold all, in one fill of more than we knew of.

    What was bought seemed older than the position, and what was sold beyond it was cut off: the
    trade's result lacked the shares that were added.
    """
    whole(found_positions.added_right_after_the_adoption())


def test_a_stop_that_is_gone_is_not_taken_for_surplus_beside_one_that_rests() -> None:
    """One of two stops sold its shares, after orders had been listed.

    Two stops then seemed to rest for the shares of one: the healthy one was released, the other
    could not be shrunk, and what was left had no stop until a new one was sent.
    """
    result = whole(found_positions.stopped_out_between_the_lists())
    sent = Counter(line.what.split()[0] for line in result.lines)
    assert (sent["submit"], sent["cancel"], sent["replace"]) == (1, 0, 0)


def test_a_position_opened_while_an_exit_works_waits_for_it() -> None:
    """The exit of the position before had not sold all when the trader opened it anew.

    A release of it was recorded, and an exit of its own refused; so nothing was sent, and the
    release stayed unsettled for ever.
    """
    schedule = found_positions.reentered_while_an_exit_works()
    result = whole(schedule)
    after = [line.what for line in result.lines if line.at > at(389) + timedelta(seconds=46)]
    assert after
    assert not any("release" in what or what.startswith(("cancel", "submit")) for what in after)


def test_shares_added_in_the_instant_of_the_exit_stay_in_the_position() -> None:
    """The trader added ten shares in the millisecond in which our exit sold a hundred.

    The exit was folded first and closed the position; the ten became another one, whose stop was
    estimated anew, looser than the one that had rested.
    """
    position = a_position()
    fills = (
        a_fill("a-exit", side="sell", quantity=D(100)),
        a_fill("b-addition", side="buy", quantity=D(10)),
    )
    assert fold_fills(position, fills).position.quantity == 10


def test_a_lagging_list_of_orders_is_read_one_by_one() -> None:
    """A stop of the trader's was moved by us; then an older list showed it where it had been.

    It was taken for loosened by hand: rules left the stop alone, and new shares got the old one.
    """
    result = whole(found_positions.lagging_order_list())
    armed = [line.what for line in result.lines if line.what.startswith("submit stop")]
    assert len(armed) == 1
    assert D(armed[0].split(" @ ")[1].split()[0]) >= D("100.02")


def test_a_stop_moved_away_as_shares_are_added_is_told() -> None:
    """Ten shares were added and armed in the tick in which the stop of the hundred was moved away.

    Ours for the ten counted as the stop, and that of the hundred as one for added shares.
    """
    schedule = found_positions.loosened_as_shares_are_added()
    world = World(schedule)
    assert world.run().broken is None
    assert "stop_loosened" in {row.alarm.kind for row in world.memory.book(ACCOUNT).alarms}


def test_a_position_that_a_lagging_list_shows_again_is_not_closed_beside_its_stop() -> None:
    """The trader sold all and left our stop; fills said so, and an older list showed the shares.

    It was closed at once, as if another had been opened: nobody canceled the stop that rested.
    """
    whole(found_positions.closed_past_a_stop_and_still_listed())


def test_a_position_without_an_exit_is_not_closed_by_the_exit_of_another() -> None:
    """One position's exit made the fills be read, and another's stop had just filled.

    It was closed there and then, by an unknown hand: the tick did not have its stop's record.
    """
    sold, stopped = a_position("AAPL"), a_position("MSFT")
    exit_order = an_order(sold, status="filled", filled_quantity=D(100), broker_order_id="exit")
    move = an_order(stopped, step="move", status="rejected")
    fills = (
        a_fill("exit", symbol="AAPL", side="sell", quantity=D(100)),
        a_fill("its-stop", symbol="MSFT", side="sell", quantity=D(100)),
    )
    confirmed = confirm(
        (Sent(position=sold, orders=(exit_order,)), Sent(position=stopped, orders=(move,))),
        fills,
        DayRow(session_day="2026-11-23"),
        recorded=(),
        now=NOON + timedelta(seconds=2),
    )
    assert [(trade.symbol, trade.cause) for trade in confirmed.trades] == [("AAPL", "give_back")]


def test_a_list_without_the_last_purchase_is_not_adopted() -> None:
    """Shares were added just before the adoption, and the list of positions was older, twice.

    The older purchase was taken for none: the position was adopted with half its shares, the fill
    of the others was older than the adoption, and they stood bare for good.
    """
    world = World(found_positions.enlarged_before_it_is_adopted())
    assert world.run().broken is None
    (position,) = world.memory.book(ACCOUNT).open_positions()
    assert position.quantity == 200


def test_his_old_stop_in_a_lagging_list_is_not_taken_for_loosened() -> None:
    """Two stops of ours had taken the place of his, and he canceled both by hand.

    Then an older list showed only his: it was believed that he had loosened his stop, and what was
    armed next went to the old price, looser than what had rested.
    """
    world = World(found_lagging.canceled_and_his_old_stop_listed(), tracing=True)
    assert world.run().broken is None
    assert "an older answer is given" in {line.effect for line in world.boundary.lines}
    armed = [line.what for line in world.boundary.lines if line.what.startswith("submit stop")]
    assert {what.split(" @ ")[1].split()[0] for what in armed} == {"100.02"}
    assert "stop_loosened" not in {row.alarm.kind for row in world.memory.book(ACCOUNT).alarms}


@pytest.mark.parametrize("call", ["submit market", "fills", "acknowledge"])
def test_shares_that_the_trader_sells_beside_our_exit_are_told_as_his(call: str) -> None:
    """He sold before our exit, or after it and before its fills were read.

    The fills were folded with ours, and nothing said that a part was his: the trade told of it as
    of what closed it in the end. What he sold later was told by the next tick all along.
    """
    world = World(found_meanwhile.reduced_before(call), tracing=True)
    assert world.run().broken is None
    seen = [each for _, each in world.memory.book(ACCOUNT).observations if each.kind == "reduced"]
    held = {"submit market": "50"}.get(call, "25")
    assert [(each.cause, each.detail["quantity"]) for each in seen] == [("by_hand", held)]


def test_a_stop_that_fills_beside_an_exit_is_no_hand() -> None:
    """The trader's stop sold the rest before the fills of our exit were read: it was by hand."""
    position = a_position()
    exit_order = an_order(position, status="filled", filled_quantity=D(60), broker_order_id="exit")
    ours = an_order(position, step="arm", status="working", broker_order_id="ours", rule="ratchet")
    fills = (
        a_fill("exit", side="sell", quantity=D(60)),
        a_fill("ours", side="sell", quantity=D(10)),
        a_fill("theirs", side="sell", quantity=D(30)),
    )
    confirmed = confirm(
        (Sent(position=position, orders=(exit_order,)),),
        fills,
        DayRow(session_day="2026-11-23"),
        recorded=(ours,),
        found=(build.a_stop(30, order_id="theirs"),),
        now=NOON + timedelta(seconds=2),
    )
    told = [(each.cause, each.detail["quantity"]) for each in confirmed.observations]
    assert told == [("ratchet", "10"), ("stop", "30")]
    assert [trade.cause for trade in confirmed.trades] == ["stop"]


@pytest.mark.parametrize(
    "story", [found_meanwhile.split_after_a_release, found_meanwhile.split_seen_as_an_exit_is_sent]
)
def test_a_half_that_was_not_sent_before_a_split_is_a_half_after_it(story: Story) -> None:
    """A half was recorded and not sent; then the shares were split, two for one.

    As many were sold as had been recorded: a quarter, told as the half. After a split of one for
    two it would have been all.
    """
    world = World(story(), tracing=True)
    assert world.run().broken is None
    sold = [o for o in world.memory.book(ACCOUNT).orders.values() if o.step == "sell"]
    (position,) = world.memory.book(ACCOUNT).open_positions()
    assert [order.status for order in sold] == ["void", "filled"]
    assert sold[-1].filled_quantity * 2 == position.initial_quantity
    assert world.simulator.ledger.spans
    assert all(
        span.seconds(world.simulator.now) <= ONE_PULSE for span in world.simulator.ledger.spans
    )
