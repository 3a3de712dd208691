"""One contract over every Store: what Postgres answers and refuses, memory does too.

Postgres is asked by psycopg, and by supabase-py through the gateway as service_role.
"""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import isnan

import pytest

from stopward.domain.decision import Exit, MoveStop, Reduce
from stopward.domain.identity import AccountId, BrokerOrderId, OrderId, PositionId, Symbol
from stopward.domain.market import Instrument, Session
from stopward.domain.orders import Order
from stopward.domain.position import Marks, Position
from stopward.domain.snapshot import Alarm, Busy, DayRow, Observation, TickRecord
from stopward.errors import DatabaseRejected
from stopward.rules.indicators import Carry
from stopward.rules.types import NAN
from tests.builders.store import (
    A_SESSION,
    NOON,
    D,
    a_decision,
    a_position,
    a_reason,
    a_record,
    a_symbol_state,
    a_trade,
    a_view,
    an_acknowledgement,
    an_order,
    ids,
    pulse,
)
from tests.builders.store_world import Run, World, begin


def record(world: World, fence: int, *, tick: int = 0, **parts: object) -> TickRecord:
    return a_record(fence, tick=tick, account_id=world.account_id, **parts)


def refused(rule: str, write: Callable[[], object]) -> None:
    with pytest.raises(DatabaseRejected) as caught:
        write()
    assert caught.value.rule == rule


# The lease


def test_a_second_holder_is_told_who_has_the_lease(world: World) -> None:
    begin(world, holder="one")
    answer = world.store.begin_tick(world.account_id, tick_at=NOON, holder="two", lease_seconds=30)
    assert isinstance(answer, Busy)
    assert answer.holder == "one"
    assert answer.until.tzinfo is not None


def test_the_same_holder_gets_the_same_token(world: World) -> None:
    assert begin(world, holder="one").fence == begin(world, holder="one").fence


def test_a_lease_that_ran_out_goes_to_the_next_with_a_higher_token(world: World) -> None:
    first = begin(world, holder="one").fence
    world.advance(31)
    assert begin(world, holder="two").fence > first


def test_a_lease_given_back_goes_to_the_next_at_once(world: World) -> None:
    first = begin(world, holder="one").fence
    world.store.record_tick(record(world, first, release=True))
    assert begin(world, holder="two").fence > first


def test_an_acknowledgement_gives_the_lease_back(world: World) -> None:
    first = begin(world, holder="one").fence
    world.store.acknowledge(an_acknowledgement(first, account_id=world.account_id))
    assert begin(world, holder="two").fence == first + 1


def test_a_write_under_a_lease_that_was_taken_over_is_refused(
    world: World, position: Position
) -> None:
    old = begin(world, holder="one").fence
    world.advance(31)
    begin(world, holder="two")
    late = record(world, old, positions=(position,))
    refused("stale_fence", lambda: world.store.record_tick(late))
    late_word = an_acknowledgement(old, account_id=world.account_id)
    refused("stale_fence", lambda: world.store.acknowledge(late_word))
    assert begin(world, holder="two").positions == ()


def test_an_account_that_was_never_opened_is_refused(world: World) -> None:
    def call() -> object:
        return world.store.begin_tick(
            AccountId("nobody"), tick_at=NOON, holder="one", lease_seconds=1
        )

    refused("unknown_account", call)


# What comes back


def test_a_fresh_account_has_an_empty_snapshot(world: World) -> None:
    snapshot = begin(world)
    assert snapshot.account.name == "Tests"
    assert snapshot.account.mode == "guard"
    assert snapshot.session == A_SESSION
    assert snapshot.day == DayRow(session_day=A_SESSION.day)
    assert (snapshot.positions, snapshot.orders, snapshot.symbols) == ((), (), {})


def test_every_field_of_a_position_comes_back_as_it_went(world: World) -> None:
    position = Position(
        id=PositionId(f"{world.account_id}/MSFT"),
        account_id=world.account_id,
        symbol=Symbol("MSFT"),
        side="short",
        quantity=D("7.123456789"),
        initial_quantity=D("9.5"),
        average_entry=D("410.123456"),
        initial_stop=D("415.5"),
        risk=D("5.376544"),
        stop=D("412.25"),
        target=D("395"),
        lot=D("0.000000001"),
        tick=D("0.05"),
        fees_per_share=D("0.0035"),
        opened_at=NOON - timedelta(minutes=61, microseconds=1),
        adopted_at=NOON - timedelta(minutes=60),
        bar_at=NOON - timedelta(minutes=1),
        marks=Marks(0.1 + 0.2, 1e-9, 61.0, 2.0, 1.0, 1.0, 3.0, 12345.0),
        tags=("swing", "hand"),
        flags=("risk_estimated",),
        realised=D("-12.5"),
        closed_quantity=D("2.376543211"),
        tightest=D("412.25"),
        stop_rule="ratchet",
        fills_at=NOON - timedelta(minutes=2),
        fill_ids=("f1", "f2"),
    )
    unset = [
        field.name for field in fields(Position) if getattr(position, field.name) == field.default
    ]
    assert unset == []
    world.store.record_tick(record(world, begin(world).fence, positions=(position,)))
    assert begin(world).positions == (position,)


def test_every_field_of_an_order_comes_back_as_it_went(world: World, position: Position) -> None:
    recorded = Order(
        **{
            **{f.name: getattr(an_order(position, step="move"), f.name) for f in fields(Order)},
            "on": "broker-1",
            "rule": "ratchet",
            "attempt": 3,
            "partials": 2,
            "part": "bare1",
        }
    )
    order = replace(
        recorded,
        status="working",
        broker_order_id=BrokerOrderId("broker-2"),
        filled_quantity=D("1.5"),
        filled_price=D("98.01"),
        reason="new",
    )
    unset = [f.name for f in fields(Order) if getattr(order, f.name) == f.default]
    assert unset == []
    fence = begin(world).fence
    world.store.record_tick(record(world, fence, positions=(position,), orders=(recorded,)))
    world.store.record_tick(record(world, fence, settled=(order,)))
    assert begin(world).orders == (order,)


def test_what_closed_bars_add_up_to_comes_back_exactly(world: World) -> None:
    state = replace(
        a_symbol_state(), carry=Carry(count=3.0, close=0.1 + 0.2, atr=1 / 3), daily_atr=2.5
    )
    world.store.record_tick(record(world, begin(world).fence, symbols=(state,)))
    assert begin(world).symbols == {state.symbol: state}


def test_a_missing_number_stays_missing(world: World, position: Position) -> None:
    unknown = replace(position, marks=Marks(best=101.0, worst=99.0))
    world.store.record_tick(record(world, begin(world).fence, positions=(unknown,)))
    assert isnan(begin(world).positions[0].marks.entry_volume)


def test_the_snapshot_carries_what_people_put(world: World, position: Position) -> None:
    people, account_id = world.people, world.account_id
    people.put_rules(account_id, "[stop]\n", rules_hash="abc")
    people.put_equity(account_id, D("135000"))
    people.tag_symbol(account_id, Symbol("TSLA"), "hands-off")
    people.put_instruments([Instrument(symbol=Symbol("ESZ6"), tick=D("0.25"), fractionable=False)])
    people.put_usual_volume(Symbol("AAPL"), [float(minute) for minute in range(390)])
    people.halt(account_id, reason="test")
    people.request_flatten(account_id, at=NOON)
    people.request_flatten(account_id, at=NOON + timedelta(hours=1))
    world.store.record_tick(record(world, begin(world).fence, positions=(position,)))
    snapshot = begin(world)
    assert (snapshot.account.rules_toml, snapshot.account.rules_hash) == ("[stop]\n", "abc")
    assert (snapshot.account.halted, snapshot.account.flatten_at) == (True, NOON)
    assert snapshot.day.equity == D("135000")
    assert snapshot.tags == {"TSLA": ("hands-off",)}
    assert snapshot.instruments[Symbol("ESZ6")].tick == D("0.25")
    # 14:30 to 17:00 is 150 minutes: the bar that closed last is the one of minute 149.
    assert snapshot.usual_volume == {"AAPL": 149.0}


def test_resume_ends_halt_and_flatten_and_a_tag_comes_off(world: World) -> None:
    people, account_id = world.people, world.account_id
    people.halt(account_id, reason="test")
    people.request_flatten(account_id, at=NOON)
    people.tag_symbol(account_id, Symbol("TSLA"), "hands-off")
    people.resume(account_id)
    people.untag_symbol(account_id, Symbol("TSLA"), "hands-off")
    snapshot = begin(world)
    assert (snapshot.account.halted, snapshot.account.flatten_at) == (False, None)
    assert snapshot.tags == {}


def test_rules_without_their_hash_are_refused(world: World) -> None:
    with pytest.raises(DatabaseRejected) as caught:
        world.people.put_rules(world.account_id, "[stop]\n", rules_hash="")
    assert caught.value.rule == "put_rules_request"
    assert begin(world).account.rules_hash == ""


def test_another_text_under_a_known_hash_is_refused_and_changes_nothing(world: World) -> None:
    world.people.put_rules(world.account_id, "# one\n", rules_hash="abc")
    world.people.put_rules(world.account_id, "# two\n", rules_hash="def")
    with pytest.raises(DatabaseRejected) as caught:
        world.people.put_rules(world.account_id, "# three\n", rules_hash="abc")
    assert caught.value.rule == "settings_versions_append_only"
    account = begin(world).account
    assert (account.rules_toml, account.rules_hash) == ("# two\n", "def")


def test_a_hash_alone_puts_its_text_in_force_again(world: World) -> None:
    world.people.put_rules(world.account_id, "# one\n", rules_hash="abc")
    world.people.put_rules(world.account_id, "# two\n", rules_hash="def")
    world.people.put_rules(world.account_id, None, rules_hash="abc")
    account = begin(world).account
    assert (account.rules_toml, account.rules_hash) == ("# one\n", "abc")
    with pytest.raises(DatabaseRejected) as caught:
        world.people.put_rules(world.account_id, None, rules_hash="ghi")
    assert caught.value.rule == "accounts_rules_fkey"


def far_sessions(exchange: str, *years: int) -> list[Session]:
    """Return the fourth of January of each year, so that every clock is before or after it."""
    days = (datetime(year, 1, 4, 14, 30, tzinfo=UTC) for year in years)
    return [
        Session(
            exchange=exchange,
            day=f"{opens_at:%Y-%m-%d}",
            opens_at=opens_at,
            closes_at=opens_at + timedelta(hours=6),
        )
        for opens_at in days
    ]


@pytest.mark.parametrize(
    ("years", "equity"),
    [
        ((2101,), D("5000")),
        ((2001, 2101), D("5000")),
        ((2100, 2101), None),
        ((2001, 2100, 2101), None),
        ((2001, 2101, 2102), D("5000")),
    ],
    ids=["no close known", "put after it", "put before it", "put between", "a later one"],
)
def test_equity_counts_when_it_was_put_after_the_previous_close(
    world: World, years: tuple[int, ...], equity: Decimal | None
) -> None:
    exchange = f"Y{world.account_id}"
    world.people.open_account(
        world.account_id, name="Tests", exchange=exchange, equity_prior_close=D("4000")
    )
    world.people.put_equity(world.account_id, D("5000"))
    world.people.put_sessions(far_sessions(exchange, *years))
    noon = datetime(2101, 1, 4, 17, 0, tzinfo=UTC)
    assert begin(world, tick=noon).day.equity == equity


def test_the_day_keeps_the_equity_that_it_was_given(world: World) -> None:
    exchange = f"Z{world.account_id}"
    world.people.open_account(world.account_id, name="Tests", exchange=exchange)
    world.people.put_sessions(far_sessions(exchange, 2100, 2101))
    noon = datetime(2101, 1, 4, 17, 0, tzinfo=UTC)
    snapshot = begin(world, tick=noon)
    assert snapshot.day.equity is None
    day = replace(snapshot.day, equity=D("7000"))
    world.store.record_tick(record(world, snapshot.fence, day=day))
    world.people.put_equity(world.account_id, D("5000"))
    assert begin(world, tick=noon).day.equity == D("7000")


def test_opening_an_account_again_without_equity_keeps_what_was_put(world: World) -> None:
    world.people.open_account(world.account_id, name="Tests", equity_prior_close=D("4000"))
    world.people.open_account(world.account_id, name="Other")
    assert begin(world).day.equity == D("4000")


def test_opening_an_account_again_keeps_what_it_does_not_name(world: World) -> None:
    exchange = f"K{world.account_id}"
    world.people.put_sessions(far_sessions(exchange, 2100, 2101))
    world.people.open_account(world.account_id, name="Tests", mode="guard", exchange=exchange)
    world.people.open_account(world.account_id, name="Renamed")
    snapshot = begin(world, tick=datetime(2101, 1, 4, 17, 0, tzinfo=UTC))
    assert (snapshot.account.name, snapshot.account.mode) == ("Renamed", "guard")
    assert snapshot.session is not None
    assert snapshot.session.exchange == exchange


def test_opening_an_account_again_keeps_its_halt_and_its_rules(world: World) -> None:
    world.people.put_rules(world.account_id, "x", rules_hash="abc")
    world.people.halt(world.account_id, reason="test")
    world.people.open_account(world.account_id, name="Other", mode="observe")
    account = begin(world).account
    assert (account.name, account.mode) == ("Other", "observe")
    assert (account.halted, account.rules_hash) == (True, "abc")


@pytest.mark.parametrize(
    ("hours_from_open", "found"),
    [(-4.01, False), (-4, True), (0, True), (6.5, True), (10.5, True), (10.51, False)],
)
def test_a_session_counts_from_four_hours_before_to_four_hours_after(
    world: World, hours_from_open: float, found: bool
) -> None:
    snapshot = begin(world, tick=A_SESSION.opens_at + timedelta(hours=hours_from_open))
    assert (snapshot.session == A_SESSION) is found


def test_between_two_sessions_the_nearer_one_counts(world: World) -> None:
    exchange = f"X{world.account_id}"
    world.people.open_account(world.account_id, name="Tests", exchange=exchange)
    first = Session(exchange=exchange, day="2026-11-23", opens_at=NOON, closes_at=pulse(360))
    second = replace(
        first, day="2026-11-24", opens_at=pulse(720), closes_at=pulse(720) + timedelta(hours=1)
    )
    world.people.put_sessions([first, second])
    assert begin(world, tick=pulse(400)).session == first
    assert begin(world, tick=pulse(700)).session == second
    assert begin(world, tick=pulse(720)).session == second


def test_after_the_session_its_day_row_still_counts(world: World) -> None:
    day = DayRow(session_day=A_SESSION.day, realised=D("-100"), losses=2, locked_by="day_loss")
    world.store.record_tick(record(world, begin(world).fence, day=day))
    night = A_SESSION.closes_at + timedelta(hours=9)
    snapshot = begin(world, tick=night)
    assert snapshot.session is None
    assert snapshot.day == day


def test_the_day_row_comes_back_whole(world: World) -> None:
    day = DayRow(
        session_day=A_SESSION.day,
        realised=D("12.34"),
        realised_r=0.1 + 0.2,
        peak_r=1.25,
        equity=D("135000.5"),
        losses=2,
        last_loss_at=NOON,
        locked_by="day_profit",
        warned=0.75,
    )
    world.store.record_tick(record(world, begin(world).fence, day=day))
    assert begin(world).day == day


# Recording


def test_a_record_returns_the_orders_that_are_new(world: World, position: Position) -> None:
    fence = begin(world).fence
    arm, sell = an_order(position, step="arm"), an_order(position)
    first = record(world, fence, positions=(position,), orders=(arm,))
    assert world.store.record_tick(first) == ids(arm)
    both = record(world, fence, orders=(arm, sell))
    assert world.store.record_tick(both) == ids(sell)


def test_the_same_record_twice_changes_nothing_the_second_time(
    world: World, position: Position
) -> None:
    other = a_position("MSFT", account_id=world.account_id)
    old = an_order(other, step="arm")
    fence = begin(world).fence
    world.store.record_tick(record(world, fence, positions=(other,), orders=(old,)))
    sell = an_order(position, tick=1)
    whole = record(
        world,
        fence,
        tick=1,
        positions=(position,),
        symbols=(a_symbol_state(),),
        views=(a_view(), a_view("MSFT")),
        decisions=(
            a_decision(position, tick=1, decision=Exit(rule="give_back")),
            a_decision(other, tick=1),
        ),
        orders=(sell,),
        settled=(replace(old, status="filled", filled_quantity=D("100"), filled_price=D("98")),),
        trades=(a_trade(other),),
        observations=(
            Observation(
                position_id=other.id,
                symbol=other.symbol,
                kind="reduced",
                cause="stop",
                detail={"price": "98"},
            ),
        ),
        alarms=(Alarm(key="k", kind="naked", symbol=None, message="m"),),
        day=DayRow(session_day=A_SESSION.day, realised=D("200"), realised_r=1.0),
        unprotected_seconds={Symbol("AAPL"): 1.5},
        halted_symbols=(Symbol("MSFT"),),
    )
    assert world.store.record_tick(whole) == ids(sell)
    before = (_everything(world), replace(begin(world), fence=0))
    assert world.store.record_tick(whole) == frozenset()
    assert (_everything(world), replace(begin(world), fence=0)) == before
    assert before[1].positions == (position,)
    assert before[1].tags == {"MSFT": ("halted",)}


def _everything(world: World) -> tuple[object, ...]:
    return (
        world.journal(),
        world.views(),
        world.events(),
        world.trades(),
        world.alarms(),
        world.observations(),
        world.gaps(),
    )


def test_a_record_that_is_refused_leaves_nothing_behind(world: World, position: Position) -> None:
    fence = begin(world).fence
    loose = an_order(position, step="arm", price=D("90"))
    bad = record(
        world,
        fence,
        positions=(position,),
        views=(a_view(),),
        decisions=(a_decision(position),),
        alarms=(Alarm(key="k", kind="naked", symbol=None, message="m"),),
        orders=(loose,),
    )
    refused("orders_stop_tightens", lambda: world.store.record_tick(bad))
    assert begin(world).positions == ()
    assert _everything(world) == ([], [], [], [], [], [], [])


def test_a_trade_closes_its_position(world: World, position: Position) -> None:
    fence = begin(world).fence
    world.store.record_tick(record(world, fence, positions=(position,)))
    gone = replace(position, quantity=D("0"), closed_quantity=D("100"), realised=D("200"))
    world.store.record_tick(
        record(world, fence, tick=1, positions=(gone,), trades=(a_trade(position),))
    )
    assert begin(world).positions == ()
    assert world.trades() == [(position.id, "give_back")]


def test_a_symbol_may_be_closed_and_opened_again_in_one_record(
    world: World, position: Position
) -> None:
    fence = begin(world).fence
    world.store.record_tick(record(world, fence, positions=(position,)))
    again = replace(position, id=PositionId(f"{position.id}/2"), opened_at=NOON)
    gone = replace(position, quantity=D("0"))
    world.store.record_tick(
        record(world, fence, tick=1, positions=(again, gone), trades=(a_trade(position),))
    )
    assert begin(world).positions == (again,)


def test_a_trade_of_a_position_that_was_never_guarded_is_refused(
    world: World, position: Position
) -> None:
    bad = record(world, begin(world).fence, trades=(a_trade(position),))
    refused("trades_position_known", lambda: world.store.record_tick(bad))


def test_an_acknowledgement_writes_what_came_of_the_orders(
    world: World, position: Position
) -> None:
    fence = begin(world).fence
    sell = an_order(position)
    world.store.record_tick(record(world, fence, positions=(position,), orders=(sell,)))
    done = replace(
        sell,
        status="filled",
        broker_order_id="b1",
        filled_quantity=D("100"),
        filled_price=D("102"),
        reason="filled",
    )
    word = an_acknowledgement(
        fence,
        account_id=world.account_id,
        orders=(done,),
        positions=(replace(position, quantity=D("0"), closed_quantity=D("100")),),
        trades=(a_trade(position),),
        day=DayRow(session_day=A_SESSION.day, realised=D("200")),
        alarms=(Alarm(key="k", kind="late", symbol=None, message="m"),),
        unprotected_seconds={position.symbol: 0.8},
        release=False,
    )
    world.store.acknowledge(word)
    before = _everything(world)
    world.store.acknowledge(word)
    assert _everything(world) == before
    snapshot = begin(world)
    assert (snapshot.positions, snapshot.orders) == ((), ())
    assert snapshot.day.realised == D("200")
    assert world.events() == [(sell.id, "recorded"), (sell.id, "filled")]
    assert world.gaps() == [("acknowledge", 0.8)]


def test_seconds_without_protection_are_kept_for_both_calls(world: World) -> None:
    fence = begin(world).fence
    world.store.record_tick(record(world, fence, unprotected_seconds={Symbol("A"): 1.5}))
    world.store.acknowledge(
        an_acknowledgement(
            fence, account_id=world.account_id, unprotected_seconds={Symbol("A"): 0.25}
        )
    )
    assert world.gaps() == [("acknowledge", 0.25), ("record", 1.5)]


# Rules of state


def test_only_one_open_position_per_symbol(world: World, position: Position) -> None:
    twin = replace(position, id=PositionId("twin"))
    bad = record(world, begin(world).fence, positions=(position, twin))
    refused("positions_one_open_per_symbol", lambda: world.store.record_tick(bad))


@pytest.mark.parametrize(("side", "looser"), [("long", "97.99"), ("short", "102.01")])
def test_our_stop_never_loosens(world: World, side: str, looser: str) -> None:
    stop = D("98") if side == "long" else D("102")
    position = a_position(account_id=world.account_id, side=side, stop=stop, initial_stop=stop)
    fence = begin(world).fence
    world.store.record_tick(record(world, fence, positions=(position,)))
    bad = record(world, fence, tick=1, positions=(replace(position, stop=D(looser)),))
    refused("positions_stop_tightens", lambda: world.store.record_tick(bad))


@pytest.mark.parametrize(("side", "tighter"), [("long", "99"), ("short", "101")])
def test_a_stop_may_tighten(world: World, side: str, tighter: str) -> None:
    stop = D("98") if side == "long" else D("102")
    position = a_position(account_id=world.account_id, side=side, stop=stop, initial_stop=stop)
    fence = begin(world).fence
    world.store.record_tick(record(world, fence, positions=(position,)))
    moved = replace(position, stop=D(tighter))
    world.store.record_tick(record(world, fence, tick=1, positions=(moved,)))
    assert begin(world).positions == (moved,)


def test_a_stop_the_trader_loosened_is_stored_as_observed(world: World, position: Position) -> None:
    fence = begin(world).fence
    world.store.record_tick(record(world, fence, positions=(position,)))
    seen = Observation(
        position_id=position.id, symbol=position.symbol, kind="stop_moved", cause="by_hand"
    )
    loosened = replace(position, stop=D("95"), flags=("hand_loosened",))
    world.store.record_tick(
        record(world, fence, tick=1, positions=(loosened,), observations=(seen,))
    )
    assert begin(world).positions == (loosened,)


@pytest.mark.parametrize(
    ("kind", "cause"), [("stop_moved", "broker"), ("added", "by_hand"), ("reduced", "stop")]
)
def test_no_other_observation_explains_a_looser_stop(
    world: World, position: Position, kind: str, cause: str
) -> None:
    fence = begin(world).fence
    world.store.record_tick(record(world, fence, positions=(position,)))
    seen = Observation(position_id=position.id, symbol=position.symbol, kind=kind, cause=cause)
    bad = record(
        world, fence, tick=1, positions=(replace(position, stop=D("95")),), observations=(seen,)
    )
    refused("positions_stop_tightens", lambda: world.store.record_tick(bad))


def test_an_observation_explains_nothing_that_comes_later(world: World, position: Position) -> None:
    fence = begin(world).fence
    seen = Observation(
        position_id=position.id, symbol=position.symbol, kind="stop_moved", cause="by_hand"
    )
    world.store.record_tick(record(world, fence, positions=(position,), observations=(seen,)))
    bad = record(world, fence, tick=1, positions=(replace(position, stop=D("95")),))
    refused("positions_stop_tightens", lambda: world.store.record_tick(bad))


def test_a_split_rescales_what_is_fixed_for_life(world: World, position: Position) -> None:
    fence = begin(world).fence
    world.store.record_tick(record(world, fence, positions=(position,)))
    seen = Observation(
        position_id=position.id, symbol=position.symbol, kind="split", cause="broker"
    )
    after = replace(
        position,
        quantity=D("200"),
        initial_quantity=D("200"),
        average_entry=D("50"),
        initial_stop=D("49"),
        risk=D("1"),
        stop=D("49"),
    )
    world.store.record_tick(record(world, fence, tick=1, positions=(after,), observations=(seen,)))
    assert begin(world).positions == (after,)


def test_risk_is_fixed_for_life(world: World, position: Position) -> None:
    fence = begin(world).fence
    world.store.record_tick(record(world, fence, positions=(position,)))
    seen = Observation(
        position_id=position.id, symbol=position.symbol, kind="stop_moved", cause="by_hand"
    )
    bad = record(
        world, fence, tick=1, positions=(replace(position, risk=D("1")),), observations=(seen,)
    )
    refused("positions_risk_is_fixed", lambda: world.store.record_tick(bad))


def test_a_position_never_changes_sides(world: World, position: Position) -> None:
    fence = begin(world).fence
    world.store.record_tick(record(world, fence, positions=(position,)))
    bad = record(world, fence, tick=1, positions=(replace(position, side="short"),))
    refused("positions_identity_is_fixed", lambda: world.store.record_tick(bad))


def test_at_most_one_unsettled_sell_a_position(world: World, position: Position) -> None:
    fence = begin(world).fence
    first, second = an_order(position), an_order(position, attempt=2)
    world.store.record_tick(record(world, fence, positions=(position,), orders=(first,)))
    again = record(world, fence, tick=1, orders=(second,))
    refused("orders_one_unsettled_sell", lambda: world.store.record_tick(again))
    settled = replace(first, status="canceled")
    after = record(world, fence, tick=1, settled=(settled,), orders=(second,))
    assert world.store.record_tick(after) == ids(second)


def test_a_step_of_a_tick_is_decided_once_whatever_its_id(world: World, position: Position) -> None:
    first = an_order(position, step="move", on="b-1", price=D("99"))
    again = an_order(position, step="move", on="b-1", price=D("99.5"), rule="ratchet")
    assert first.id != again.id
    fence = begin(world).fence
    world.store.record_tick(record(world, fence, positions=(position,), orders=(first,)))
    assert world.store.record_tick(record(world, fence, orders=(again,))) == frozenset()
    assert begin(world).orders == (first,)


@pytest.mark.parametrize(
    "changes",
    [{"on": "b-2"}, {"attempt": 2}, {"step": "shrink"}, {"tick_at": pulse(1)}],
)
def test_another_step_is_another_order(
    world: World, position: Position, changes: dict[str, object]
) -> None:
    first = an_order(position, step="move", on="b-1", price=D("99"))
    other = replace(first, id=OrderId("sw-other"), **changes)  # type: ignore[arg-type]
    fence = begin(world).fence
    made = record(world, fence, positions=(position,), orders=(first, other))
    assert world.store.record_tick(made) == ids(first, other)


def test_two_orders_for_one_step_in_one_record_are_refused(
    world: World, position: Position
) -> None:
    first, second = (
        an_order(position, step="arm", price=D("98"), id=OrderId(f"sw-{n}")) for n in (1, 2)
    )
    fence = begin(world).fence
    wrong = record(world, fence, positions=(position,), orders=(first, second))
    refused("orders_one_per_step", lambda: world.store.record_tick(wrong))
    half = D("50")
    tranches = (
        replace(first, part="bare0", quantity=half),
        replace(second, part="bare1", quantity=half),
    )
    right = record(world, fence, positions=(position,), orders=tranches)
    assert world.store.record_tick(right) == ids(first, second)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"quantity": D("0")}, "orders_quantity_positive"),
        ({"side": "buy"}, "orders_only_reduce"),
        ({"symbol": Symbol("MSFT")}, "orders_only_reduce"),
        ({"position_id": PositionId("nobody")}, "orders_position_fkey"),
        ({"step": "move", "price": D("97.99")}, "orders_stop_tightens"),
        ({"step": "arm", "price": D("97.98")}, "orders_stop_tightens"),
        ({"step": "arm", "price": None}, "orders_stop_has_price"),
        ({"step": "move", "price": None}, "orders_stop_has_price"),
    ],
)
def test_an_intent_that_does_harm_is_refused(
    world: World, position: Position, changes: dict[str, object], rule: str
) -> None:
    bad = record(
        world,
        begin(world).fence,
        positions=(position,),
        orders=(replace(an_order(position), **changes),),
    )
    refused(rule, lambda: world.store.record_tick(bad))


def test_a_first_stop_may_be_rounded_one_tick_away_from_triggering(
    world: World, position: Position
) -> None:
    arm = an_order(position, step="arm", price=D("97.99"))
    fine = record(world, begin(world).fence, positions=(position,), orders=(arm,))
    assert world.store.record_tick(fine) == ids(arm)


def test_a_closed_position_takes_no_order(world: World, position: Position) -> None:
    fence = begin(world).fence
    world.store.record_tick(
        record(world, fence, positions=(position,), trades=(a_trade(position),))
    )
    bad = record(world, fence, tick=1, orders=(an_order(position),))
    refused("orders_need_open_position", lambda: world.store.record_tick(bad))


def test_what_came_of_an_order_that_was_never_recorded_is_refused(
    world: World, position: Position
) -> None:
    fence = begin(world).fence
    world.store.record_tick(record(world, fence, positions=(position,)))
    word = an_acknowledgement(fence, account_id=world.account_id, orders=(an_order(position),))
    refused("orders_recorded_first", lambda: world.store.acknowledge(word))


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"status": "working"}, "orders_final_stays_final"),
        ({"filled_quantity": D("49")}, "orders_fills_only_grow"),
        ({"quantity": D("101")}, "orders_quantity_only_shrinks"),
    ],
)
def test_an_order_never_goes_back(
    world: World, position: Position, changes: dict[str, object], rule: str
) -> None:
    fence = begin(world).fence
    sell = an_order(position)
    done = replace(sell, status="canceled", filled_quantity=D("50"))
    world.store.record_tick(record(world, fence, positions=(position,), orders=(sell,)))
    world.store.record_tick(record(world, fence, tick=1, settled=(done,)))
    bad = record(world, fence, tick=2, settled=(replace(done, **changes),))
    refused(rule, lambda: world.store.record_tick(bad))


def test_an_exit_may_shrink_to_what_was_left(world: World, position: Position) -> None:
    fence = begin(world).fence
    sell = an_order(position)
    world.store.record_tick(record(world, fence, positions=(position,), orders=(sell,)))
    shrunk = replace(sell, quantity=D("60"), status="working")
    world.store.record_tick(record(world, fence, tick=1, settled=(shrunk,)))
    assert begin(world).orders == (shrunk,)


def test_a_day_once_locked_stays_locked(world: World) -> None:
    fence = begin(world).fence
    day = DayRow(session_day=A_SESSION.day, locked_by="day_loss")
    world.store.record_tick(record(world, fence, day=day))
    bad = record(world, fence, tick=1, day=replace(day, locked_by=None))
    refused("day_results_lock_stays", lambda: world.store.record_tick(bad))


def test_a_position_declared_by_a_person_is_new_or_as_it_was_put(
    world: World, position: Position
) -> None:
    for _ in range(2):
        world.people.put_positions(world.account_id, [position])
        snapshot = begin(world)
        assert snapshot.positions == (position,)
        world.store.record_tick(record(world, snapshot.fence, release=True))
    other = a_position("MSFT", account_id=world.account_id)
    changed = replace(position, stop=D("99"))
    refused(
        "positions_pkey",
        lambda: world.people.put_positions(world.account_id, [other, changed]),
    )
    assert begin(world).positions == (position,)


def test_a_position_is_not_declared_while_a_tick_may_adopt_it(
    world: World, position: Position
) -> None:
    adopted = replace(position, id=PositionId(f"{position.id}/adopted"))
    other = a_position("MSFT", account_id=world.account_id)
    fence = begin(world).fence
    refused(
        "lease_is_held", lambda: world.people.put_positions(world.account_id, [position, other])
    )
    sell = an_order(adopted)
    both = record(world, fence, positions=(adopted,), orders=(sell,), release=True)
    assert world.store.record_tick(both) == ids(sell)
    world.people.put_positions(world.account_id, [other])
    assert begin(world).positions == (adopted, other)


# The journal


def test_equal_holds_inside_a_bar_are_one_row(world: World, position: Position) -> None:
    fence = begin(world).fence
    for tick in range(4):
        world.store.record_tick(
            record(
                world,
                fence,
                tick=tick,
                positions=(position,),
                decisions=(a_decision(position, tick=tick, price=100.0 + tick),),
                views=(a_view(),),
            )
        )
    assert world.journal() == [
        Run(position_id=position.id, kind="hold", tick_at=pulse(0), last_tick_at=pulse(3), ticks=4)
    ]
    assert world.views() == [(pulse(0), "AAPL")]


@pytest.mark.parametrize(
    "changes",
    [
        {"closed_bar": True},
        {"fired": 4096.0},
        {"reasons": (a_reason(),)},
        {"rules_hash": "other"},
        {"rule_version": "other"},
        {"measured": (0.64, 64.0)},
        {"measured": (NAN, NAN, 1e-40)},
        {"decision": MoveStop(rule="ratchet", to=D("99"))},
        {"decision": Reduce(rule="partial", quantity=D("5"), stop=D("99"), stop_rule="ratchet")},
        {"decision": Exit(rule="time_stop")},
    ],
)
def test_a_decision_that_differs_is_a_row_of_its_own(
    world: World, position: Position, changes: dict[str, object]
) -> None:
    fence = begin(world).fence
    for tick, row in enumerate(
        (
            a_decision(position),
            a_decision(position, tick=1, **changes),
            a_decision(position, tick=2),
        )
    ):
        world.store.record_tick(
            record(
                world, fence, tick=tick, positions=(position,), decisions=(row,), views=(a_view(),)
            )
        )
    runs = [(run.tick_at, run.ticks) for run in world.journal()]
    # After a hold on a closed bar equal pulses run on; after anything else a new row begins.
    ends = [(pulse(1), 2)] if "closed_bar" in changes else [(pulse(1), 1), (pulse(2), 1)]
    assert runs == [(pulse(0), 1), *ends]
    assert world.views() == [(at, "AAPL") for at, _ in runs]


def test_a_reason_that_drifts_by_a_cent_does_not_end_the_run(
    world: World, position: Position
) -> None:
    fence = begin(world).fence
    for tick in range(3):
        reason = a_reason(price=100.0 + tick / 100, sentence=f"now {tick}")
        row = a_decision(position, tick=tick, fired=4096.0, reasons=(reason,))
        world.store.record_tick(
            record(world, fence, tick=tick, positions=(position,), decisions=(row,))
        )
    assert [run.ticks for run in world.journal()] == [3]


@pytest.mark.parametrize("late", [0, 1, 2, 4, 6])
def test_a_pulse_that_is_told_again_after_later_ones_counts_once(
    world: World, position: Position, late: int
) -> None:
    """A schedule fires at least once: its second run may come when the first is pulses ahead."""
    fence = begin(world).fence

    def tell(tick: int) -> None:
        closed = a_decision(position, tick=tick, closed_bar=tick == 4)
        world.store.record_tick(
            record(world, fence, tick=tick, positions=(position,), decisions=(closed,))
        )

    for tick in (0, 1, 2, 4, 5, 6):
        tell(tick)
    told = [(run.tick_at, run.ticks) for run in world.journal()]
    assert told == [(pulse(0), 3), (pulse(4), 3)]
    tell(late)
    assert [(run.tick_at, run.ticks) for run in world.journal()] == told


def test_a_pulse_that_is_told_late_and_for_the_first_time_is_kept(
    world: World, position: Position
) -> None:
    fence = begin(world).fence
    for tick in (0, 2, 1):
        closed = a_decision(position, tick=tick, closed_bar=tick == 2)
        world.store.record_tick(
            record(world, fence, tick=tick, positions=(position,), decisions=(closed,))
        )
    assert [(run.tick_at, run.ticks) for run in world.journal()] == [
        (pulse(0), 1), (pulse(1), 1), (pulse(2), 1),
    ]  # fmt: skip


def test_two_functions_run_their_holds_apart(world: World, position: Position) -> None:
    fence = begin(world).fence
    for tick in range(4):
        source = ("monitor", "breakeven")[tick % 2]
        row = a_decision(position, tick=tick, source=source)
        world.store.record_tick(
            record(world, fence, tick=tick, positions=(position,), decisions=(row,))
        )
    assert [(run.tick_at, run.ticks) for run in world.journal()] == [(pulse(0), 2), (pulse(1), 2)]


def test_a_view_without_a_decision_is_kept(world: World) -> None:
    faulty = a_view(fault="stale", bid=None, ask=None, quote_at=None)
    world.store.record_tick(record(world, begin(world).fence, views=(faulty,)))
    assert world.views() == [(pulse(0), "AAPL")]


def test_a_decision_about_nobody_is_refused(world: World, position: Position) -> None:
    bad = record(world, begin(world).fence, decisions=(a_decision(position),))
    refused("decisions_position_fkey", lambda: world.store.record_tick(bad))


# Alarms


def test_a_lasting_alarm_is_one_row_counted_once_a_pulse(world: World) -> None:
    alarm = Alarm(key="naked:AAPL", kind="naked", symbol=Symbol("AAPL"), message="no stop")
    fence = begin(world).fence
    for tick in (0, 0, 1, 2):
        world.store.record_tick(record(world, fence, tick=tick, alarms=(alarm,)))
    assert world.alarms() == [("naked:AAPL", 3, True)]


def test_an_alarm_that_is_over_is_cleared_and_may_come_again(world: World) -> None:
    alarm = Alarm(key="k", kind="naked", symbol=None, message="m", severity="critical")
    fence = begin(world).fence
    world.store.record_tick(record(world, fence, tick=0, alarms=(alarm,)))
    world.store.record_tick(record(world, fence, tick=1, cleared=("k", "never raised")))
    assert world.alarms() == [("k", 1, False)]
    world.store.record_tick(record(world, fence, tick=2, alarms=(alarm,)))
    assert world.alarms() == [("k", 1, False), ("k", 1, True)]


def test_an_acknowledgement_clears_alarms_too(world: World) -> None:
    alarm = Alarm(key="k", kind="naked", symbol=None, message="m")
    fence = begin(world).fence
    world.store.record_tick(record(world, fence, alarms=(alarm,)))
    world.store.acknowledge(an_acknowledgement(fence, account_id=world.account_id, cleared=("k",)))
    assert world.alarms() == [("k", 1, False)]


def test_accounts_do_not_see_each_other(world: World, position: Position) -> None:
    world.store.record_tick(
        record(world, begin(world).fence, positions=(position,), orders=(an_order(position),))
    )
    other = AccountId(f"{world.account_id}-other")
    world.people.open_account(other, name="Other")
    snapshot = world.store.begin_tick(other, tick_at=NOON, holder="one", lease_seconds=30)
    assert not isinstance(snapshot, Busy)
    assert (snapshot.positions, snapshot.orders, snapshot.symbols) == ((), (), {})
