"""Weights: trades that overlap teach less together, old ones less than late ones."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stopward.training.dataset import Dataset, dataset
from stopward.training.weights import (
    HALF_LIFE,
    REMEMBERED,
    decay,
    effective_n,
    remembered,
    uniqueness,
    weights,
)
from tests.builders.simulated_trades import some_trades

spans = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 15)), min_size=1, max_size=25)


def trades_of(found: list[tuple[int, int]]) -> Dataset:
    """Return trades of entries and lengths."""
    entry = np.array([begin for begin, _ in found], np.int64)
    return dataset(
        x=np.zeros((len(found), 1)),
        names=("none",),
        schema_hash="a",
        net_r=np.ones(len(found)),
        entry_at=entry,
        exit_at=entry + np.array([length for _, length in found], np.int64),
    )


def open_at(trades: Dataset, moment: float) -> int:
    """Count the trades that are open at a moment, both ends included."""
    return int(((trades.entry_at <= moment) & (moment <= trades.exit_at)).sum())


@given(spans)
def test_uniqueness_is_the_mean_share_over_the_life(found: list[tuple[int, int]]) -> None:
    trades = trades_of(found)
    for value, begin, end in zip(
        uniqueness(trades.entry_at, trades.exit_at), trades.entry_at, trades.exit_at, strict=True
    ):
        moments = [begin] if begin == end else np.arange(begin, end) + 0.5
        assert value == pytest.approx(np.mean([1.0 / open_at(trades, at) for at in moments]))


@given(spans, st.integers(-1_000, 1_000))
def test_effective_n_is_at_most_the_count_and_does_not_know_the_date(
    found: list[tuple[int, int]], later: int
) -> None:
    trades = trades_of(found)
    moved = replace(trades, entry_at=trades.entry_at + later, exit_at=trades.exit_at + later)
    assert 0.0 < effective_n(trades) <= len(trades) + 1e-9
    assert effective_n(moved) == pytest.approx(effective_n(trades))


@given(st.integers(1, 8), st.integers(1, 8))
def test_trades_that_run_together_count_as_one(together: int, times: int) -> None:
    found = [(100 * step, 10) for step in range(times) for _ in range(together)]
    assert effective_n(trades_of(found)) == pytest.approx(times, rel=0.02)


def test_a_half_life_later_a_trade_counts_half() -> None:
    found = decay(3 * HALF_LIFE)
    assert found[-1] == 1.0
    assert found[-1 - HALF_LIFE] == pytest.approx(0.5)
    assert (np.diff(found) > 0.0).all()


def test_decay_caps_the_effective_number_as_kish_says() -> None:
    """(1 + r) / (1 - r) of r = 2^(-1/h); with a half-life of 250 it would be 721."""
    apart = trades_of([(100 * step, 10) for step in range(20_000)])
    fading = 0.5 ** (1 / HALF_LIFE)
    assert effective_n(apart) == pytest.approx((1 + fading) / (1 - fading), rel=0.001)


def test_what_is_forgotten_counted_a_thousandth_of_the_last() -> None:
    trades = trades_of([(100 * step, 10) for step in range(REMEMBERED + 500)])
    assert remembered(trades).entry_at.tolist() == trades.entry_at[500:].tolist()
    assert decay(len(trades))[:500].max() < 0.001 < 2 * decay(len(trades))[500]
    assert effective_n(remembered(trades)) == pytest.approx(effective_n(trades), rel=0.003)
    assert len(remembered(some_trades(300))) == 300


def test_weights_have_a_mean_of_one() -> None:
    found = weights(some_trades(300, holding_minutes=200))
    assert found.mean() == pytest.approx(1.0)
    assert (found > 0.0).all()
    assert weights(some_trades(300).take(np.arange(0))).tolist() == []
    assert effective_n(some_trades(300).take(np.arange(0))) == 0.0
