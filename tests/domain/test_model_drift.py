"""The stability index: 0 for what lies as it lay, as numpy has it, and no surprise at ties."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopward.domain.model_tracking.drift import (
    FLOOR,
    LEAST_ROWS,
    Spread,
    stabilities,
    stability,
)

EDGES = tuple(float(place) for place in range(1, 10))
TENTHS = Spread(missing=0.0, edges=EDGES, shares=(0.1,) * 10)


def spread_of(column: np.ndarray) -> Spread:
    """Return the spread of a column in another way than training does: by comparing with edges."""
    there = column[~np.isnan(column)]
    edges = np.quantile(there, np.linspace(0, 1, 11)[1:-1]) if len(there) else np.empty(0)
    above = np.array([(there > edge).mean() for edge in edges])
    shares = -np.diff(np.concatenate(([1.0], above, [0.0]))) if len(there) else np.empty(0)
    missing = float(np.isnan(column).mean())
    return Spread(missing=missing, edges=tuple(edges.tolist()), shares=tuple(shares.tolist()))


def as_values(column: np.ndarray) -> list[float | None]:
    return [None if np.isnan(each) else float(each) for each in column]


columns = st.lists(
    st.one_of(st.none(), st.sampled_from([-1.0, 0.0, 1.0]), st.floats(-5.0, 5.0)),
    min_size=1,
    max_size=60,
).map(lambda values: np.array([np.nan if each is None else each for each in values]))


@settings(max_examples=40)
@given(columns)
def test_what_lies_as_in_training_has_none_ties_and_gaps_included(column: np.ndarray) -> None:
    assert stability(spread_of(column), as_values(column)) == pytest.approx(0.0, abs=1e-12)


@settings(max_examples=40)
@given(columns, columns)
def test_it_is_never_negative_and_has_no_direction_in_order(
    column: np.ndarray, other: np.ndarray
) -> None:
    spread, values = spread_of(column), as_values(other)
    found = stability(spread, values)
    assert found >= 0.0
    assert stability(spread, values[::-1]) == pytest.approx(found)


def test_it_is_numpys() -> None:
    random = np.random.default_rng(7)
    before, after = random.normal(0, 1, 5_000), random.normal(0.5, 1.2, 300)
    after[:30] = np.nan
    spread = spread_of(before)
    there = after[~np.isnan(after)]
    counts = np.histogram(there, [-np.inf, *spread.edges, np.inf])[0]
    p = np.maximum(np.array([*counts, 30]) / 300, FLOOR)
    q = np.maximum(np.array([*spread.shares, 0.0]), FLOOR)
    expected = ((p - q) * np.log(p / q)).sum()
    assert stability(spread, as_values(after)) == pytest.approx(expected)
    assert expected > 0.2


@pytest.mark.parametrize(
    ("values", "moved"),
    [
        ([place % 10 + 0.5 for place in range(200)], False),
        ([place % 10 + 1.5 for place in range(200)], True),  # a step up: nothing below the first
        ([9.5] * 200, True),
        ([None] * 200, True),
        ([None if place < 20 else place % 10 + 0.5 for place in range(200)], True),
    ],
)
def test_a_shift_a_constant_and_a_source_that_fell_silent_are_seen(
    values: list[float | None], moved: bool
) -> None:
    assert (stability(TENTHS, values) > 0.2) is moved


def test_an_edge_belongs_to_the_part_below_it() -> None:
    sides = Spread(missing=0.0, edges=(-1.0, 1.0), shares=(0.5, 0.5, 0.0))
    assert stability(sides, [-1.0, 1.0] * 100) == pytest.approx(0.0)
    assert stability(sides, [-1.0, 1.1] * 100) > 1.0


def test_what_training_never_saw_counts_as_much_as_its_floor_lets_it() -> None:
    never = Spread(missing=1.0, edges=(), shares=())
    assert stability(never, [None] * 10) == pytest.approx(0.0)
    assert stability(never, [1.0] * 10) == pytest.approx(2 * (1 - FLOOR) * -np.log(FLOOR))


def test_few_rows_are_not_compared() -> None:
    rows = [(place % 10 + 0.5, 0.5) for place in range(LEAST_ROWS)]
    spreads = {"a": TENTHS, "b": TENTHS}
    assert stabilities(spreads, rows[1:]) == {}
    found = stabilities(spreads, rows)
    assert found["a"] == pytest.approx(0.0)
    assert found["b"] > 0.2
