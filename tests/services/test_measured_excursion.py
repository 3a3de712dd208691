"""The adverse-excursion cut, measured from the account's own winners in the store."""

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest

from stopward.adapters.memory_decisions import MemoryDecisions
from stopward.domain.snapshot import Snapshot, TickRecord
from stopward.replay.journal import Tally, decide_page_again, pages_of
from stopward.rules.codes import fired_rules
from tests.builders.guard import ACCOUNT, ADOPT_ALL, World, a_world
from tests.builders.simulator import OPEN, Prices, flat
from tests.builders.store import a_position, a_trade

MEASURED = ADOPT_ALL + "[rules.adverse_excursion]\n"
DIP: list[Prices] = [
    *flat(100, 2),
    (100.0, 100.2, 99.4, 100.0),
    (100.0, 100.0, 98.8, 99.9),
    *flat(99.9, 4),
]
"""To -0.3R and back, then to -0.6R and back."""


def won(world: World, first: int, last: int) -> None:
    """Let the account win trades `first` to `last`, which went 0.02R further against it each."""
    found = world.memory.begin_tick(
        ACCOUNT, tick_at=world.simulator.now, holder="test", lease_seconds=5
    )
    assert isinstance(found, Snapshot)
    positions = [a_position(f"W{n}", account_id=ACCOUNT) for n in range(first, last + 1)]
    world.memory.record_tick(
        TickRecord(
            fence=found.fence,
            account_id=ACCOUNT,
            tick_at=world.simulator.now,
            at=world.simulator.now,
            source="test",
            positions=tuple(positions),
            trades=tuple(
                a_trade(position, closed_at=OPEN - timedelta(days=40 - number), mae_r=number / 50)
                for number, position in enumerate(positions, start=first)
            ),
            release=True,
        )
    )


def measured(world: World) -> list[tuple[float, float]]:
    return [(round(row.measured[0], 9), row.measured[1]) for row in world.decisions()]


@pytest.fixture
def world() -> Iterator[World]:
    with a_world(*DIP, rules=MEASURED) as found:
        found.open(stop="98")
        yield found


def test_with_thirty_winners_a_dip_beyond_their_percentile_is_cut(world: World) -> None:
    won(world, 1, 30)
    world.run(1, 2)
    # 80 % of 0.02R to 0.6R is 0.484R, of 2 dollars: 0.968 under the entry, rounded down.
    assert world.stop_prices() == ["100@99.03"]
    world.run(3, 3)
    assert world.shares() == 100
    world.run(4, 5)
    assert world.shares() == 0
    assert [trade.cause for trade in world.trades()] == ["adverse_excursion"]
    assert world.trades()[0].exit_price == Decimal("99.03")
    assert world.trades()[0].mae_r == pytest.approx(0.485)
    assert set(measured(world)) == {(0.484, 30.0)}
    sentences = [reason.sentence for row in world.decisions() for reason in row.reasons]
    assert (
        "worst +0R, 80% of the last 30 winners never went beyond -0.48R: stop to 99.03" in sentences
    )


def test_with_twenty_nine_it_is_not(world: World) -> None:
    won(world, 1, 29)
    world.run(1, 6)
    assert world.shares() == 100
    assert world.stop_prices() == ["100@98"]
    assert {winners for _, winners in measured(world)} == {29.0}


def test_a_position_that_was_there_already_is_left_once_the_thirtieth_winner_is_known(
    world: World,
) -> None:
    won(world, 1, 29)
    world.run(1, 5)
    assert world.shares() == 100
    won(world, 30, 30)
    world.tick(6)
    assert world.shares() == 0
    world.tick(7)
    assert [trade.cause for trade in world.trades()] == ["adverse_excursion"]


def test_a_typed_limit_acts_without_a_single_winner() -> None:
    with a_world(*DIP, rules=MEASURED + "limit_r = 0.5\n") as world:
        world.open(stop="98")
        world.run(1, 5)
        assert [trade.cause for trade in world.trades()] == ["adverse_excursion"]
        assert {row.measured for row in world.decisions()} == {()}


def test_a_limit_looser_than_the_stop_leaves_the_stop_alone() -> None:
    with a_world(*DIP, rules=MEASURED) as world:
        world.open(stop="99.5")
        won(world, 60, 99)
        world.run(1, 2)
        assert world.stop_prices() == ["100@99.5"]


def test_a_function_that_may_not_apply_the_rule_measures_nothing() -> None:
    with a_world(*DIP, rules=MEASURED, mask="breakeven") as world:
        world.open(stop="98")
        won(world, 1, 30)
        world.run(1, 6)
        assert world.shares() == 100
        assert {row.measured for row in world.decisions()} == {()}


def test_each_decision_is_decided_again_from_its_row(world: World) -> None:
    won(world, 1, 29)
    world.run(1, 5)
    won(world, 30, 30)
    world.run(6, 7)
    (page,) = pages_of(MemoryDecisions(world.memory), ACCOUNT)
    tally = decide_page_again(page, on_disagreement=pytest.fail)
    assert tally == Tally(agreed=len(page.decisions))
    fired = [row for row in world.decisions() if fired_rules(row.fired) == ("adverse_excursion",)]
    assert (world.shares(), len(fired)) == (0, 1)
