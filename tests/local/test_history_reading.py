"""Exports of Tradervue, Alpaca and IBKR: what each kind of file says."""

from dataclasses import replace
from datetime import UTC
from decimal import Decimal
from pathlib import Path

import pytest

from stopward.domain.history import round_trips
from stopward.errors import InvalidInput
from stopward.local.history.reading import HistoryFile
from tests.builders.history_files import (
    ALPACA,
    ALPACA_CSV,
    IBKR_FRAMED,
    IBKR_PLAIN,
    TRADERVUE,
    read,
)

HEAD = "Date,Time,Symbol,Quantity,Price,Side\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "export.csv"


def told(found: HistoryFile) -> list[str]:
    return [
        f"{each.at:%m-%d %H:%M:%S} {each.side} {each.quantity} {each.symbol} at {each.price}"
        f" fee {each.fees.normalize():f} {each.effect or ''}".strip()
        for each in sorted(found.executions, key=lambda each: each.at)
    ]


def test_tradervue_generic(path: Path) -> None:
    found = read(path, TRADERVUE)
    assert found.source == "tradervue"
    assert told(found) == [
        "01-17 16:35:05 buy 100 SPY at 473.52 fee 0.81",
        "01-17 19:41:15 sell 100 SPY at 473.89 fee 1.02",
        "01-18 14:31:00 sell 50 TSLA at 212.1 fee 0.5 open",
        "01-18 14:44:30 buy 1050 TSLA at 211 fee 0.5 close",
    ]
    assert found.has_fees
    assert found.left_out == {}


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "1/17/2024,11:35:05,SPY,100,473.52,Buy\n2024-01-17,11:40:00,spy,-100,474,\n",
        HEAD + "2024/1/17,11:35:05,SPY,100,473.52,BOT\n20240117,11:40:00,SPY,100,474,SLD\n",
        # In their order the columns need no header; neither does the side, with signed quantities.
        "01-17-2024,11:35:05,SPY,100,473.52\n01-17-2024,11:40:00,SPY,-100,474\n",
        # Tabs, another order, other words, blank rows, a column that is not read.
        "Symbol\tQty\tPrice\tDATE\ttime\tNotes\nSPY\t100\t473.52\t1/17/2024\t11:35:05\tgap\n\n"
        "SPY\t-100\t474\t1/17/2024\t11:40:00\t\n",
        "\ufeff" + HEAD + "1/17/2024,11:40:00,SPY,100,474,S\n1/17/2024,11:35:05,SPY,100,473.52,B\n",
    ],
)
def test_tradervue_as_people_write_it(path: Path, text: str) -> None:
    found = read(path, text)
    assert told(found) == [
        "01-17 16:35:05 buy 100 SPY at 473.52 fee 0",
        "01-17 16:40:00 sell 100 SPY at 474 fee 0",
    ]
    assert found.unread == (("Notes",) if "Notes" in text else ())
    assert not found.has_fees


def test_a_stop_beside_the_entry_is_read(path: Path) -> None:
    text = "Date,Time,Symbol,Quantity,Price,Side,Initial Stop,Execution ID\n"
    text += "1/17/2024,11:35:05,SPY,100,473.52,B,472,e1\n1/17/2024,11:40:00,SPY,100,474,S,,e2\n"
    found = read(path, text)
    assert [each.id for each in found.executions] == ["e1", "e2"]
    (trip,) = round_trips(found.executions).trips
    assert trip.risk == Decimal("1.52")


@pytest.mark.parametrize("text", [ALPACA, ALPACA.replace("\n", ""), ALPACA.replace("][", "]\n\n[")])
def test_alpaca_pages_of_json_need_no_zone(path: Path, text: str) -> None:
    found = read(path, text, zone=None)
    assert found.source == "alpaca"
    assert told(found) == [
        "01-03 14:30:05 buy 60 AAPL at 184.25 fee 0",
        "01-03 14:30:05 buy 40 AAPL at 184.26 fee 0",
        "01-03 15:00:00 sell 100 AAPL at 185 fee 0 close",
    ]
    assert found.executions[0].id.startswith("20240103143005123::")
    assert found.executions[0].at.microsecond == 123456
    assert found.left_out == {"activity DIV, no fill": 1, "no symbol of a US equity": 1}


def test_json_is_read_in_parts(path: Path) -> None:
    one = '{"id":"%d","activity_type":"FILL","transaction_time":"2024-01-03T14:30:05Z",'
    one += '"price":"10","qty":"1","side":"buy","symbol":"AAPL","note":"%s"}'
    text = "\n".join(one % (place, "x" * 700) for place in range(300))
    assert len(read(path, text).executions) == 300


def test_alpaca_csv(path: Path) -> None:
    found = read(path, ALPACA_CSV, zone=None)
    assert told(found) == [
        "01-03 14:30:05 sell 5 F at 10 fee 0 open",
        "01-03 15:00:00 buy 5 F at 9.5 fee 0",
    ]


def test_ibkr_executions_only(path: Path) -> None:
    found = read(path, IBKR_PLAIN)
    assert found.source == "ibkr"
    assert told(found) == [
        "01-03 14:30:05 buy 10 BRK.B at 361.5 fee 0.349988 open",
        "01-03 15:15:00 sell 10 BRK.B at 362.75 fee 0.3581 close",
    ]
    assert found.left_out == {
        "level of detail ORDER, no execution": 1,
        "level of detail CLOSED_LOT, no execution": 1,
        "asset class OPT, no stock": 1,
        "currency EUR, not USD": 1,
    }


def test_ibkr_with_header_and_trailer_records(path: Path) -> None:
    found = read(path, IBKR_FRAMED)
    assert told(found) == [
        "01-03 14:30:05 buy 100 F at 12.1 fee 1",
        "01-03 20:59:59 sell 100 F at 12.2 fee 1",
    ]
    assert found.left_out == {"another section of the statement": 1}
    # The same without section codes, delimited by pipes.
    bare = IBKR_FRAMED.replace('"HEADER","TRNT",', "").replace('"DATA","TRNT",', "")
    bare = bare.replace('"HEADER","CTRN",', "").replace('"DATA","CTRN",', "").replace(", ", ";")
    assert told(read(path, bare.replace(",", "|"))) == told(found)


def test_several_accounts_are_not_mixed(path: Path) -> None:
    both = IBKR_FRAMED.replace(
        'U1234567","STK","F","2024-01-03, ', 'U7654321","STK","F","2024-01-03;'
    )
    with pytest.raises(InvalidInput, match=r"2 accounts of the broker: U1234567, U7654321; say"):
        read(path, both)
    found = read(path, both, broker_account="U7654321")
    assert len(found.executions) == 1
    assert found.left_out["another account at the broker"] == 1


@pytest.mark.parametrize("text", [TRADERVUE, ALPACA_CSV, IBKR_PLAIN])
def test_neither_order_nor_repetition_of_rows_changes_an_execution(path: Path, text: str) -> None:
    head, *rows = text.splitlines(keepends=True)
    one, other = read(path, text), read(path, head + "".join(reversed(rows)))
    assert set(one.executions) == set(other.executions)
    if not head.startswith("Date"):
        doubled = read(path, text + "".join(rows))
        assert set(doubled.executions) == set(one.executions)
        assert doubled.repeated == len(one.executions)


def test_rows_that_say_the_same_are_as_many_executions(path: Path) -> None:
    row = "1/17/2024,11:35:05,SPY,100,473.52,Buy\n"
    one, two = read(path, HEAD + row), read(path, HEAD + row + row)
    assert len({each.id for each in two.executions}) == 2
    assert set(one.executions) < set(two.executions)


def test_nor_does_the_order_of_rows_that_differ_in_fees_only(path: Path) -> None:
    head = HEAD.replace("Side", "Side,Commission")
    cheap, dear = (f"1/17/2024,11:35:05,SPY,100,473.52,Buy,{fee}\n" for fee in (1, 2))
    one, other = read(path, head + cheap + dear), read(path, head + dear + cheap)
    assert set(one.executions) == set(other.executions)


def test_a_derived_id_survives_another_zone_other_fees_and_another_spelling(path: Path) -> None:
    one = read(path, HEAD + "1/17/2024,11:35:05,SPY,100,473.52,Buy\n").executions[0]
    other = read(
        path,
        "Date,Time,Symbol,Quantity,Price,Side,Commission\n2024-01-17,11:35:05,spy,100.0,473.520,B,1\n",
        zone=UTC,  # type: ignore[arg-type]
    ).executions[0]
    # So that a second import with the wrong zone is seen as a contradiction, not as new trades.
    assert other.id == one.id
    assert other == replace(one, at=other.at, fees=Decimal(1))
