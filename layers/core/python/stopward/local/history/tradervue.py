"""Tradervue's generic import format: Date, Time, Symbol, Quantity, Price, Side, and fees.

Source: https://tradervue.com/help/generic. `Execution ID` and `Initial Stop` are columns of ours.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

from stopward.domain.history import Effect, ExecutionSide
from stopward.local.data.csv_reading import Fault
from stopward.local.history.row import (
    Found,
    LeftOut,
    Question,
    Seen,
    clock_time,
    equity,
    fees_of,
    instant,
    price_of,
    quantity_of,
)

COLUMNS: Final = ("Date", "Time", "Symbol", "Quantity", "Price", "Side")
"""Also the order of a file without a header."""
NEEDED: Final = COLUMNS[:5]
FEES: Final = ("Commission", "TransFee", "ECNFee")
EXTRA: Final = ("Execution ID", "Initial Stop")
NAMES: Final[Mapping[str, str]] = {
    re.sub(r"[^a-z]", "", name.lower()): name for name in (*COLUMNS, *FEES, *EXTRA)
} | {"qty": "Quantity", "shares": "Quantity", "ticker": "Symbol", "id": "Execution ID"}

MARKS: Final[Mapping[str, Effect]] = {
    "ss": "open", "short": "open", "sellshort": "open", "shortsell": "open",
    "bc": "close", "btc": "close", "buytocover": "close", "buycover": "close",
}  # fmt: skip
"""Words of a side that say more than buy and sell."""

_COMPACT = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_YEAR_FIRST = re.compile(r"([0-9]{4})[-/]([0-9]{1,2})[-/]([0-9]{1,2})")
_MONTH_FIRST = re.compile(r"([0-9]{1,2})[-/]([0-9]{1,2})[-/]([0-9]{4})")


def name_of(header: str) -> str | None:
    """Return the column that a header means, whatever its case and spaces; None for another."""
    return NAMES.get(re.sub(r"[^a-z]", "", header.lower()))


def is_headerless(cells: Sequence[str]) -> bool:
    """Whether a first row is data: Tradervue lets the header out when the columns are in order."""
    return len(NEEDED) <= len(cells) <= len(COLUMNS) and _date_parts(cells[0].strip()) is not None


def read(row: Mapping[str, str], question: Question) -> Seen:
    """Return what a row says. Raises Fault for a value that cannot be used."""
    symbol = equity(row["Symbol"])
    if symbol is None:
        if not row["Symbol"]:
            raise Fault("Symbol", "", "write the symbol, such as AAPL")
        return LeftOut(why="no symbol of a US equity")
    side, effect, quantity = _sided(row)
    price = price_of("Price", row["Price"])
    written = f"{row['Date']} {row['Time']}"
    local = datetime(*_date("Date", row["Date"]), *clock_time("Time", row["Time"]))  # noqa: DTZ001
    return Found(
        id=row.get("Execution ID") or None,
        symbol=symbol,
        side=side,
        quantity=quantity,
        price=price,
        at=instant("Time", written, local, question),
        written_at=local.isoformat(),
        fees=fees_of(row, FEES),
        effect=effect,
        initial_stop=_stop(row.get("Initial Stop", ""), side, price),
    )


def _sided(row: Mapping[str, str]) -> tuple[ExecutionSide, Effect | None, Decimal]:
    quantity = quantity_of("Quantity", row["Quantity"])
    text = row.get("Side", "")
    word = re.sub(r"[^a-z]", "", text.lower())
    if not word:
        return ("sell" if quantity < 0 else "buy"), None, abs(quantity)
    if word[0] not in "bs":
        raise Fault("Side", text, "a side begins with B or S, such as Buy, Sell, SS or BC")
    side: ExecutionSide = "buy" if word[0] == "b" else "sell"
    if side == "buy" and quantity < 0:
        raise Fault("Quantity", row["Quantity"], f"is below 0 on a row whose side is {text}")
    return side, MARKS.get(word), abs(quantity)


def _stop(text: str, side: ExecutionSide, price: Decimal) -> Decimal | None:
    if not text:
        return None
    stop = price_of("Initial Stop", text)
    if stop == price or (stop < price) != (side == "buy"):
        raise Fault(
            "Initial Stop", text, f"a stop lies below a buy and above a sell ({price}); leave it "
            "empty on a row that closes",
        )  # fmt: skip
    return stop


def _date(column: str, text: str) -> tuple[int, int, int]:
    parts = _date_parts(text)
    if parts is None:
        raise Fault(column, text, "write month first or year first: 1/17/2024 or 2024-01-17")
    return parts


def _date_parts(text: str) -> tuple[int, int, int] | None:
    if match := _COMPACT.fullmatch(text) or _YEAR_FIRST.fullmatch(text):
        year, month, day = match.groups()
    elif match := _MONTH_FIRST.fullmatch(text):
        month, day, year = match.groups()
    else:
        return None
    try:
        datetime(int(year), int(month), int(day))  # noqa: DTZ001
    except ValueError:
        return None
    return int(year), int(month), int(day)
