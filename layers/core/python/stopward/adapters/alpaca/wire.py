"""Alpaca's objects as ours, and our orders as Alpaca's request bodies.

Only US equities are read: options and crypto in the same account are none of Stopward's business.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple, cast
from zoneinfo import ZoneInfo

from stopward.adapters.alpaca.parse import Row, complain, moment_of, rows_of
from stopward.domain.identity import BrokerOrderId, OrderId, Symbol
from stopward.domain.market import Session
from stopward.domain.money import Side
from stopward.domain.orders import (
    BrokerAccount,
    BrokerOrder,
    BrokerPosition,
    Fill,
    OrderKind,
    OrderRequest,
    OrderSide,
)
from stopward.errors import BrokerUnavailable

EQUITY = "us_equity"
EXCHANGE = "XNYS"
NEW_YORK = "America/New_York"
ZERO = Decimal(0)


def account(value: object, path: str) -> BrokerAccount:
    """Read GET /v2/account; only the number must be there."""
    row = Row(value, path)
    return BrokerAccount(
        number=row.text("account_number"),
        status=row.optional_text("status"),
        equity=row.optional_decimal("equity"),
        last_equity=row.optional_decimal("last_equity"),
        trading_blocked=row.flag("trading_blocked") or row.flag("account_blocked"),
        shorting_enabled=row.optional_flag("shorting_enabled"),
    )


class Positions(NamedTuple):
    """Positions that could be read, and the symbols of those that could not."""

    held: tuple[BrokerPosition, ...]
    unreadable: tuple[Symbol, ...]


def positions(value: object, path: str) -> Positions:
    """Read GET /v2/positions: quantities made positive, empty ones left out.

    One row that cannot be read costs only its own symbol, so that the others stay guarded. It fails
    the answer when even its symbol cannot be read, or when no other row can.
    """
    held: dict[Symbol, BrokerPosition | None] = {}
    failures: dict[Symbol, BrokerUnavailable] = {}
    for row in filter(_is_equity, rows_of(value, path)):
        symbol = Symbol(row.text("symbol"))
        try:
            held[symbol] = position(row)
        except BrokerUnavailable as error:
            failures[symbol] = error
    if failures and not held:
        raise next(iter(failures.values()))
    return Positions(
        held=tuple(found for found in held.values() if found is not None),
        unreadable=tuple(failures),
    )


def position(row: Row) -> BrokerPosition | None:
    """Read one position; None when it is empty or no equity.

    An average entry that the broker does not know (null) is 0: shares that we guard stay guarded.
    """
    if not _is_equity(row):
        return None
    quantity = row.decimal("qty")
    available = row.optional_decimal("qty_available")
    found = BrokerPosition(
        symbol=Symbol(row.text("symbol")),
        side=_position_side(row, quantity),
        quantity=abs(quantity),
        available=None if available is None else abs(available),
        average_entry=row.optional_decimal("avg_entry_price") or ZERO,
        current_price=row.optional_decimal("current_price"),
    )
    return found if found.quantity > 0 else None


def order_tree(row: Row, parent: BrokerOrderId | None = None) -> Iterator[BrokerOrder]:
    """Yield an order and, after it, its legs, each with its parent."""
    if not _is_equity(row):
        return
    read = order(row, parent)
    yield read
    for leg in row.rows("legs"):
        yield from order_tree(leg, read.id)


def order(row: Row, parent: BrokerOrderId | None = None) -> BrokerOrder:
    """Read one order.

    status and kind are kept as written, known or not. An order by dollars (`notional`) has no
    quantity of its own: what is filled stands in for it, so that its open quantity is zero.
    """
    filled = row.optional_decimal("filled_qty") or ZERO
    quantity = row.optional_decimal("qty")
    return BrokerOrder(
        id=BrokerOrderId(row.text("id")),
        client_order_id=row.optional_text("client_order_id") or "",
        symbol=Symbol(row.text("symbol")),
        side=_order_side(row),
        kind=cast("OrderKind", row.optional_text("type") or row.text("order_type")),
        status=row.text("status"),
        quantity=filled if quantity is None else quantity,
        filled_quantity=filled,
        filled_price=row.optional_decimal("filled_avg_price"),
        stop_price=row.optional_decimal("stop_price"),
        limit_price=row.optional_decimal("limit_price"),
        time_in_force=row.optional_text("time_in_force") or "",
        extended_hours=row.flag("extended_hours"),
        group=row.optional_text("order_class") or "simple",
        parent=parent,
        replaces=_neighbour(row, "replaces"),
        replaced_by=_neighbour(row, "replaced_by"),
        submitted_at=row.optional_moment("submitted_at"),
        updated_at=row.optional_moment("updated_at"),
    )


def fill(row: Row) -> Fill:
    """Read one FILL activity."""
    return Fill(
        id=row.text("id"),
        order_id=BrokerOrderId(row.text("order_id")),
        symbol=Symbol(row.text("symbol")),
        side=_order_side(row),
        quantity=abs(row.decimal("qty")),
        price=row.decimal("price"),
        at=row.moment("transaction_time"),
    )


def sessions(value: object, path: str) -> tuple[Session, ...]:
    """Read GET /v2/calendar, whose times are New York's, without a date or zone."""
    zone = ZoneInfo(NEW_YORK)
    return tuple(
        Session(
            exchange=EXCHANGE,
            day=row.text("date"),
            opens_at=_new_york(row, "open", zone),
            closes_at=_new_york(row, "close", zone),
        )
        for row in rows_of(value, path)
    )


def submission(request: OrderRequest) -> dict[str, object]:
    """Return the body of POST /v2/orders: numbers as text, absent prices left out."""
    body: dict[str, object] = {
        "client_order_id": request.client_order_id,
        "symbol": request.symbol,
        "qty": plain(request.quantity),
        "side": request.side,
        "type": request.kind,
        "time_in_force": request.time_in_force,
        "position_intent": request.intent,
    }
    if request.stop_price is not None:
        body["stop_price"] = plain(request.stop_price)
    if request.limit_price is not None:
        body["limit_price"] = plain(request.limit_price)
    if request.extended_hours:
        body["extended_hours"] = True
    return body


def replacement(
    *, client_order_id: OrderId, quantity: Decimal | None, stop_price: Decimal | None
) -> dict[str, object]:
    """Return the body of PATCH /v2/orders/{id}: only what changes."""
    body: dict[str, object] = {"client_order_id": client_order_id}
    if quantity is not None:
        body["qty"] = plain(quantity)
    if stop_price is not None:
        body["stop_price"] = plain(stop_price)
    return body


def plain(number: Decimal) -> str:
    """Return a number as Alpaca reads it: no exponent, no trailing zeros."""
    return format(number.normalize(), "f")


def stamp(moment: datetime) -> str:
    """Return a moment as RFC 3339, in UTC, to the microsecond."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def just_before(moment: datetime) -> str:
    """Return the stamp one microsecond earlier: Alpaca's `after` is exclusive."""
    return stamp(moment - timedelta(microseconds=1))


def _position_side(row: Row, quantity: Decimal) -> Side:
    # A short has a negative quantity; which side we are on is never guessed from half the evidence.
    side = row.optional_text("side") or ("short" if quantity < 0 else "long")
    if side == "short":
        return "short"
    if side != "long" or quantity < 0:
        complain(f"{row.path}.side", side, f"long or short, agreeing with qty {quantity}")
    return "long"


def _order_side(row: Row) -> OrderSide:
    side = row.text("side")
    if side == "buy":
        return "buy"
    if side in {"sell", "sell_short"}:
        return "sell"
    complain(f"{row.path}.side", side, "buy or sell")


def _is_equity(row: Row) -> bool:
    # Multi-leg orders (options) have no symbol of their own, and say so by their class.
    if row.optional_text("order_class") == "mleg":
        return False
    return (row.optional_text("asset_class") or EQUITY) == EQUITY


def _neighbour(row: Row, name: str) -> BrokerOrderId | None:
    text = row.optional_text(name)
    return None if text is None else BrokerOrderId(text)


def _new_york(row: Row, name: str, zone: ZoneInfo) -> datetime:
    path = f"{row.path}.{name}"
    try:
        local = datetime.strptime(f"{row.text('date')} {row.text(name)}", "%Y-%m-%d %H:%M")  # noqa: DTZ007 (New York's, set below)
    except ValueError:
        complain(path, row.get(name), "a time as HH:MM")
    return moment_of(local.replace(tzinfo=zone).isoformat(), path)
