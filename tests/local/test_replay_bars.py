"""Bars read in portions as arrays: the same bars and refusals as the careful reader's."""

import os
import tracemalloc
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from stopward.domain.identity import Symbol
from stopward.errors import InvalidInput
from stopward.local.data.csv_files import read_bars, symbols_named
from stopward.local.history.reading import read_history
from stopward.local.replay import bar_files
from stopward.local.replay.bar_files import read_bar_columns
from stopward.replay.table import Columns, microseconds
from tests.builders.data import BARS_HEADER, a_file
from tests.builders.kernel_random import dice

START = datetime(2024, 1, 3, 14, 30, tzinfo=UTC)
AAPL = Symbol("AAPL")
Read = Callable[..., dict[Symbol, Columns]]


def lines(count: int) -> list[str]:
    """Return rows of two symbols, mixed, in cents."""
    rng = dice(1)
    rows = []
    for minute in range(count):
        for symbol in ("AAPL", "BRK.B"):
            low = rng.randint(9_000, 11_000) / 100
            opened, close = (round(low + rng.random(), 2) for _ in range(2))
            high = round(max(opened, close) + rng.random(), 2)
            at = (START + timedelta(minutes=minute)).isoformat()
            rows.append(f"{symbol},{at},{opened},{high},{low},{close},{rng.randint(0, 9999)}")
    return rows


@pytest.fixture
def in_portions_of_seven(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bar_files, "PORTION", 7)


def frame(rows: list[str]) -> pd.DataFrame:
    cells = pd.DataFrame([row.split(",") for row in rows], columns=BARS_HEADER.split(","))
    numbers = {
        name: cells[name].astype(float) for name in ("open", "high", "low", "close", "volume")
    }
    return cells.assign(at=pd.to_datetime(cells["at"], utc=True), **numbers)


def same(found: dict[Symbol, Columns], path: Path) -> None:
    expected = read_bars(path)
    assert list(found) == sorted(expected)
    for symbol, bars in expected.items():
        own = found[symbol]
        assert own.at.tolist() == [microseconds(bar.at) for bar in bars]
        for name in ("open", "high", "low", "close", "volume"):
            assert getattr(own, name).tolist() == [getattr(bar, name) for bar in bars]
        assert np.isnan(own.spread).all()


@pytest.mark.usefixtures("in_portions_of_seven")
def test_a_csv_gives_what_the_careful_reader_gives(tmp_path: Path) -> None:
    rows: list[int] = []
    path = a_file(tmp_path, BARS_HEADER, *lines(40))
    same(read_bar_columns(path, progress=rows.append), path)
    assert (sum(rows), len(rows)) == (80, 12)


@pytest.mark.usefixtures("in_portions_of_seven")
def test_a_parquet_file_gives_what_a_csv_gives(tmp_path: Path) -> None:
    rows = lines(40)
    frame(rows).to_parquet(tmp_path / "bars.parquet")
    same(read_bar_columns(tmp_path / "bars.parquet"), a_file(tmp_path, BARS_HEADER, *rows))


def test_times_may_be_text_in_parquet(tmp_path: Path) -> None:
    rows = lines(3)
    written = frame(rows).assign(at=[row.split(",")[1] for row in rows])
    written.to_parquet(tmp_path / "bars.parquet")
    same(read_bar_columns(tmp_path / "bars.parquet"), a_file(tmp_path, BARS_HEADER, *rows))


def test_a_parquet_file_may_have_been_written_with_an_index_of_pandas(tmp_path: Path) -> None:
    rows = lines(3)
    frame(rows).set_index("at").to_parquet(tmp_path / "bars.parquet")
    same(read_bar_columns(tmp_path / "bars.parquet"), a_file(tmp_path, BARS_HEADER, *rows))


@pytest.mark.parametrize("missing", [[None] * 6, ["AAPL", None, *["AAPL"] * 4]])
def test_a_symbol_that_is_missing_in_parquet_is_refused(
    tmp_path: Path, missing: list[str | None]
) -> None:
    frame(lines(3)).assign(symbol=missing).to_parquet(tmp_path / "bars.parquet")
    with pytest.raises(InvalidInput, match=r"row 2, column symbol: was .* in capitals"):
        read_bar_columns(tmp_path / "bars.parquet")


def test_what_needs_a_careful_reader_gets_one(tmp_path: Path) -> None:
    path = tmp_path / "excel.csv"
    path.write_bytes(
        b"\xef\xbb\xbfat, symbol,open,high,low,close,volume\r\n"
        b'2013-09-03T13:30:00Z ,"AAPL",1,1,1,1,1\r\n\r\n'
    )
    same(read_bar_columns(path), path)
    plain = a_file(tmp_path, BARS_HEADER, "AAPL,2013-09-03T13:30:00Z , 1,1,1,1,1", "", "")
    same(read_bar_columns(plain), plain)


BAD = {
    "nan": "AAPL,2024-01-03T15:30Z,nan,101,99,100,1",
    "infinity": "AAPL,2024-01-03T15:30Z,100,inf,99,100,1",
    "an underscore": "AAPL,2024-01-03T15:30Z,100,1_01,99,100,1",
    "digits of elsewhere": "AAPL,2024-01-03T15:30Z,100,٣,99,100,1",
    "nothing": "AAPL,2024-01-03T15:30Z,100,,99,100,1",
    "high under low": "AAPL,2024-01-03T15:30Z,100,98,99,100,1",
    "open outside": "AAPL,2024-01-03T15:30Z,102,101,99,100,1",
    "close outside": "AAPL,2024-01-03T15:30Z,100,101,99,98,1",
    "a price of zero": "AAPL,2024-01-03T15:30Z,0,101,0,100,1",
    "negative volume": "AAPL,2024-01-03T15:30Z,100,101,99,100,-1",
    "too large": "AAPL,2024-01-03T15:30Z,100,1e9,99,100,1",
    "no offset": "AAPL,2024-01-03T15:30,100,101,99,100,1",
    "no time": "AAPL,3.1.2024 15:30,100,101,99,100,1",
    "seconds": "AAPL,2024-01-03T15:30:05Z,100,101,99,100,1",
    "small letters": "aapl,2024-01-03T15:30Z,100,101,99,100,1",
    "a row too short": "AAPL,2024-01-03T15:30Z,100,101,99,100",
    "a row too long": "AAPL,2024-01-03T15:30Z,100,101,99,100,1,1",
    "an earlier row": "AAPL,2024-01-03T14:31Z,100,101,99,100,1",
    "a minute twice": "AAPL,2024-01-03T14:35Z,100,101,99,100,1",
}


@pytest.mark.usefixtures("in_portions_of_seven")
@pytest.mark.parametrize("row", BAD.values(), ids=BAD.keys())
def test_a_bad_row_is_refused_as_the_careful_reader_refuses_it(tmp_path: Path, row: str) -> None:
    path = a_file(tmp_path, BARS_HEADER, *lines(6), row)
    with pytest.raises(InvalidInput) as slow:
        read_bars(path)
    with pytest.raises(InvalidInput) as fast:
        read_bar_columns(path)
    assert str(fast.value) == str(slow.value)
    assert "line 14, column" in str(fast.value)


@pytest.mark.usefixtures("in_portions_of_seven")
@pytest.mark.parametrize("name", ["high under low", "no offset", "small letters", "an earlier row"])
def test_a_bad_row_of_a_parquet_file_is_refused_with_its_number(tmp_path: Path, name: str) -> None:
    rows = [*lines(6), BAD[name]]
    written = frame([*lines(6), BAD["seconds"]]).assign(at=[row.split(",")[1] for row in rows])
    cells = BAD[name].split(",")
    written.loc[12, ["symbol"]] = cells[0]
    for column, cell in zip(("open", "high", "low", "close"), cells[2:6], strict=True):
        written.loc[12, column] = float(cell)
    written.to_parquet(tmp_path / "bars.parquet")
    with pytest.raises(InvalidInput, match=r"bars\.parquet: 1 problem.*\n  row 13, column"):
        read_bar_columns(tmp_path / "bars.parquet")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty; its first line must be symbol,at,"),
        (BARS_HEADER.encode(), "has a header and no rows"),
        (b"symbol,at,open\nA,B,C\n", 'line 1: missing "high"'),
        (BARS_HEADER.encode() + b"\nAAPL\xff,1", "not UTF-8 (a byte was 0xff)"),
    ],
)
def test_a_file_that_is_no_csv_of_rows_is_refused(
    tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=r"bad\.csv") as caught:
        read_bar_columns(path)
    assert words in str(caught.value)


def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bad.parquet"
    path.write_bytes(b"PAR0")
    with pytest.raises(InvalidInput, match="not a Parquet file that can be read"):
        read_bar_columns(path)
    frame(lines(2)).drop(columns="high").to_parquet(path)
    with pytest.raises(InvalidInput, match='missing "high"'):
        read_bar_columns(path)
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_bar_columns(tmp_path / "none.parquet")


def test_a_pipe_is_read_once(tmp_path: Path) -> None:
    path, pipe = a_file(tmp_path, BARS_HEADER, *lines(40)), tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as threads:
        threads.submit(pipe.write_bytes, path.read_bytes())
        same(read_bar_columns(pipe), path)


@pytest.mark.parametrize("read_it", [symbols_named, partial(read_history, now=START)])
def test_a_pipe_of_what_is_read_twice_is_refused(
    tmp_path: Path, read_it: Callable[[Path], object]
) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InvalidInput, match="is a pipe, and it is read twice; write it to a file"):
        read_it(tmp_path / "pipe")


def test_however_careful_it_must_be_what_nobody_holds_takes_no_memory(tmp_path: Path) -> None:
    """Quotes ask for the careful reader; a bar as an object takes some 250 bytes."""
    count = 20_000
    path = a_file(tmp_path, BARS_HEADER, *lines(count // 2), '"AAPL",2024-02-03T14:30Z,9,9,9,9,9')
    tracemalloc.start()
    try:
        read_bar_columns(path, symbols=frozenset({AAPL}))
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < count / 2 * 150 + 500_000


@pytest.mark.parametrize("quoted", [False, True], ids=["plain", "read slowly"])
def test_of_symbols_that_nobody_holds_the_last_bar_is_kept(tmp_path: Path, quoted: bool) -> None:
    rows = lines(4)
    if quoted:
        rows[0] = '"' + rows[0].replace(",", '",', 1)
    path = a_file(tmp_path, BARS_HEADER, *rows)
    whole = read_bar_columns(path)
    found = read_bar_columns(path, symbols=frozenset({AAPL}))
    assert [len(own.at) for own in found.values()] == [4, 1]
    for symbol, own in found.items():
        assert own.at[-1] == whole[symbol].at[-1]
        assert own.close[-1] == whole[symbol].close[-1]


def test_bars_inside_bars_may_start_at_any_second(tmp_path: Path) -> None:
    path = a_file(tmp_path, BARS_HEADER, BAD["seconds"])
    found = read_bar_columns(path, whole_minutes=False)
    assert found[AAPL].at.tolist() == [microseconds(datetime(2024, 1, 3, 15, 30, 5, tzinfo=UTC))]
