"""Bars that are at hand as the BarSource of an attribution."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from stopward.domain.identity import Symbol
from stopward.domain.market import ClosedBar
from stopward.replay.table import MINUTE, Columns, microseconds, moment_of


@dataclass(frozen=True, slots=True)
class KnownBars:
    """One-minute bars by symbol, such as a file has them."""

    columns: Mapping[Symbol, Columns]

    def bars(
        self, symbols: Sequence[Symbol], *, since: datetime, until: datetime
    ) -> dict[Symbol, tuple[ClosedBar, ...]]:
        """Return closed bars, oldest first: since <= at and at + 1 min <= until."""
        found: dict[Symbol, tuple[ClosedBar, ...]] = {}
        for symbol in symbols:
            own = self.columns.get(symbol)
            if own is None:
                continue
            first = int(np.searchsorted(own.at, microseconds(since), side="left"))
            end = int(np.searchsorted(own.at, microseconds(until) - MINUTE, side="right"))
            if first < end:
                found[symbol] = tuple(_bar(symbol, own, at) for at in range(first, end))
        return found


def _bar(symbol: Symbol, own: Columns, at: int) -> ClosedBar:
    return ClosedBar(
        symbol=symbol,
        at=moment_of(int(own.at[at])),
        open=float(own.open[at]),
        high=float(own.high[at]),
        low=float(own.low[at]),
        close=float(own.close[at]),
        volume=float(own.volume[at]),
    )
