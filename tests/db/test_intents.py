"""One intent per position, tick, step and attempt: the table says so, whatever program writes."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from stopward.adapters import rows
from stopward.domain.identity import OrderId
from stopward.domain.orders import Order
from stopward.domain.snapshot import Observation
from stopward.errors import DatabaseRejected
from tests.builders.store import D, a_position, a_record, an_order, pulse
from tests.builders.store_world import PostgresWorld, begin

INSERT = """
insert into stopward.orders (
    account_id, id, position_id, symbol, step, side, quantity, price, acts_on, rule, tick_at,
    attempt, status, filled_quantity, reason, partials, part
)
select
    account_id, %(id)s, position_id, symbol, step, side, quantity, price, acts_on, %(rule)s,
    tick_at, attempt, 'recorded', 0, '', 0, part
from stopward.orders where account_id = %(account)s and id = %(like)s
"""


@pytest.fixture
def world(database_url: str) -> Iterator[PostgresWorld]:
    found = PostgresWorld(database_url)
    yield found
    found.close()


def recorded(world: PostgresWorld, **changes: Any) -> Order:
    """Record one order and return it."""
    position = a_position(account_id=world.account_id)
    order = an_order(position, **changes)
    fence = begin(world).fence
    world.store.record_tick(
        a_record(fence, account_id=world.account_id, positions=(position,), orders=(order,))
    )
    return order


@pytest.mark.parametrize(
    "changes",
    [
        {"step": "arm", "part": "bare0"},
        {"step": "move", "on": "b-1", "price": D("99")},
        {"step": "shrink", "on": "b-1", "quantity": D("50")},
        {"step": "release", "on": "b-1"},
        {"step": "sell"},
    ],
)
@pytest.mark.parametrize("rule", ["give_back", "time_stop"])
def test_a_second_order_for_a_step_is_refused_by_name(
    world: PostgresWorld, changes: dict[str, Any], rule: str
) -> None:
    first = recorded(world, **changes)
    with pytest.raises(psycopg.errors.UniqueViolation) as caught:
        world._eyes.execute(
            INSERT.encode(),
            {"account": world.account_id, "like": first.id, "id": "sw-again", "rule": rule},
        )
    assert caught.value.diag.constraint_name == "orders_one_per_step"


@pytest.mark.parametrize("part", [{}, {"part": None}], ids=["left out", "null"])
def test_an_order_that_does_not_say_its_part_is_refused(
    world: PostgresWorld, part: dict[str, None]
) -> None:
    position = a_position(account_id=world.account_id)
    move = an_order(position, step="move", on="b-1", price=D("99"))
    record = rows.write(
        a_record(
            begin(world).fence,
            account_id=world.account_id,
            positions=(position,),
            orders=(move,),
        )
    )
    assert isinstance(record, dict)
    orders = [{**{k: v for k, v in o.items() if k != "part"}, **part} for o in record["orders"]]
    with pytest.raises(DatabaseRejected, match="part"):
        world._database.call("record_tick", "record", {**record, "orders": orders})
    assert begin(world).orders == ()


def test_a_part_has_a_length_that_an_index_holds(world: PostgresWorld) -> None:
    with pytest.raises(DatabaseRejected) as caught:
        recorded(world, step="arm", part="x" * 201)
    assert caught.value.rule == "orders_part_is_short"


def test_an_observation_of_any_length_keeps_no_order_from_being_recorded(
    world: PostgresWorld,
) -> None:
    position = a_position(account_id=world.account_id)
    arm = an_order(position, step="arm", part="bare0")
    long = "".join(f"{number:x}" for number in range(5_000))
    seen = Observation(
        position_id=position.id,
        symbol=position.symbol,
        kind="adopted",
        cause="opted_in",
        detail={"why": long},
    )
    record = a_record(
        begin(world).fence,
        account_id=world.account_id,
        positions=(position,),
        orders=(arm,),
        observations=(seen,),
    )
    assert world.store.record_tick(record) == {arm.id}
    assert world.store.record_tick(record) == frozenset()
    assert world.observations() == [("adopted", "opted_in")]


def test_an_order_of_before_parts_were_asked_for_is_settled(world: PostgresWorld) -> None:
    order = recorded(world, step="arm", part="bare0")
    key = {"account": world.account_id, "id": order.id}
    world._eyes.execute("alter table stopward.orders disable trigger orders_part_is_fixed")
    world._eyes.execute(
        "update stopward.orders set part = null where account_id = %(account)s and id = %(id)s", key
    )
    world._eyes.execute("alter table stopward.orders enable trigger orders_part_is_fixed")
    again = a_record(
        begin(world).fence,
        account_id=world.account_id,
        orders=(order,),
        settled=(replace(order, status="void"),),
    )
    assert world.store.record_tick(again) == frozenset()
    assert begin(world).orders == ()


def test_what_a_step_is_for_does_not_change(world: PostgresWorld) -> None:
    order = recorded(world, step="arm", part="bare0")
    with pytest.raises(psycopg.errors.RaiseException) as caught:
        world._eyes.execute(
            "update stopward.orders set part = 'bare1' where account_id = %s and id = %s",
            (world.account_id, order.id),
        )
    assert caught.value.diag.constraint_name == "orders_intent_is_fixed"


def test_a_tick_that_runs_again_sends_what_it_recorded_first(world: PostgresWorld) -> None:
    first = recorded(world, step="move", on="b-1", price=D("99"))
    position = a_position(account_id=world.account_id)
    moved = replace(first, id=OrderId("sw-better"), price=D("99.5"), rule="ratchet")
    exit_ = an_order(position)
    fence = begin(world).fence
    again = a_record(fence, account_id=world.account_id, orders=(moved, exit_))
    assert world.store.record_tick(again) == {exit_.id}
    next_tick = replace(moved, tick_at=pulse(1))
    later = a_record(fence, tick=1, account_id=world.account_id, orders=(next_tick,))
    assert world.store.record_tick(later) == {next_tick.id}
