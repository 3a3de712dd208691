"""Splits: nothing is learned from a trade that a test trade overlaps, or nearly."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopward.errors import InvalidInput
from stopward.training.dataset import DAY, Dataset
from stopward.training.splits import FIRST_SHARE, Fold, embargo, purged_blocks, walk_forward
from tests.builders.simulated_trades import some_trades

journals = st.builds(
    some_trades,
    st.integers(20, 120),
    seed=st.integers(0, 1_000),
    features=st.just(5),
    a_day=st.integers(1, 12),
    holding_minutes=st.floats(1.0, 5_000.0),
    overnight=st.booleans(),
)


def overlaps(trades: Dataset, fold: Fold) -> bool:
    """Return whether any trade to learn from runs while a test trade runs, by looking at all."""
    begin, end = trades.entry_at[fold.fit][:, None], trades.exit_at[fold.fit][:, None]
    return bool(((begin <= trades.exit_at[fold.test]) & (trades.entry_at[fold.test] <= end)).any())


@settings(max_examples=40)
@given(journals, st.integers(2, 6))
def test_no_trade_to_learn_from_overlaps_a_test_trade(trades: Dataset, folds: int) -> None:
    for fold in (*walk_forward(trades, folds=folds), *purged_blocks(trades, blocks=folds)):
        assert not overlaps(trades, fold)


@settings(max_examples=40)
@given(journals, st.integers(2, 6))
def test_the_embargo_is_a_session_and_the_usual_holding(trades: Dataset, folds: int) -> None:
    for fold in walk_forward(trades, folds=folds):
        if not len(fold.fit):
            continue
        first, last = trades.entry_at[fold.test].min(), trades.exit_at[fold.fit].max()
        assert first - last > embargo(trades)
        day = first // DAY
        before = trades.day[trades.day < day]
        if len(before):
            assert last // DAY < before.max()


@settings(max_examples=40)
@given(journals, st.integers(2, 5))
def test_held_out_blocks_have_the_embargo_on_both_sides(trades: Dataset, blocks: int) -> None:
    for fold in purged_blocks(trades, blocks=blocks):
        first, last = trades.entry_at[fold.test].min(), trades.exit_at[fold.test].max()
        before, after = fold.fit[fold.fit < fold.test[0]], fold.fit[fold.fit > fold.test[-1]]
        assert (trades.exit_at[before] < first - embargo(trades)).all()
        assert (trades.entry_at[after] > last + embargo(trades)).all()
        between = trades.day[(trades.day > last // DAY)]
        assert not len(after) or (trades.day[after] > between.min()).all()


@settings(max_examples=40)
@given(journals, st.integers(2, 6))
def test_each_trade_after_the_first_share_is_tested_once(trades: Dataset, folds: int) -> None:
    steps = walk_forward(trades, folds=folds)
    tested = np.concatenate([fold.test for fold in steps])
    assert len(steps) == folds
    assert tested.tolist() == list(range(round(FIRST_SHARE * len(trades)), len(trades)))
    assert all(len(fold.test) > 0 for fold in steps)


@settings(max_examples=40)
@given(journals)
def test_the_walk_expands_and_never_learns_from_later_trades(trades: Dataset) -> None:
    steps = walk_forward(trades)
    for fold in steps:
        assert (fold.fit < fold.test[0]).all()
    for earlier, later in pairwise(steps):
        assert set(earlier.fit) <= set(later.fit)


@settings(max_examples=40)
@given(journals, st.integers(2, 5))
def test_held_out_blocks_cover_everything_once(trades: Dataset, blocks: int) -> None:
    found = purged_blocks(trades, blocks=blocks)
    held = np.concatenate([fold.test for fold in found])
    assert held.tolist() == list(range(len(trades)))
    for fold in found:
        assert not set(fold.fit) & set(fold.test)
        assert (np.diff(fold.fit) > 0).all()


@pytest.mark.parametrize(("count", "folds"), [(9, 5), (100, 1)])
def test_too_few_trades_or_folds_are_refused(count: int, folds: int) -> None:
    with pytest.raises(InvalidInput, match="do not make"):
        walk_forward(some_trades(count), folds=folds)
