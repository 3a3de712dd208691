"""Alpaca's objects on the wire, and an adapter over any base URL."""

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

from stopward.adapters.alpaca import AlpacaBroker, AlpacaMarketData, Keys, Patience, Transport
from stopward.domain.identity import OrderId, Symbol
from stopward.domain.orders import OrderRequest
from stopward.ports import Clock
from tests.builders.manual_clock import ManualClock

KEYS = Keys(key_id="PK-TEST-KEY-ID", secret="very/secret+value")
QUICK = Patience(connect_seconds=0.5, read_seconds=0.5)


@contextmanager
def a_transport(
    url: str, *, clock: Clock | None = None, patience: Patience = QUICK
) -> Iterator[Transport]:
    """An open transport, closed at the end."""
    transport = Transport(url, keys=KEYS, clock=clock or ManualClock(), patience=patience)
    try:
        yield transport
    finally:
        transport.close()


@contextmanager
def a_broker(
    url: str, *, clock: Clock | None = None, patience: Patience = QUICK
) -> Iterator[AlpacaBroker]:
    """The adapter of the trading API."""
    with a_transport(url, clock=clock, patience=patience) as transport:
        yield AlpacaBroker(transport)


@contextmanager
def market_data(url: str, **settings: str) -> Iterator[AlpacaMarketData]:
    """The adapter of the market data API."""
    with a_transport(url) as transport:
        yield AlpacaMarketData(transport, **settings)  # type: ignore[arg-type]


def a_request(**changes: object) -> OrderRequest:
    """A sell stop for ten shares of AAPL."""
    fields: dict[str, object] = {
        "client_order_id": OrderId("sw-arm-1-abc"),
        "symbol": Symbol("AAPL"),
        "side": "sell",
        "quantity": Decimal(10),
        "kind": "stop",
        "stop_price": Decimal("98.50"),
    }
    return OrderRequest(**(fields | changes))  # type: ignore[arg-type]


def order_json(**changes: object) -> dict[str, object]:
    """An order as Alpaca writes it, with fields that we do not know."""
    return {
        "id": "61e69015-8549-4bfd-b9c3-01e75843f47d",
        "client_order_id": "sw-arm-1-abc",
        "created_at": "2026-03-02T14:35:00.123456789Z",
        "updated_at": "2026-03-02T14:35:01Z",
        "submitted_at": "2026-03-02T14:35:00.123456789Z",
        "filled_at": None,
        "replaced_by": None,
        "replaces": None,
        "asset_id": "904837e3-3b76-47ec-b432-046db621571b",
        "symbol": "AAPL",
        "asset_class": "us_equity",
        "notional": None,
        "qty": "10",
        "filled_qty": "0",
        "filled_avg_price": None,
        "order_class": "",
        "order_type": "stop",
        "type": "stop",
        "side": "sell",
        "time_in_force": "day",
        "limit_price": None,
        "stop_price": "98.5",
        "status": "new",
        "extended_hours": False,
        "legs": None,
        "hwm": None,
        "a_field_of_next_year": {"x": [1]},
    } | changes


def position_json(**changes: object) -> dict[str, object]:
    """A position as Alpaca writes it."""
    return {
        "asset_id": "904837e3-3b76-47ec-b432-046db621571b",
        "symbol": "AAPL",
        "asset_class": "us_equity",
        "qty": "10",
        "qty_available": "0",
        "avg_entry_price": "100.25",
        "side": "long",
        "current_price": "101.2",
        "unrealized_plpc": "0.0094",
    } | changes


def fill_json(**changes: object) -> dict[str, object]:
    """A FILL activity as Alpaca writes it."""
    return {
        "activity_type": "FILL",
        "id": "20260302143600000::8efc7b9a",
        "order_id": "61e69015-8549-4bfd-b9c3-01e75843f47d",
        "symbol": "AAPL",
        "side": "sell",
        "qty": "4",
        "price": "98.48",
        "transaction_time": "2026-03-02T14:36:00.5Z",
        "type": "partial_fill",
    } | changes
