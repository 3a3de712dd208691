"""What an import would do, before anything is written: as text, and as a document of JSON."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from stopward.adapters.imports import Imported
from stopward.domain.history import RoundTrip
from stopward.domain.identity import Symbol
from stopward.domain.money import plain
from stopward.local.data.csv_reading import shown
from stopward.local.history.merging import Merged
from stopward.local.history.reading import HistoryFile
from stopward.local.screen.words import NEW_YORK, counted, listed

FIRST_HOUR: Final = 4
LAST_HOUR: Final = 20
"""New York hours in which US equities trade, before and after the session too."""
SATURDAY: Final = 5
SHOWN: Final = 40
"""Symbols that the table has; those with the most trades. JSON has all."""
NAMED: Final = 10
"""Names that a note repeats."""
COLUMNS: Final = ("symbol", "trades", "long", "short", "won", "fees", "result", "left open")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """A file, what it adds, and what the reader was told.

    is_compared: with what is stored. elsewhere: symbols that another source has executions of.
    """

    file: HistoryFile
    merged: Merged
    zone: str | None
    is_compared: bool
    elsewhere: tuple[Symbol, ...] = ()


def text(preview: Preview) -> Iterator[str]:
    """Yield the lines that are shown before the question."""
    file, merged = preview.file, preview.merged
    first, last = _span(file)
    zone = f", times read in {preview.zone}" if preview.zone else ""
    yield (
        f"{file.path}: {file.source}, {counted(len(file.executions), 'execution')}, "
        f"{_day(first)} to {_day(last)} (New York){zone}"
    )
    if merged.histories:
        yield from _table(_lines(preview))
    yield from (f"note: {note}" for note in notes(preview))


def notes(preview: Preview) -> list[str]:
    """Return what a person should know beside the table, a sentence each."""
    file, merged = preview.file, preview.merged
    told = []
    if merged.known:
        told.append(f"{counted(merged.known, 'execution')} of it stored already, left as they are")
    if file.repeated:
        told.append(f"{counted(file.repeated, 'row')} in the file twice, counted once")
    told += [f"{counted(count, 'row')} left out: {why}" for why, count in file.left_out.items()]
    if file.refused_count:
        told.append(f"{counted(file.refused_count, 'bad row')} skipped; the first:")
        told += list(file.refused)
    if file.unread:
        told.append(
            f"columns not read: {listed([shown(name) for name in file.unread], most=NAMED)}"
        )
    if merged.unopened:
        closes = [
            f"{each.symbol} {plain(each.quantity)} on {_day(each.at)}" for each in merged.unopened
        ]
        told.append(
            f"closed, but opened before the file begins, so no trade: {listed(closes, most=NAMED)}"
        )
    if merged.open_trips:
        left = [
            f"{trip.symbol} {trip.side} {plain(trip.quantity)} since {_day(trip.opened_at)}"
            for trip in merged.open_trips
        ]
        told.append(f"open at the end, so no trade yet: {listed(left, most=NAMED)}")
    if not file.has_fees:
        told.append("the file tells no fees: results are before fees")
    unknown = sum(trip.risk is None for trip in merged.trades)
    if unknown:
        told.append(
            f"{counted(unknown, 'trade')} without an initial stop: their R is unknown, and stays so"
        )
    if odd := _outside_hours(file):
        told.append(
            f"{odd} of {counted(len(file.executions), 'execution')} lie outside {FIRST_HOUR}:00 to "
            f"{LAST_HOUR}:00 of a weekday in New York: is the time zone right?"
        )
    if preview.elsewhere:
        told.append(
            f"another source has executions of {listed(preview.elsewhere, most=NAMED)} too: if "
            "they are the same, every trade would count twice"
        )
    if not preview.is_compared:
        told.append("not compared with what is stored: no database was named")
    return told


def document(preview: Preview, written: Imported | None) -> dict[str, object]:
    """Return all of it for JSON, money as text. written: None when nothing was stored."""
    file, merged = preview.file, preview.merged
    first, last = _span(file)
    return {
        "file": str(file.path),
        "source": file.source,
        "timezone": preview.zone,
        "first_at": first.isoformat(),
        "last_at": last.isoformat(),
        "executions": len(file.executions),
        "known": merged.known,
        "new": merged.new,
        "repeated": file.repeated,
        "left_out": dict(file.left_out),
        "refused": file.refused_count,
        "trades": len(merged.trades),
        "result": plain(_sum(trip.result for trip in merged.trades)),
        "fees": plain(_sum(trip.fees for trip in merged.trades)),
        "symbols": [_entry(line) for line in _lines(preview)],
        "notes": notes(preview),
        "written": None
        if written is None
        else {
            "executions": written.executions,
            "trades": written.trades,
            "trades_removed": written.trades_removed,
        },
    }


def _entry(line: tuple[str, ...]) -> dict[str, object]:
    symbol, *counts, fees, result, left = line
    numbers = (int(count) for count in counts)
    values = (symbol, *numbers, fees, result, left or None)
    return dict(zip((name.replace(" ", "_") for name in COLUMNS), values, strict=True))


def _lines(preview: Preview) -> list[tuple[str, ...]]:
    by_symbol: dict[Symbol, list[RoundTrip]] = {
        each.symbol: [] for each in preview.merged.histories
    }
    for trip in preview.merged.trades:
        by_symbol[trip.symbol].append(trip)
    left = {
        trip.symbol: f"{trip.side} {plain(trip.quantity)}" for trip in preview.merged.open_trips
    }
    return [_line(symbol, trips, left) for symbol, trips in by_symbol.items()]


def _line(name: str, trips: Sequence[RoundTrip], left: Mapping[Symbol, str]) -> tuple[str, ...]:
    return (
        name,
        str(len(trips)),
        str(sum(trip.side == "long" for trip in trips)),
        str(sum(trip.side == "short" for trip in trips)),
        str(sum(trip.result > 0 for trip in trips)),
        f"{_sum(trip.fees for trip in trips):.2f}",
        f"{_sum(trip.result for trip in trips):.2f}",
        left.get(Symbol(name), ""),
    )


def _table(lines: list[tuple[str, ...]]) -> Iterator[str]:
    most = sorted(lines, key=lambda line: -int(line[1]))[:SHOWN]
    shown = [line for line in lines if line in most]
    widths = [max(len(line[place]) for line in (COLUMNS, *shown)) for place in range(len(COLUMNS))]
    for line in (COLUMNS, *shown):
        first, *numbers, last = line
        cells = [first.ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(numbers, widths[1:-1], strict=True)]
        yield "  ".join((*cells, last)).rstrip()
    if len(shown) < len(lines):
        yield f"and {counted(len(lines) - len(shown), 'symbol')} more"


def _sum(numbers: Iterator[Decimal]) -> Decimal:
    return sum(numbers, Decimal(0))


def _span(file: HistoryFile) -> tuple[datetime, datetime]:
    times = [each.at for each in file.executions]
    return min(times), max(times)


def _day(moment: datetime) -> str:
    return moment.astimezone(NEW_YORK).date().isoformat()


def _outside_hours(file: HistoryFile) -> int:
    there = (each.at.astimezone(NEW_YORK) for each in file.executions)
    return sum(
        moment.weekday() >= SATURDAY or not FIRST_HOUR <= moment.hour < LAST_HOUR
        for moment in there
    )
