"""What each rule closed of a trade is written with it, adds up, and cannot stop a tick."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.rows import dict_row

from stopward.domain.identity import BrokerOrderId, Symbol
from stopward.domain.position import Position
from stopward.domain.snapshot import Observation
from tests.builders.store import D, a_position, a_trade, an_order, pulse
from tests.builders.store_world import PostgresWorld, begin
from tests.builders.trades import Event, play, write
from tests.conftest import MakeDatabase

NUMBERS = iter(range(1_000_000))


@pytest.fixture(scope="module")
def shared(database_url: str) -> Iterator[PostgresWorld]:
    found = PostgresWorld(database_url)
    yield found
    found.close()


@pytest.fixture
def world(database_url: str) -> Iterator[PostgresWorld]:
    found = PostgresWorld(database_url)
    yield found
    found.close()


def exits(world: PostgresWorld, position: Position) -> dict[str, dict[str, Any]]:
    with world._eyes.cursor(row_factory=dict_row) as eyes:
        eyes.execute(
            "select * from stopward.position_exits where account_id = %s and position_id = %s",
            (world.account_id, position.id),
        )
        return {row["rule"]: row for row in eyes.fetchall()}


def a_long(world: PostgresWorld, **changes: Any) -> Position:
    """Return 100 shares long from 100.00, 2.00 at risk."""
    return a_position(f"L{next(NUMBERS)}", account_id=world.account_id, **changes)


def a_short(world: PostgresWorld, **changes: Any) -> Position:
    """Return 100 shares short from 100.00, 2.00 at risk."""
    return a_long(world, **{"side": "short", "initial_stop": D("102"), "stop": D("102"), **changes})


def sell(quantity: str, price: str, rule: str = "partial", **changes: Any) -> Event:
    return Event(kind="sell", quantity=D(quantity), price=D(price), rule=rule, **changes)


def stop(quantity: str, price: str, rule: str = "breakeven", **changes: Any) -> Event:
    return Event(kind="stop", quantity=D(quantity), price=D(price), rule=rule, **changes)


def by_hand(quantity: str, price: str, **changes: Any) -> Event:
    return Event(kind="hand", quantity=D(quantity), price=D(price), **changes)


def add(quantity: str, price: str) -> Event:
    return Event(kind="add", quantity=D(quantity), price=D(price))


def test_a_partial_exit_and_the_stop_of_breakeven_share_a_long(world: PostgresWorld) -> None:
    position = a_long(world)
    play(world, position, [sell("40", "103"), stop("60", "100.5")])
    found = exits(world, position)
    assert set(found) == {"partial", "breakeven"}
    partial, breakeven = found["partial"], found["breakeven"]
    assert (partial["quantity"], partial["price"], partial["fills"]) == (D("40"), D("103"), 1)
    assert (partial["result"], partial["r"]) == (D("120"), D("0.6"))
    assert (breakeven["quantity"], breakeven["price"]) == (D("60"), D("100.5"))
    assert (breakeven["result"], breakeven["r"]) == (D("30"), D("0.15"))
    assert breakeven["trade_r"] == D("0.75")
    assert breakeven["at"] == pulse(2).replace(microsecond=200_000)
    assert str(breakeven["session_day"]) == "2026-11-23"
    unknown = ("without_r", "saved_r", "attributed_at", "attribution_version", "doubt")
    assert [breakeven[column] for column in unknown] == [None] * 5


def test_a_short_gains_by_buying_back_lower(world: PostgresWorld) -> None:
    position = a_short(world)
    play(world, position, [sell("50", "97"), stop("50", "102", "stop")])
    found = exits(world, position)
    assert (found["partial"]["result"], found["partial"]["r"]) == (D("150"), D("0.75"))
    assert (found["stop"]["result"], found["stop"]["r"]) == (D("-100"), D("-0.5"))


def test_what_no_order_of_ours_closed_was_closed_by_hand(world: PostgresWorld) -> None:
    position = a_long(world)
    play(world, position, [by_hand("30", "101"), sell("70", "102", "give_back")])
    found = exits(world, position)
    assert (found["by_hand"]["quantity"], found["by_hand"]["price"]) == (D("30"), D("101"))
    assert (found["give_back"]["quantity"], found["give_back"]["r"]) == (D("70"), D("0.7"))
    assert found["by_hand"]["doubt"] is None


def test_the_price_of_the_one_remainder_is_what_is_left_of_the_proceeds(
    world: PostgresWorld,
) -> None:
    """The observation tells the last price only; the mean of two fills is 102."""
    position = a_long(world)
    play(world, position, [by_hand("20", "101"), by_hand("20", "103"), sell("60", "104", "target")])
    found = exits(world, position)
    assert (found["by_hand"]["price"], found["by_hand"]["fills"]) == (D("102"), 2)


def test_an_exit_that_only_an_acknowledgement_saw_has_the_cause_of_the_trade(
    world: PostgresWorld,
) -> None:
    position = a_long(world)
    play(world, position, [sell("60", "104", "target"), by_hand("40", "101", is_told=False)])
    found = exits(world, position)
    assert (found["by_hand"]["quantity"], found["by_hand"]["price"]) == (D("40"), D("101"))
    assert found["by_hand"]["at"] == pulse(2)


def test_fills_of_an_order_that_lags_count_for_its_rule(world: PostgresWorld) -> None:
    """Fills say 100 are gone, the order's last answer says 40: the trade names its rule."""
    position = a_long(world)
    fence = begin(world).fence
    order = replace(
        an_order(position, rule="give_back"),
        status="working",
        broker_order_id=BrokerOrderId("b"),
        filled_quantity=D("40"),
        filled_price=D("101"),
    )
    write(world, fence, 0, positions=(position,), orders=(order,))
    closed = replace(position, quantity=D("0"), closed_quantity=D("100"), realised=D("130"))
    write(world, fence, 1, positions=(closed,), trades=(a_trade(closed),))
    (row,) = exits(world, position).values()
    assert (row["rule"], row["quantity"]) == ("give_back", D("100"))
    assert (row["result"], row["price"]) == (D("130"), D("101.3"))


def test_a_stop_made_smaller_for_a_partial_exit_is_still_the_stop_of_its_rule(
    world: PostgresWorld,
) -> None:
    position = a_long(world, stop=D("100.5"))
    fence = begin(world).fence
    done: dict[str, Any] = {"status": "filled", "broker_order_id": BrokerOrderId("b")}
    move = an_order(position, step="move", rule="breakeven", on=BrokerOrderId("a"))
    shrink = replace(
        an_order(position, step="shrink", tick=1, quantity=D("60"), rule="partial"),
        price=D("100.5"),
        on=BrokerOrderId("b"),
        **{**done, "broker_order_id": BrokerOrderId("c")},
        filled_quantity=D("60"),
        filled_price=D("100.4"),
    )
    sold = replace(
        an_order(position, tick=1, quantity=D("40"), rule="partial"),
        **done,
        filled_quantity=D("40"),
        filled_price=D("103"),
    )
    write(world, fence, 0, positions=(position,), orders=(replace(move, status="canceled"),))
    write(world, fence, 1, orders=(shrink, sold))
    closed = replace(position, quantity=D("0"), closed_quantity=D("100"), realised=D("144"))
    write(world, fence, 2, positions=(closed,), trades=(a_trade(closed, cause="partial"),))
    found = exits(world, position)
    assert {rule: row["quantity"] for rule, row in found.items()} == {
        "partial": D("40"),
        "breakeven": D("60"),
    }
    assert found["breakeven"]["price"] == D("100.4")


def test_orders_that_tell_more_than_was_closed_are_cut_and_doubted(world: PostgresWorld) -> None:
    """The trader closed it first; what ours sold after that is another position."""
    position = a_long(world)
    fence = begin(world).fence
    write(world, fence, 0, positions=(position,))
    seen = Observation(
        position_id=position.id,
        symbol=position.symbol,
        kind="reduced",
        cause="by_hand",
        detail={"quantity": "70", "price": "101"},
    )
    order = replace(
        an_order(position, tick=1, rule="give_back"),
        status="filled",
        filled_quantity=D("100"),
        filled_price=D("102"),
    )
    write(world, fence, 1, orders=(order,), observations=(seen,))
    closed = replace(position, quantity=D("0"), closed_quantity=D("100"), realised=D("130"))
    write(world, fence, 2, positions=(closed,), trades=(a_trade(closed, cause="by_hand"),))
    found = exits(world, position)
    assert {rule: row["quantity"] for rule, row in found.items()} == {
        "give_back": D("30"),
        "by_hand": D("70"),
    }
    assert {row["doubt"] for row in found.values()} == {"overfilled"}


def test_a_fill_of_before_a_split_counts_in_new_shares(world: PostgresWorld) -> None:
    position = a_long(world)
    fence = begin(world).fence
    sold = replace(
        an_order(position, quantity=D("40"), rule="partial"),
        status="filled",
        filled_quantity=D("40"),
        filled_price=D("104"),
    )
    write(world, fence, 0, positions=(position,), orders=(sold,))
    split = Observation(
        position_id=position.id,
        symbol=position.symbol,
        kind="split",
        cause="broker",
        detail={"ratio": "2"},
    )
    after = replace(
        position,
        quantity=D("0"),
        initial_quantity=D("200"),
        closed_quantity=D("200"),
        average_entry=D("50"),
        initial_stop=D("49"),
        stop=D("49"),
        risk=D("1"),
        realised=D("280"),
        flags=("split",),
    )
    write(world, fence, 1, positions=(after,), observations=(split,))
    write(world, fence, 2, trades=(a_trade(after, cause="by_hand"),))
    found = exits(world, position)
    partial = found["partial"]
    assert (partial["quantity"], partial["price"], partial["r"]) == (D("80"), D("52"), D("0.8"))
    rest = found["by_hand"]
    assert (rest["quantity"], rest["price"], rest["r"]) == (D("120"), D("51"), D("0.6"))


def test_shares_added_between_exits_leave_what_is_not_known_null(world: PostgresWorld) -> None:
    position = a_long(world)
    play(
        world,
        position,
        [sell("50", "104"), add("50", "106"), by_hand("100", "105", is_told=False)],
    )
    found = exits(world, position)
    assert found["partial"]["doubt"] == "entry_changed"
    assert found["partial"]["price"] == D("104")
    rest = found["by_hand"]
    assert (rest["quantity"], rest["price"], rest["r"]) == (D("100"), None, None)
    assert rest["doubt"] == "price_unknown"


def test_shares_added_before_any_exit_spoil_nothing(world: PostgresWorld) -> None:
    position = a_long(world)
    play(world, position, [add("100", "102"), sell("50", "104"), by_hand("150", "103")])
    found = exits(world, position)
    assert (found["partial"]["result"], found["partial"]["doubt"]) == (D("150"), None)
    assert (found["by_hand"]["result"], found["by_hand"]["price"]) == (D("300"), D("103"))


def test_a_trade_without_any_fill_says_so(world: PostgresWorld) -> None:
    position = a_long(world)
    write(world, begin(world).fence, 0, positions=(position,), trades=(a_trade(position),))
    (row,) = exits(world, position).values()
    assert (row["rule"], row["quantity"], row["doubt"]) == ("give_back", D("100"), "no_fills")
    assert row["price"] == D("102")


ODD = [
    {"quantity": "many", "price": "1"},
    {"quantity": "-5", "price": "1"},
    {"quantity": "1e99", "price": "1e99"},
    {"quantity": "NaN", "price": "Infinity"},
    {"quantity": "10"},
    {"ratio": "0"},
    {"ratio": "1e-99"},
    {"ratio": "1e99"},
    {},
]


@pytest.mark.parametrize("detail", ODD, ids=str)
@pytest.mark.parametrize("kind", ["reduced", "split", "added"])
def test_odd_observations_do_not_stop_the_tick(
    world: PostgresWorld, kind: str, detail: dict[str, str]
) -> None:
    position = a_long(world)
    fence = begin(world).fence
    odd = Observation(
        position_id=position.id, symbol=position.symbol, kind=kind, cause="x", detail=detail
    )
    write(world, fence, 0, positions=(position,), observations=(odd,))
    closed = replace(
        position,
        quantity=D("0"),
        closed_quantity=D("100"),
        realised=D("-99999999999"),
        flags=("rebased",),
    )
    write(world, fence, 1, positions=(closed,), trades=(a_trade(closed, cause="by_hand"),))
    assert sum(row["quantity"] for row in exits(world, position).values()) == D("100")


@pytest.mark.parametrize(("ratio", "sold"), [("1e-7", "0"), ("1e7", "100"), ("0.1", "0.4")])
def test_two_splits_multiply_exactly(world: PostgresWorld, ratio: str, sold: str) -> None:
    position = a_long(world)
    fence = begin(world).fence
    order = replace(
        an_order(position, quantity=D("40"), rule="partial"),
        status="filled",
        filled_quantity=D("40"),
        filled_price=D("104"),
    )
    write(world, fence, 0, positions=(position,), orders=(order,))
    for tick in (1, 2):
        split = Observation(
            position_id=position.id,
            symbol=position.symbol,
            kind="split",
            cause="broker",
            detail={"ratio": ratio},
        )
        write(world, fence, tick, observations=(split,))
    closed = replace(position, quantity=D("0"), closed_quantity=D("100"), realised=D("200"))
    write(world, fence, 3, positions=(closed,), trades=(a_trade(closed, cause="by_hand"),))
    found = exits(world, position)
    assert sum(row["quantity"] for row in found.values()) == D("100")
    assert found.get("partial", {"quantity": D("0")})["quantity"] == D(sold)


def test_a_trade_that_cannot_be_booked_keeps_no_other_from_it(
    template_database: str, make_database: MakeDatabase
) -> None:
    world = PostgresWorld(make_database(template=template_database))
    bad, good = (a_position(symbol, account_id=world.account_id) for symbol in ("BAD", "GOOD"))
    world._eyes.execute(
        "alter table stopward.position_exits add constraint position_exits_broken"
        " check (position_id not like '%BAD%')"
    )
    fence = begin(world).fence
    write(world, fence, 0, positions=(bad, good))
    write(world, fence, 1, trades=(a_trade(bad), a_trade(good)))
    assert exits(world, bad) == {}
    assert exits(world, good) != {}
    told = world._eyes.execute(
        "select said ->> 'error' from stopward.notifications where key = 'unbooked:exits'"
    ).fetchall()
    assert [bad.id in error for (error,) in told] == [True]
    # The cure books what it can, and goes on to the sums.
    world._eyes.execute("delete from stopward.rule_days")
    world._eyes.execute("select stopward.rebuild_rollups(%s)", (world.account_id,))
    (days,) = world._eyes.execute("select sum(fired) from stopward.rule_days").fetchone() or (0,)
    assert days == len(exits(world, good))
    world.close()


def test_bookkeeping_that_breaks_is_told_and_the_trade_stays(
    template_database: str, make_database: MakeDatabase
) -> None:
    """A check that nothing can pass stands for a fault that nobody thought of."""
    world = PostgresWorld(make_database(template=template_database))
    world._eyes.execute(
        "alter table stopward.position_exits add constraint position_exits_broken check (false)"
    )
    position = a_long(world)
    play(world, position, [sell("100", "101")])
    assert world.trades() == [(position.id, "partial")]
    assert exits(world, position) == {}
    told = world._eyes.execute("select about, key from stopward.notifications").fetchall()
    assert ("alarm", "unbooked:exits") in told
    world._eyes.execute("alter table stopward.position_exits drop constraint position_exits_broken")
    world._eyes.execute("select stopward.rebuild_rollups(%s)", (world.account_id,))
    assert set(exits(world, position)) == {"partial"}
    world.close()


def test_a_position_closed_without_a_trade_is_refused_at_commit(world: PostgresWorld) -> None:
    position = a_long(world)
    write(world, begin(world).fence, 0, positions=(position,))
    with pytest.raises(psycopg.errors.RaiseException) as caught:
        world._eyes.execute(
            "update stopward.positions set closed_at = now() where account_id = %s and id = %s",
            (world.account_id, position.id),
        )
    assert caught.value.diag.constraint_name == "positions_closed_has_trade"


FIXED = [
    ("update stopward.position_exits set quantity = 1", "position_exits_facts_are_fixed"),
    ("update stopward.position_exits set r = 1", "position_exits_facts_are_fixed"),
    ("delete from stopward.position_exits", "position_exits_never_deleted"),
]


@pytest.mark.parametrize(("statement", "rule"), FIXED)
def test_what_was_closed_stays_as_written(world: PostgresWorld, statement: str, rule: str) -> None:
    play(world, a_long(world), [sell("100", "101")])
    with pytest.raises(psycopg.errors.RaiseException) as caught:
        world._eyes.execute(f"{statement} where account_id = %s".encode(), (world.account_id,))
    assert caught.value.diag.constraint_name == rule


cents = st.decimals(min_value=90, max_value=110, places=2)


@st.composite
def histories(draw: st.DrawFn) -> tuple[str, list[Event]]:
    """A side and fills that bring 100 shares, and what is added to them, to zero."""
    left = Decimal(100)
    events: list[Event] = []
    for _ in range(draw(st.integers(0, 5))):
        kind = draw(st.sampled_from(["sell", "sell", "stop", "hand", "add"]))
        quantity = Decimal(draw(st.integers(1, 30)))
        if kind != "add" and quantity >= left:
            break
        left += quantity if kind == "add" else -quantity
        events.append(_event(draw, kind, quantity, last=False))
    events.append(_event(draw, draw(st.sampled_from(["sell", "stop", "hand"])), left, last=True))
    return draw(st.sampled_from(["long", "short"])), events


def _event(draw: st.DrawFn, kind: Any, quantity: Decimal, *, last: bool) -> Event:
    rules = {"sell": ["partial", "give_back", "time_stop"], "stop": ["stop", "breakeven"]}
    return Event(
        kind=kind,
        quantity=quantity,
        price=draw(cents),
        rule=draw(st.sampled_from(rules.get(kind, ["by_hand"]))),
        is_told=draw(st.booleans()) if last else True,
    )


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(history=histories())
def test_the_rows_add_up_to_what_was_closed(
    shared: PostgresWorld, history: tuple[str, list[Event]]
) -> None:
    side, events = history
    position = a_long(shared) if side == "long" else a_short(shared)
    play(shared, position, events)
    found = exits(shared, position)
    gone = [event for event in events if event.kind != "add"]
    assert sum(row["quantity"] for row in found.values()) == sum(e.quantity for e in gone)
    expected: dict[str, Decimal] = {}
    for event in gone:
        expected[event.rule] = expected.get(event.rule, D("0")) + event.quantity
    assert {rule: row["quantity"] for rule, row in found.items()} == expected
    if _entry_is_certain(events):
        (realised,) = shared._eyes.execute(
            "select realised from stopward.positions where account_id = %s and id = %s",
            (shared.account_id, position.id),
        ).fetchone() or (None,)
        results = [row["result"] for row in found.values()]
        # The average entry of added shares is kept to six places.
        assert abs(sum(results) - realised) < D("0.001")
        for rule, row in found.items():
            value = sum(e.quantity * e.price for e in gone if e.rule == rule)
            assert abs(row["price"] - value / expected[rule]) < D("0.00001")
            assert row["doubt"] is None


def _entry_is_certain(events: list[Event]) -> bool:
    """Whether shares were added before any exit only, and it is known when the first exit was."""
    adds = [place for place, event in enumerate(events) if event.kind == "add"]
    told = [
        place
        for place, event in enumerate(events)
        if event.kind != "add" and (event.is_told or event.kind != "hand")
    ]
    return not adds or (bool(told) and adds[-1] < told[0])


def test_symbols_do_not_mix(world: PostgresWorld) -> None:
    """Two positions that close in one tick each have their own rows."""
    first, second = a_long(world), a_short(world)
    assert first.symbol != Symbol("AAPL")
    fence = begin(world).fence
    orders = tuple(
        replace(
            an_order(position, rule=rule),
            status="filled",
            filled_quantity=D("100"),
            filled_price=D("101"),
        )
        for position, rule in ((first, "give_back"), (second, "day_loss"))
    )
    write(world, fence, 0, positions=(first, second), orders=orders)
    closed = [
        replace(each, quantity=D("0"), closed_quantity=D("100"), realised=D(gain))
        for each, gain in ((first, "100"), (second, "-100"))
    ]
    write(world, fence, 1, positions=tuple(closed), trades=tuple(a_trade(each) for each in closed))
    assert {rule: row["result"] for rule, row in exits(world, first).items()} == {
        "give_back": D("100")
    }
    assert {rule: row["result"] for rule, row in exits(world, second).items()} == {
        "day_loss": D("-100")
    }
