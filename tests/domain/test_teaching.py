"""The age at which a trade teaches: drawn from its id, and from nothing else."""

from collections import Counter
from datetime import timedelta
from itertools import pairwise

from stopward.domain.features.teaching import AGES, WITHIN, taught_from
from stopward.domain.identity import PositionId
from tests.builders.store import NOON


def test_each_age_is_as_likely() -> None:
    ids = [PositionId(f"main/AAPL/{number}") for number in range(4_000)]
    found = Counter((taught_from(each, NOON) - NOON) / timedelta(minutes=1) for each in ids)
    assert found.keys() == set(map(float, AGES))
    # 500 of each, and five standard errors.
    assert all(395 <= count <= 605 for count in found.values())


def test_it_is_the_same_each_time_and_moves_with_the_entry() -> None:
    position = PositionId("main/AAPL/1")
    later = NOON + timedelta(seconds=17)
    assert taught_from(position, NOON) == taught_from(position, NOON)
    assert taught_from(position, later) - later == taught_from(position, NOON) - NOON


def test_ages_are_kept_apart_by_the_time_in_which_a_vector_counts() -> None:
    steps = [after - before for before, after in pairwise(AGES)]
    assert min(steps) * timedelta(minutes=1) >= WITHIN
