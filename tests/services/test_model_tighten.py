"""A stop that a fresh bad score pulls in: from the store to the broker, and from the journal."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from stopward.adapters.memory_decisions import MemoryDecisions
from stopward.domain.decision import MoveStop
from stopward.domain.open_score import FRESH, OpenScore
from stopward.replay.journal import (
    Agreed,
    Disagreed,
    Tally,
    decide_again,
    decide_page_again,
    pages_of,
)
from stopward.rules.types import NAN
from tests.builders.guard import ACCOUNT, ADOPT_ALL, World, a_world
from tests.builders.simulator import AAPL, Prices, at, flat

TIGHTEN = ADOPT_ALL + '[rules.model_tighten]\nbelow = 0.35\ndistance = "0.5 r"\n'
STILL: list[Prices] = flat(100, 12)
FALLS: list[Prices] = [*flat(100, 4), (100.0, 100.0, 98.5, 98.7), *flat(98.7, 5)]
UNASKED = (NAN, NAN, NAN)


def score(world: World, probability: float, *, minute: float) -> None:
    """Let a model say it of the position, as of a minute after the open."""
    position_id = world.position().id
    world.memory.book(ACCOUNT).scores[position_id] = OpenScore(
        position_id=position_id, model_id="m", at=at(minute), probability=probability, threshold=0.5
    )


def measured(world: World) -> list[str]:
    return [repr(row.measured) for row in world.decisions()]


@pytest.fixture
def world() -> Iterator[World]:
    with a_world(*STILL, rules=TIGHTEN) as found:
        found.open(stop="98")
        found.tick(1)
        yield found


def test_a_fresh_bad_score_moves_the_stop_behind_the_price(world: World) -> None:
    assert world.stop_prices() == ["100@98"]
    score(world, 0.2, minute=2)
    world.tick(2)
    assert world.stop_prices() == ["100@99"]
    row = world.decisions()[-1]
    assert row.decision == MoveStop(rule="model_tighten", to=Decimal(99))
    assert repr(row.measured) == repr((NAN, NAN, 0.2))
    assert [each.sentence for each in row.reasons] == [
        "a model gives it a chance of 20%, under 35%, at +0R: stop to 99.00"
    ]
    assert world.failures == []


@pytest.mark.parametrize("probability", [0.35, 0.9])
def test_a_score_that_is_good_enough_moves_nothing_and_is_kept(
    world: World, probability: float
) -> None:
    score(world, probability, minute=2)
    world.tick(2)
    assert world.stop_prices() == ["100@98"]
    assert measured(world)[-1] == repr((NAN, NAN, probability))


@pytest.mark.parametrize(
    ("minute", "expected"),
    [
        (6 - FRESH / timedelta(minutes=1), "100@99"),
        (6 - FRESH / timedelta(minutes=1) - 0.01, "100@98"),
        (1.5, "100@98"),
        (0.5, "100@98"),
        (6.5, "100@98"),
    ],
    ids=["as old as may be", "too old", "recent", "old", "of the future"],
)
def test_a_stale_score_moves_nothing(world: World, minute: float, expected: str) -> None:
    score(world, 0.2, minute=minute)
    world.tick(6)
    assert world.stop_prices() == [expected]
    assert measured(world)[-1] == repr((NAN, NAN, 0.2) if expected == "100@99" else UNASKED)


def test_without_a_score_the_tick_is_what_it_was(world: World) -> None:
    world.run(2, 6)
    assert world.stop_prices() == ["100@98"]
    assert set(measured(world)) == {repr(UNASKED)}


def test_a_better_score_does_not_take_it_back(world: World) -> None:
    score(world, 0.2, minute=2)
    world.tick(2)
    score(world, 0.9, minute=3)
    world.run(3, 4)
    assert world.stop_prices() == ["100@99"]


def test_a_halted_account_is_left_alone(world: World) -> None:
    world.memory.halt(ACCOUNT, reason="test")
    score(world, 0.2, minute=2)
    world.tick(2)
    assert world.stop_prices() == ["100@98"]


def test_a_stop_that_was_loosened_by_hand_is_not_fought(world: World) -> None:
    world.simulator.hand_move_stop(AAPL, Decimal(97))
    world.run(2, 3)
    score(world, 0.2, minute=4)
    world.tick(4)
    assert world.stop_prices() == ["100@97"]
    assert "stop_loosened" in world.alarms()


@pytest.mark.parametrize(
    ("rules", "mask"),
    [(TIGHTEN, "breakeven"), (ADOPT_ALL + "[rules.breakeven]\n", "all")],
    ids=["a function that secures breakeven alone", "the rule is off"],
)
def test_who_does_not_go_by_scores_keeps_none(rules: str, mask: str) -> None:
    with a_world(*STILL, rules=rules, mask=mask) as world:  # type: ignore[arg-type]
        world.open(stop="98")
        world.tick(1)
        score(world, 0.2, minute=2)
        world.run(2, 4)
        assert world.stop_prices() == ["100@98"]
        assert {row.measured for row in world.decisions()} == {()}


def test_the_trade_that_it_ended_is_told_as_its_doing() -> None:
    with a_world(*FALLS, rules=TIGHTEN) as world:
        world.open(stop="98")
        world.tick(1)
        score(world, 0.2, minute=2)
        world.run(2, 6)
        assert world.shares() == 0
        (trade,) = world.trades()
        assert (trade.cause, trade.exit_price) == ("model_tighten", Decimal(99))


def test_an_unreadable_kind_of_number_stops_nothing(world: World) -> None:
    score(world, NAN, minute=2)
    world.tick(2)
    assert world.stop_prices() == ["100@98"]
    assert world.failures == []


def test_each_decision_is_decided_again_with_and_without_its_score(world: World) -> None:
    for minute, probability in enumerate((0.2, 0.1 + 0.2, 0.9), start=2):
        score(world, probability, minute=minute)
        world.tick(minute)
    world.run(5, 9)
    (page,) = pages_of(MemoryDecisions(world.memory), ACCOUNT)
    found = {repr(each.row.measured[2]) for each in page.decisions}
    assert found == {"nan", "0.2", repr(0.1 + 0.2), "0.9"}
    assert decide_page_again(page, on_disagreement=pytest.fail) == Tally(agreed=len(page.decisions))


def test_with_another_score_it_is_not_the_same_decision(world: World) -> None:
    score(world, 0.2, minute=2)
    world.tick(2)
    (page,) = pages_of(MemoryDecisions(world.memory), ACCOUNT)
    (moved,) = [each for each in page.decisions if isinstance(each.row.decision, MoveStop)]
    for other in ((NAN, NAN, 0.35), UNASKED, ()):
        row = replace(moved, row=replace(moved.row, measured=other))
        found = decide_again(row, page.rule_sets)
        assert isinstance(found, Disagreed)
        assert {each.field for each in found.differences} == {"decision", "fired", "reasons"}


@pytest.mark.parametrize("kept", [(), (NAN, 0.0)], ids=["nothing", "a limit"])
def test_rows_from_before_there_were_scores_are_decided_again(
    world: World, kept: tuple[float, ...]
) -> None:
    world.run(2, 4)
    (page,) = pages_of(MemoryDecisions(world.memory), ACCOUNT)
    assert len(page.decisions) > 2
    for each in page.decisions:
        old = replace(each, row=replace(each.row, measured=kept))
        assert decide_again(old, page.rule_sets) == Agreed()


def test_a_row_with_more_numbers_than_were_ever_kept_is_told(world: World) -> None:
    world.tick(2)
    (page,) = pages_of(MemoryDecisions(world.memory), ACCOUNT)
    odd = replace(page.decisions[-1], row=replace(page.decisions[-1].row, measured=(1.0,) * 4))
    found = decide_again(odd, page.rule_sets)
    assert isinstance(found, Disagreed)
    assert found.differences[0].field == "inputs"
