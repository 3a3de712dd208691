"""Trades that wait for their attribution, and what came of asking: every store tells the same."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from stopward.adapters.attribution import FunctionAttribution
from stopward.adapters.memory import MemoryStore
from stopward.adapters.memory_attribution import MemoryAttribution
from stopward.domain.attribution.trade import ClosedTrade, Figure, Guarded, Lock, TradePage
from stopward.domain.identity import AccountId, PositionId, Symbol
from stopward.domain.market import Session
from stopward.domain.position import Position
from stopward.errors import DatabaseRejected
from stopward.rules.types import NAN
from stopward.services.attribution import AttributionBook
from tests.builders.store import (
    A_RULE_SET,
    A_SESSION,
    D,
    a_decision,
    a_position,
    a_record,
    circumstances,
    pulse,
)
from tests.builders.store_world import PostgresWorld, World, begin
from tests.builders.trades import Event, play

EVENING = A_SESSION.closes_at + timedelta(hours=1)
TOMORROW = Session(
    exchange="XNYS",
    day="2026-11-24",
    opens_at=A_SESSION.opens_at + timedelta(days=1),
    closes_at=A_SESSION.closes_at + timedelta(days=1),
)
NEXT_EVENING = EVENING + timedelta(days=1)
RULES_TOML = '[account]\nadopt = "all"\n'
PARTLY = (
    Event(kind="sell", quantity=D("40"), price=D("103"), rule="partial"),
    Event(kind="stop", quantity=D("60"), price=D("100.5"), rule="breakeven"),
)
BY_HAND = (
    Event(kind="sell", quantity=D("40"), price=D("103"), rule="partial"),
    Event(kind="hand", quantity=D("60"), price=D("101")),
)


def book(world: World, *, page_trades: int = 100) -> AttributionBook:
    if isinstance(world.store, MemoryStore):
        return MemoryAttribution(world.store, page_trades=page_trades)
    assert isinstance(world, PostgresWorld)
    return FunctionAttribution(world._database, page_trades=page_trades)


def traded(
    world: World,
    symbol: str = "AAPL",
    events: Sequence[Event] = PARTLY,
    *,
    tick: int = 0,
    **changes: Any,
) -> Position:
    """Play a position of 100 shares from its adoption to its trade."""
    position = a_position(symbol, account_id=world.account_id, **changes)
    play(world, position, events, tick=tick)
    return position


def decided(world: World, position: Position, tick: int, **changes: Any) -> None:
    """Write a decision about a position, by A_RULE_SET unless said otherwise."""
    row = a_decision(position, tick=tick, **{"circumstances": circumstances(), **changes})
    record = a_record(
        begin(world, tick=pulse(tick)).fence,
        tick=tick,
        account_id=world.account_id,
        rule_sets=(A_RULE_SET,),
        decisions=(row,),
    )
    world.store.record_tick(record)


def read(world: World, at: datetime = EVENING, **options: Any) -> TradePage:
    return book(world).read_unattributed(world.account_id, at=at, **options)


def asked(world: World, at: datetime = EVENING, **options: Any) -> dict[str, tuple[str, ...]]:
    """Return the rules that are asked for, by symbol."""
    return {each.symbol: each.asked for each in read(world, at, **options).trades}


def put(world: World, *figures: Figure, at: datetime = EVENING) -> int:
    return book(world).put_figures(world.account_id, figures, at=at)


def figure(position: Position, rule: str, **changes: Any) -> Figure:
    found = Figure(position_id=position.id, rule=rule, without_r=D("0.25"), because=None)
    return replace(found, **changes)


def unknown(position: Position, rule: str, because: Any) -> Figure:
    return figure(position, rule, without_r=None, because=because)


def test_a_trade_comes_with_all_that_its_counterfactual_stands_on(world: World) -> None:
    world.people.put_rules(world.account_id, RULES_TOML, rules_hash="hash")
    world.people.put_sessions([TOMORROW])
    symbol = f"V{world.account_id[-4:].strip('-')}"
    world.people.put_usual_volume(Symbol(symbol), [1000.0, NAN, 500.0])
    position = a_position(
        symbol, account_id=world.account_id, tags=("swing",), flags=("risk_estimated",),
        fees_per_share=D("0.01"), target=D("110"), adopted_at=pulse(0),
    )  # fmt: skip
    world.store.record_tick(
        a_record(begin(world).fence, account_id=world.account_id, positions=(position,))
    )
    decided(world, position, 0)
    trade = play(world, position, PARTLY)
    page = read(world)
    assert page.trades == (
        ClosedTrade(
            position_id=position.id,
            symbol=Symbol(symbol),
            session_day="2026-11-23",
            side="long",
            quantity=D("100"),
            average_entry=D("100"),
            initial_stop=D("98"),
            risk=D("2"),
            target=D("110"),
            lot=D("1"),
            tick=D("0.01"),
            fees_per_share=D("0.01"),
            opened_at=position.opened_at,
            closed_at=trade.closed_at,
            result_r=D(str(trade.result_r)),
            cause="breakeven",
            tags=("swing",),
            flags=("risk_estimated",),
            exits=("breakeven", "partial"),
            asked=("breakeven", "partial"),
            guarded=(Guarded(since=pulse(0), rule_set=A_RULE_SET.digest, rules_hash="hash"),),
        ),
    )
    assert page.rule_sets == {A_RULE_SET.digest: A_RULE_SET}
    assert page.rules_toml == {"hash": RULES_TOML}
    assert {A_SESSION, TOMORROW} <= set(page.sessions)
    assert list(page.sessions) == sorted(page.sessions, key=lambda each: each.opens_at)
    assert repr(page.usual_volume) == repr({symbol: (1000.0, NAN, 500.0)})
    assert page.after is None


def test_what_a_hand_or_a_stop_closed_is_told_and_not_asked_for(world: World) -> None:
    traded(world, "AAPL", BY_HAND)
    traded(world, "MSFT", [Event(kind="stop", quantity=D("100"), price=D("98"), rule="stop")])
    (found,) = read(world).trades
    assert (found.symbol, found.asked, found.exits) == (
        "AAPL",
        ("partial",),
        ("by_hand", "partial"),
    )


def test_the_rules_that_guarded_it_are_told_where_they_changed(world: World) -> None:
    position = a_position(account_id=world.account_id, adopted_at=pulse(0))
    world.store.record_tick(
        a_record(begin(world).fence, account_id=world.account_id, positions=(position,))
    )
    kept: dict[str, Any] = {"closed_bar": True}
    decided(world, position, 1, **kept)
    decided(world, position, 2, **kept)
    decided(world, position, 3, **kept, rules_hash="later")
    decided(world, position, 4, **kept, rules_hash="later", measured=(0.5, 31.0))
    decided(world, position, 5, **kept, rules_hash="later", circumstances=None)
    decided(world, position, 6, **kept)
    play(world, position, PARTLY, tick=7)
    (found,) = read(world).trades
    assert [(each.since, each.rules_hash, each.measured) for each in found.guarded] == [
        (pulse(1), "hash", ()),
        (pulse(3), "later", ()),
        (pulse(4), "later", (0.5, 31.0)),
        (pulse(6), "hash", ()),
    ]


def test_a_limit_of_the_day_is_told_by_what_it_closed_first(world: World) -> None:
    flat = [Event(kind="sell", quantity=D("100"), price=D("99"), rule="day_loss")]
    traded(world, "AAPL", flat, tick=0)
    traded(world, "MSFT", flat, tick=10)
    traded(world, "ORCL", PARTLY, tick=20)
    locks = {each.symbol: each.locks for each in read(world).trades}
    assert locks["AAPL"] == locks["MSFT"] == locks["ORCL"]
    (lock,) = locks["AAPL"]
    assert isinstance(lock, Lock)
    assert lock.rule == "day_loss"
    assert pulse(1) <= lock.at < pulse(2)


def test_what_is_known_is_not_asked_for_again(world: World) -> None:
    position = traded(world)
    assert put(world, figure(position, "partial")) == 1
    assert asked(world) == {"AAPL": ("breakeven",)}
    assert put(world, figure(position, "breakeven")) == 1
    assert asked(world) == {}
    assert asked(world, NEXT_EVENING, more_bars=True) == {}
    assert asked(world, again=True) == {"AAPL": ("breakeven", "partial")}


def test_putting_the_same_twice_changes_nothing_and_the_last_word_counts(world: World) -> None:
    position = traded(world)
    told = (figure(position, "partial"), unknown(position, "breakeven", "bars_end"))
    assert (put(world, *told), put(world, *told)) == (2, 0)
    assert put(world, figure(position, "breakeven"), told[0]) == 1
    assert asked(world, NEXT_EVENING, more_bars=True) == {}


@pytest.mark.parametrize("because", ["no_bars", "bars_end"])
def test_what_waits_for_bars_is_asked_for_once_a_session_has_closed(
    world: World, because: str
) -> None:
    world.people.put_sessions([TOMORROW])
    position = traded(world)
    put(world, figure(position, "partial"), unknown(position, "breakeven", because))
    assert asked(world, EVENING + timedelta(hours=2)) == {}
    assert asked(world, TOMORROW.closes_at - timedelta(seconds=1)) == {}
    assert asked(world, TOMORROW.closes_at) == {"AAPL": ("breakeven",)}
    assert asked(world, EVENING + timedelta(hours=2), more_bars=True) == {"AAPL": ("breakeven",)}


def test_what_waited_for_a_month_is_asked_for_when_a_person_says_since_when(world: World) -> None:
    position = traded(world)
    put(world, unknown(position, "partial", "bars_end"), figure(position, "breakeven"))
    late = {"at": EVENING + timedelta(days=30), "more_bars": True}
    later = {"at": EVENING + timedelta(days=31), "more_bars": True}
    assert asked(world, **late) == {"AAPL": ("partial",)}
    assert asked(world, **later) == {}
    assert asked(world, **later, since=date(2026, 11, 23)) == {"AAPL": ("partial",)}
    assert asked(world, **later, since=date(2026, 11, 24)) == {}


@pytest.mark.parametrize("because", ["no_rules", "entry_changed", "by_hand", "not_reproduced"])
def test_what_no_bars_can_tell_is_asked_for_again_only_by_a_person(
    world: World, because: str
) -> None:
    position = traded(world)
    put(world, unknown(position, "partial", because), figure(position, "breakeven"))
    assert asked(world, NEXT_EVENING, more_bars=True) == {}
    assert asked(world, again=True, since=date(2026, 11, 23)) == {"AAPL": ("breakeven", "partial")}
    assert asked(world, again=True, since=date(2026, 11, 24)) == {}


def test_pages_tell_each_trade_once(world: World) -> None:
    for number, symbol in enumerate(("C", "A", "D", "B", "E")):
        traded(world, symbol, tick=10 * number)
    told: list[PositionId] = []
    after = None
    for size in (2, 2, 1):
        page = book(world, page_trades=2).read_unattributed(
            world.account_id, at=EVENING, after=after
        )
        assert len(page.trades) == size
        told += [each.position_id for each in page.trades]
        after = page.after
    assert after is None
    assert told == sorted(told)
    assert len(set(told)) == 5


def test_without_trades_there_is_nothing(world: World) -> None:
    assert read(world) == TradePage(trades=())


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"rule": "give_back"}, "attribution_exit_known"),
        ({"position_id": PositionId("nobody")}, "attribution_exit_known"),
        ({"because": "bars_end"}, "position_exits_unknown_has_reason"),
        ({"without_r": None, "because": "weather"}, "position_exits_unknown_has_reason"),
    ],
    ids=str,
)
def test_an_odd_figure_is_refused_and_nothing_is_kept(
    world: World, changes: dict[str, Any], rule: str
) -> None:
    position = traded(world)
    with pytest.raises(DatabaseRejected) as caught:
        put(
            world, figure(position, "partial"), figure(position, **{"rule": "breakeven", **changes})
        )
    assert caught.value.rule == rule
    assert asked(world) == {"AAPL": ("breakeven", "partial")}


def test_one_figure_given_twice_is_refused(world: World) -> None:
    position = traded(world)
    with pytest.raises(DatabaseRejected) as caught:
        put(world, figure(position, "partial"), unknown(position, "partial", "bars_end"))
    assert caught.value.rule == "attribution_once"


def test_an_account_that_was_not_opened_is_refused(world: World) -> None:
    nobody = AccountId("nobody")
    with pytest.raises(DatabaseRejected) as caught:
        book(world).read_unattributed(nobody, at=EVENING)
    assert caught.value.rule == "unknown_account"
