"""Builders for the domain: 100 shares of AAPL from 100.00 with a stop at 98.00 (R is 2 dollars).

Prices and quantities may be given as text; a short's stop lies at 102.00. Each builder states only
what matters.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import count

from stopward.domain.draft import Goal
from stopward.domain.holding import Holding, reducing_side
from stopward.domain.identity import AccountId, BrokerOrderId, OrderId, PositionId, Symbol
from stopward.domain.market import ClosedBar, Quote, Session
from stopward.domain.money import Side
from stopward.domain.orders import (
    BrokerOrder,
    BrokerPosition,
    Fill,
    Order,
    OrderKind,
    OrderSide,
    Step,
)
from stopward.domain.position import Marks, Position

AAPL = Symbol("AAPL")
ACCOUNT = AccountId("paper")
OPEN = datetime(2024, 1, 3, 14, 30, tzinfo=UTC)
"""The open of the session that everything here happens in."""
NOW = OPEN + timedelta(hours=1)
SESSION = Session(
    exchange="XNYS", day="2024-01-03", opens_at=OPEN, closes_at=OPEN + timedelta(minutes=390)
)

Number = Decimal | int | str

_numbers = count(1)


def d(number: Number) -> Decimal:
    """Return a Decimal."""
    return Decimal(number)


def minute(number: float) -> datetime:
    """Return a minute of the session, from 0."""
    return OPEN + timedelta(minutes=number)


def a_position(side: Side = "long", quantity: Number = 100, **changes: object) -> Position:
    """Return a guarded position; text and whole numbers become Decimals where they should."""
    stop = d("98") if side == "long" else d("102")
    fields: dict[str, object] = {
        "id": PositionId("paper/AAPL/1"),
        "account_id": ACCOUNT,
        "symbol": AAPL,
        "side": side,
        "quantity": d(quantity),
        "initial_quantity": d(quantity),
        "average_entry": d("100"),
        "initial_stop": stop,
        "risk": d("2"),
        "stop": stop,
        "tightest": stop,
        "opened_at": OPEN,
        "adopted_at": OPEN,
        "marks": Marks(best=100.0, worst=100.0),
    }
    return Position(**(fields | {name: _decimal(name, value) for name, value in changes.items()}))  # type: ignore[arg-type]


def a_broker_position(
    side: Side = "long",
    quantity: Number = 100,
    *,
    entry: Number = "100",
    price: Number | None = "100",
    symbol: Symbol = AAPL,
) -> BrokerPosition:
    """Return a position as the broker reports it."""
    return BrokerPosition(
        symbol=symbol,
        side=side,
        quantity=d(quantity),
        available=None,
        average_entry=d(entry),
        current_price=None if price is None else d(price),
    )


def a_broker_order(
    kind: OrderKind = "stop",
    quantity: Number = 100,
    *,
    side: OrderSide = "sell",
    stop: Number | None = None,
    limit: Number | None = None,
    filled: Number = 0,
    status: str = "new",
    group: str = "simple",
    parent: str | None = None,
    order_id: str | None = None,
    client_id: str | None = None,
    replaces: str | None = None,
    symbol: Symbol = AAPL,
    time_in_force: str = "gtc",
) -> BrokerOrder:
    """Return an order of the trader's at the broker; `client_id="sw-..."` makes it ours."""
    number = next(_numbers)
    return BrokerOrder(
        id=BrokerOrderId(order_id or f"b{number}"),
        client_order_id=client_id or f"hand-{number}",
        symbol=symbol,
        side=side,
        kind=kind,
        status=status,
        quantity=d(quantity),
        filled_quantity=d(filled),
        filled_price=None if d(filled) == 0 else d("98"),
        stop_price=None if stop is None else d(stop),
        limit_price=None if limit is None else d(limit),
        time_in_force=time_in_force,
        extended_hours=False,
        group=group,
        parent=None if parent is None else BrokerOrderId(parent),
        replaces=None if replaces is None else BrokerOrderId(replaces),
        replaced_by=None,
        submitted_at=OPEN,
        updated_at=OPEN,
    )


def a_stop(
    quantity: Number = 100, stop: Number | None = None, *, side: Side = "long", **changes: object
) -> BrokerOrder:
    """Return a resting stop of a position of that side, at its initial stop by default."""
    price = stop if stop is not None else ("98" if side == "long" else "102")
    return a_broker_order("stop", quantity, side=reducing_side(side), stop=price, **changes)  # type: ignore[arg-type]


def a_bracket(
    quantity: Number = 100,
    stop: Number | None = None,
    *,
    side: Side = "long",
    limit: Number | None = None,
    group: str = "bracket",
) -> tuple[BrokerOrder, BrokerOrder]:
    """Return the target and the held stop of a bracket whose entry has filled."""
    parent = f"parent{next(_numbers)}"
    target = limit if limit is not None else ("110" if side == "long" else "90")
    return (
        a_broker_order(
            "limit", quantity, side=reducing_side(side), limit=target, group=group, parent=parent
        ),
        a_stop(quantity, stop, side=side, status="held", group=group, parent=parent),
    )


def a_holding(
    *orders: BrokerOrder,
    side: Side = "long",
    quantity: Number = 100,
    entry: Number = "100",
    symbol: Symbol = AAPL,
) -> Holding:
    """Return what the broker holds; quantity 0 means that it lists no position."""
    found = None if d(quantity) == 0 else a_broker_position(side, quantity, entry=entry)
    return Holding(symbol=symbol, position=found, orders=orders)


def an_order(step: Step = "arm", quantity: Number = 100, **changes: object) -> Order:
    """Return an intent of ours for the long from 100."""
    fields: dict[str, object] = {
        "id": OrderId(f"sw-{step}-0-test"),
        "position_id": PositionId("paper/AAPL/1"),
        "symbol": AAPL,
        "step": step,
        "side": "sell",
        "quantity": d(quantity),
        "price": d("98") if step in ("arm", "move") else None,
        "on": None,
        "rule": "time_stop" if step == "sell" else "stop",
        "tick_at": NOW,
        "attempt": 0,
    }
    return Order(**(fields | changes))  # type: ignore[arg-type]


def an_exit(position: Position, quantity: Number | None = None, **changes: object) -> Order:
    """Return a recorded, unsent exit of a position, or of part of it."""
    return an_order(
        "sell",
        position.quantity if quantity is None else quantity,
        position_id=position.id,
        side=reducing_side(position.side),
        **changes,
    )


def a_goal(position: Position, **changes: object) -> Goal:
    """Return the goal of leaving the position as it is, with its stop resting."""
    fields: dict[str, object] = {
        "position": position,
        "stop": position.stop,
        "stop_rule": position.stop_rule,
    }
    return Goal(**(fields | changes))  # type: ignore[arg-type]


def a_fill(
    quantity: Number = 100,
    price: Number = "98",
    *,
    side: OrderSide = "sell",
    at: datetime = NOW,
    fill_id: str | None = None,
    order_id: str = "b-exit",
    symbol: Symbol = AAPL,
) -> Fill:
    """Return one execution; a sell by default."""
    return Fill(
        id=fill_id or f"f{next(_numbers)}",
        order_id=BrokerOrderId(order_id),
        symbol=symbol,
        side=side,
        quantity=d(quantity),
        price=d(price),
        at=at,
    )


def a_quote(bid: Number = "100", ask: Number | None = None, *, at: datetime = NOW) -> Quote:
    """Return a quote; without `ask` a cent wide."""
    offer = d(bid) + d("0.01") if ask is None else d(ask)
    return Quote(symbol=AAPL, at=at, bid=d(bid), ask=offer, feed="test")


def a_closed_bar(
    number: float,
    close: float = 100.0,
    *,
    high: float | None = None,
    low: float | None = None,
    volume: float = 1000.0,
) -> ClosedBar:
    """Return the closed bar of one minute of the session, of a single price by default."""
    return ClosedBar(
        symbol=AAPL,
        at=minute(number),
        open=close,
        high=close if high is None else high,
        low=close if low is None else low,
        close=close,
        volume=volume,
    )


_DECIMALS = frozenset(
    {
        "initial_quantity",
        "average_entry",
        "initial_stop",
        "risk",
        "stop",
        "target",
        "lot",
        "tick",
        "fees_per_share",
        "realised",
        "closed_quantity",
        "tightest",
    }
)


def _decimal(name: str, value: object) -> object:
    if name in _DECIMALS and isinstance(value, (str, int)):
        return Decimal(value)
    return value
