"""What winners' adverse excursions tell, and how it gets into the rules and out of a decision."""

import math
import statistics
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopward.domain.excursions import (
    COUNTED,
    LEAST_R,
    Excursions,
    adverse_excursion,
    excursions_of,
    measure,
    measured_for,
    measured_in,
    with_measured,
)
from stopward.domain.rulebook import masked, parse
from stopward.rules.parameters import AdverseExcursion, Rules
from stopward.rules.types import NAN
from tests.builders.positions import a_position, d

MEASURED = Rules(adverse_excursion=adverse_excursion(limit_r=NAN, needed=30.0))
TYPED = Rules(adverse_excursion=adverse_excursion(limit_r=0.7, needed=30.0))
multiples = st.floats(0, 5)


class TestMeasuring:
    def test_without_winners_nothing_is_known(self) -> None:
        assert measure([]) == Excursions(winners=0, mae_r=None)

    @pytest.mark.parametrize(
        ("winners", "expected"),
        [
            ([0.3], 0.3),
            ([0.0, 1.0], 0.8),
            ([0.5, 0.1, 0.2, 0.4, 0.3, 0.0], 0.4),
            ([0.0, 0.0, 0.0, 0.0, 1.0], 0.2),
        ],
    )
    def test_four_of_five_stay_within(self, winners: list[float], expected: float) -> None:
        found = measure(winners)
        assert found.winners == len(winners)
        assert found.mae_r == pytest.approx(expected, rel=1e-15)

    @given(winners=st.lists(multiples, min_size=2, max_size=COUNTED))
    def test_it_is_the_inclusive_percentile_of_statistics(self, winners: list[float]) -> None:
        found = measure(winners).mae_r
        assert found is not None
        inclusive = statistics.quantiles(winners, n=5, method="inclusive")[3]
        assert found == pytest.approx(inclusive, abs=1e-12)
        assert min(winners) <= found <= max(winners)

    @given(winners=st.lists(multiples, min_size=1, max_size=60), data=st.data())
    def test_the_order_of_trades_does_not_matter(
        self, winners: list[float], data: st.DataObject
    ) -> None:
        assert measure(data.draw(st.permutations(winners))) == measure(winners)


class TestOfOnePosition:
    @given(
        side=st.sampled_from(["long", "short"]),
        best=st.floats(1, 500),
        worst=st.floats(1, 500),
        exits=st.lists(st.decimals(1, 500, places=2), max_size=3),
    )
    def test_both_are_numbers_from_zero_on(self, side, best, worst, exits) -> None:
        position = a_position(side)
        position = replace(position, marks=position.marks._replace(best=best, worst=worst))
        found = excursions_of(position, exits)
        assert all(0 <= each < math.inf for each in found)
        prices = [best, worst, *map(float, exits)]
        farthest = max(abs(price - float(position.average_entry)) for price in prices)
        assert max(found) == pytest.approx(farthest / float(position.risk))

    def test_a_mark_that_is_no_number_is_passed_over(self) -> None:
        position = a_position()
        position = replace(position, marks=position.marks._replace(best=NAN, worst=NAN))
        assert excursions_of(position, [d(101)]) == (0.0, 0.5)


class TestInTheRules:
    def test_a_typed_limit_needs_no_winners(self) -> None:
        assert adverse_excursion(limit_r=0.7, needed=30.0) == AdverseExcursion(0.7, 0.0, 0.0)

    def test_a_measured_limit_takes_the_place_of_nan(self) -> None:
        measured = measured_for(MEASURED, Excursions(winners=64, mae_r=0.64))
        assert measured == (0.64, 64.0)
        rules = with_measured(MEASURED, measured)
        assert rules.adverse_excursion == AdverseExcursion(0.64, 64.0, 30.0)

    def test_without_winners_the_limit_stays_unknown(self) -> None:
        limit_r, winners = measured_for(MEASURED, Excursions())
        assert (math.isnan(limit_r), winners) == (True, 0.0)

    def test_a_measured_limit_is_never_nearer_than_a_typed_one_may_be(self) -> None:
        assert measured_for(MEASURED, Excursions(winners=40, mae_r=0.0)) == (LEAST_R, 40.0)

    @pytest.mark.parametrize("rules", [Rules(), TYPED, masked(MEASURED, "breakeven")])
    def test_rules_that_ask_for_nothing_get_nothing(self, rules: Rules) -> None:
        measured = measured_for(rules, Excursions(winners=64, mae_r=0.64))
        assert measured == ()
        assert with_measured(rules, measured) == rules
        assert measured_in(rules) == ()

    @given(winners=st.integers(1, COUNTED), mae_r=multiples)
    def test_what_a_decision_keeps_makes_its_rules_again(self, winners: int, mae_r: float) -> None:
        book = parse("[rules.adverse_excursion]\n[rules.breakeven]", source="test")
        excursions = Excursions(winners=winners, mae_r=mae_r)
        used = with_measured(book.base, measured_for(book.base, excursions))
        assert with_measured(book.base, measured_in(used)) == used
        assert used.breakeven == book.base.breakeven
