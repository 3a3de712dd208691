"""Trades of an Interactive Brokers Flex Query as CSV: executions of stocks in dollars.

Source: https://www.ibkrguides.com/reportingreference/reportguide/tradesfq.htm
"""

import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final

from stopward.domain.history import Effect, ExecutionSide
from stopward.domain.identity import Symbol
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
    word,
)

NEEDED: Final = ("Symbol", "DateTime", "Quantity", "TradePrice")
TELLING: Final = frozenset({"TradePrice", "IBCommission", "ClientAccountID", "AssetClass"})
"""A header of IBKR has one of these."""
IDS: Final = ("IBExecID", "TradeID", "TransactionID")
"""The first that a row has is the id of its execution."""
CHARGES: Final = ("IBCommission", "Taxes")
"""Below 0 when charged."""
EFFECTS: Final[Mapping[str, Effect]] = {"O": "open", "C": "close"}
"""Open/CloseIndicator; C;O closes one trip and opens the next."""
ASKED: Final = "ask the Flex Query for Trades, level of detail Execution"

_DATE_TIME = re.compile(r"([0-9]{4})-?([0-9]{2})-?([0-9]{2})[;,T ]+([0-9:.]+)")


def read(row: Mapping[str, str], question: Question) -> Seen:
    """Return what a row says. Raises Fault for a value that cannot be used."""
    if why := _why_left_out(row, question):
        return LeftOut(why=why)
    symbol = _symbol(row["Symbol"])
    if symbol is None:
        return LeftOut(why="no symbol of a US equity")
    _check_standing(row)
    side, quantity = _sided(row)
    local = _local(row["DateTime"])
    return Found(
        id=_id(row),
        account=row.get("ClientAccountID", ""),
        symbol=symbol,
        side=side,
        quantity=quantity,
        price=price_of("TradePrice", row["TradePrice"]),
        at=instant("DateTime", row["DateTime"], local, question),
        written_at=local.isoformat(),
        fees=_fees(row),
        effect=EFFECTS.get(row.get("Open/CloseIndicator", "")),
    )


def _why_left_out(row: Mapping[str, str], question: Question) -> str | None:
    detail = row.get("LevelOfDetail", "EXECUTION").upper()
    if detail != "EXECUTION":
        return f"level of detail {word(detail)}, no execution"
    asset = row.get("AssetClass", "STK").upper()
    if asset != "STK":
        return f"asset class {word(asset)}, no stock"
    currency = row.get("CurrencyPrimary", "USD").upper()
    if currency != "USD":
        return f"currency {word(currency)}, not USD"
    wanted = question.broker_account
    if wanted is not None and row.get("ClientAccountID") != wanted:
        return "another account at the broker"
    return None


def _symbol(text: str) -> Symbol | None:
    # IBKR writes a class of shares behind a space: BRK B.
    return equity(text.replace(" ", ".", 1))


def _check_standing(row: Mapping[str, str]) -> None:
    for column in ("Buy/Sell", "TransactionType", "Notes/Codes"):
        text = row.get(column, "")
        is_undone = "cancel" in text.lower() or "ca" in re.split(r"[^a-z]+", text.lower())
        if is_undone:
            raise Fault(column, text, "is of a cancelled trade: export without cancelled trades")


def _sided(row: Mapping[str, str]) -> tuple[ExecutionSide, Decimal]:
    quantity = quantity_of("Quantity", row["Quantity"])
    side: ExecutionSide = "buy" if quantity > 0 else "sell"
    said = row.get("Buy/Sell", "").upper()
    if said and said != side.upper():
        raise Fault("Buy/Sell", said, f"must be {side.upper()}: the quantity is {row['Quantity']}")
    return side, abs(quantity)


def _local(text: str) -> datetime:
    match = _DATE_TIME.fullmatch(text)
    if match is None:
        raise Fault(
            "DateTime", text, "set the date format yyyyMMdd or yyyy-MM-dd and the time format "
            "HHmmss or HH:mm:ss in the Flex Query, such as 20240103;093005",
        )  # fmt: skip
    year, month, day = (int(match[place]) for place in (1, 2, 3))
    try:
        return datetime(year, month, day, *clock_time("DateTime", match[4]))  # noqa: DTZ001
    except ValueError:
        raise Fault("DateTime", text, "there is no such day") from None


def _id(row: Mapping[str, str]) -> str | None:
    found = next((row[name] for name in IDS if row.get(name)), None)
    if found is None and "LevelOfDetail" not in row:
        raise Fault("IBExecID", "", f"nothing says that the row is an execution: {ASKED}")
    return found


def _fees(row: Mapping[str, str]) -> Decimal | None:
    charges = fees_of(row, CHARGES)
    currency = row.get("IBCommissionCurrency", "")
    if charges and currency not in ("", "USD"):
        raise Fault("IBCommissionCurrency", currency, "only a commission in USD can be counted")
    return None if charges is None else -charges
