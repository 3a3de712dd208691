"""The views say what people ask: how it stands in R, why, and whether the guard is well."""

import re
from collections.abc import Iterator
from dataclasses import replace
from math import sqrt
from typing import Any

import pytest

from stopward.adapters.postgres import PostgresDatabase
from stopward.domain.decision import Exit, Hold, MoveStop
from stopward.domain.identity import BrokerOrderId, Symbol
from stopward.domain.position import Marks, Position
from stopward.domain.rulebook import BREAKEVEN_RULES
from stopward.domain.rulebook.preset import PRESETS
from stopward.domain.snapshot import Alarm, DayRow
from stopward.rules.codes import RULE_NAMES
from tests.builders.kept_connections import DATABASES
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
from tests.builders.trades import Event, play, write


@pytest.fixture
def world(database_url: str) -> Iterator[PostgresWorld]:
    found = PostgresWorld(database_url)
    yield found
    found.close()


def rows(world: PostgresWorld, database_url: str, view: str) -> list[dict[str, Any]]:
    database = DATABASES.take(database_url)
    found = database.select(view, account_id=world.account_id)
    DATABASES.give_back(database, database_url)
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


DAY = 24 * 360
"""Pulses of ten seconds in a day."""


def a_fill(kind: Any, quantity: str, price: str, rule: str) -> Event:
    return Event(kind=kind, quantity=D(quantity), price=D(price), rule=rule)


@pytest.fixture
def history(world: PostgresWorld, database_url: str) -> PostgresWorld:
    """Two sessions: a long and two losers on Monday, a short on Tuesday; 200 dollars are 1R.

    AAPL +150: 40 sold at 103 by partial, 60 stopped at 100.5 by breakeven. MSFT -100: by hand.
    TSLA -200: its initial stop. NVDA, short, +125: 50 at 98 by give_back, 50 at 99.5 by breakeven.
    """
    short: dict[str, Any] = {"side": "short", "initial_stop": D("102"), "stop": D("102")}
    stories: tuple[tuple[str, int, dict[str, Any], list[Event], list[Any]], ...] = (
        (
            "AAPL",
            0,
            {},
            [
                a_fill("sell", "40", "103", "partial"),
                a_fill("stop", "60", "100.5", "breakeven"),
            ],
            ["1", None],
        ),
        ("MSFT", 90, short, [a_fill("hand", "100", "101", "by_hand")], ["2", "1"]),
        ("TSLA", 180, {}, [a_fill("stop", "100", "98", "stop")], ["4", "1"]),
        (
            "NVDA",
            DAY,
            short,
            [
                a_fill("sell", "50", "98", "give_back"),
                a_fill("stop", "50", "99.5", "breakeven"),
            ],
            ["3", "2"],
        ),
    )
    database = PostgresDatabase(database_url)
    schema: Any = {"schema_hash": "views", "names": ["trend", "volume"]}
    database.call("put_feature_schema", "request", schema)
    for symbol, tick, changes, events, values in stories:
        position = a_position(symbol, account_id=world.account_id, **changes)
        play(world, position, events, tick=tick)
        vector = {"position_id": position.id, "kind": "entry", "schema_hash": "views"}
        row = {**vector, "at": pulse(tick).isoformat(), "values": values}
        request: Any = {"account_id": world.account_id, "features": [row]}
        database.call("put_features", "request", request)
    told = [
        {
            "position_id": f"{world.account_id}/{symbol}",
            "rule": "breakeven",
            "without_r": without,
            "version": "1",
        }
        for symbol, without in (("AAPL", "-0.25"), ("NVDA", "1"))
    ]
    request = {"account_id": world.account_id, "attributions": told}
    database.call("put_attribution", "request", request)
    database.close()
    return world


def test_each_rule_has_its_share_of_each_session(history: PostgresWorld, database_url: str) -> None:
    columns = ("fired", "quantity", "result", "r", "wins", "losses")
    found = rows(history, database_url, "daily_exit_performance")
    shares = {
        (str(row["session_day"]), row["rule"]): tuple(row[c] for c in columns) for row in found
    }
    assert shares == {
        ("2026-11-23", "partial"): (1, 40, 120, 0.6, 1, 0),
        ("2026-11-23", "breakeven"): (1, 60, 30, 0.15, 1, 0),
        ("2026-11-23", "by_hand"): (1, 100, -100, -0.5, 0, 1),
        ("2026-11-23", "stop"): (1, 100, -200, -1.0, 0, 1),
        ("2026-11-24", "give_back"): (1, 50, 100, 0.5, 1, 0),
        ("2026-11-24", "breakeven"): (1, 50, 25, 0.125, 1, 0),
    }
    saved = {
        str(row["session_day"]): (row["net_saved_r"], row["saved_r"], row["cost_r"])
        for row in found
        if row["rule"] == "breakeven"
    }
    assert saved == {"2026-11-23": (1.0, 1.0, 0.0), "2026-11-24": (-0.375, 0.0, 0.375)}
    others = [row for row in found if row["rule"] != "breakeven"]
    assert {(row["saved_known"], row["net_saved_r"], row["cost_r"]) for row in others} == {
        (0, None, None)
    }


def test_the_equity_curve_sums_up_and_tells_its_drawdown(
    history: PostgresWorld, database_url: str
) -> None:
    columns = (
        "trades", "wins", "losses", "result", "result_r", "cumulative", "cumulative_r", "drawdown",
        "drawdown_r", "cumulative_trades",
    )  # fmt: skip
    found = rows(history, database_url, "equity_curve")
    by_day = {str(row["session_day"]): tuple(row[c] for c in columns) for row in found}
    assert by_day == {
        "2026-11-23": (3, 1, 2, -150, -0.75, -150, -0.75, 150, 0.75, 3),
        "2026-11-24": (1, 1, 0, 125, 0.625, -25, -0.125, 25, 0.125, 4),
    }


def test_features_are_told_apart_by_what_came_of_the_trade(
    history: PostgresWorld, database_url: str
) -> None:
    """Trend was 1 and 3 in winners, 2 and 4 in losers; volume is missing once."""
    found = {row["name"]: row for row in rows(history, database_url, "feature_statistics")}
    trend, volume = found["trend"], found["volume"]
    assert (trend["vectors"], trend["known"], trend["missing_share"]) == (4, 4, 0.0)
    assert (trend["mean"], trend["lowest"], trend["highest"]) == (2.5, 1.0, 4.0)
    assert trend["sd"] == pytest.approx(sqrt(5 / 3))
    assert (trend["won_mean"], trend["lost_mean"]) == (2.0, 3.0)
    assert trend["standardised_difference"] == pytest.approx(-1 / sqrt(2))
    assert trend["outcome_correlation"] == pytest.approx(-1 / sqrt(5))
    assert (volume["missing"], volume["missing_share"], volume["won_known"]) == (1, 0.25, 1)
    assert (volume["won_sd"], volume["lost_sd"]) == (None, 0.0)
    assert volume["standardised_difference"] is None


def test_the_journal_tells_a_trade_part_by_part(history: PostgresWorld, database_url: str) -> None:
    found = {row["symbol"]: row for row in rows(history, database_url, "trade_journal")}
    apple = found["AAPL"]
    parts = [(p["rule"], p["quantity"], p["price"], p["r"], p["saved_r"]) for p in apple["exits"]]
    assert parts == [
        ("partial", "40", "103", 0.6, None),
        ("breakeven", "60", "100.5", 0.15, 1.0),
    ]
    assert (apple["result_r"], apple["fees"], str(apple["session_day"])) == (0.75, 0, "2026-11-23")
    assert apple["given_back_r"] == pytest.approx(apple["mfe_r"] - 0.75)
    assert apple["held_minutes"] == pytest.approx(60 + 20 / 60)
    logged = [(row["symbol"], row["rule"]) for row in rows(history, database_url, "exit_log")]
    assert len(logged) == 6


def test_a_stop_that_moved_counts_for_the_rule_that_moved_it(
    world: PostgresWorld, database_url: str
) -> None:
    position = a_position(account_id=world.account_id)
    move = an_order(position, step="move", rule="ratchet", on=BrokerOrderId("b"))
    arm = an_order(position, step="arm", rule="stop")
    write(world, begin(world).fence, 0, positions=(position,), orders=(move, arm))
    (row,) = rows(world, database_url, "daily_exit_performance")
    assert (row["rule"], row["stops_moved"], row["fired"], row["r"]) == ("ratchet", 1, 0, None)


ALL_RULES = list(RULE_NAMES[1:])


def decided(
    world: PostgresWorld, database_url: str, position: Position, **changes: Any
) -> dict[str, Any]:
    """Write one decision with its view and return its row of the log."""
    orders = changes.pop("orders", ())
    view = changes.pop("view", a_view(position.symbol))
    write(
        world,
        begin(world).fence,
        0,
        positions=(position,),
        decisions=(a_decision(position, **changes),),
        views=(view,),
        orders=orders,
    )
    (row,) = rows(world, database_url, "decision_log")
    return row


@pytest.mark.parametrize("fired", [0, 1, 2**19, 2**20 - 1, 0b01010101010101010101])
def test_the_log_names_every_rule_that_was_true_and_that_was_not(
    world: PostgresWorld, database_url: str, fired: int
) -> None:
    position = a_position(account_id=world.account_id)
    row = decided(world, database_url, position, fired=float(fired))
    true = [name for code, name in enumerate(ALL_RULES) if fired >> code & 1]
    assert row["rules_true"] == true
    assert row["rules_not_true"] == [name for name in ALL_RULES if name not in true]


FILES = [
    ("[rules.breakeven]\narm = 1\n[limits.day_loss]\n", {"breakeven", "day_loss"}),
    ("[symbol.AAPL.rules.ratchet]\n# [rules.volume]\n", {"ratchet"}),
    ("[rules]\ntarget = { at = 2 }\n", {"target"}),
    ("", set()),
    (
        '[rules]\npreset = "standard"\n[rules.target]\n',
        {"target", *re.findall(r"\[(?:rules|limits)\.(\w+)\]", PRESETS["standard"])},
    ),
]


@pytest.mark.parametrize(("text", "named"), FILES, ids=range(len(FILES)))
def test_only_rules_that_the_file_names_are_told_as_not_true(
    world: PostgresWorld, database_url: str, text: str, named: set[str]
) -> None:
    world.people.put_rules(world.account_id, text, rules_hash="hash")
    position = a_position(account_id=world.account_id)
    row = decided(world, database_url, position)
    assert set(row["rules_not_true"]) == {"stop", *(named & set(ALL_RULES))}


def test_a_function_that_only_moves_stops_tells_only_its_rules(
    world: PostgresWorld, database_url: str
) -> None:
    position = a_position(account_id=world.account_id)
    row = decided(world, database_url, position, mask="breakeven")
    assert set(row["rules_not_true"]) == set(BREAKEVEN_RULES)


def test_a_hold_says_why_nothing_was_done(world: PostgresWorld, database_url: str) -> None:
    position = a_position(
        account_id=world.account_id,
        side="short",
        initial_stop=D("102"),
        stop=D("102"),
        marks=Marks(best=97.0, worst=101.0, age=12.0),
    )
    row = decided(
        world,
        database_url,
        position,
        decision=Hold(),
        price=99.0,
        account=(-1.5, 0.0, 0.0, 2.0, 2.0, 1.0),
        view=a_view(fault="crossed"),
    )
    assert row["why_not"] == [
        "no quote could be used: crossed",
        "the account was halted: rules propose nothing, stops stay",
        "a limit of the day had acted already",
        "no rule was true",
    ]
    assert (row["now_r"], row["best_r"], row["worst_r"]) == (0.5, 1.5, -0.5)
    assert (row["age_minutes"], row["day_r"]) == (12.0, -1.5)


def test_a_rule_that_lost_to_another_says_to_which(world: PostgresWorld, database_url: str) -> None:
    position = a_position(account_id=world.account_id)
    refused = replace(an_order(position), status="rejected", reason="shares are held")
    row = decided(
        world,
        database_url,
        position,
        decision=Exit(rule="give_back"),
        fired=2.0**5 + 2.0**12,
        reasons=(a_reason("give_back", wanted="exit"), a_reason(wanted="move_stop")),
        orders=(refused,),
    )
    assert row["why_not"] == [
        "breakeven was true and wanted move_stop: breakeven was true; give_back decided",
        "sell was rejected: shares are held",
    ]


def test_a_decision_that_sent_nothing_says_so(world: PostgresWorld, database_url: str) -> None:
    position = a_position(account_id=world.account_id)
    row = decided(
        world,
        database_url,
        position,
        decision=Exit(rule="give_back"),
        fired=2.0**5,
        reasons=(a_reason("give_back", wanted="exit"),),
    )
    (said,) = row["why_not"]
    assert said.startswith("nothing was recorded to be sent at this pulse")


def test_a_stop_that_waits_for_the_broker_says_so(world: PostgresWorld, database_url: str) -> None:
    position = a_position(account_id=world.account_id)
    reasons = (a_reason("stop", wanted="exit"), a_reason("ratchet", wanted="move_stop"))
    row = decided(world, database_url, position, fired=2.0**0 + 2.0**13, reasons=reasons)
    assert [said.rpartition("; ")[2] for said in row["why_not"]] == [
        "the stop at the broker comes first",
        "it was not worth a request, or could not be done at this price",
    ]
