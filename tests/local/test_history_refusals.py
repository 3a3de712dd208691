"""Exports that cannot be used: every refusal says file, row, column, what was read and a remedy."""

import re
from pathlib import Path

import pytest

from stopward.errors import InvalidInput
from stopward.local.history.reading import read_history
from tests.builders.history_files import (
    ALPACA,
    ALPACA_CSV,
    IBKR_FRAMED,
    IBKR_PLAIN,
    NEW_YORK,
    NOW,
    read,
)

HEAD = "Date,Time,Symbol,Quantity,Price,Side\n"
GOOD = "1/17/2024,11:35:05,SPY,100,473.52,Buy\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "export.csv"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("17/1/2024,11:35:05,SPY,1,1,B", 'column Date: was "17/1/2024"; write month first or year'),
        ("2/30/2024,11:35:05,SPY,1,1,B", 'column Date: was "2/30/2024"'),
        ("1/17/2024,11:35,SPY,1,1,B", 'column Time: was "11:35"; write the time with its seconds'),
        ("1/17/2024,24:00:00,SPY,1,1,B", 'column Time: was "24:00:00"'),
        ("3/10/2024,02:30:00,SPY,1,1,B", "never came in America/New_York: clocks were changed"),
        ("11/5/2023,01:30:00,SPY,1,1,B", "came twice in America/New_York: clocks were changed"),
        ("7/1/2024,11:35:05,SPY,1,1,B", "lies in the future: is it the right time zone?"),
        ("1/17/1999,11:35:05,SPY,1,1,B", "must not be before 2000"),
        ("1/17/2024,11:35:05,,1,1,B", 'column Symbol: was ""; write the symbol'),
        ("1/17/2024,11:35:05,SPY,,1,B", 'column Quantity: was ""; write a plain number'),
        ("1/17/2024,11:35:05,SPY,0,1,B", 'column Quantity: was "0"; must not be 0'),
        ("1/17/2024,11:35:05,SPY,nan,1,B", 'column Quantity: was "nan"'),
        ("1/17/2024,11:35:05,SPY,-1,1,B", "is below 0 on a row whose side is B"),
        ("1/17/2024,11:35:05,SPY,0.0000000001,1,B", "has more than 9 decimal places"),
        ("1/17/2024,11:35:05,SPY,1e9,1,B", "must be under 1,000,000,000"),
        ("1/17/2024,11:35:05,SPY,1,$1,B", 'column Price: was "$1"; write a plain number'),
        ('1/17/2024,11:35:05,SPY,1,"1,5",B', 'column Price: was "1,5"; write a plain number'),
        ("1/17/2024,11:35:05,SPY,1,0,B", "must be above 0"),
        ("1/17/2024,11:35:05,SPY,1,1.1234567,B", "has more than 6 decimal places"),
        ("1/17/2024,11:35:05,SPY,1,1,long", "a side begins with B or S"),
        ("1/17/2024,11:35:05,SPY,1,1", "a row has 6 values; it has 5"),
    ],
)
def test_a_bad_row_of_tradervue(path: Path, row: str, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(path, f"{HEAD}\n{GOOD}{row}\n")
    message = str(caught.value)
    assert message.startswith(f"{path}: 1 problem; nothing was loaded\n  row 4, column ")
    assert said in message


def test_a_stop_on_the_wrong_side(path: Path) -> None:
    text = f"{HEAD.strip()},Initial Stop\n{GOOD.strip()},473.52\n"
    with pytest.raises(InvalidInput, match=r"row 2, column Initial Stop: .* below a buy and above"):
        read(path, text)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"qty": "60"', '"qty": "-60"', 'item 1, column qty: was "-60"; must be above 0'),
        ('"side": "sell"', '"side": "short"', "item 4, column side: .* buy, sell, sell_short"),
        ("T14:30:05.2Z", "T14:30:05.2", "item 2, column transaction_time: .* say --timezone"),
        ("2024-01-03T14:30:05.2Z", "noon", "item 2, column transaction_time: .* ISO 8601"),
        ('"qty": 40, ', "", 'item 2, column qty: was ""; a fill has it'),
        ("[\n  {", "[ 7, {", "item 1, column \\(item\\): .* must be an object"),
        ('"symbol": "AAPL",', '"symbol": "AAPL"', "item 1: not valid JSON"),
        ("c1a02", "c1a0\\u0007", "item 2, column id: "),
    ],
)
def test_a_bad_activity_of_alpaca(path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        read(path, ALPACA.replace(old, new), zone=None)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("20240103;093005", "20240103", "row 2, column DateTime: .* set the date format"),
        ("20240103;093005", "03/01/2024;093005", "row 2, column DateTime: .* yyyyMMdd"),
        ("20240103;093005", "20240230;093005", "row 2, column DateTime: .* no such day"),
        ("20240103;093005", "20240103;256005", "row 2, column DateTime: .* with its seconds"),
        ('"BUY"', '"SELL"', "row 2, column Buy/Sell: .* must be BUY: the quantity is 10"),
        ('"BUY"', '"BUY (Ca.)"', "row 2, column Buy/Sell: .* cancelled trade"),
        ('"P"', '"P;Ca"', "row 2, column Notes/Codes: .* cancelled trade"),
        ('-0.34998775","USD"', '-0.34998775","EUR"', "row 2, column IBCommissionCurrency: "),
        # A hair under the limit, which the sixth place rounds up to it.
        ('-0.34998775","USD"', '999999999.9999999","USD"', "row 2, column IBCommission: "),
        ("6595a002", "6595a001", "row 4, column id: .*; row 2 has the same id and says something"),
    ],
)
def test_a_bad_row_of_ibkr(path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        read(path, IBKR_PLAIN.replace(old, new, 1))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty; an export of Tradervue, Alpaca or IBKR"),
        (",,\n", "row 1: was ; no header of Tradervue"),
        ("a,b\n1,2\n", 'row 1: was "a", "b"; no header of Tradervue'),
        (HEAD, "nothing to import: it has a header and no rows"),
        (HEAD.replace("Time,", "") + "x", "row 1: missing Time; Tradervue needs Date,Time"),
        (HEAD.replace("Side", "Price"), "row 1: Price twice; Tradervue needs"),
        (ALPACA_CSV.replace("qty,side", "q,side", 1), "row 1: missing qty; Alpaca needs"),
        (IBKR_FRAMED.replace(',"IBExecID"', ',"X"'), "row 9, column IBExecID: .* level of detail"),
        (
            IBKR_FRAMED.replace('"DateTime",', '"ReportDate",'),
            "row 9, column DateTime: .* lacks it",
        ),
        (IBKR_PLAIN.replace("STK", "FUT"), r"nothing to import \(3 left out: asset class FUT, no"),
        (HEAD + '"1/17/2024,11:35:05\n', "row 2: not valid CSV"),
        (HEAD + "1/17/2024,11:35:05,ESZ4,1,1,B\n", "1 left out: no symbol of a US equity"),
    ],
)
def test_a_file_that_cannot_be_used(path: Path, text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=f"(?s){re.escape(str(path))}.*{said}"):
        read(path, text)


def test_bytes_that_are_no_utf_8(path: Path) -> None:
    path.write_bytes(HEAD.encode() + b"\xff\n")
    with pytest.raises(InvalidInput, match=r"not UTF-8 \(a byte was 0xff\)"):
        read_history(path, now=NOW, zone=NEW_YORK)


@pytest.mark.parametrize("text", [HEAD + GOOD, IBKR_PLAIN])
def test_a_file_without_zones_asks_for_one(path: Path, text: str) -> None:
    with pytest.raises(InvalidInput, match="as in --timezone America/New_York"):
        read(path, text, zone=None)


def test_what_was_said_must_be_so(path: Path) -> None:
    with pytest.raises(InvalidInput, match="is JSON, and an export of ibkr is CSV"):
        read(path, ALPACA, source="ibkr")
    with pytest.raises(InvalidInput, match="missing transaction_time"):
        read(path, HEAD + GOOD, source="alpaca")
    with pytest.raises(InvalidInput, match=r"row 1, column .row.: .* include column headers"):
        read(path, HEAD + GOOD, source="ibkr")


def test_all_problems_are_told_at_once_up_to_twenty(path: Path) -> None:
    bad = GOOD.replace("100", "x")
    with pytest.raises(InvalidInput) as caught:
        read(path, HEAD + bad + GOOD + bad)
    assert re.findall(r"row (\d+)", str(caught.value)) == ["2", "4"]
    with pytest.raises(InvalidInput, match=r"20 problems \(the first 20\); nothing was loaded"):
        read(path, HEAD + bad * 50)


def test_bad_rows_are_skipped_when_asked_and_told(path: Path) -> None:
    bad = GOOD.replace("100", "x")
    found = read(path, HEAD + bad * 30 + GOOD, skip_bad_rows=True)
    assert len(found.executions) == 1
    assert found.refused_count == 30
    assert len(found.refused) == 20
    assert found.refused[0].startswith("row 2, column Quantity")
