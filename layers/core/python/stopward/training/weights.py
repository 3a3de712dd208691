"""How much each trade teaches: less where trades overlap, less the older it is.

Source of the average uniqueness: Lopez de Prado, "Advances in Financial Machine Learning", 2018,
chapter 4.
"""

from typing import Final

import numpy as np

from stopward.training.dataset import Dataset, Floats, Integers

HALF_LIFE: Final = 1_000
"""Later trades after which a trade counts half."""
REMEMBERED: Final = 10 * HALF_LIFE
"""Later trades after which a trade is not learned from: it would count a thousandth."""


def uniqueness(entry_at: Integers, exit_at: Integers) -> Floats:
    """Return each trade's mean over its life of 1 / trades open at that time: over 0, at most 1.

    Trades of all symbols count together, for one market moves them. A trade that ends when it
    begins has the value of that instant.
    """
    if len(entry_at) == 0:
        return np.empty(0)
    edges = np.unique(np.concatenate((entry_at, exit_at)))
    begun = np.searchsorted(np.sort(entry_at), edges, side="right")
    ended = np.searchsorted(np.sort(exit_at), edges, side="right")
    # Open between an edge and the next, and at the edge itself, where who leaves is still there.
    between = (begun - ended)[:-1]
    at_edge = begun - np.searchsorted(np.sort(exit_at), edges, side="left")
    share = np.divide(1.0, between, out=np.zeros(len(between)), where=between > 0)
    summed = np.concatenate(([0.0], np.cumsum(share * np.diff(edges))))
    first, last = np.searchsorted(edges, entry_at), np.searchsorted(edges, exit_at)
    life = (exit_at - entry_at).astype(np.float64)
    found: Floats = np.divide(
        summed[last] - summed[first], life, out=1.0 / at_edge[first], where=life > 0.0
    )
    return np.clip(found, np.finfo(np.float64).tiny, 1.0)


def decay(count: int) -> Floats:
    """Return the weight of each of `count` trades in order of entry; that of the last is 1."""
    ages = np.arange(count - 1, -1, -1, dtype=np.float64)
    faded: Floats = 0.5 ** (ages / HALF_LIFE)
    return faded


def remembered(trades: Dataset) -> Dataset:
    """Return the last REMEMBERED trades, all that a learner needs to see."""
    return trades.take(np.arange(max(len(trades) - REMEMBERED, 0), len(trades)))


def weights(trades: Dataset) -> Floats:
    """Return what a learner is given: uniqueness times decay, scaled to a mean of 1."""
    raw = uniqueness(trades.entry_at, trades.exit_at) * decay(len(trades))
    return raw / raw.mean() if len(raw) else raw


def effective_n(trades: Dataset) -> float:
    """Return how many separate, equally recent trades would teach as much; at most all.

    `(sum u d)^2 / sum u d^2` of uniqueness u and decay d: the sum of u where nothing fades, Kish's
    effective sample size where nothing overlaps.
    """
    if not len(trades):
        return 0.0
    unique, faded = uniqueness(trades.entry_at, trades.exit_at), decay(len(trades))
    return float((unique * faded).sum() ** 2 / (unique * faded**2).sum())
