"""Bars of many symbols from a CSV or Parquet file, as arrays, read in a stream.

Rows are read and checked in portions. A file that is not right in every number is read again row by
row by the reader that `stopward up` has, so that both refuse the same rows in the same words. So is
a pipe, which can be read but once.
"""

import re
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from stopward.domain.identity import Symbol
from stopward.domain.market import ClosedBar
from stopward.domain.rulebook.reading import SYMBOL
from stopward.errors import InvalidInput
from stopward.local.data.csv_files import BAR_COLUMNS, check_bar_order, each_bar, read_bar
from stopward.local.data.csv_reading import LARGEST, Fault, Faults, check_header
from stopward.replay.table import MINUTE, Columns, Integers, microseconds, moment_of

PORTION: Final = 250_000
"""Rows that are in memory as text at a time."""
BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
ODD: Final = re.compile(rb"[^0-9A-Za-z.,:+\- \r\n]|\r(?!\n)")
NUMBERS: Final = ("open", "high", "low", "close", "volume")
PANDAS_INDEX: Final = "__index_level_"
"""A column that pandas adds by itself; it says nothing."""
PARQUET: Final = (".parquet", ".pq")
Progress = Callable[[int], None]
"""Told how many more rows were read."""


@dataclass(slots=True)
class _Series:
    """One symbol's bars so far, in portions."""

    at: list[Integers] = field(default_factory=list)
    numbers: list[Any] = field(default_factory=list)
    last: int = 0


def read_bar_columns(
    path: Path,
    *,
    symbols: frozenset[Symbol] | None = None,
    whole_minutes: bool = True,
    progress: Progress = lambda _: None,
) -> dict[Symbol, Columns]:
    """Return the bars of a file by symbol; of others than `symbols` the last one only.

    All are checked, whatever is kept.

    The columns are symbol, at, open, high, low, close and volume; `at` is the start of the bar. In
    Parquet `at` is a timestamp with a time zone, or text. whole_minutes: bars start on the minute.

    Raises InvalidInput with up to 20 problems: line (of a CSV) or row, column, what was read,
    remedy.
    """
    if path.suffix.lower() in PARQUET:
        return _read_parquet(path, symbols, whole_minutes=whole_minutes, progress=progress)
    found: dict[str, _Series] = {}
    if is_plain(path, columns=len(BAR_COLUMNS)):
        for portion in _csv_portions(path):
            good = _numbers_of(portion, whole_minutes=whole_minutes)
            if good is None or not _take(good, found, symbols):
                break
            progress(len(portion))
        else:
            if found:
                return {Symbol(symbol): _columns(own) for symbol, own in sorted(found.items())}
    return _carefully(path, symbols, whole_minutes=whole_minutes)


def _carefully(
    path: Path, symbols: frozenset[Symbol] | None, *, whole_minutes: bool
) -> dict[Symbol, Columns]:
    """Read row by row; what is kept is kept as numbers."""
    found: dict[Symbol, tuple[array[int], array[float]]] = {}
    for bar in each_bar(path, whole_minutes=whole_minutes):
        at, numbers = found.setdefault(bar.symbol, (array("q"), array("d")))
        if symbols is not None and bar.symbol not in symbols:
            del at[:], numbers[:]
        at.append(microseconds(bar.at))
        numbers.extend(getattr(bar, name) for name in NUMBERS)
    return {
        symbol: _columns(_Series(at=[np.array(at)], numbers=[np.array(numbers).reshape(-1, 5)]))
        for symbol, (at, numbers) in sorted(found.items())
    }


def is_plain(path: Path, *, columns: int) -> bool:
    """Whether a CSV needs no careful reader: no quotes, no odd character, rows of one width."""
    commas = columns - 1
    try:
        if path.is_fifo():
            return False
        with path.open("rb") as lines:
            for number, line in enumerate(lines):
                text = line.removeprefix(BYTE_ORDER_MARK) if number == 0 else line
                if ODD.search(text) or (text.count(b",") != commas and text.rstrip(b"\r\n")):
                    return False
    except OSError:
        return False
    return True


def _csv_portions(path: Path) -> Iterator[pd.DataFrame]:
    """Yield the rows of a plain CSV as text, with their columns named."""
    with path.open(encoding="utf-8-sig", newline="") as lines:
        names = [name.strip() for name in lines.readline().split(",")]
        if sorted(names) != sorted(BAR_COLUMNS):
            yield pd.DataFrame({name: [""] for name in BAR_COLUMNS})
            return
        yield from pd.read_csv(
            lines, names=names, dtype=str, keep_default_na=False, na_filter=False,
            chunksize=PORTION, skipinitialspace=True,
        )  # fmt: skip


def _read_parquet(
    path: Path, symbols: frozenset[Symbol] | None, *, whole_minutes: bool, progress: Progress
) -> dict[Symbol, Columns]:
    found: dict[str, _Series] = {}
    faults = Faults(path, place="row")
    for portion in _parquet_portions(path):
        good = _numbers_of(portion, whole_minutes=whole_minutes)
        if good is None or not _take(good, found, symbols):
            _explain(portion, faults=faults, whole_minutes=whole_minutes, found=found)
            faults.raise_if_any()
            raise InvalidInput(f"{path}: holds values that are no times or numbers")
        progress(len(portion))
    if not found:
        raise InvalidInput(f"{path}: has no rows; add rows, or leave the option out")
    return {Symbol(symbol): _columns(own) for symbol, own in sorted(found.items())}


def _parquet_portions(path: Path) -> Iterator[pd.DataFrame]:
    """Yield the rows; numbers stay numbers, and times become text, whatever they were."""
    import pyarrow as pa
    from pyarrow import parquet

    try:
        with parquet.ParquetFile(path) as file:
            names = [n for n in file.schema_arrow.names if not n.startswith(PANDAS_INDEX)]
            check_header(path, names, BAR_COLUMNS)
            before = 0
            for batch in file.iter_batches(PORTION, columns=list(BAR_COLUMNS)):
                # What pandas wrote beside the columns would make an index of one of them.
                portion = batch.to_pandas(ignore_metadata=True)
                portion.index = portion.index + before
                before += len(portion)
                if isinstance(portion["at"].dtype, pd.DatetimeTZDtype):
                    portion["at"] = portion["at"].dt.tz_convert("UTC")
                yield portion
    except pa.ArrowInvalid as error:
        raise InvalidInput(f"{path}: not a Parquet file that can be read: {error}") from error
    except OSError as error:
        raise InvalidInput(f"{path}: cannot be read: {error.strerror or error}") from error


def _numbers_of(portion: pd.DataFrame, *, whole_minutes: bool) -> pd.DataFrame | None:
    """Return the portion as numbers when every row is right; None when any is not."""
    try:
        numbers = {name: portion[name].to_numpy(np.float64) for name in NUMBERS}
        at = _moments(portion["at"])
    except (ValueError, TypeError, OverflowError):
        return None
    symbol = portion["symbol"].astype(str)
    if at is None or not all(_is_symbol(each) for each in symbol.unique()):
        return None
    opened, high, low, close, volume = numbers.values()
    right = np.logical_and.reduce(
        [
            *(np.isfinite(column) & (column < float(LARGEST)) for column in numbers.values()),
            low > 0, low <= opened, opened <= high, low <= close, close <= high, volume >= 0,
        ]
    )  # fmt: skip
    if whole_minutes:
        right &= at % MINUTE == 0
    if not right.all():
        return None
    return pd.DataFrame({"symbol": symbol, "at": at, **numbers})


def _is_symbol(value: object) -> bool:
    # What is missing stays nan, whatever it was turned into.
    return isinstance(value, str) and SYMBOL.fullmatch(value) is not None


def _moments(column: "pd.Series[Any]") -> Integers | None:
    """Return times as microseconds; None when one has no offset from UTC."""
    if not isinstance(column.dtype, pd.DatetimeTZDtype):
        text = column.astype(str).str.strip()
        if not text.str.fullmatch(r".*(?:[Zz]|[+-]\d\d(?::?\d\d)?)").all():
            return None
        column = pd.to_datetime(text, format="ISO8601", utc=True)
    if column.isna().any():
        return None
    found: Integers = column.dt.as_unit("us").astype(np.int64).to_numpy()
    return found


def _take(
    portion: pd.DataFrame, found: dict[str, _Series], symbols: frozenset[Symbol] | None
) -> bool:
    """Add a portion to the series; False, and nothing is added, when the times of one fall."""
    groups = {str(symbol): own for symbol, own in portion.groupby("symbol", sort=False)}
    for symbol, own in groups.items():
        at = own["at"].to_numpy()
        known = found.get(symbol)
        if (known is not None and at[0] <= known.last) or (np.diff(at) <= 0).any():
            return False
    for symbol, own in groups.items():
        series = found.setdefault(symbol, _Series())
        at = own["at"].to_numpy()
        series.last = int(at[-1])
        numbers = own[list(NUMBERS)].to_numpy(np.float64)
        if symbols is None or symbol in symbols:
            series.at.append(at)
            series.numbers.append(numbers)
        else:
            series.at, series.numbers = [at[-1:].copy()], [numbers[-1:].copy()]
    return True


def _explain(
    portion: pd.DataFrame,
    *,
    faults: Faults,
    whole_minutes: bool,
    found: Mapping[str, _Series],
) -> None:
    """Find what is wrong in a portion, row by row."""
    last = {symbol: moment_of(series.last) for symbol, series in found.items()}
    for number, *values in portion.itertuples():
        cells = zip(portion.columns, values, strict=True)
        text = {name: str(value).strip() for name, value in cells}
        try:
            bar = read_bar(text, whole_minutes=whole_minutes)
            check_bar_order(bar, last.get(bar.symbol), text["at"])
            last[bar.symbol] = bar.at
        except Fault as fault:
            faults.add(int(number) + 1, fault)
        if faults.are_many:
            return


def _columns(series: _Series) -> Columns:
    at, numbers = np.concatenate(series.at), np.concatenate(series.numbers)
    opened, high, low, close, volume = (column.copy() for column in numbers.T)
    return Columns(
        at=at, open=opened, high=high, low=low, close=close, volume=volume,
        spread=np.full(len(at), np.nan),
    )  # fmt: skip


def columns_of(bars: Sequence[ClosedBar]) -> Columns:
    """Return bars of one symbol, oldest first, as arrays; the spread is unknown."""
    at = np.array([microseconds(bar.at) for bar in bars], np.int64)
    numbers = [[getattr(bar, name) for name in NUMBERS] for bar in bars]
    return _columns(_Series(at=[at], numbers=[np.array(numbers, np.float64).reshape(-1, 5)]))
