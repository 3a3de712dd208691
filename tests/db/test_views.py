"""The views say what people ask: how it stands in R, why, and whether the guard is well."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from stopward.adapters.postgres import PostgresDatabase
from stopward.domain.decision import MoveStop
from stopward.domain.identity import Symbol
from stopward.domain.position import Marks
from stopward.domain.snapshot import Alarm, DayRow
from tests.builders.store import (
    A_SESSION,
    D,
    a_decision,
    a_position,
    a_reason,
    a_record,
    a_trade,
    a_view,
    an_order,
    pulse,
)
from tests.builders.store_world import PostgresWorld, begin


@pytest.fixture
def world(database_url: str) -> Iterator[PostgresWorld]:
    found = PostgresWorld(database_url)
    yield found
    found.close()


def rows(world: PostgresWorld, database_url: str, view: str) -> list[dict[str, Any]]:
    database = PostgresDatabase(database_url)
    found = database.select(view, account_id=world.account_id)
    database.close()
    return found


def test_a_long_and_a_short_stand_where_their_r_says(
    world: PostgresWorld, database_url: str
) -> None:
    long = a_position(account_id=world.account_id, marks=Marks(best=103.0, worst=99.0))
    short = a_position(
        "MSFT",
        account_id=world.account_id,
        side="short",
        initial_stop=D("102"),
        stop=D("101"),
        marks=Marks(best=97.0, worst=101.0),
    )
    world.store.record_tick(
        a_record(
            begin(world).fence,
            account_id=world.account_id,
            positions=(long, short),
            decisions=(a_decision(long, price=102.0), a_decision(short, price=98.0)),
        )
    )
    found = {row["symbol"]: row for row in rows(world, database_url, "open_positions")}
    for symbol, stop_r in (("AAPL", D("-1")), ("MSFT", D("-0.5"))):
        row = found[symbol]
        assert (row["now_r"], row["best_r"], row["worst_r"]) == (1.0, 1.5, -0.5)
        assert row["stop_r"] == stop_r


def test_the_last_decision_of_either_function_is_shown(
    world: PostgresWorld, database_url: str
) -> None:
    position = a_position(account_id=world.account_id)
    fence = begin(world).fence
    moved = a_decision(
        position,
        tick=1,
        source="breakeven",
        decision=MoveStop(rule="breakeven", to=D("100")),
        reasons=(a_reason(sentence="best profit reached 1R"),),
        measured=(0.64, 64.0),
    )
    for tick, row in enumerate((a_decision(position), moved)):
        world.store.record_tick(
            a_record(
                fence,
                tick=tick,
                account_id=world.account_id,
                positions=(position,),
                decisions=(row,),
                views=(a_view(),),
            )
        )
    (standing,) = rows(world, database_url, "open_positions")
    assert (standing["decision"], standing["rule"]) == ("move_stop", "breakeven")
    log = {row["tick_at"]: row for row in rows(world, database_url, "decision_log")}
    assert log[pulse(1)]["why"] == ["best profit reached 1R"]
    assert (log[pulse(1)]["stop"], log[pulse(1)]["stop_rule"]) == (D("100"), "breakeven")
    assert log[pulse(1)]["measured"] == [0.64, 64.0]
    assert log[pulse(1)]["bid"] == D("100.99")
    assert log[pulse(0)]["kind"] == "hold"


def test_a_trade_is_told_with_its_excursions(world: PostgresWorld, database_url: str) -> None:
    position = a_position(account_id=world.account_id, marks=Marks(best=104.0, worst=99.0))
    world.store.record_tick(
        a_record(
            begin(world).fence,
            account_id=world.account_id,
            positions=(position,),
            trades=(a_trade(position, mae_r=0.5, mfe_r=2.0),),
        )
    )
    (trade,) = rows(world, database_url, "trade_journal")
    assert (trade["result"], trade["result_r"], trade["cause"]) == (D("200"), 1.0, "give_back")
    assert (trade["mfe_r"], trade["mae_r"]) == (2.0, 0.5)
    assert trade["quantity"] == D("100")


def test_an_order_is_told_with_its_history(world: PostgresWorld, database_url: str) -> None:
    position = a_position(account_id=world.account_id)
    sell = an_order(position)
    fence = begin(world).fence
    for tick, parts in enumerate(
        (
            {"positions": (position,), "orders": (sell,)},
            {"settled": (replace(sell, status="working", broker_order_id="b1"),)},
        )
    ):
        world.store.record_tick(a_record(fence, tick=tick, account_id=world.account_id, **parts))
    (order,) = rows(world, database_url, "order_log")
    assert (order["status"], order["broker_order_id"], order["events"]) == ("working", "b1", 2)
    assert order["first_at"] < order["last_at"]


def test_the_health_of_the_guard_is_one_row(world: PostgresWorld, database_url: str) -> None:
    position = a_position(account_id=world.account_id)
    world.people.halt(world.account_id, reason="lunch")
    world.store.record_tick(
        a_record(
            begin(world).fence,
            account_id=world.account_id,
            positions=(position,),
            orders=(an_order(position),),
            alarms=(
                Alarm(key="a", kind="a", symbol=None, message="m"),
                Alarm(key="b", kind="b", symbol=None, message="m", severity="critical"),
            ),
            unprotected_seconds={Symbol("AAPL"): 1.5},
            day=DayRow(session_day=A_SESSION.day, realised=D("-12")),
        )
    )
    (health,) = rows(world, database_url, "guard_health")
    assert (health["halted"], health["halted_because"]) == (True, "lunch")
    assert (health["open_positions"], health["unsettled_orders"]) == (1, 1)
    assert (health["open_alarms"], health["critical_alarms"]) == (2, 1)
    assert health["unprotected_seconds"] == 1.5
    assert (health["last_tick_at"], health["last_source"]) == (pulse(0), "monitor")
    assert health["lease_is_held"] is True
    (day,) = rows(world, database_url, "day_log")
    assert day["realised"] == D("-12")
    assert {row["key"] for row in rows(world, database_url, "alarm_log")} == {"a", "b"}
