"""Closed bars folded into symbols and positions, and the bar that the rules are given."""

import math
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopward.domain.decide import decide
from stopward.domain.decision import Exit
from stopward.domain.market import ClosedBar
from stopward.domain.position import Position
from stopward.domain.snapshot import WINDOW, SymbolState
from stopward.domain.view import (
    BarContext,
    bar_for,
    context_of,
    fold_position,
    fold_symbol,
    pulse,
)
from stopward.rules.indicators import Periods
from stopward.rules.kernel import observe
from stopward.rules.parameters import BarTrail, Chandelier, Rules, TimeStop, Volume
from stopward.rules.types import NAN
from tests.builders.kernel import NOTHING, a_state, an_account, atr
from tests.builders.positions import AAPL, SESSION, a_closed_bar, a_position, minute

EMPTY = SymbolState(symbol=AAPL)
TRAILS = Rules(
    chandelier=Chandelier(NOTHING, atr(3.0), 3.0), bar_trail=BarTrail(NOTHING, NOTHING, 2.0)
)


def folded(
    state: SymbolState, bars: list[ClosedBar], *, usual: float = NAN
) -> tuple[SymbolState, tuple[BarContext, ...]]:
    return fold_symbol(
        state,
        bars,
        session=SESSION,
        session_number=1.0,
        usual_volume=usual,
        periods=Periods(),
    )


BARS = [
    a_closed_bar(0, 100.0, high=101.0, low=99.0),
    a_closed_bar(1, 101.0, high=103.0, low=100.0),
    a_closed_bar(2, 102.0, high=102.5, low=101.0),
    a_closed_bar(3, 101.0, high=102.0, low=98.0),
]


class TestSymbol:
    def test_bars_are_folded_once(self) -> None:
        state, contexts = folded(EMPTY, BARS)
        assert [c.at for c in contexts] == [bar.at for bar in BARS]
        again, more = folded(state, BARS)
        assert again == state
        assert more == ()

    def test_bars_out_of_order_are_put_in_order(self) -> None:
        assert folded(EMPTY, BARS[::-1])[0] == folded(EMPTY, BARS)[0]

    def test_a_late_bar_is_passed_over(self) -> None:
        state, _ = folded(EMPTY, [BARS[0], BARS[2]])
        assert folded(state, [BARS[1]]) == (state, ())

    @pytest.mark.parametrize("number", [-1, -60, 390, 400])
    def test_a_bar_outside_the_session_is_passed_over(self, number: int) -> None:
        assert folded(EMPTY, [a_closed_bar(number)]) == (EMPTY, ())

    def test_the_first_and_the_last_bar_of_the_session_count(self) -> None:
        state, contexts = folded(EMPTY, [a_closed_bar(0), a_closed_bar(389)])
        assert [context.bar.to_close for context in contexts] == [389.0, 0.0]
        assert (state.since, state.bar_at) == (minute(0), minute(389))

    def test_no_more_extremes_are_kept_than_a_rule_may_ask_for(self) -> None:
        state, contexts = folded(EMPTY, [a_closed_bar(n, 100.0 + n) for n in range(WINDOW + 6)])
        assert len(state.highs) == len(state.lows) == WINDOW
        assert state.highs[-1] == 100.0 + WINDOW + 5
        assert len(contexts[-1].highs) == WINDOW

    def test_a_bar_knows_its_indicators(self) -> None:
        _, contexts = folded(EMPTY, [a_closed_bar(n, 100.0) for n in range(40)], usual=500.0)
        last = contexts[-1].bar
        assert (last.vwap, last.average, last.rsi, last.macd) == (100.0, 100.0, 50.0, 0.0)
        assert last.relative_volume == 2.0
        assert (last.closed, last.minutes) == (1.0, 1.0)
        assert math.isnan(last.spread)


class TestWindows:
    def test_each_rule_sees_its_own_window(self) -> None:
        _, contexts = folded(EMPTY, BARS)
        bar = bar_for(contexts[-1], TRAILS)
        assert (bar.highest, bar.lowest) == (103.0, 98.0)
        assert (bar.trail_high, bar.trail_low) == (102.5, 98.0)

    def test_a_short_history_is_unknown(self) -> None:
        _, contexts = folded(EMPTY, BARS[:2])
        bar = bar_for(contexts[-1], TRAILS)
        assert math.isnan(bar.highest)
        assert bar.trail_low == 99.0

    def test_rules_that_are_off_ask_for_nothing(self) -> None:
        _, contexts = folded(EMPTY, BARS)
        bar = bar_for(contexts[-1], Rules())
        assert math.isnan(bar.highest)
        assert math.isnan(bar.trail_low)


class TestPosition:
    def test_excursions_and_age_follow_the_bars_since_the_entry(self) -> None:
        _, contexts = folded(EMPTY, BARS)
        position, last = fold_position(a_position(opened_at=minute(1)), contexts, Rules())
        assert (position.marks.best, position.marks.worst) == (103.0, 98.0)
        assert position.marks.age == 3.0
        assert position.bar_at == minute(3)
        assert last is not None
        assert last.at == minute(3)

    def test_the_bar_with_the_entry_inside_is_never_seen(self) -> None:
        inside = a_position(opened_at=minute(1) + timedelta(seconds=30))
        position, _ = fold_position(inside, folded(EMPTY, BARS)[1], Rules())
        assert position.marks.best == 102.5
        assert position.marks.age == 2.0
        assert math.isnan(position.marks.entry_volume)

    @pytest.mark.parametrize(
        ("entry", "numbers", "age"),
        [
            (0, [5, 11, 17], 18.0),  # a bar in six minutes
            (0, [389], 390.0),
            (3, [5, 11], 9.0),
            (3.5, [4, 5], 2.0),  # from the next whole minute on
            (3.5, [9], 6.0),
            (-15, [2], 3.0),  # entered before the open: session minutes alone
            (-24 * 60, [2, 3], 4.0),
        ],
    )
    def test_age_counts_minutes_also_where_nothing_was_traded(
        self, entry: float, numbers: list[int], age: float
    ) -> None:
        contexts = folded(EMPTY, [a_closed_bar(number) for number in numbers])[1]
        position, last = fold_position(a_position(opened_at=minute(entry)), contexts, Rules())
        assert position.marks.age == age
        assert last is not None
        one_by_one = a_position(opened_at=minute(entry))
        for context in contexts:
            one_by_one, _ = fold_position(one_by_one, (context,), Rules())
        assert one_by_one == position

    def test_a_night_does_not_age_a_position(self) -> None:
        held = replace(a_position(opened_at=minute(-24 * 60)), bar_at=minute(-24 * 60 + 380))
        contexts = folded(EMPTY, [a_closed_bar(4)])[1]
        assert fold_position(held, contexts, Rules())[0].marks.age == 5.0

    def test_a_time_stop_of_a_symbol_that_trades_little_is_on_time(self) -> None:
        rules = Rules(time_stop=TimeStop(20.0, 0.3))
        position, state, fired = a_position(), EMPTY, []
        for number in range(5, 60, 6):
            state, contexts = folded(state, [a_closed_bar(number)])
            position, last = fold_position(position, contexts, rules)
            assert last is not None
            decision = decide(position, last.bar, an_account(), rules).decision
            fired += [number] if decision == Exit(rule="time_stop") else []
        assert fired[0] == 23

    def test_a_bar_that_opens_with_the_entry_is_the_entry_bar(self) -> None:
        contexts = folded(EMPTY, BARS)[1]
        position, last = fold_position(a_position(opened_at=minute(3)), contexts, Rules())
        assert last is not None
        assert last.bar.at_entry == 1.0
        assert position.marks.entry_volume == 1000.0
        _, last = fold_position(a_position(opened_at=minute(2)), contexts, Rules())
        assert last is not None
        assert last.bar.at_entry == 0.0

    def test_nothing_new_leaves_the_position(self) -> None:
        contexts = folded(EMPTY, BARS)[1]
        position, _ = fold_position(a_position(), contexts, Rules())
        assert fold_position(position, contexts, Rules()) == (position, None)
        assert fold_position(position, (), Rules()) == (position, None)

    def test_the_window_of_the_rules_reaches_the_last_bar(self) -> None:
        _, last = fold_position(a_position(), folded(EMPTY, BARS)[1], TRAILS)
        assert last is not None
        assert last.bar.highest == 103.0


class TestPulse:
    def test_it_is_a_bar_of_one_price_that_observes_and_does_not_age(self) -> None:
        state, _ = folded(EMPTY, BARS)
        context = context_of(state, session=SESSION, now=minute(4.5), periods=Periods())
        bar = pulse(bar_for(context, TRAILS), 104.0, to_close=385.5, spread=0.02)
        assert (bar.open, bar.high, bar.low, bar.close) == (104.0,) * 4
        assert (bar.closed, bar.at_entry, bar.to_close, bar.spread) == (0.0, 0.0, 385.5, 0.02)
        assert (bar.highest, bar.trail_low) == (103.0, 98.0)
        seen = observe(a_state(age=3.0), bar, TRAILS)
        assert (seen.best, seen.age) == (104.0, 3.0)

    def test_a_symbol_without_bars_has_no_indicators(self) -> None:
        context = context_of(EMPTY, session=SESSION, now=minute(1), periods=Periods())
        assert context.bar.to_close == 389.0
        assert math.isnan(context.bar.close)
        assert math.isnan(context.bar.vwap)


@st.composite
def paths(draw: st.DrawFn) -> list[ClosedBar]:
    minutes = draw(st.lists(st.integers(-5, 60), min_size=1, max_size=40, unique=True))
    bars = []
    for number in sorted(minutes):
        close = draw(st.integers(9500, 10500)) / 100
        wick = draw(st.integers(0, 100)) / 100
        bars.append(
            a_closed_bar(
                number,
                close,
                high=close + wick,
                low=close - wick,
                volume=float(draw(st.integers(0, 2000))),
            )
        )
    return bars


def through(position: Position, batches: list[list[ClosedBar]]) -> tuple[SymbolState, Position]:
    rules = TRAILS._replace(volume=Volume(0.5, 3.0))
    state = EMPTY
    for batch in batches:
        state, contexts = folded(state, batch, usual=800.0)
        position, _ = fold_position(position, contexts, rules)
    return state, position


@given(paths(), st.data(), st.sampled_from(("long", "short")), st.integers(0, 30))
def test_any_two_batches_with_repetitions_are_the_whole(
    bars: list[ClosedBar], data: st.DataObject, side: str, entry: int
) -> None:
    position = a_position(side, opened_at=minute(entry))  # type: ignore[arg-type]
    cut = data.draw(st.integers(0, len(bars)))
    back = data.draw(st.integers(0, cut))
    whole = through(position, [bars])
    parts = through(position, [bars[:cut], bars[cut - back :]])
    assert repr(parts) == repr(whole)


@given(paths(), st.integers(0, 30))
def test_what_came_before_the_entry_leaves_no_mark(bars: list[ClosedBar], entry: int) -> None:
    position = a_position(opened_at=minute(entry))
    wild = [replace(bar, high=1e6, low=1e-6) if bar.at < minute(entry) else bar for bar in bars]
    seen = repr(through(position, [wild])[1].marks)
    assert seen == repr(through(position, [bars])[1].marks)
