"""Alpaca's account activities of type FILL, as JSON and as CSV under the same names.

Sources: https://docs.alpaca.markets/reference/getaccountactivities-2, and for `sell_short`
https://github.com/alpacahq/user-docs/pull/139
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from stopward.domain.history import Effect, ExecutionSide
from stopward.local.data.csv_reading import Fault
from stopward.local.history.row import (
    Found,
    LeftOut,
    Question,
    Seen,
    equity,
    instant,
    possible,
    price_of,
    quantity_of,
    word,
)

NEEDED: Final = ("transaction_time", "symbol", "qty", "price", "side")
SIDES: Final[Mapping[str, tuple[ExecutionSide, Effect | None]]] = {
    "buy": ("buy", None),
    "sell": ("sell", "close"),
    "sell_short": ("sell", "open"),
}
"""A sale of shares that are held is `sell`; without them it is `sell_short`."""


def read(row: Mapping[str, str], question: Question) -> Seen:
    """Return what an activity says. Raises Fault for a value that cannot be used."""
    kind = row.get("activity_type", "FILL")
    if kind != "FILL":
        return LeftOut(why=f"activity {word(kind)}, no fill")
    missing = [name for name in NEEDED if not row.get(name)]
    if missing:
        raise Fault(missing[0], "", "a fill has it; export the activities whole")
    symbol = equity(row["symbol"])
    if symbol is None:
        return LeftOut(why="no symbol of a US equity")
    if row["side"] not in SIDES:
        raise Fault("side", row["side"], f"must be one of {', '.join(SIDES)}")
    side, effect = SIDES[row["side"]]
    quantity = quantity_of("qty", row["qty"])
    if quantity < 0:
        raise Fault("qty", row["qty"], "must be above 0; the side says bought or sold")
    return Found(
        id=row.get("id") or None,
        symbol=symbol,
        side=side,
        quantity=quantity,
        price=price_of("price", row["price"]),
        at=_at(row["transaction_time"], question),
        written_at=row["transaction_time"],
        fees=None,
        effect=effect,
    )


def _at(text: str, question: Question) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise Fault(
            "transaction_time", text, "write an ISO 8601 time such as 2024-01-03T14:31:05.123Z"
        ) from None
    if found.tzinfo is None:
        return instant("transaction_time", text, found, question)
    return possible("transaction_time", text, found, question)
