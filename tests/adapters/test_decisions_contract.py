"""Recorded decisions come back from every store as they were written, to the bit."""

import struct
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stopward.adapters.decisions import FunctionDecisions
from stopward.adapters.memory import MemoryStore
from stopward.adapters.memory_decisions import MemoryDecisions
from stopward.domain.decide import with_one_zero
from stopward.domain.decision import Decision, Exit, Hold, MoveStop, Reduce
from stopward.domain.identity import PositionId
from stopward.domain.position import Position
from stopward.domain.recorded import RecordedDecision
from stopward.domain.rule_set import rule_set_of
from stopward.domain.snapshot import DecisionRow, ViewRow
from stopward.errors import DatabaseRejected
from stopward.replay.journal import DecisionReader, Tally, decide_page_again, pages_of
from stopward.rules.codes import RULE_VERSION
from stopward.rules.parameters import Momentum, Rules
from stopward.rules.types import NAN, Account, Bar, State
from tests.builders.store import (
    A_RULE_SET,
    D,
    a_decision,
    a_position,
    a_record,
    a_view,
    circumstances,
    pulse,
)
from tests.builders.store_world import MemoryWorld, PostgresWorld, World, begin

RULES_HERE = RULE_VERSION
TICKS = count(1)
"""Each example of a property has a pulse of its own."""
NUMBERS = st.floats(allow_infinity=False) | st.sampled_from(
    [NAN, 0.0, -0.0, 5e-324, -5e-324, 2.2250738585072014e-308, 1.7976931348623157e308, 0.1 + 0.2]
)


def reader(world: World, *, page_rows: int = 1000) -> DecisionReader:
    if isinstance(world.store, MemoryStore):
        return MemoryDecisions(world.store, page_rows=page_rows)
    assert isinstance(world, PostgresWorld)
    return FunctionDecisions(world._database, page_rows=page_rows)


def write(
    world: World, position: Position, *rows: DecisionRow, views: Sequence[ViewRow] = ()
) -> None:
    world.store.record_tick(
        replace(
            a_record(
                begin(world, tick=rows[0].tick_at).fence,
                account_id=world.account_id,
                positions=(position,),
                rule_sets=(A_RULE_SET,),
                decisions=rows,
                views=tuple(views),
            ),
            tick_at=rows[0].tick_at,
        )
    )


def stored(world: World, **window: object) -> list[RecordedDecision]:
    pages = pages_of(reader(world), world.account_id, **window)  # type: ignore[arg-type]
    return [each for page in pages for each in page.decisions]


def bits(numbers: Sequence[float]) -> list[bytes]:
    return [b"nan" if number != number else struct.pack(">d", number) for number in numbers]  # noqa: PLR0124


@pytest.mark.parametrize(
    "decision",
    [
        Hold(),
        Exit(rule="time_stop"),
        MoveStop(rule="breakeven", to=D("99.01")),
        Reduce(rule="partial", quantity=D("33.000000001"), stop=None, stop_rule=None),
        Reduce(rule="partial", quantity=D("50"), stop=D("100"), stop_rule="ratchet"),
    ],
)
def test_a_decision_comes_back_whole(world: World, position: Position, decision: Decision) -> None:
    row = a_decision(
        position, decision=decision, circumstances=circumstances(hand_loosened=True, crossed=True)
    )
    view = a_view(quote_at=None, bid=None, ask=None, fault="stale")
    write(world, position, row, views=(view,))
    (found,) = stored(world)
    assert repr(found.row) == repr(replace(row, decision=found.row.decision))
    assert found.row.decision == decision
    assert repr(found.view) == repr(view)
    assert (found.telling, found.account_id) == (1, world.account_id)


@settings(
    deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    state=st.lists(NUMBERS, min_size=len(State._fields), max_size=len(State._fields)),
    bar=st.lists(NUMBERS, min_size=len(Bar._fields), max_size=len(Bar._fields)),
    account=st.lists(NUMBERS, min_size=len(Account._fields), max_size=len(Account._fields)),
)
def test_what_the_rules_are_given_comes_back_bit_for_bit(
    world: World,
    position: Position,
    state: list[float],
    bar: list[float],
    account: list[float],
) -> None:
    # The rules are never given a negative zero: the database has one zero.
    row = a_decision(
        position,
        tick=next(TICKS),
        state=with_one_zero(State(*state)),
        account=tuple(with_one_zero(Account(*account))),
        measured=tuple(number or 0.0 for number in account[:2]),
        price=bar[3] or 0.0,
        circumstances=circumstances(),
        closed_bar=True,
    )
    view = a_view(bar=tuple(with_one_zero(Bar(*bar))))
    write(world, position, row, views=(view,))
    (found,) = stored(world, since=row.tick_at, until=row.tick_at + timedelta(seconds=1))
    assert found.view is not None
    for given_numbers, came_back in (
        (row.state, found.row.state),
        (row.account, found.row.account),
        (row.measured, found.row.measured),
        (view.bar, found.view.bar),
        ((row.price,), (found.row.price,)),
    ):
        assert bits(came_back) == bits(given_numbers)


@given(price=st.decimals("0.000001", "999999999", places=6))
@settings(
    deadline=None, max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_money_comes_back_exactly(world: World, position: Position, price: Decimal) -> None:
    row = a_decision(
        position,
        tick=next(TICKS),
        decision=MoveStop(rule="ratchet", to=price),
        circumstances=circumstances(),
    )
    write(world, position, row, views=(a_view(bid=price, ask=price),))
    (found,) = stored(world, since=row.tick_at, until=row.tick_at + timedelta(seconds=1))
    assert found.row.decision == row.decision
    assert found.view is not None
    assert (found.view.bid, found.view.ask) == (price, price)


def test_pages_follow_each_other_in_order(world: World) -> None:
    positions = [
        a_position(name, account_id=world.account_id, id=PositionId(f"{world.account_id}/{name}"))
        for name in ("A", "B", "C")
    ]
    for tick in (2, 0, 1):
        world.store.record_tick(
            a_record(
                begin(world).fence,
                tick=tick,
                account_id=world.account_id,
                positions=tuple(positions) if tick == 2 else (),
                rule_sets=(A_RULE_SET,),
                decisions=tuple(
                    a_decision(
                        each,
                        tick=tick,
                        decision=Exit(rule="time_stop"),
                        circumstances=circumstances(),
                        rule_version="2020.1" if tick == 1 and each.symbol == "B" else RULES_HERE,
                    )
                    for each in positions
                ),
            )
        )
    pages = list(pages_of(reader(world, page_rows=2), world.account_id))
    told = [(d.row.tick_at, d.row.symbol) for page in pages for d in page.decisions]
    assert told == sorted(told)
    assert len(told) == 8
    assert [len(page.decisions) + page.other_versions for page in pages] == [2, 2, 2, 2, 1]
    assert sum(page.other_versions for page in pages) == 1
    assert pages[0].rule_sets == {A_RULE_SET.digest: A_RULE_SET}
    middle = stored(world, since=pulse(1), until=pulse(2))
    assert [each.row.symbol for each in middle] == ["A", "C"]


def test_rows_without_circumstances_or_view_are_told_apart(
    world: World, position: Position
) -> None:
    write(world, position, a_decision(position), views=(a_view(),))
    exit_now = Exit(rule="time_stop")
    blind = a_decision(position, tick=1, decision=exit_now, circumstances=circumstances())
    write(world, position, blind, views=(a_view("MSFT"),))
    (page,) = pages_of(reader(world), world.account_id)
    found = decide_page_again(page, on_disagreement=pytest.fail)
    assert found == Tally(lacking_circumstances=1, lacking_view=1)


def test_a_second_telling_has_a_view_of_its_own(world: World, position: Position) -> None:
    given_then = circumstances()
    write(world, position, a_decision(position, circumstances=given_then), views=(a_view(),))
    again = a_decision(position, decision=Exit(rule="time_stop"), circumstances=given_then)
    write(world, position, again, views=(a_view(bid=D("90"), ask=D("91")),))
    found = stored(world)
    assert [(each.telling, each.view and each.view.bid) for each in found] == [
        (1, D("100.99")),
        (2, D("90")),
    ]


def test_a_hold_under_other_rules_does_not_extend_the_run(world: World, position: Position) -> None:
    other = rule_set_of(Rules(momentum=Momentum(2.0, NAN)))
    for tick, rule_set in enumerate((A_RULE_SET, A_RULE_SET, other)):
        row = a_decision(position, tick=tick, circumstances=circumstances(rule_set=rule_set.digest))
        world.store.record_tick(
            a_record(
                begin(world).fence,
                tick=tick,
                account_id=world.account_id,
                positions=(position,),
                rule_sets=(rule_set,),
                decisions=(row,),
                views=(a_view(),),
            )
        )
    assert [run.ticks for run in world.journal()] == [2, 1]


def test_what_names_rules_that_are_not_there_is_refused(world: World, position: Position) -> None:
    row = a_decision(position, circumstances=circumstances(rule_set="0" * 16))
    with pytest.raises(DatabaseRejected) as caught:
        write(world, position, row)
    assert caught.value.rule == "decisions_rule_set_known"


def test_a_rule_set_is_written_once(world: World, position: Position) -> None:
    row = a_decision(position, circumstances=circumstances())
    write(world, position, row)
    other = replace(A_RULE_SET, numbers={"session_flat": (10.0,)})
    with pytest.raises(DatabaseRejected) as caught:
        world.store.record_tick(
            a_record(begin(world).fence, account_id=world.account_id, rule_sets=(other,))
        )
    assert caught.value.rule == "rule_sets_append_only"


def test_an_account_that_was_never_opened_is_refused() -> None:
    world = MemoryWorld()
    with pytest.raises(DatabaseRejected, match="open it first"):
        list(pages_of(reader(world), "nobody"))  # type: ignore[arg-type]
