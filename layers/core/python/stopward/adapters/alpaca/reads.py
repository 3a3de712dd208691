"""Reads of single orders, executions and sessions."""

from datetime import datetime

from stopward.adapters.alpaca import wire
from stopward.adapters.alpaca.parse import Row, rows_of
from stopward.adapters.alpaca.transport import Answer, Transport, segment
from stopward.domain.identity import BrokerOrderId, OrderId, Symbol
from stopward.domain.market import Session
from stopward.domain.orders import BrokerOrder, BrokerPosition, Fill
from stopward.errors import BrokerRejected, BrokerUnavailable

POSITIONS = "/v2/positions"
ORDERS = "/v2/orders"
BY_CLIENT_ID = "/v2/orders:by_client_order_id"
FILLS = "/v2/account/activities/FILL"
CALENDAR = "/v2/calendar"
FILLS_PAGE = 100
FILLS_PAGES = 500
NOT_FOUND = 404


def order_of(answer: Answer) -> BrokerOrder:
    """Read the order that an answer holds; BrokerUnavailable when it holds none."""
    return wire.order(Row(answer.json(), answer.what))


def read_order(transport: Transport, order_id: BrokerOrderId) -> BrokerOrder | None:
    """Return one order in any status, or None when the broker does not know it."""
    try:
        return transport.get(f"{ORDERS}/{segment(order_id)}", read=order_of)
    except BrokerRejected as refusal:
        if refusal.status == NOT_FOUND:
            return None
        raise


def read_order_by_client_id(transport: Transport, client_order_id: OrderId) -> BrokerOrder | None:
    """Return one order in any status by our id, or None when the broker does not know it."""
    query = {"client_order_id": client_order_id}
    try:
        return transport.get(BY_CLIENT_ID, query=query, read=order_of)
    except BrokerRejected as refusal:
        if refusal.status == NOT_FOUND:
            return None
        raise


def read_position(transport: Transport, symbol: Symbol) -> BrokerPosition | None:
    """Return one open position, or None when the broker answers that there is none."""
    try:
        return transport.get(f"{POSITIONS}/{segment(symbol)}", read=_position_of)
    except BrokerRejected as refusal:
        if refusal.status == NOT_FOUND:
            return None
        raise


def _position_of(answer: Answer) -> BrokerPosition | None:
    # Skipping a row that cannot be read would say here that there is no position.
    return wire.position(Row(answer.json(), answer.what))


def read_fills(transport: Transport, *, since: datetime) -> tuple[Fill, ...]:
    """Return executions at `since` or later, oldest first, over all pages, each once."""
    query = {
        "after": wire.just_before(since),
        "direction": "asc",
        "page_size": str(FILLS_PAGE),
    }
    found: dict[str, Fill] = {}
    for _ in range(FILLS_PAGES):
        page = transport.get(FILLS, query=query, read=_fills_of)
        fresh = [fill for fill in page if fill.id not in found]
        found |= {fill.id: fill for fill in fresh}
        if len(page) < FILLS_PAGE:
            kept = (fill for fill in found.values() if fill.at >= since)
            return tuple(sorted(kept, key=lambda fill: (fill.at, fill.id)))
        if not fresh:
            break
        query["page_token"] = page[-1].id
    raise BrokerUnavailable(
        f"GET {FILLS}: {len(found)} fills read, and paging brings no more of them"
    )


def read_sessions(transport: Transport, *, first: str, last: str) -> tuple[Session, ...]:
    """Return trading sessions from day to day, inclusive."""
    return transport.get(
        CALENDAR,
        query={"start": first, "end": last},
        read=lambda answer: wire.sessions(answer.json(), answer.what),
    )


def _fills_of(answer: Answer) -> list[Fill]:
    return [wire.fill(row) for row in rows_of(answer.json(), answer.what)]
