"""Real daily bars of five stocks, 2000 to 2013, split-adjusted to any day.

Source: PyPI package bokeh_sampledata (BSD-3; the data is in the public domain by its manifest).
"""

import csv
import gzip
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Final

from stopward.domain.identity import Symbol
from stopward.domain.market import ClosedBar
from stopward.errors import InvalidInput
from stopward.local.data.calendar import NEW_YORK, new_york_day
from stopward.local.data.packages import STOCKS_FILE, package_file
from stopward.local.data.rows import Bars

SPLITS: Final[Mapping[Symbol, tuple[tuple[date, float], ...]]] = {
    Symbol("AAPL"): ((date(2000, 6, 21), 2.0), (date(2005, 2, 28), 2.0)),
    Symbol("MSFT"): ((date(2003, 2, 18), 2.0),),
}
"""First day at the new price, and new shares for one old share. The file's prices are as traded."""


def read_daily(folder: Path) -> Bars:
    """Return daily bars as traded, by symbol; `at` is midnight in New York, in UTC."""
    path = package_file(folder, STOCKS_FILE)
    found: dict[Symbol, list[ClosedBar]] = {}
    with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            bar = ClosedBar(
                symbol=Symbol(row["Ticker"]),
                at=midnight(date.fromisoformat(row["Date"])),
                open=float(row["Open"]),
                high=float(row["High"]),
                low=float(row["Low"]),
                close=float(row["Close"]),
                volume=float(row["Volume"]),
            )
            found.setdefault(bar.symbol, []).append(bar)
    return {symbol: tuple(bars) for symbol, bars in found.items()}


def midnight(day: date) -> datetime:
    """Return the start of a day in New York, in UTC: how brokers stamp a daily bar."""
    return datetime.combine(day, time(), tzinfo=NEW_YORK).astimezone(UTC)


def adjusted(bars: tuple[ClosedBar, ...], *, as_of: date) -> tuple[ClosedBar, ...]:
    """Return the daily bars up to a day, in the money of that day.

    A bar before a split of n for 1 has its prices divided and its volume multiplied by n.
    """
    kept = (bar for bar in bars if new_york_day(bar.at) <= as_of)
    return tuple(_divided(bar, _factor(bar, as_of)) for bar in kept)


def bar_of(bars: tuple[ClosedBar, ...], day: date) -> ClosedBar:
    """Return the bar of one day; raises InvalidInput when there is none."""
    for bar in bars:
        if new_york_day(bar.at) == day:
            return bar
    raise InvalidInput(f"no daily bar of {day} in the data package")


def _factor(bar: ClosedBar, as_of: date) -> float:
    day, factor = new_york_day(bar.at), 1.0
    for split_day, shares in SPLITS.get(bar.symbol, ()):
        if day < split_day <= as_of:
            factor *= shares
    return factor


def _divided(bar: ClosedBar, factor: float) -> ClosedBar:
    if factor == 1.0:
        return bar
    return replace(
        bar,
        open=bar.open / factor,
        high=bar.high / factor,
        low=bar.low / factor,
        close=bar.close / factor,
        volume=bar.volume * factor,
    )
