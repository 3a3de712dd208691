"""The kernel's answer as a decision in Decimal."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopward.domain.decide import STOP_MOVERS, admit, as_decision, decide, with_one_zero
from stopward.domain.decision import Decision, Exit, Hold, MoveStop, Reduce, kind
from stopward.domain.holding import is_tighter
from stopward.domain.market import Quote
from stopward.domain.money import Side, decimal_of, sign
from stopward.domain.position import FRACTIONAL_LOT, HAND_LOOSENED, Position
from stopward.rules.codes import BREAKEVEN, DAY_LOSS, DAY_PROFIT, PARTIAL, RULE_NAMES, TIME_STOP
from stopward.rules.parameters import (
    Breakeven,
    DayLoss,
    DayProfit,
    Partial,
    Ratchet,
    Rules,
    SessionFlat,
    TimeStop,
)
from stopward.rules.types import NAN, Bar, Proposal
from tests.builders.kernel import NOTHING, OFF, a_bar, a_pulse, an_account, r
from tests.builders.positions import a_position, a_quote, d

AT_1R = Rules(breakeven=Breakeven(r(1), NOTHING))
HALF = Rules(partial=Partial(r(2), 0.5, OFF, NAN, OFF, NAN))
FLAT = Rules(session_flat=SessionFlat(10.0), time_stop=TimeStop(1.0, NAN))


def decision_of(position: Position, bar: Bar, rules: Rules, *, usable: bool = True) -> Decision:
    return decide(position, bar, an_account(), rules, usable=usable).decision


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        (101.99, Hold()),
        (102.0, MoveStop(rule="breakeven", to=d("100.01"))),
        (98.0, Exit(rule="stop")),
        (97.0, Exit(rule="stop")),
    ],
)
def test_a_long_from_100_with_its_stop_at_98(price: float, expected: Decision) -> None:
    assert decision_of(a_position(), a_pulse(price), AT_1R) == expected


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        (98.01, Hold()),
        (98.0, MoveStop(rule="breakeven", to=d("99.99"))),
        (102.0, Exit(rule="stop")),
    ],
)
def test_a_short_mirrors_it(price: float, expected: Decision) -> None:
    assert decision_of(a_position("short"), a_pulse(price), AT_1R) == expected


class TestQuantities:
    def test_a_part_is_a_reduction_in_lots(self) -> None:
        assert decision_of(a_position(quantity=101), a_pulse(104.0), HALF) == Reduce(
            rule="partial", quantity=d(50), stop=None, stop_rule=None
        )

    def test_what_leaves_nothing_is_an_exit(self) -> None:
        position = a_position(quantity=50, initial_quantity=100)
        assert decision_of(position, a_pulse(104.0), HALF) == Exit(rule="partial")

    def test_an_exit_that_would_leave_a_fraction_of_a_lot_is_whole(self) -> None:
        odd = a_position(quantity="10.5", lot=1)
        assert decision_of(odd, a_pulse(97.0), Rules()) == Exit(rule="stop")

    def test_a_hundred_shares_are_written_without_an_exponent(self) -> None:
        decision = decision_of(a_position(quantity=200), a_pulse(104.0), HALF)
        assert isinstance(decision, Reduce)
        assert str(decision.quantity) == "100"

    def test_fractions_are_sold_to_the_last_place(self) -> None:
        position = a_position(quantity="0.333333333", lot=FRACTIONAL_LOT)
        decision = decision_of(position, a_pulse(104.0), HALF)
        assert decision == Reduce(
            rule="partial", quantity=d("0.166666666"), stop=None, stop_rule=None
        )

    def test_a_reduction_carries_the_stop_of_what_remains(self) -> None:
        both = HALF._replace(ratchet=Ratchet(2.0, 1.0, NAN, NAN, NAN, NAN, NAN, NAN))
        assert decision_of(a_position(), a_pulse(104.0), both) == Reduce(
            rule="partial", quantity=d(50), stop=d("102"), stop_rule="ratchet"
        )


class TestTicks:
    def test_a_share_bought_under_a_dollar_has_cents_above_it(self) -> None:
        cheap = a_position(average_entry="0.90", stop="0.85", risk="0.05", tick="0.0001")
        proposal = Proposal(1.0512, BREAKEVEN, 0.0, 0.0, 0.0, 0.0)
        assert as_decision(cheap.state(), proposal) == MoveStop(rule="breakeven", to=d("1.05"))
        below = proposal._replace(stop=0.9512)
        assert as_decision(cheap.state(), below) == MoveStop(rule="breakeven", to=d("0.9512"))

    def test_an_instrument_with_a_finer_tick_keeps_it(self) -> None:
        pair = a_position(average_entry="1.1000", stop="1.0950", risk="0.005", tick="0.0001")
        proposal = Proposal(1.1012, BREAKEVEN, 0.0, 0.0, 0.0, 0.0)
        assert as_decision(pair.state(), proposal) == MoveStop(rule="breakeven", to=d("1.1012"))

    def test_a_move_that_rounding_takes_back_is_none(self) -> None:
        proposal = Proposal(98.009, BREAKEVEN, 0.0, 0.0, 0.0, 0.0)
        assert as_decision(a_position().state(), proposal) == Hold()


class TestUnusable:
    @pytest.mark.parametrize("usable", [True, False])
    def test_a_day_limit_that_flattens_needs_no_price(self, usable: bool) -> None:
        rules = Rules(day_loss=DayLoss(0.02, 3.0, 1.0, NOTHING), day_profit=DayProfit(3.0, 0.4))
        blind = a_pulse(NAN, to_close=60.0)
        for account, expected in (
            (an_account(day_r=-3.1), Exit(rule="day_loss")),
            (an_account(locked=DAY_LOSS), Exit(rule="day_loss")),
            (an_account(locked=DAY_PROFIT), Exit(rule="day_profit")),
            (an_account(day_r=1.0, peak_r=4.0), Exit(rule="day_profit")),
            (an_account(day_r=-1.0), Hold()),
        ):
            assert decide(a_position(), blind, account, rules, usable=usable).decision == expected

    def test_a_day_limit_that_tightens_waits_for_a_price(self) -> None:
        rules = Rules(day_loss=DayLoss(0.02, 3.0, 0.0, r(0.5)))
        lost = an_account(day_r=-3.1)
        verdict = decide(a_position(), a_pulse(NAN), lost, rules, usable=False)
        assert verdict.decision == Hold()
        assert verdict.rules.day_loss is None
        assert decide(a_position(), a_pulse(100.0), lost, rules).decision != Hold()

    def test_without_a_price_a_time_stop_waits_and_the_session_flat_acts(self) -> None:
        old = replace(a_position(), marks=a_position().marks._replace(age=60.0))
        nothing = a_pulse(NAN, to_close=60.0)
        late = a_pulse(NAN, to_close=9.0)
        assert decision_of(old, nothing, FLAT, usable=False) == Hold()
        assert decision_of(old, late, FLAT, usable=False) == Exit(rule="session_flat")

    def test_a_bad_price_moves_and_breaches_nothing(self) -> None:
        bar = a_pulse(50.0, to_close=60.0)
        rules = AT_1R._replace(session_flat=FLAT.session_flat)
        verdict = decide(a_position(), bar._replace(close=NAN), an_account(), rules, usable=False)
        assert verdict.decision == Hold()
        assert verdict.state.worst == 100.0


class TestLoosened:
    POSITION = a_position(stop="97", flags=(HAND_LOOSENED,))

    def test_the_rules_that_move_stops_are_off(self) -> None:
        assert decision_of(self.POSITION, a_pulse(102.0), AT_1R) == Hold()

    def test_exits_and_the_stop_itself_go_on(self) -> None:
        assert decision_of(self.POSITION, a_pulse(104.0), HALF) != Hold()
        assert decision_of(self.POSITION, a_pulse(97.0), AT_1R) == Exit(rule="stop")

    def test_every_rule_that_moves_a_stop_is_named(self) -> None:
        assert set(STOP_MOVERS) <= set(Rules._fields)
        movers = RULE_NAMES[int(BREAKEVEN) :]
        assert set(movers) <= set(STOP_MOVERS)


class TestAdmit:
    MOVE = MoveStop(rule="breakeven", to=d("100.01"))

    @pytest.mark.parametrize(
        ("bid", "expected"),
        [
            ("100.02", MOVE),
            ("100.01", Exit(rule="breakeven")),
            ("99", Exit(rule="breakeven")),
        ],
    )
    def test_a_stop_at_or_beyond_the_price_becomes_an_exit(
        self, bid: str, expected: Decision
    ) -> None:
        assert admit(self.MOVE, a_position().state(), a_quote(bid)) == expected

    def test_a_short_is_measured_by_the_ask(self) -> None:
        move = MoveStop(rule="breakeven", to=d("99.99"))
        assert admit(move, a_position("short").state(), a_quote("99.97", "99.98")) == move
        at = admit(move, a_position("short").state(), a_quote("99.97", "99.99"))
        assert at == Exit(rule="breakeven")

    def test_a_reduction_whose_stop_cannot_rest_is_an_exit(self) -> None:
        part = Reduce(rule="partial", quantity=d(50), stop=d("102"), stop_rule="ratchet")
        assert admit(part, a_position().state(), a_quote("103")) == part
        assert admit(part, a_position().state(), a_quote("101")) == Exit(rule="ratchet")
        plain = replace(part, stop=None, stop_rule=None)
        assert admit(plain, a_position().state(), a_quote("101")) == plain

    @pytest.mark.parametrize("decision", [Hold(), Exit(rule="stop")])
    def test_others_are_left(self, decision: Decision) -> None:
        assert admit(decision, a_position().state(), a_quote("1")) == decision

    def test_without_a_quote_nothing_is_known(self) -> None:
        quote: Quote | None = None
        assert admit(self.MOVE, a_position().state(), quote) == self.MOVE


def test_a_decision_has_its_word() -> None:
    words = [Hold(), MoveStop(rule="a", to=d(1)), Exit(rule="a")]
    assert [kind(word) for word in words] == ["hold", "move_stop", "exit"]
    assert kind(Reduce(rule="a", quantity=d(1), stop=None, stop_rule=None)) == "reduce"


CENTS = st.integers(100, 30000)


@given(
    side=st.sampled_from(("long", "short")),
    resting=CENTS,
    wanted=CENTS,
    sold=st.floats(0, 200, allow_nan=False),
    held=st.integers(1, 300),
    mover=st.sampled_from((BREAKEVEN, 0.0)),
    leaver=st.sampled_from((TIME_STOP, PARTIAL)),
)
def test_a_decision_only_tightens_and_sells_whole_lots(
    *, side: Side, resting: int, wanted: int, sold: float, held: int, mover: float, leaver: float
) -> None:
    position = a_position(side, held, stop=d(resting) / 100)
    proposal = Proposal(wanted / 100, mover, min(sold, float(held)), leaver, 0.0, 0.0)
    decision = as_decision(position.state(), proposal)
    match decision:
        case MoveStop(to=to):
            assert is_tighter(to, position.stop, side)
        case Reduce(quantity=quantity, stop=stop):
            assert 0 < quantity < position.quantity
            assert quantity % position.lot == 0
            assert stop is None or is_tighter(stop, position.stop, side)
        case Exit():
            assert Decimal(repr(proposal.exit_quantity)) > position.quantity - position.lot
        case Hold():
            assert proposal.exit_quantity < 1


@given(st.sampled_from(("long", "short")), st.floats(90, 110), st.floats(90, 110))
def test_deciding_twice_is_deciding_once(side: Side, price: float, best: float) -> None:
    position = a_position(side)
    position = replace(position, marks=position.marks._replace(best=best))
    rules = AT_1R._replace(partial=HALF.partial)
    first = decide(position, a_pulse(price), an_account(), rules)
    assert decide(position, a_pulse(price), an_account(), rules) == first
    if isinstance(first.decision, MoveStop):
        moved = replace(position, stop=first.decision.to)
        after = decide(moved, a_pulse(price), an_account(), rules).decision
        assert after == Hold()
        assert sign(side) * (first.decision.to - position.stop) > 0


def test_a_closed_bar_is_not_observed_twice() -> None:
    verdict = decide(a_position(), a_bar(103.0, high=110.0), an_account(), AT_1R)
    assert verdict.state.best == 100.0


@given(
    stop=st.decimals("0.0001", "99999999", places=6),
    quantity=st.decimals("0.000000001", "99999", places=9),
    tick=st.sampled_from(["0.0001", "0.01", "0.03", "0.05", "0.25", "0.03125", "12.5"]),
    lot=st.sampled_from([d(1), d("0.01"), FRACTIONAL_LOT]),
)
def test_the_state_tells_the_position_s_prices_and_shares_exactly(
    stop: Decimal, quantity: Decimal, tick: str, lot: Decimal
) -> None:
    # What is decided reads the state alone, which is what the journal keeps.
    position = replace(a_position(), stop=stop, quantity=quantity, tick=d(tick), lot=lot)
    state = position.state()
    assert decimal_of(state.stop) == position.stop
    assert decimal_of(state.quantity, FRACTIONAL_LOT) == position.quantity
    assert decimal_of(state.lot, FRACTIONAL_LOT) == position.lot
    assert decimal_of(1.0 / state.per_unit) == position.tick


@given(number=st.floats())
def test_the_rules_see_one_zero_and_every_other_number_as_it_is(number: float) -> None:
    found = with_one_zero(an_account()._replace(day_r=number)).day_r
    assert repr(found) == repr(0.0 if number == 0.0 else number)
