"""Real one-minute bars of the E-mini S&P 500 future, made from ticks.

Source: PyPI package mlfinpy (MIT), 500,000 ticks from 2013-09-01 17:00 to 2013-09-03 13:51:44.
The file states no time zone; its Sunday open at 17:00 is the exchange's, in Chicago: so declared.
"""

import csv
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from stopward.domain.identity import Symbol
from stopward.domain.market import ClosedBar
from stopward.local.data.packages import TICKS_FILE, package_file

SYMBOL: Final = Symbol("ES")
TICK: Final = "0.25"
CHICAGO: Final = ZoneInfo("America/Chicago")
LABEL: Final = "real E-mini minutes"
_MINUTE_TEXT: Final = len("2013-09-01 17:00")
_CACHE_COLUMNS: Final = ("at", "open", "high", "low", "close", "volume")


def read_minutes(folder: Path, *, cache: Path) -> tuple[ClosedBar, ...]:
    """Return every minute that traded, in order; minutes without a trade are absent.

    The last minute is cut off by the end of the file: `closed_minutes` leaves it out.
    `cache` is a folder for the built bars: ticks take half a second to read, bars hardly any time.
    """
    ticks = package_file(folder, TICKS_FILE)
    kept = cache / f"emini-minutes-{ticks.stat().st_size}.csv"
    if kept.is_file():
        return tuple(_read_cache(kept))
    bars = tuple(_bars_of(ticks))
    _write_cache(kept, bars)
    return bars


def _bars_of(ticks: Path) -> Iterator[ClosedBar]:
    with ticks.open(encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines)
        next(rows)
        minute = ""
        first = high = low = price = volume = 0.0
        for stamp, price_text, volume_text in rows:
            start = stamp[:_MINUTE_TEXT]
            tick = float(price_text)
            if start != minute:
                if minute:
                    yield _bar(_utc(minute), (first, high, low, price, volume))
                minute, first, high, low, volume = start, tick, tick, tick, 0.0
            high, low, price = max(high, tick), min(low, tick), tick
            volume += float(volume_text)
        if minute:
            yield _bar(_utc(minute), (first, high, low, price, volume))


def _utc(minute: str) -> datetime:
    return datetime.fromisoformat(minute).replace(tzinfo=CHICAGO).astimezone(UTC)


def _bar(at: datetime, numbers: tuple[float, float, float, float, float]) -> ClosedBar:
    first, high, low, last, volume = numbers
    return ClosedBar(
        symbol=SYMBOL, at=at, open=first, high=high, low=low, close=last, volume=volume
    )


def _read_cache(path: Path) -> Iterator[ClosedBar]:
    with path.open(encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines)
        next(rows)
        for at, *texts in rows:
            first, high, low, last, volume = (float(text) for text in texts)
            yield _bar(datetime.fromisoformat(at), (first, high, low, last, volume))


def _write_cache(path: Path, bars: tuple[ClosedBar, ...]) -> None:
    # Written beside and renamed, so that a killed process leaves no half file behind.
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(f".{os.getpid()}")
    with beside.open("w", encoding="utf-8", newline="") as lines:
        writer = csv.writer(lines)
        writer.writerow(_CACHE_COLUMNS)
        for bar in bars:
            writer.writerow(
                (bar.at.isoformat(), bar.open, bar.high, bar.low, bar.close, bar.volume)
            )
    beside.replace(path)


def closed_minutes(
    bars: tuple[ClosedBar, ...], *, opens_at: datetime, closes_at: datetime
) -> tuple[ClosedBar, ...]:
    """Return the bars of one session, without the file's last minute, which its end cut off."""
    minute = timedelta(minutes=1)
    return tuple(bar for bar in bars[:-1] if opens_at <= bar.at and bar.at + minute <= closes_at)
