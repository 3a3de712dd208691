"""Bounds of a share are scipy's."""

import pytest
from scipy.stats import binomtest

from stopward.domain.share import wilson


@pytest.mark.parametrize(("hits", "count"), [(0, 1), (1, 1), (3, 10), (50, 100), (999, 1_000)])
@pytest.mark.parametrize("tail", [0.05, 0.025])
def test_they_are_scipys(hits: int, count: int, tail: float) -> None:
    theirs = binomtest(hits, count).proportion_ci(1.0 - 2.0 * tail, method="wilson")
    assert wilson(hits, count, tail=tail) == pytest.approx((theirs.low, theirs.high))
