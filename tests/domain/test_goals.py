"""From a decision to what should be true at the broker."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopward.domain.decision import Decision, Exit, Hold, MoveStop, Reduce
from stopward.domain.draft import Goal
from stopward.domain.goals import exit_of, goal_for, tranches
from stopward.domain.holding import Holding
from stopward.domain.orders import Order
from stopward.domain.position import FRACTIONAL_LOT, Position
from stopward.rules.kernel import propose
from stopward.rules.parameters import Partial, Rules
from tests.builders.kernel import OFF, a_bar, an_account, r
from tests.builders.positions import NOW, a_holding, a_position, a_stop, an_exit, d

HALVES = Rules(partial=Partial(r(2), 0.5, r(3), 0.25, OFF, float("nan")))


def a_goal_for(
    decision: Decision | None,
    position: Position | None = None,
    holding: Holding | None = None,
    *,
    rules: Rules | None = None,
    exit_order: Order | None = None,
    partials: int = 0,
) -> Goal:
    return goal_for(
        position or a_position(),
        holding or a_holding(a_stop()),
        decision,
        rules or Rules(),
        exit_order=exit_order,
        exit_at_broker=None,
        tick_at=NOW,
        partials=partials,
    )


class TestGoal:
    @pytest.mark.parametrize("decision", [Hold(), None])
    def test_a_hold_restores_what_we_believe(self, decision: Decision | None) -> None:
        goal = a_goal_for(decision)
        assert (goal.stop, goal.stop_rule, goal.exit) == (98, "stop", None)

    def test_a_move_is_the_new_stop(self) -> None:
        goal = a_goal_for(MoveStop(rule="breakeven", to=d("100.01")))
        assert (goal.stop, goal.stop_rule) == (d("100.01"), "breakeven")

    def test_a_move_that_would_loosen_is_none(self) -> None:
        goal = a_goal_for(MoveStop(rule="breakeven", to=d("97")))
        assert (goal.stop, goal.stop_rule) == (98, "stop")
        short = a_goal_for(
            MoveStop(rule="breakeven", to=d("103")), a_position("short"), a_holding(side="short")
        )
        assert short.stop == 102

    def test_an_exit_is_for_all_that_the_broker_holds(self) -> None:
        goal = a_goal_for(Exit(rule="time_stop"), holding=a_holding(quantity=90))
        assert goal.exit is not None
        assert (goal.exit.quantity, goal.exit.rule, goal.exit.step) == (90, "time_stop", "sell")
        assert goal.exit.side == "sell"

    def test_a_partial_exit_counts_its_steps_and_carries_its_stop(self) -> None:
        decision = Reduce(rule="partial", quantity=d(50), stop=d("100"), stop_rule="ratchet")
        goal = a_goal_for(decision, partials=1)
        assert goal.exit is not None
        assert (goal.exit.quantity, goal.exit.partials) == (50, 1)
        assert (goal.stop, goal.stop_rule) == (100, "ratchet")

    @pytest.mark.parametrize(("rule", "partials"), [("partial", 1), ("time_stop", 0)])
    def test_a_part_that_takes_all_counts_its_steps_too(self, rule: str, partials: int) -> None:
        goal = a_goal_for(Exit(rule=rule), partials=1)
        assert goal.exit is not None
        assert (goal.exit.quantity, goal.exit.partials) == (100, partials)

    def test_a_recorded_exit_is_finished_never_decided_anew(self) -> None:
        recorded = an_exit(a_position(), 40)
        goal = a_goal_for(Exit(rule="time_stop"), exit_order=recorded)
        assert goal.exit == recorded
        moved = a_goal_for(MoveStop(rule="breakeven", to=d("100")), exit_order=recorded)
        assert moved.stop == 98

    def test_an_exit_of_nothing_is_none(self) -> None:
        assert a_goal_for(Exit(rule="stop"), holding=a_holding(quantity=0)).exit is None


class TestExit:
    def test_it_never_exceeds_what_was_last_read(self) -> None:
        order = exit_of(
            a_position(),
            a_holding(quantity=30),
            rule="partial",
            tick_at=NOW,
            attempt=0,
            quantity=d(50),
        )
        assert order is not None
        assert order.quantity == 30

    def test_a_short_buys_back(self) -> None:
        order = exit_of(
            a_position("short"), a_holding(side="short"), rule="stop", tick_at=NOW, attempt=0
        )
        assert order is not None
        assert order.side == "buy"

    def test_the_id_is_the_tick_s_and_not_the_quantity_s(self) -> None:
        full = exit_of(a_position(), a_holding(), rule="stop", tick_at=NOW, attempt=0)
        again = exit_of(a_position(), a_holding(quantity=99), rule="stop", tick_at=NOW, attempt=0)
        other = exit_of(a_position(), a_holding(), rule="stop", tick_at=NOW, attempt=1)
        assert full is not None
        assert again is not None
        assert other is not None
        assert full.id == again.id != other.id


class TestTranches:
    FRACTIONS = a_position(quantity="10.5", lot=FRACTIONAL_LOT)

    def test_whole_shares_need_none(self) -> None:
        assert tranches(a_position(), HALVES) == ()

    def test_no_partial_exits_no_tranches(self) -> None:
        assert tranches(self.FRACTIONS, Rules()) == ()

    def test_one_for_each_partial_exit_to_come(self) -> None:
        assert tranches(self.FRACTIONS, HALVES) == (d("5.25"), d("2.625"))

    def test_a_partial_that_is_done_needs_none(self) -> None:
        after = replace(
            self.FRACTIONS,
            quantity=d("5.25"),
            marks=self.FRACTIONS.marks._replace(partials=1.0),
        )
        assert tranches(after, HALVES) == (d("2.625"),)

    def test_what_would_leave_nothing_is_no_tranche(self) -> None:
        small = replace(self.FRACTIONS, quantity=d("2.625"))
        assert tranches(small, HALVES) == ()


@given(st.integers(1, 10**6), st.floats(0.01, 0.99), st.floats(0.01, 0.99))
def test_a_tranche_is_what_the_rule_will_ask_for(units: int, first: float, second: float) -> None:
    position = a_position(quantity=Decimal(units) / 1000, lot=FRACTIONAL_LOT)
    rules = Rules(partial=Partial(r(2), first, r(3), second, OFF, float("nan")))
    parts = tranches(position, rules)
    assert sum(parts) < position.quantity
    asked = propose(position.state(), a_bar(104.0), an_account(), rules).exit_quantity
    if parts and asked < float(position.quantity):
        assert float(parts[0]) == pytest.approx(asked, abs=1e-12)
