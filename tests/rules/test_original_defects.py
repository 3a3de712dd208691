"""The defects of the bot that Stopward replaces, those that were in its rules: one test each."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from stopward.domain.identity import AccountId, PositionId, Symbol
from stopward.domain.position import Marks, Position, marks_of
from stopward.rules.codes import BREAKEVEN, PARTIAL
from stopward.rules.kernel import observe, propose, settle
from stopward.rules.parameters import (
    Breakeven,
    Momentum,
    Partial,
    PercentTrail,
    Ratchet,
    Rules,
    TimeStop,
    Volume,
)
from stopward.rules.types import NAN
from tests.builders.kernel import (
    NOTHING,
    OFF,
    a_bar,
    a_pulse,
    a_range,
    a_state,
    an_account,
    dollars,
    percent,
    r,
)


@pytest.mark.parametrize("arm", [r(1), percent(2)])
def test_a_fraction_compared_with_a_percent_so_that_1r_fired_at_100r(arm) -> None:
    rules = Rules(breakeven=Breakeven(arm, NOTHING))
    quiet = propose(a_state(best=101.99), a_bar(101.9), an_account(), rules)
    fired = propose(a_state(best=102.0), a_bar(101.9), an_account(), rules)
    assert (quiet.stop_rule, fired.stop_rule) == (0.0, BREAKEVEN)


def test_risk_recomputed_from_the_moved_stop() -> None:
    """With risk taken from a stop at 99.90, +2R would be 20 cents away."""
    rules = Rules(ratchet=Ratchet(2.0, 1.0, NAN, NAN, NAN, NAN, NAN, NAN))
    state = settle(
        a_state(), propose(a_state(), a_bar(), an_account(), Rules())._replace(stop=99.9), NAN
    )
    assert (state.stop, state.risk) == (99.9, 2.0)
    assert propose(state._replace(best=103.9), a_bar(103.0), an_account(), rules).stop == 99.9
    assert propose(state._replace(best=104.0), a_bar(103.0), an_account(), rules).stop == 102.0


def test_partial_bar_volume_taken_for_a_dry_market() -> None:
    """Ten looks into a bar that has just begun see little volume; only closed bars count."""
    rules = Rules(volume=Volume(limit=0.5, bars=3.0))
    state = observe(a_state(), a_bar(100.5, relative_volume=0.9), rules)
    for _ in range(10):
        seen = observe(state, a_pulse(100.5, relative_volume=0.05, volume=10.0), rules)
        assert propose(seen, a_pulse(100.5), an_account(), rules).exit_quantity == 0.0
    assert seen.quiet == 0.0


def test_macd_state_taken_for_a_cross() -> None:
    """MACD has been under its signal since before the entry: nothing has turned."""
    rules = Rules(momentum=Momentum(votes=1.0, below_r=1.0))
    state = a_state()
    for _ in range(5):
        bar = a_bar(100.1, macd=-0.3, signal=-0.2, macd_before=-0.3, signal_before=-0.2)
        state = observe(state, bar, rules)
        assert propose(state, bar, an_account(), rules).exit_quantity == 0.0
    cross = a_bar(100.1, macd=-0.3, signal=-0.2, macd_before=-0.1, signal_before=-0.2)
    state = observe(state, cross, rules)
    assert propose(state, cross, an_account(), rules).exit_quantity == 100.0


def test_int_of_a_quantity_in_fractions() -> None:
    """int(0.9) sold nothing, and int(2.5) left half a share behind."""
    rules = Rules(partial=Partial(r(1), 0.5, OFF, NAN, OFF, NAN), time_stop=TimeStop(9.0, NAN))
    state = a_state(quantity=0.9, lot=1e-9)
    part = propose(state, a_bar(102.0), an_account(), rules)
    assert part.exit_quantity == pytest.approx(0.45, abs=1e-9)
    assert part.exit_rule == PARTIAL
    whole = propose(a_state(quantity=2.5, lot=1e-9, age=9.0), a_bar(99.0), an_account(), rules)
    assert whole.exit_quantity == 2.5


def a_position(**changes: object) -> Position:
    position = Position(
        id=PositionId("p"),
        account_id=AccountId("a"),
        symbol=Symbol("ACME"),
        side="long",
        quantity=Decimal(100),
        initial_quantity=Decimal(100),
        average_entry=Decimal("100.00"),
        initial_stop=Decimal("98.00"),
        risk=Decimal("2.00"),
        stop=Decimal("98.00"),
        opened_at=datetime(2026, 11, 2, 14, 30, tzinfo=UTC),
        adopted_at=datetime(2026, 11, 2, 14, 30, tzinfo=UTC),
        marks=Marks(best=100.0, worst=100.0),
    )
    return replace(position, **changes)


def test_state_in_memory_lost_on_restart() -> None:
    """A process that starts anew at every bar, from what is stored, decides as one that runs."""
    rules = Rules(
        volume=Volume(limit=0.5, bars=4.0),
        momentum=Momentum(votes=2.0, below_r=1.0),
        percent_trail=PercentTrail(r(1), dollars(1), OFF, OFF),
        time_stop=TimeStop(6.0, 3.0),
    )
    bars = [
        a_range(100.0, 101.0, 99.5, 100.8, relative_volume=0.4),
        a_range(100.8, 102.5, 100.7, 102.2, relative_volume=0.4, macd=-1.0, signal=0.0,
                macd_before=1.0, signal_before=0.0),
        a_range(102.2, 102.4, 101.9, 102.0, relative_volume=NAN),
        a_range(102.0, 102.4, 101.9, 102.3, relative_volume=0.4, rsi=40.0),
        a_range(102.3, 102.4, 101.9, 102.3, relative_volume=0.4),
    ]  # fmt: skip
    steady = a_position().state()
    position = a_position()
    for bar in bars:
        steady = observe(steady, bar, rules)
        restarted = observe(position.state(), bar, rules)
        wanted = propose(steady, bar, an_account(), rules)
        assert repr(propose(restarted, bar, an_account(), rules)) == repr(wanted)
        steady = settle(steady, wanted._replace(exit_quantity=0.0), NAN)
        restarted = settle(restarted, wanted._replace(exit_quantity=0.0), NAN)
        position = a_position(marks=marks_of(restarted), stop=Decimal(repr(restarted.stop)))
    assert wanted.exit_quantity == 100.0
