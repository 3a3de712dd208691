"""Splits that never learn from what a later trade knows: expanding, purged and embargoed.

Source: Lopez de Prado, "Advances in Financial Machine Learning", 2018, chapter 7.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np

from stopward.errors import InvalidInput
from stopward.training.dataset import DAY, Dataset, Integers

FOLDS: Final = 5
"""Outer steps of the walk; 4 at least."""
FIRST_SHARE: Final = 0.3
"""Part of the trades that only teach, before the first test. [judgement]"""
HOLDING: Final = 0.95
"""The quantile of the holding times that the embargo is at least."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Fold:
    """One step: places of the trades to learn from and to test on, both rising."""

    fit: Integers
    test: Integers


def walk_forward(trades: Dataset, *, folds: int = FOLDS) -> tuple[Fold, ...]:
    """Return the steps of an expanding walk; each trade after the first share is tested once.

    A trade teaches only if it ended before the embargo that lies before the first test entry. The
    fit of a step may be empty where trades are long. Raises InvalidInput for fewer trades than
    steps.
    """
    if folds < 2 or len(trades) < 2 * folds:
        raise InvalidInput(
            f"{len(trades)} trades do not make {folds} folds; allowed are 2 folds or more, "
            "of 2 trades or more"
        )
    begin = max(round(FIRST_SHARE * len(trades)), 1)
    cuts = np.linspace(begin, len(trades), folds + 1).round().astype(np.int64)
    holding = embargo(trades)
    return tuple(
        Fold(fit=_ended_before(trades, int(first), holding), test=np.arange(first, last))
        for first, last in pairwise(cuts)
    )


def purged_blocks(trades: Dataset, *, blocks: int) -> tuple[Fold, ...]:
    """Return as many steps as blocks: one block is held out, all trades apart from it teach.

    For a calibration inside the fit, never to judge by: later trades teach too. On both sides of
    the block what overlaps it, or lies within the embargo, is left out.
    """
    cuts = np.linspace(0, len(trades), blocks + 1).round().astype(np.int64)
    holding = embargo(trades)
    found = []
    for first, last in pairwise(cuts):
        held = np.arange(first, last)
        ends = int(trades.exit_at[held].max())
        after = np.flatnonzero(trades.entry_at > _session_after(trades, ends, holding))
        before = _ended_before(trades, int(first), holding)
        found.append(Fold(fit=np.concatenate((before, after[after >= last])), test=held))
    return tuple(found)


def embargo(trades: Dataset) -> int:
    """Return the quantile HOLDING of the holding times, in microseconds."""
    return int(np.quantile(trades.exit_at - trades.entry_at, HOLDING, method="higher"))


def _ended_before(trades: Dataset, first: int, holding: int) -> Integers:
    """Return the trades that ended an embargo before trade `first` was entered.

    A whole session with trades lies between, and the usual holding time.
    """
    entry = int(trades.entry_at[first])
    days: Sequence[int] = np.unique(trades.day[: first + 1])[-2:].tolist()
    # No session before it is known to us: what ended on an earlier day is a session apart.
    session = days[0] * DAY
    limit = min(session, entry - holding)
    return np.flatnonzero(trades.exit_at < limit)


def _session_after(trades: Dataset, ends: int, holding: int) -> int:
    """Return the time after which an entry is an embargo away from `ends`."""
    later = np.unique(trades.day[trades.day > ends // DAY])
    session = (int(later[0]) + 1) * DAY - 1 if len(later) else ends + DAY
    return max(session, ends + holding)
