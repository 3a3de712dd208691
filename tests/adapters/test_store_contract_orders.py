"""The contract over every Store, where an intent and what came of it are concerned."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from stopward.domain.identity import BrokerOrderId, PositionId
from stopward.domain.orders import Order
from stopward.domain.position import Position
from stopward.domain.snapshot import Observation, TickRecord
from stopward.errors import DatabaseRejected
from tests.builders.store import (
    NOON,
    D,
    a_position,
    a_record,
    a_trade,
    an_acknowledgement,
    an_order,
    ids,
)
from tests.builders.store_world import World, begin


def record(world: World, fence: int, *, tick: int = 0, **parts: object) -> TickRecord:
    return a_record(fence, tick=tick, account_id=world.account_id, **parts)


def refused(rule: str, write: Callable[[], object]) -> None:
    with pytest.raises(DatabaseRejected) as caught:
        write()
    assert caught.value.rule == rule


def seen_to_hold(position: Position, quantity: str) -> Observation:
    return Observation(
        position_id=position.id,
        symbol=position.symbol,
        kind="held",
        cause="broker",
        detail={"quantity": quantity},
    )


def seen(position: Position, kind: str, cause: str) -> Observation:
    return Observation(position_id=position.id, symbol=position.symbol, kind=kind, cause=cause)


# What an intent may ask for


@pytest.mark.parametrize("step", ["arm", "shrink", "sell"])
@pytest.mark.parametrize(("held", "quantity"), [("100", "101"), ("0", "1")])
def test_an_order_asks_for_no_more_shares_than_are_held(
    world: World, step: str, held: str, quantity: str
) -> None:
    position = a_position(account_id=world.account_id, quantity=D(held))
    order = an_order(position, step=step, quantity=D(quantity))
    bad = record(world, begin(world).fence, positions=(position,), orders=(order,))
    refused("orders_within_position", lambda: world.store.record_tick(bad))


def test_an_order_is_measured_by_the_position_that_the_same_record_writes(
    world: World, position: Position
) -> None:
    fence = begin(world).fence
    world.store.record_tick(record(world, fence, positions=(position,)))
    left = replace(position, quantity=D("60"), closed_quantity=D("40"))
    sell = an_order(position, quantity=D("61"), tick=1)
    bad = record(world, fence, tick=1, positions=(left,), orders=(sell,))
    refused("orders_within_position", lambda: world.store.record_tick(bad))
    fits = replace(sell, quantity=D("60"))
    fine = record(world, fence, tick=1, positions=(left,), orders=(fits,))
    assert world.store.record_tick(fine) == ids(fits)


def test_orders_of_one_record_ask_for_no_share_twice(world: World, position: Position) -> None:
    fence = begin(world).fence
    arm = an_order(position, step="arm", part="bare0", quantity=D("70"))
    shrink = an_order(position, step="shrink", on="b-1", quantity=D("1"))
    sell = an_order(position, quantity=D("30"))
    bad = record(world, fence, positions=(position,), orders=(arm, shrink, sell))
    refused("orders_within_position", lambda: world.store.record_tick(bad))
    release = an_order(position, step="release", on="b-1")
    fine = record(world, fence, positions=(position,), orders=(release, arm, sell))
    assert world.store.record_tick(fine) == ids(release, arm, sell)
    # A later tick protects the same shares anew: whether the older stop stands, the broker knows.
    again = an_order(position, step="arm", part="bare0", tick=1)
    assert world.store.record_tick(record(world, fence, tick=1, orders=(again,))) == ids(again)


def test_what_the_broker_holds_beyond_the_fills_may_be_sold_when_the_tick_tells_it(
    world: World, position: Position
) -> None:
    fence = begin(world).fence
    world.store.record_tick(record(world, fence, positions=(position,)))
    sell = an_order(position, quantity=D("150"), tick=1)
    for lesser in (
        seen_to_hold(position, "149"),
        replace(seen_to_hold(position, "150"), kind="added"),
        replace(seen_to_hold(position, "150"), position_id=None),
    ):
        bad = record(world, fence, tick=1, orders=(sell,), observations=(lesser,))
        refused("orders_within_position", lambda bad=bad: world.store.record_tick(bad))
    earlier = record(world, fence, tick=0, observations=(seen_to_hold(position, "150"),))
    world.store.record_tick(earlier)
    alone = record(world, fence, tick=1, orders=(sell,))
    refused("orders_within_position", lambda: world.store.record_tick(alone))
    told = (seen_to_hold(position, "150"),)
    world.store.record_tick(record(world, fence, tick=1, observations=told))
    # A later round of the tick tells the same, and it is written once.
    later = record(world, fence, tick=1, orders=(sell,), observations=told)
    assert world.store.record_tick(later) == ids(sell)


def test_a_move_sends_no_quantity_and_is_not_measured(world: World, position: Position) -> None:
    move = an_order(position, step="move", on="b-1", price=D("99"), quantity=D("150"))
    fine = record(world, begin(world).fence, positions=(position,), orders=(move,))
    assert world.store.record_tick(fine) == ids(move)


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "void"},
        {"status": "filled"},
        {"status": "working"},
        {"filled_quantity": D("1")},
        {"broker_order_id": BrokerOrderId("b-1")},
    ],
)
def test_an_intent_is_recorded_before_anything_came_of_it(
    world: World, position: Position, changes: dict[str, object]
) -> None:
    born = replace(an_order(position), **changes)  # type: ignore[arg-type]
    bad = record(world, begin(world).fence, positions=(position,), orders=(born,))
    refused("orders_born_recorded", lambda: world.store.record_tick(bad))


def test_a_wide_price_step_leaves_a_first_stop_no_more_than_a_cent(world: World) -> None:
    position = a_position(account_id=world.account_id, tick=D("50"))
    arm = an_order(position, step="arm", price=D("97.98"))
    fence = begin(world).fence
    bad = record(world, fence, positions=(position,), orders=(arm,))
    refused("orders_stop_tightens", lambda: world.store.record_tick(bad))
    near = replace(arm, price=D("97.99"))
    fine = record(world, fence, positions=(position,), orders=(near,))
    assert world.store.record_tick(fine) == ids(near)


# What is left out


def test_a_sale_of_the_position_that_was_here_before_leaves_no_room_for_another(
    world: World, position: Position
) -> None:
    """Not refused: the protection of other positions stands in the same record."""
    fence = begin(world).fence
    old = an_order(position)
    world.store.record_tick(record(world, fence, positions=(position,), orders=(old,)))
    again = replace(position, id=PositionId(f"{position.id}/2"), opened_at=NOON)
    release = an_order(again, step="release", on="b-1", tick=1)
    sell, other = an_order(again, tick=1), a_position("MSFT", account_id=world.account_id)
    arm = an_order(other, step="arm", part="bare0", tick=1)
    both = record(
        world,
        fence,
        tick=1,
        positions=(again, other),
        trades=(a_trade(position),),
        orders=(release, sell, arm),
    )
    assert world.store.record_tick(both) == ids(release, arm)
    assert sell not in begin(world).orders
    later = an_order(again, tick=2)
    over = replace(old, status="canceled")
    after = record(world, fence, tick=2, settled=(over,), orders=(later,))
    assert world.store.record_tick(after) == ids(later)


def test_in_mode_observe_no_intent_is_new(world: World, position: Position) -> None:
    fence = begin(world).fence
    world.people.open_account(world.account_id, name="Tests", mode="observe")
    sell, arm = an_order(position), an_order(position, step="arm", part="bare0")
    whole = record(world, fence, positions=(position,), orders=(sell, arm))
    assert world.store.record_tick(whole) == frozenset()
    assert (begin(world).positions, begin(world).orders) == ((position,), ())


def test_a_tick_that_released_a_stop_brings_it_back_though_mode_observe_began(
    world: World, position: Position
) -> None:
    fence = begin(world).fence
    release = an_order(position, step="release", on="b-1", attempt=0)
    first = record(world, fence, positions=(position,), orders=(release,))
    assert world.store.record_tick(first) == ids(release)
    world.people.open_account(world.account_id, name="Tests", mode="observe")
    arm = an_order(position, step="arm", part="bare0", attempt=1)
    assert world.store.record_tick(record(world, fence, orders=(arm,))) == ids(arm)
    next_tick = an_order(position, step="arm", part="bare0", attempt=1, tick=1)
    late = record(world, fence, tick=1, orders=(next_tick,))
    assert world.store.record_tick(late) == frozenset()


# What came of it


def settled(world: World, fence: int, *orders: Order, tick: int = 1) -> None:
    world.store.record_tick(record(world, fence, tick=tick, settled=orders))


def a_sale(position: Position, status: str, filled: str = "0", **changes: object) -> Order:
    """Return the sell of `position` as the broker b-1 tells of it."""
    quantity = D(filled)
    price: Decimal | None = D("101") if quantity else None
    told = {"status": status, "filled_quantity": quantity, "filled_price": price, **changes}
    return replace(an_order(position), **{"broker_order_id": BrokerOrderId("b-1"), **told})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("stored", "changes", "rule"),
    [
        ("filled", {"status": "void"}, "orders_final_stays_final"),
        ("filled", {"status": "canceled"}, "orders_final_stays_final"),
        ("canceled", {"status": "rejected"}, "orders_final_stays_final"),
        ("filled", {"filled_price": D("1")}, "orders_final_stays_final"),
        ("filled", {"broker_order_id": None}, "orders_broker_id_is_fixed"),
        ("working", {"broker_order_id": BrokerOrderId("b-2")}, "orders_broker_id_is_fixed"),
        ("working", {"filled_quantity": D("101")}, "orders_fills_fit_quantity"),
    ],
)
def test_what_came_of_an_order_is_not_rewritten(
    world: World, position: Position, stored: str, changes: dict[str, object], rule: str
) -> None:
    fence = begin(world).fence
    known = a_sale(position, stored, "50")
    world.store.record_tick(
        record(world, fence, positions=(position,), orders=(an_order(position),))
    )
    settled(world, fence, known)
    bad = replace(known, **changes)  # type: ignore[arg-type]
    refused(rule, lambda: settled(world, fence, bad, tick=2))


@pytest.mark.parametrize("status", ["canceled", "void", "rejected"])
def test_a_fill_may_be_told_after_the_end(world: World, position: Position, status: str) -> None:
    fence = begin(world).fence
    world.store.record_tick(
        record(world, fence, positions=(position,), orders=(an_order(position),))
    )
    settled(world, fence, a_sale(position, status, "50"))
    settled(world, fence, a_sale(position, "filled", "100"), tick=2)
    assert [status for _, status in world.events()] == ["recorded", status, "filled"]


def test_the_last_fill_may_be_told_with_the_shrinking_to_what_was_left(
    world: World, position: Position
) -> None:
    fence = begin(world).fence
    world.store.record_tick(
        record(world, fence, positions=(position,), orders=(an_order(position),))
    )
    settled(world, fence, a_sale(position, "filled", "100", quantity=D("60")))
    assert begin(world).orders == ()


def test_a_record_told_again_after_its_acknowledgement_changes_nothing(
    world: World, position: Position
) -> None:
    fence = begin(world).fence
    world.store.record_tick(
        record(world, fence, positions=(position,), orders=(an_order(position),))
    )
    heard = record(world, fence, tick=1, settled=(a_sale(position, "working"),))
    world.store.record_tick(heard)
    # Between record and acknowledgement more of it fills, and it shrinks to what was left.
    for later in (
        a_sale(position, "working", "40", quantity=D("90")),
        a_sale(position, "filled", "90", quantity=D("90")),
    ):
        word = an_acknowledgement(
            fence, tick=1, account_id=world.account_id, orders=(later,), release=False
        )
        world.store.acknowledge(word)
        before = world.events()
        assert world.store.record_tick(heard) == frozenset()
        assert world.events() == before
    assert begin(world).orders == ()


# What the trader did


GROWTH = {
    "quantity": {"quantity": D("300"), "initial_quantity": D("300")},
    "shares at first": {"initial_quantity": D("7")},
    "entry": {"average_entry": D("50")},
}


@pytest.mark.parametrize("what", sorted(GROWTH))
@pytest.mark.parametrize("seen_as", [("added", "by_hand"), ("split", "broker")])
def test_what_the_trader_added_is_stored_with_an_observation(
    world: World, position: Position, what: str, seen_as: tuple[str, str]
) -> None:
    fence = begin(world).fence
    world.store.record_tick(record(world, fence, positions=(position,)))
    grown = replace(position, **GROWTH[what])  # type: ignore[arg-type]
    told = (seen(position, "stop_moved", "by_hand"), seen(position, "reduced", "by_hand"))
    bad = record(world, fence, tick=1, positions=(grown,), observations=told)
    refused("positions_growth_is_seen", lambda: world.store.record_tick(bad))
    told = (seen(position, *seen_as),)
    world.store.record_tick(record(world, fence, tick=1, positions=(grown,), observations=told))
    assert begin(world).positions == (grown,)


@pytest.mark.parametrize("about", [None, PositionId("another")])
def test_an_observation_explains_its_own_position_alone(
    world: World, position: Position, about: PositionId | None
) -> None:
    fence = begin(world).fence
    world.store.record_tick(record(world, fence, positions=(position,)))
    other = replace(seen(position, "stop_moved", "by_hand"), position_id=about)
    loose = replace(position, stop=D("95"))
    bad = record(world, fence, tick=1, positions=(loose,), observations=(other,))
    refused("positions_stop_tightens", lambda: world.store.record_tick(bad))


def test_the_same_seen_again_in_a_later_call_of_the_pulse_explains_that_call_too(
    world: World, position: Position
) -> None:
    """Fifty shares were added twice at the same price: before the record, and while it acted."""
    fence = begin(world).fence
    world.store.record_tick(record(world, fence, positions=(position,)))
    added = seen(position, "added", "by_hand")
    first = replace(position, quantity=D("150"), initial_quantity=D("150"))
    world.store.record_tick(record(world, fence, tick=1, positions=(first,), observations=(added,)))
    second = replace(position, quantity=D("200"), initial_quantity=D("200"))
    word = an_acknowledgement(
        fence, tick=1, account_id=world.account_id, positions=(second,), observations=(added,)
    )
    world.store.acknowledge(word)
    assert begin(world).positions == (second,)


@pytest.mark.parametrize("changes", [{"tick": D("50")}, {"tick": D("0.0001")}, {"lot": D("10")}])
def test_price_and_quantity_steps_are_fixed_but_for_splits(
    world: World, position: Position, changes: dict[str, object]
) -> None:
    fence = begin(world).fence
    world.store.record_tick(record(world, fence, positions=(position,)))
    stepped = replace(position, **changes)  # type: ignore[arg-type]
    bad = record(world, fence, tick=1, positions=(stepped,))
    refused("positions_steps_are_fixed", lambda: world.store.record_tick(bad))
    split = seen(position, "split", "broker")
    fine = record(world, fence, tick=1, positions=(stepped,), observations=(split,))
    world.store.record_tick(fine)
    assert begin(world).positions == (stepped,)


def test_a_whole_lot_may_turn_into_fractions(world: World, position: Position) -> None:
    fence = begin(world).fence
    world.store.record_tick(record(world, fence, positions=(position,)))
    odd = replace(position, quantity=D("99.5"), lot=D("0.000000001"))
    world.store.record_tick(record(world, fence, tick=1, positions=(odd,)))
    assert begin(world).positions == (odd,)


def test_a_trade_is_of_the_symbol_of_its_position(world: World, position: Position) -> None:
    fence = begin(world).fence
    world.store.record_tick(record(world, fence, positions=(position,)))
    trade = a_trade(replace(position, symbol="ZZZ"))
    bad = record(world, fence, tick=1, trades=(trade,))
    refused("trades_symbol_of_position", lambda: world.store.record_tick(bad))
