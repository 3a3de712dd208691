"""Bars that are at hand, as the broker would give them: one-minute bars, and days made of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from stopward.domain.identity import Symbol
from stopward.domain.market import ClosedBar, Session
from stopward.local.data.calendar import new_york_day, sessions_between
from stopward.local.data.stocks import midnight
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

    def daily_bars(
        self, symbols: Sequence[Symbol], *, since: datetime, until: datetime
    ) -> dict[Symbol, tuple[ClosedBar, ...]]:
        """Return bars of finished sessions, oldest first, made of those minutes that there are.

        A day of which no minute is at hand has none.
        """
        sessions = sessions_between(new_york_day(since), new_york_day(until))
        found: dict[Symbol, tuple[ClosedBar, ...]] = {}
        for symbol in symbols:
            own = self.columns.get(symbol)
            if own is None:
                continue
            days = [
                bar
                for session in sessions
                if session.closes_at <= until
                and (bar := _day(symbol, own, session)) is not None
                and bar.at >= since
            ]
            if days:
                found[symbol] = tuple(days)
        return found


def _day(symbol: Symbol, own: Columns, session: Session) -> ClosedBar | None:
    first, end = np.searchsorted(
        own.at, (microseconds(session.opens_at), microseconds(session.closes_at))
    )
    if first >= end:
        return None
    return ClosedBar(
        symbol=symbol,
        at=midnight(new_york_day(session.opens_at)),
        open=float(own.open[first]),
        high=float(own.high[first:end].max()),
        low=float(own.low[first:end].min()),
        close=float(own.close[end - 1]),
        volume=float(own.volume[first:end].sum()),
    )


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
