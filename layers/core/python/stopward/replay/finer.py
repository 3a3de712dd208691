"""Bars inside the bars: which of stop and target came first, where one bar holds both."""

from collections.abc import Mapping

import numpy as np

from stopward.domain.identity import Symbol
from stopward.replay.table import MINUTE, BarTable, Columns
from stopward.rules.columns import Finer


def finer_bars(table: BarTable, columns: Mapping[Symbol, Columns]) -> Finer:
    """Return where the finer bars of each bar lie; a bar of which none are known has none.

    columns: bars of the same symbols, shorter than those of the table; they belong to the bar in
    which they begin.
    """
    first = np.zeros(len(table), np.int64)
    last = np.zeros(len(table), np.int64)
    before = 0
    kept: list[Columns] = []
    for symbol, own in zip(table.symbols, table.series(), strict=True):
        inside = columns.get(symbol)
        if inside is None:
            continue
        starts = table.bars.at[own]
        ends = starts + np.rint(table.minutes[own] * MINUTE).astype(np.int64)
        first[own] = before + np.searchsorted(inside.at, starts, side="left")
        last[own] = before + np.searchsorted(inside.at, ends, side="left")
        before += len(inside.at)
        kept.append(inside)
    opened, high, low, close = (
        np.concatenate([np.empty(0), *(getattr(each, name) for each in kept)])
        for name in ("open", "high", "low", "close")
    )
    return Finer(open=opened, high=high, low=low, close=close, first=first, last=last)
