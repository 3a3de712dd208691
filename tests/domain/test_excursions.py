"""What winners' adverse excursions tell."""

import math
import statistics
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopward.domain.excursions import (
    COUNTED,
    Excursions,
    adverse_excursion,
    excursions_of,
    measure,
)
from stopward.rules.parameters import AdverseExcursion
from stopward.rules.types import NAN
from tests.builders.positions import a_position, d

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


class TestTyping:
    def test_a_typed_limit_needs_no_winners(self) -> None:
        assert adverse_excursion(limit_r=0.7, needed=30.0) == AdverseExcursion(0.7, 0.0, 0.0)
