"""The one-minute bars of one symbol that were known at a time, with what they add up to."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from stopward.domain.features.inputs import MINUTE, Input
from stopward.domain.market import ClosedBar, Session
from stopward.domain.sessions import session_minutes
from stopward.rules.geometry import usable
from stopward.rules.indicators import (
    Carry,
    Periods,
    Readings,
    advance,
    readings,
    true_range,
    wilder,
)
from stopward.rules.types import NAN

PERIODS: Final = Periods()
LONG_ATR: Final = 120.0
"""Bars of the average true range that the present one is compared with."""
SLOPE: Final = 10
"""Bars over which the moving average's slope is taken."""
NOTHING: Final = readings(Carry(), PERIODS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """Bars of the session and of the one before, oldest first; nan is missing everywhere.

    first: place of the session's first bar; the length of `bars` when it has none.
    fast, slow: exponential averages of 12 and 26 closes. average_before: that of 20, SLOPE bars
    ago. long_atr: over LONG_ATR bars.
    """

    bars: tuple[ClosedBar, ...] = ()
    first: int = 0
    now: Readings = NOTHING
    fast: float = NAN
    slow: float = NAN
    average_before: float = NAN
    long_atr: float = NAN

    @property
    def close(self) -> float:
        """Return the last close."""
        return self.bars[-1].close if self.bars else NAN

    @property
    def today(self) -> tuple[ClosedBar, ...]:
        """Return the bars of the session so far."""
        return self.bars[self.first :]

    @property
    def before(self) -> tuple[ClosedBar, ...]:
        """Return the bars of the session before."""
        return self.bars[: self.first]


def strip_of(
    bars: Sequence[ClosedBar],
    *,
    at: datetime,
    sessions: Sequence[Session],
    row: Input,
) -> Strip:
    """Return what was known at a time; an empty strip when that is nothing, or too old.

    sessions: at most the one before and the present one, in order; other bars are passed over, so
    that a longer history changes nothing. Bars without prices are passed over too.
    """
    if not sessions:
        return Strip()
    kept = [
        bar
        for bar in known_bars(bars, at=at, row=row, since=sessions[0].opens_at)
        if any(session.contains(bar.at) for session in sessions)
    ]
    if not kept or _is_old(kept[-1], at=at, sessions=sessions, row=row):
        return Strip()
    first = bisect_left(kept, sessions[-1].opens_at, key=lambda bar: bar.at)
    return _read(tuple(kept), first)


def known_bars(
    bars: Sequence[ClosedBar], *, at: datetime, row: Input, since: datetime
) -> list[ClosedBar]:
    """Return the one-minute bars from a time on that had closed, and were known, at another."""
    last = at - row.lag - MINUTE
    first = bisect_left(bars, since, key=lambda bar: bar.at)
    return [bar for bar in bars[first:] if bar.at <= last and has_prices(bar)]


def has_prices(bar: ClosedBar) -> bool:
    """Return whether all four prices of a bar are prices."""
    return usable(bar.open) and usable(bar.high) and usable(bar.low) and usable(bar.close)


def _is_old(bar: ClosedBar, *, at: datetime, sessions: Sequence[Session], row: Input) -> bool:
    if row.oldest is None:
        return False
    return session_minutes(bar.at + MINUTE, at, sessions=sessions) * MINUTE > row.oldest


def _read(bars: tuple[ClosedBar, ...], first: int) -> Strip:
    carry = Carry()
    long_atr = average_before = NAN
    for place, bar in enumerate(bars):
        spanned = true_range(bar.high, bar.low, carry.close)
        long_atr = wilder(long_atr, spanned, place + 1.0, LONG_ATR)
        session = 0.0 if place < first else 1.0
        carry = advance(carry, bar.high, bar.low, bar.close, bar.volume, NAN, session, PERIODS)
        if place == len(bars) - 1 - SLOPE:
            average_before = readings(carry, PERIODS).average
    now = readings(carry, PERIODS)
    return Strip(
        bars=bars,
        first=first,
        # Before the session's first bar the carry still has the VWAP of the one before.
        now=now if first < len(bars) else now._replace(vwap=NAN),
        fast=carry.ema_fast if carry.count >= PERIODS.macd_fast else NAN,
        slow=carry.ema_slow if carry.count >= PERIODS.macd_slow else NAN,
        average_before=average_before,
        long_atr=long_atr if carry.count >= LONG_ATR else NAN,
    )
