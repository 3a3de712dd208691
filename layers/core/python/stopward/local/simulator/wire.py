"""Alpaca's JSON: what each thing looks like on the wire, and how a request's body is read.

Trading sends numbers as strings, market data as numbers. Timestamps are RFC 3339 with up to nine
decimals, trailing zeros cut. The day-trading fields that Alpaca removed in 2026 are absent.
"""

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Literal, TypeVar, get_args

from stopward.domain.identity import Symbol
from stopward.domain.market import ClosedBar, Quote, Session
from stopward.domain.orders import OrderKind, OrderSide, TimeInForce
from stopward.local.simulator.book import NAMESPACE, Book
from stopward.local.simulator.daily import NEW_YORK
from stopward.local.simulator.ledger import Execution
from stopward.local.simulator.order import Group, SimulatedOrder, Ticket
from stopward.local.simulator.refusal import malformed, plain
from stopward.local.simulator.requests import Change

Json = dict[str, object]
Intent = Literal["buy_to_open", "buy_to_close", "sell_to_open", "sell_to_close"]
Word = TypeVar("Word", bound=str)
SIDES: tuple[OrderSide, ...] = get_args(OrderSide)
KINDS: tuple[OrderKind, ...] = get_args(OrderKind)
IN_FORCE: tuple[TimeInForce, ...] = get_args(TimeInForce)
GROUPS: tuple[Group, ...] = get_args(Group)
INTENTS: tuple[Intent, ...] = get_args(Intent)


@cache
def asset_id(symbol: str) -> str:
    """Return the id of a symbol's asset: derived from its name."""
    return str(uuid.uuid5(NAMESPACE, f"asset-{symbol}"))


def stamp(moment: datetime) -> str:
    """Return a moment in UTC as Go writes it."""
    return f"{_in_utc(moment).rstrip('0').rstrip('.')}Z"


def nano_stamp(moment: datetime) -> str:
    """Return a moment in UTC with nine decimals, as the exchange's clocks give."""
    return f"{_in_utc(moment)}123Z"


def _in_utc(moment: datetime) -> str:
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")


def optional_stamp(moment: datetime | None) -> str | None:
    """Return a moment as written, or null."""
    return None if moment is None else stamp(moment)


def optional_plain(number: Decimal | None) -> str | None:
    """Return a number as written, or null."""
    return None if number is None else plain(number)


def order_json(order: SimulatedOrder, book: Book, *, nested: bool) -> Json:
    """Return an order; with its legs in it when `nested`."""
    legs = [order_json(leg, book, nested=False) for leg in book.current_legs(order)]
    return {
        "id": order.id,
        "client_order_id": order.client_order_id,
        "created_at": nano_stamp(order.created_at),
        "updated_at": nano_stamp(order.updated_at),
        "submitted_at": stamp(order.submitted_at),
        "filled_at": optional_stamp(order.filled_at),
        "expired_at": optional_stamp(order.expired_at),
        "expires_at": optional_stamp(order.expires_at),
        "canceled_at": optional_stamp(order.canceled_at),
        "failed_at": optional_stamp(order.failed_at),
        "replaced_at": optional_stamp(order.replaced_at),
        "replaced_by": order.replaced_by,
        "replaces": order.replaces,
        "asset_id": asset_id(order.symbol),
        "symbol": order.symbol,
        "asset_class": "us_equity",
        "notional": None,
        "qty": plain(order.quantity),
        "filled_qty": plain(order.filled_quantity),
        "filled_avg_price": optional_plain(order.average_price),
        "order_class": "" if order.group == "simple" else order.group,
        "order_type": order.kind,
        "type": order.kind,
        "side": order.side,
        "position_intent": order.intent,
        "time_in_force": order.time_in_force,
        "limit_price": optional_plain(order.limit_price),
        "stop_price": optional_plain(order.stop_price),
        "status": order.status,
        "extended_hours": order.extended_hours,
        "legs": legs if nested and legs else None,
        "trail_percent": optional_plain(order.trail_percent),
        "trail_price": optional_plain(order.trail_price),
        "hwm": optional_plain(order.high_water),
        "subtag": None,
        "source": None,
    }


def activity_json(execution: Execution) -> Json:
    """Return a fill as an account activity; its id begins with the time in New York."""
    local = execution.at.astimezone(NEW_YORK)
    done = execution.leaves == 0
    return {
        "id": f"{local:%Y%m%d%H%M%S}{local.microsecond // 1000:03d}::{execution.id}",
        "activity_type": "FILL",
        "transaction_time": stamp(execution.at),
        "type": "fill" if done else "partial_fill",
        "price": plain(execution.price),
        "qty": plain(execution.quantity),
        "side": execution.side,
        "symbol": execution.symbol,
        "leaves_qty": plain(execution.leaves),
        "order_id": execution.order_id,
        "cum_qty": plain(execution.cumulative),
        "order_status": "filled" if done else "partially_filled",
    }


def asset_json(symbol: Symbol, *, fractionable: bool) -> Json:
    """Return a symbol's asset."""
    return {
        "id": asset_id(symbol),
        "class": "us_equity",
        "exchange": "NASDAQ",
        "symbol": symbol,
        "name": symbol,
        "status": "active",
        "tradable": True,
        "marginable": True,
        "shortable": True,
        "easy_to_borrow": True,
        "fractionable": fractionable,
        "maintenance_margin_requirement": 30,
        "attributes": [],
    }


def calendar_json(session: Session) -> Json:
    """Return a session as a calendar row, in New York's wall clock."""
    opens, closes = (m.astimezone(NEW_YORK) for m in (session.opens_at, session.closes_at))
    return {
        "date": session.day,
        "open": f"{opens:%H:%M}",
        "close": f"{closes:%H:%M}",
        "session_open": "0400",
        "session_close": "1700" if closes.hour < 16 else "2000",
        "settlement_date": session.day,
    }


def bar_json(bar: ClosedBar) -> Json:
    """Return a bar as market data gives it."""
    typical = (bar.high + bar.low + bar.close) / 3
    return {
        "t": stamp(bar.at),
        "o": bar.open,
        "h": bar.high,
        "l": bar.low,
        "c": bar.close,
        "v": int(bar.volume) if bar.volume == int(bar.volume) else bar.volume,
        "n": max(int(bar.volume) // 100, 1),
        "vw": round(typical, 6),
    }


def quote_json(quote: Quote) -> Json:
    """Return a quote as market data gives it; sizes are made up."""
    return {
        "t": nano_stamp(quote.at),
        "ax": "V",
        "ap": float(quote.ask),
        "as": 3,
        "bx": "V",
        "bp": float(quote.bid),
        "bs": 3,
        "c": ["R"],
        "z": "C",
    }


def trade_json(at: datetime, price: Decimal) -> Json:
    """Return a trade as market data gives it; size and id are made up."""
    return {
        "t": nano_stamp(at),
        "x": "V",
        "p": float(price),
        "s": 100,
        "c": ["@"],
        "i": 1,
        "z": "C",
    }


def ticket_of(body: Mapping[str, object]) -> Ticket:
    """Read the body of a new order; raises Refused when it cannot be read."""
    symbol = body.get("symbol")
    if not isinstance(symbol, str) or not symbol:
        raise malformed("symbol is required")
    if body.get("notional") is not None:
        raise malformed("notional orders are not offered by the simulator")
    quantity = number(body, "qty")
    if quantity is None:
        raise malformed("qty is required")
    target, stop = _section(body, "take_profit"), _section(body, "stop_loss")
    client_order_id = body.get("client_order_id")
    intent = body.get("position_intent")
    return Ticket(
        symbol=Symbol(symbol),
        side=_word(body, "side", SIDES, None),
        quantity=quantity,
        kind=_word(body, "type", KINDS, None),
        time_in_force=_word(body, "time_in_force", IN_FORCE, None),
        group=_word(body, "order_class", GROUPS, "simple"),
        limit_price=number(body, "limit_price"),
        stop_price=number(body, "stop_price"),
        trail_price=number(body, "trail_price"),
        trail_percent=number(body, "trail_percent"),
        extended_hours=body.get("extended_hours") is True,
        client_order_id=str(client_order_id) if client_order_id else None,
        intent=_word(body, "position_intent", INTENTS, None) if intent else None,
        take_profit=number(target, "limit_price"),
        stop_loss=number(stop, "stop_price"),
        stop_loss_limit=number(stop, "limit_price"),
    )


def change_of(body: Mapping[str, object]) -> Change:
    """Read the body of a replace; raises Refused when it cannot be read."""
    client_order_id = body.get("client_order_id")
    in_force = body.get("time_in_force")
    return Change(
        quantity=number(body, "qty"),
        limit_price=number(body, "limit_price"),
        stop_price=number(body, "stop_price"),
        trail=number(body, "trail"),
        time_in_force=_word(body, "time_in_force", IN_FORCE, None) if in_force else None,
        client_order_id=str(client_order_id) if client_order_id else None,
    )


def number(body: Mapping[str, object], name: str) -> Decimal | None:
    """Read a number that was sent as a number or a string; None when absent or empty."""
    value = body.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise malformed(f"{name} must be a number")
    try:
        read = Decimal(value)
    except InvalidOperation:
        raise malformed(f"{name} must be a number, was {value!r}") from None
    if not read.is_finite():
        raise malformed(f"{name} must be a number, was {value!r}")
    return Decimal(plain(read))


def _section(body: Mapping[str, object], name: str) -> Mapping[str, object]:
    value = body.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise malformed(f"{name} must be an object")
    return value


def _word(
    body: Mapping[str, object], name: str, allowed: tuple[Word, ...], default: Word | None
) -> Word:
    value = body.get(name)
    if (value is None or value == "") and default is not None:
        return default
    for word in allowed:
        if value == word:
            return word
    raise malformed(f"invalid {name}: {value}")
