"""What features are made from, and when each of it is known."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

MINUTE: Final = timedelta(minutes=1)
DAY: Final = timedelta(hours=16)
"""A daily bar begins at New York's midnight; its session has closed so much later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """One thing that a feature may need.

    lag_seconds: from when it is of (the end of a bar) until it counts as known. oldest_seconds: an
    older one is as good as missing; None where age is no matter.
    """

    lag_seconds: float = 0.0
    oldest_seconds: float | None = None
    meaning: str

    @property
    def lag(self) -> timedelta:
        """Return the lag as a length of time."""
        return timedelta(seconds=self.lag_seconds)

    @property
    def oldest(self) -> timedelta | None:
        """Return the greatest age as a length of time."""
        return None if self.oldest_seconds is None else timedelta(seconds=self.oldest_seconds)


INPUTS: Final[Mapping[str, Input]] = {
    "signal": Input(meaning="symbol, side, entry and time of the trade"),
    "stop": Input(meaning="the stop known at the entry, on the losing side of it"),
    "target": Input(meaning="the target known at the entry, on the winning side of it"),
    "sessions": Input(meaning="the exchange's sessions, this one and the one before"),
    "bars": Input(
        lag_seconds=5.0,
        oldest_seconds=1_800.0,
        meaning="closed one-minute bars of the symbol, of this session and the one before",
    ),
    "daily_bars": Input(
        lag_seconds=3_600.0,
        oldest_seconds=604_800.0,
        meaning="daily bars of the symbol, the last 60",
    ),
    "market_bars": Input(
        lag_seconds=5.0,
        oldest_seconds=1_800.0,
        meaning="closed one-minute bars of a market index, of the same two sessions",
    ),
    "vix": Input(
        lag_seconds=900.0,
        oldest_seconds=345_600.0,
        meaning="readings of the VIX, whose free feeds are a quarter of an hour late",
    ),
    "breadth": Input(
        lag_seconds=60.0,
        oldest_seconds=1_800.0,
        meaning="readings of the share of advancing stocks, from 0 to 1",
    ),
    "account": Input(
        lag_seconds=60.0,
        meaning="the account's last 200 results, and how many other positions were open",
    ),
    "held_stop": Input(meaning="the stop that rests now"),
}
"""By name. The ages of bars are in minutes of session, the others by the clock. [judgement]"""
