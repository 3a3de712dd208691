"""The endpoints of the account and its positions. Paths are below /v2."""

from collections.abc import Mapping
from decimal import Decimal

from stopward.local.simulator import wire
from stopward.local.simulator.advance import settle
from stopward.local.simulator.daily import Daily
from stopward.local.simulator.order import Ticket
from stopward.local.simulator.portfolio import Holding
from stopward.local.simulator.refusal import Refused, malformed, not_found, plain
from stopward.local.simulator.requests import cancel, submit
from stopward.local.simulator.state import State

Json = wire.Json
Query = Mapping[str, str]
ACCOUNT_NUMBER = "SIM000001"


def account(state: State) -> Json:
    """Return GET /account."""
    equity, holdings = state.equity(), state.portfolio.holdings()
    values = [h.shares * (state.price(h.symbol) or h.average_entry) for h in holdings]
    long_value = sum((v for v in values if v > 0), Decimal(0))
    short_value = sum((v for v in values if v < 0), Decimal(0))
    power = plain(state.buying_power().quantize(Decimal("0.01")))
    return {
        "id": wire.asset_id("account"),
        "account_number": ACCOUNT_NUMBER,
        "status": "ACTIVE",
        "crypto_status": "ACTIVE",
        "currency": "USD",
        "buying_power": power,
        "regt_buying_power": power,
        "non_marginable_buying_power": plain(max(state.portfolio.cash, Decimal(0))),
        "cash": plain(state.portfolio.cash),
        "accrued_fees": "0",
        "portfolio_value": plain(equity),
        "trading_blocked": state.trading_blocked,
        "transfers_blocked": False,
        "account_blocked": False,
        "created_at": "2020-01-02T15:00:00.123456Z",
        "trade_suspended_by_user": False,
        "multiplier": plain(state.options.leverage),
        "shorting_enabled": state.options.shorting_enabled,
        "equity": plain(equity),
        "last_equity": plain(state.last_equity),
        "long_market_value": plain(long_value),
        "short_market_value": plain(short_value),
        "initial_margin": plain((long_value - short_value) / 2),
        "maintenance_margin": plain((long_value - short_value) * Decimal("0.3")),
        "last_maintenance_margin": "0",
        "sma": "0",
    }


def positions(state: State, daily: Daily) -> list[Json]:
    """Return GET /positions."""
    return [position_json(state, daily, holding) for holding in state.portfolio.holdings()]


def position(state: State, daily: Daily, symbol: str) -> Json:
    """Return GET /positions/{symbol}; raises Refused (404) when flat."""
    return position_json(state, daily, _holding(state, symbol))


def position_json(state: State, daily: Daily, holding: Holding) -> Json:
    """Return a position; shares of a short are negative, `unrealized_plpc` is a fraction."""
    symbol, shares = holding.symbol, holding.shares
    price = state.price(symbol) or holding.average_entry
    value, cost = shares * price, shares * holding.average_entry
    known = daily.previous_close(symbol, state.now)
    before = price if known is None else Decimal(repr(known))
    side = "sell" if shares > 0 else "buy"
    free = max(
        abs(shares) - state.book.held(symbol, "sell" if side == "sell" else "buy"), Decimal(0)
    )
    gain = value - cost
    return {
        "asset_id": wire.asset_id(symbol),
        "symbol": symbol,
        "exchange": "NASDAQ",
        "asset_class": "us_equity",
        "asset_marginable": True,
        "qty": plain(shares),
        "qty_available": plain(free if shares > 0 else -free),
        "avg_entry_price": plain(holding.average_entry.quantize(Decimal("0.000001"))),
        "side": "long" if shares > 0 else "short",
        "market_value": plain(value),
        "cost_basis": plain(cost),
        "unrealized_pl": plain(gain),
        "unrealized_plpc": plain((gain / abs(cost)).quantize(Decimal("0.000000001"))),
        "unrealized_intraday_pl": plain(gain),
        "unrealized_intraday_plpc": plain((gain / abs(cost)).quantize(Decimal("0.000000001"))),
        "current_price": plain(price),
        "lastday_price": plain(before),
        "change_today": plain((price / before - 1).quantize(Decimal("0.000000001"))),
    }


def close_position(state: State, symbol: str, query: Query) -> Json:
    """Serve DELETE /positions/{symbol}: a market order for what is there, or for part of it."""
    holding = _holding(state, symbol)
    quantity = abs(holding.shares)
    if "qty" in query and "percentage" in query:
        raise malformed("only one of qty and percentage is allowed")
    if "qty" in query:
        quantity = wire.number(dict(query), "qty") or quantity
    elif "percentage" in query:
        share = wire.number(dict(query), "percentage") or Decimal(100)
        quantity = (quantity * share / 100).quantize(Decimal("0.000000001")).normalize()
    ticket = Ticket(
        symbol=holding.symbol,
        side="sell" if holding.shares > 0 else "buy",
        quantity=Decimal(plain(quantity)),
        kind="market",
    )
    return wire.order_json(submit(state, ticket), state.book, nested=True)


def close_all(state: State, query: Query) -> list[Json]:
    """Serve DELETE /positions: one result a position, each with a status of its own."""
    if query.get("cancel_orders", "").lower() == "true":
        for order in state.book.all():
            if order.is_open and order.status != "pending_cancel":
                cancel(state, order.id)
        settle(state, state.queue.drain(), at=state.now)
    results: list[Json] = []
    for holding in state.portfolio.holdings():
        try:
            body = close_position(state, holding.symbol, {})
            results.append({"symbol": holding.symbol, "status": 200, "body": body})
        except Refused as refused:
            body = {"code": refused.code, "message": str(refused), **refused.facts}
            results.append({"symbol": holding.symbol, "status": refused.status, "body": body})
    return results


def _holding(state: State, name: str) -> Holding:
    for holding in state.portfolio.holdings():
        if name in {holding.symbol, wire.asset_id(holding.symbol)}:
            return holding
    raise not_found("position does not exist")
