"""What is written once stays, even against the owner of the tables."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from stopward.domain.decision import Exit
from stopward.domain.snapshot import Observation
from tests.builders.store import (
    A_RULE_SET,
    D,
    a_decision,
    a_position,
    a_record,
    a_trade,
    a_view,
    an_order,
    circumstances,
)
from tests.builders.store_world import PostgresWorld, begin


@pytest.fixture
def world(database_url: str) -> Iterator[PostgresWorld]:
    found = PostgresWorld(database_url)
    position = a_position(account_id=found.account_id)
    closed = a_position("MSFT", account_id=found.account_id)
    fence = begin(found).fence
    found.people.put_rules(found.account_id, "x", rules_hash="abc")
    seen = Observation(position_id=None, symbol=position.symbol, kind="added", cause="by_hand")
    found.store.record_tick(
        a_record(
            fence,
            account_id=found.account_id,
            positions=(position, closed),
            rule_sets=(A_RULE_SET,),
            decisions=(
                a_decision(position, circumstances=circumstances()),
                a_decision(closed, decision=Exit(rule="time_stop")),
            ),
            views=(a_view(), a_view("MSFT")),
            orders=(an_order(position),),
            trades=(a_trade(closed),),
            observations=(seen,),
        )
    )
    found._eyes.execute(
        "update stopward.orders set broker_order_id = 'b1' where account_id = %s",
        (found.account_id,),
    )
    yield found
    found.close()


CONTRACT = Path(__file__).parent.parent / "adapters" / "test_store_contract.py"
CASES = [
    ("delete from stopward.decisions where account_id = %s", "decisions_append_only"),
    ("update stopward.decisions set price = 1 where account_id = %s", "decisions_append_only"),
    (
        "update stopward.decisions set ticks = ticks + 1, last_tick_at = last_tick_at"
        " + interval '1 second' where kind = 'exit' and account_id = %s",
        "decisions_append_only",
    ),
    ("update stopward.decisions set ticks = ticks where account_id = %s", "decisions_append_only"),
    ("update stopward.market_views set bid = 1 where account_id = %s", "market_views_append_only"),
    ("delete from stopward.market_views where account_id = %s", "market_views_append_only"),
    (
        "update stopward.order_events set reason = 'x' where account_id = %s",
        "order_events_append_only",
    ),
    ("delete from stopward.order_events where account_id = %s", "order_events_append_only"),
    (
        "update stopward.observations set cause = 'x' where account_id = %s",
        "observations_append_only",
    ),
    ("delete from stopward.observations where account_id = %s", "observations_append_only"),
    (
        "update stopward.decisions set measured = '[1, 30]' where account_id = %s",
        "decisions_append_only",
    ),
    ("update stopward.trades set mae_r = 0 where account_id = %s", "trades_append_only"),
    ("update stopward.trades set result = 1 where account_id = %s", "trades_append_only"),
    ("delete from stopward.trades where account_id = %s", "trades_append_only"),
    ("delete from stopward.positions where account_id = %s", "positions_never_deleted"),
    (
        "update stopward.positions set stop = 99, closed_at = null"
        " where symbol = 'MSFT' and account_id = %s",
        "positions_closed_is_final",
    ),
    ("delete from stopward.orders where account_id = %s", "orders_never_deleted"),
    ("update stopward.orders set price = 1 where account_id = %s", "orders_intent_is_fixed"),
    ("update stopward.leases set fence = fence - 1 where account_id = %s", "leases_fence_grows"),
    ("update stopward.rule_sets set numbers = '{}' where account_id = %s", "rule_sets_append_only"),
    ("delete from stopward.rule_sets where account_id = %s", "rule_sets_append_only"),
    (
        "update stopward.settings_versions set rules_toml = '' where account_id = %s",
        "settings_versions_append_only",
    ),
    (
        "delete from stopward.settings_versions where account_id = %s",
        "settings_versions_append_only",
    ),
    (
        "update stopward.settings_changes set in_force_from = now() where account_id = %s",
        "settings_changes_append_only",
    ),
    (
        "delete from stopward.settings_changes where account_id = %s",
        "settings_changes_append_only",
    ),
    (
        "update stopward.orders set broker_order_id = 'b2' where account_id = %s",
        "orders_broker_id_is_fixed",
    ),
    (
        "update stopward.orders set filled_quantity = quantity + 1 where account_id = %s",
        "orders_fills_fit_quantity",
    ),
    (
        "update stopward.orders set part = 'other' where account_id = %s",
        "orders_intent_is_fixed",
    ),
]


def test_rules_that_come_into_force_again_are_told_again(world: PostgresWorld) -> None:
    for text, rules_hash in (("y", "def"), ("y", "def"), ("x", "abc")):
        world.people.put_rules(world.account_id, text, rules_hash=rules_hash)
    rows = world._eyes.execute(
        "select rules_hash, rules_toml, in_force_until is null from api.settings_history"
        " where account_id = %s order by in_force_from",
        (world.account_id,),
    ).fetchall()
    assert rows == [("abc", "x", False), ("def", "y", False), ("abc", "x", True)]
    whole = world._eyes.execute(
        "select count(*) from api.settings_history as a inner join api.settings_history as b"
        " using (account_id) where account_id = %s and a.in_force_until = b.in_force_from",
        (world.account_id,),
    ).fetchone()
    assert whole == (2,)


@pytest.mark.parametrize(("statement", "rule"), CASES)
def test_even_the_owner_is_refused(world: PostgresWorld, statement: str, rule: str) -> None:
    with pytest.raises(psycopg.errors.RaiseException) as caught:
        world._eyes.execute(statement.encode(), (world.account_id,))
    assert caught.value.diag.constraint_name == rule
    assert caught.value.diag.message_detail == rule


GUARDED = """
select t.relname, encode(g.tgargs, 'escape'), (g.tgtype & 16) > 0, (g.tgtype & 8) > 0,
    (g.tgtype & 32) > 0
from pg_trigger as g
inner join pg_class as t on g.tgrelid = t.oid
where t.relnamespace = 'stopward'::regnamespace
    and g.tgfoid = 'stopward.refuse_change()'::regprocedure
order by 1, 2
"""


def guarded(world: PostgresWorld) -> list[tuple[str, str, str]]:
    """Return table, statement and rule of all that a trigger of the catalogue forbids."""
    return [
        (table, verb, rule.removesuffix("\\000"))
        for table, rule, *verbs in world._eyes.execute(GUARDED).fetchall()
        for verb, is_so in zip(("update", "delete", "truncate"), verbs, strict=True)
        if is_so
    ]


def test_what_is_never_deleted_is_never_truncated_whole_or_by_the_month(
    world: PostgresWorld,
) -> None:
    found = guarded(world)
    rules = {table: rule for table, verb, rule in found if verb == "delete"}
    assert {"decisions", "decisions_default", "market_views", "order_events"} <= set(rules)
    assert {table: rule for table, verb, rule in found if verb == "truncate"} == rules
    for table, rule in rules.items():
        with pytest.raises(psycopg.errors.RaiseException) as caught:
            world._eyes.execute(f"truncate stopward.{table} cascade".encode())
        assert caught.value.diag.constraint_name == rule


def test_a_month_made_tomorrow_is_never_truncated_either(world: PostgresWorld) -> None:
    world._eyes.execute('select api.keep_partitions(\'{"from": "2035-05-01", "months": 1}\')')
    for table in ("decisions", "market_views"):
        with pytest.raises(psycopg.errors.RaiseException) as caught:
            world._eyes.execute(f"truncate stopward.{table}_2035_05".encode())
        assert caught.value.diag.constraint_name == f"{table}_append_only"


def test_whatever_a_trigger_forbids_has_a_case(world: PostgresWorld) -> None:
    """A case here, or one of the rule's name in another file of tests of the database."""
    here = {(statement.split()[0], rule) for statement, rule in CASES}
    files = [*Path(__file__).parent.glob("test_*.py"), CONTRACT]
    others = "".join(path.read_text() for path in files if path != Path(__file__))
    missing = [
        (table, verb, rule)
        for table, verb, rule in guarded(world)
        if verb != "truncate" and (verb, rule) not in here and f'"{rule}"' not in others
    ]
    assert missing == []


NOT_A_NUMBER: list[tuple[str, dict[str, Any]]] = [
    ("positions_quantity_not_negative", {"quantity": D("-1")}),
    ("positions_risk_positive", {"risk": D("0")}),
    ("positions_stop_positive", {"stop": D("0")}),
    ("positions_steps_positive", {"tick": D("0")}),
    ("positions_side_known", {"side": "flat"}),
]


@pytest.mark.parametrize(("rule", "changes"), NOT_A_NUMBER)
def test_a_position_that_nobody_can_hold_is_refused(
    world: PostgresWorld, rule: str, changes: dict[str, Any]
) -> None:
    from stopward.errors import DatabaseRejected

    bad = replace(a_position("TSLA", account_id=world.account_id), **changes)
    fence = begin(world).fence
    with pytest.raises(DatabaseRejected) as caught:
        world.store.record_tick(a_record(fence, account_id=world.account_id, positions=(bad,)))
    assert caught.value.rule == rule


def test_not_a_number_is_no_price(world: PostgresWorld) -> None:
    with pytest.raises(psycopg.errors.CheckViolation) as caught:
        world._eyes.execute(
            "update stopward.positions set realised = 'NaN'"
            " where symbol = 'AAPL' and account_id = %s",
            (world.account_id,),
        )
    assert caught.value.diag.constraint_name == "positions_numbers_are_numbers"


def test_a_position_of_another_account_is_refused(world: PostgresWorld) -> None:
    from stopward.errors import DatabaseRejected

    foreign = a_position("TSLA", account_id=world.account_id)
    foreign = replace(foreign, account_id="somebody")
    fence = begin(world).fence
    with pytest.raises(DatabaseRejected) as caught:
        world.store.record_tick(a_record(fence, account_id=world.account_id, positions=(foreign,)))
    assert caught.value.rule == "positions_own_account"
