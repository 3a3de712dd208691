"""The trader's own CSV files: read whole, or refused with line, column, value and remedy."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from stopward.errors import InvalidInput
from stopward.local.data.csv_files import ends_of, read_bars, read_positions
from tests.builders.data import BARS_HEADER, POSITIONS_HEADER, a_bar, a_file

BAR = "AAPL,2013-09-03T09:30:00-04:00,100,101,99,100.5,1000"
POSITION = "p1,AAPL,long,10,2013-09-03T09:31:00-04:00,100,99"
MARKET = {"AAPL": (a_bar(0), a_bar(1)), "MSFT": (a_bar(0, symbol="MSFT"),)}


def bars_refusal(tmp_path, *lines: str) -> str:
    with pytest.raises(InvalidInput) as caught:
        read_bars(a_file(tmp_path, BARS_HEADER, *lines))
    return str(caught.value)


def positions_refusal(tmp_path, *lines: str) -> str:
    with pytest.raises(InvalidInput) as caught:
        read_positions(a_file(tmp_path, POSITIONS_HEADER, *lines), ends=ends_of(MARKET))
    return str(caught.value)


def test_bars_of_several_symbols_may_be_mixed(tmp_path):
    path = a_file(
        tmp_path,
        BARS_HEADER,
        BAR,
        "MSFT,2013-09-03T13:30:00Z,30,30,30,30,0",
        "AAPL,2013-09-03T09:31:00-04:00,100.5,100.5,100,100.25,5e2",
    )
    bars = read_bars(path)
    assert list(bars) == ["AAPL", "MSFT"]
    assert [bar.at for bar in bars["AAPL"]] == [
        datetime(2013, 9, 3, 13, 30, tzinfo=UTC),
        datetime(2013, 9, 3, 13, 31, tzinfo=UTC),
    ]
    assert (bars["AAPL"][1].open, bars["AAPL"][1].volume) == (100.5, 500.0)


def test_a_byte_order_mark_spaces_column_order_and_empty_lines_do_no_harm(tmp_path):
    path = tmp_path / "excel.csv"
    path.write_bytes(
        b"\xef\xbb\xbfat, symbol,open,high,low,close,volume\r\n"
        b'2013-09-03T13:30:00Z ,"AAPL",1,1,1,1,1\r\n\r\n'
    )
    assert read_bars(path)["AAPL"][0].close == 1.0


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("AAPL,2013-09-03T13:30Z,nan,101,99,100,1", 'column open: was "nan"; write a plain number'),
        ("AAPL,2013-09-03T13:30Z,100,inf,99,100,1", 'column high: was "inf"; write a plain number'),
        ("AAPL,2013-09-03T13:30Z,100,1_01,99,100,1", 'column high: was "1_01"'),
        ("AAPL,2013-09-03T13:30Z,100,٣,99,100,1", "column high: was"),
        ("AAPL,2013-09-03T13:30Z,100,,99,100,1", 'column high: was ""'),
        ("AAPL,2013-09-03T13:30Z,100,98,99,100,1", "column high: was"),
        ("AAPL,2013-09-03T13:30Z,102,101,99,100,1", "column open: was"),
        ("AAPL,2013-09-03T13:30Z,100,101,99,98,1", "must lie from low (99) to high (101)"),
        ("AAPL,2013-09-03T13:30Z,0,101,0,100,1", "column open: was"),
        ("AAPL,2013-09-03T13:30Z,100,101,99,100,-1", "must be 0 or more"),
        ("AAPL,2013-09-03T13:30Z,100,1e9,99,100,1", "must be under 1,000,000,000"),
        ("AAPL,2013-09-03T13:30,100,101,99,100,1", "add the offset from UTC"),
        ("AAPL,0001-01-01T00:00+14:00,100,101,99,100,1", "UTC has a year for"),
        ("AAPL,9999-12-31T23:59-12:00,100,101,99,100,1", "UTC has a year for"),
        ("AAPL,3.9.2013 13:30,100,101,99,100,1", "write an ISO 8601 time"),
        ("AAPL,2013-09-03T13:30:05Z,100,101,99,100,1", "start on the whole minute"),
        ("aapl,2013-09-03T13:30Z,100,101,99,100,1", "write a symbol in capitals"),
        ("AAPL,2013-09-03T13:30Z,100,101,99,100", "a row has 7 values; it has 6"),
        ("AAPL,2013-09-03T13:30Z,100,101,99,100,1,1", "a row has 7 values; it has 8"),
    ],
)
def test_a_bad_bar_is_refused_with_its_line_and_column(tmp_path, line, words):
    message = bars_refusal(tmp_path, BAR.replace("AAPL", "MSFT"), line)
    assert "input.csv: 1 problem; nothing was loaded\n  line 3, column " in message
    assert words in message


def test_bars_that_go_back_in_time_or_repeat_a_minute_are_refused(tmp_path):
    later = BAR.replace("09:30", "09:31")
    assert "earlier than the AAPL row before it" in bars_refusal(tmp_path, later, BAR)
    assert "AAPL has this minute twice" in bars_refusal(tmp_path, BAR, BAR)


def test_the_first_twenty_problems_are_told_at_once(tmp_path):
    message = bars_refusal(tmp_path, *["AAPL,x,1,1,1,1,1"] * 30)
    assert "20 problems (the first 20)" in message
    assert "line 21, column at" in message
    assert "line 22" not in message


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("symbol,at,open,high,low,close", 'missing "volume"'),
        ("symbol,at,open,high,low,close,volume,vwap", 'unknown "vwap"'),
        ("symbol,at,open,high,low,close,close,volume", 'twice "close"'),
        ("AAPL,2013-09-03T13:30Z,1,1,1,1,1", "The columns are symbol,at,open,high,low,close"),
    ],
)
def test_a_header_must_name_the_columns(tmp_path, header, words):
    with pytest.raises(InvalidInput) as caught:
        read_bars(a_file(tmp_path, header, BAR))
    assert "line 1: " in str(caught.value)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty; its first line must be symbol,at,"),
        (BARS_HEADER.encode(), "has a header and no rows"),
        (f"{BARS_HEADER}\n{BAR}\n".encode("utf-16"), "not UTF-8"),
        (BARS_HEADER.encode() + b"\nAAPL\xff,1", "not UTF-8 (a byte was 0xff)"),
        (BARS_HEADER.encode() + b'\n"AAPL', "not valid CSV"),
    ],
)
def test_a_file_that_is_no_csv_of_rows_is_refused(tmp_path, content, words):
    path = tmp_path / "bad.csv"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=r"bad\.csv") as caught:
        read_bars(path)
    assert words in str(caught.value)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(InvalidInput, match="cannot be read: No such file"):
        read_bars(tmp_path / "none.csv")


def test_positions_are_read_exactly(tmp_path):
    path = a_file(
        tmp_path,
        POSITIONS_HEADER,
        POSITION,
        "p2,MSFT,short,2.5,2013-09-02T10:00:00-04:00,30.10,",
    )
    first, second = read_positions(path, ends=ends_of(MARKET))
    assert (first.quantity, first.entry_price, first.initial_stop) == (10, 100, 99)
    assert first.risk_dollars == 10
    assert (second.side, second.quantity, second.is_fractional) == ("short", Decimal("2.5"), True)
    assert second.entry_price == Decimal("30.10")
    assert second.initial_stop is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("AAPL", "TSLA"), "the bars have no such symbol; they have AAPL, MSFT"),
        (("long", "buy"), "write long or short"),
        ((",10,", ",-10,"), "must be above 0; the side says long or short"),
        ((",10,", ",0,"), "must be above 0; the side says long or short"),
        ((",10,", ",nan,"), "write a plain number"),
        ((",10,", ",1.0000000001,"), "has more than 9 decimal places"),
        ((",99", ",100"), "a long's stop lies below its entry (100)"),
        (("long", "short"), "a short's stop lies above its entry (100)"),
        ((",99", ",-1"), "must be above 0"),
        (("-04:00", ""), "add the offset from UTC"),
        (("09:31:00-04", "09:32:00-04"), "must be before the bars end (2013-09-03T13:32:00+00:00)"),
        (("p1", ""), "use 1 to 64 letters"),
        (("p1", "p 1"), "use 1 to 64 letters"),
    ],
)
def test_a_bad_position_is_refused_with_its_line(tmp_path, change, words):
    message = positions_refusal(tmp_path, POSITION.replace(*change))
    assert "input.csv: 1 problem; nothing was loaded\n  line 2, column " in message
    assert words in message


def test_a_symbol_or_an_id_is_used_once(tmp_path):
    message = positions_refusal(
        tmp_path,
        POSITION,
        POSITION.replace("p1", "p2"),
        POSITION.replace("AAPL", "MSFT").replace("09:31", "09:30"),
    )
    assert 'line 3, column symbol: was "AAPL"; is held by p1: a broker nets' in message
    assert 'line 4, column position_id: was "p1"; is used twice' in message


def test_what_a_person_wrote_is_shown_without_control_characters(tmp_path):
    message = positions_refusal(tmp_path, POSITION.replace("long", "\x1b[31mlong" + "x" * 99))
    assert "\x1b" not in message
    assert "\\x1b[31mlong" in message
    assert "..." in message
