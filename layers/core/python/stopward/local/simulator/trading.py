"""The endpoints of orders, fills, hours and assets. Paths are below /v2."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from stopward.domain.identity import Symbol
from stopward.local.simulator import wire
from stopward.local.simulator.daily import NEW_YORK, day_of
from stopward.local.simulator.order import SimulatedOrder
from stopward.local.simulator.refusal import Refused, malformed, not_found
from stopward.local.simulator.requests import cancel, replace_order, submit
from stopward.local.simulator.state import State

Json = wire.Json
Query = Mapping[str, str]
MOST_ORDERS = 500
MOST_ACTIVITIES = 100


def orders(state: State, query: Query) -> list[Json]:
    """Return GET /orders.

    status: open (default), closed or all; limit: 50, at most 500, of parents when nested; after,
    until: exclusive, by submission; direction: desc (default) or asc. Flat lists of open orders
    leave out legs that are `held`; nested ones show a group while any of its orders is open.
    """
    nested = query.get("nested", "false").lower() == "true"
    status, direction = query.get("status", "open"), query.get("direction", "desc")
    if status not in {"open", "closed", "all"} or direction not in {"asc", "desc"}:
        raise malformed(f"invalid status or direction: {status}, {direction}")
    limit = int(query.get("limit", "50"))
    if not 0 < limit <= MOST_ORDERS:
        raise malformed(f"limit must be between 1 and {MOST_ORDERS}")
    symbols = set(query["symbols"].split(",")) if query.get("symbols") else None
    after, until = _moment(query, "after"), _moment(query, "until")
    chosen = [
        order
        for order in state.book.all()
        if (symbols is None or order.symbol in symbols)
        and (query.get("side") in {None, "", order.side})
        and (after is None or order.submitted_at > after)
        and (until is None or order.submitted_at < until)
        and not (nested and order.parent is not None)
        and _has_status(state, order, status, nested=nested)
    ]
    chosen.sort(key=lambda order: order.submitted_at, reverse=direction == "desc")
    return [wire.order_json(order, state.book, nested=nested) for order in chosen[:limit]]


def order_by_id(state: State, order_id: str, query: Query) -> Json:
    """Return GET /orders/{id}; raises Refused (404)."""
    order = state.book.get(order_id)
    if order is None:
        raise not_found(f"order not found for {order_id}")
    nested = query.get("nested", "true").lower() == "true"
    return wire.order_json(order, state.book, nested=nested)


def order_by_client_id(state: State, query: Query) -> Json:
    """Return GET /orders:by_client_order_id; raises Refused (404)."""
    client_order_id = query.get("client_order_id", "")
    order = state.book.by_client_id(client_order_id)
    if order is None:
        raise not_found(f"order not found for {client_order_id}")
    return wire.order_json(order, state.book, nested=True)


def post_order(state: State, body: Mapping[str, object]) -> Json:
    """Serve POST /orders."""
    return wire.order_json(submit(state, wire.ticket_of(body)), state.book, nested=True)


def patch_order(state: State, order_id: str, body: Mapping[str, object]) -> Json:
    """Serve PATCH /orders/{id}: the successor, which is not yet certain to take effect."""
    successor = replace_order(state, order_id, wire.change_of(body))
    return wire.order_json(successor, state.book, nested=True)


def delete_all_orders(state: State) -> list[Json]:
    """Serve DELETE /orders: one result an order, each with a status of its own."""
    results: list[Json] = []
    for order in state.book.all():
        current = state.book[order.id]
        if not current.is_open or current.status == "pending_cancel":
            continue
        try:
            cancel(state, current.id)
            results.append({"id": current.id, "status": 200})
        except Refused as refused:
            body = {"code": refused.code, "message": str(refused)}
            results.append({"id": current.id, "status": refused.status, "body": body})
    return results


def activities(state: State, kinds: str, query: Query) -> list[Json]:
    """Return GET /account/activities: fills only; page_token: the last one already seen."""
    if kinds and "FILL" not in kinds.split(","):
        return []
    size = int(query.get("page_size", str(MOST_ACTIVITIES)))
    if not 0 < size <= MOST_ACTIVITIES:
        raise malformed(f"page_size must be between 1 and {MOST_ACTIVITIES}")
    after, until = _moment(query, "after"), _moment(query, "until")
    chosen = [
        wire.activity_json(execution)
        for execution in state.ledger.fills()
        if (after is None or execution.at > after)
        and (until is None or execution.at < until)
        and (not query.get("date") or day_of(execution.at) == query["date"])
    ]
    if query.get("direction", "desc") == "desc":
        chosen.reverse()
    token = query.get("page_token")
    if token:
        seen = [index for index, row in enumerate(chosen) if row["id"] == token]
        if not seen:
            raise malformed(f"invalid page_token: {token}")
        chosen = chosen[seen[0] + 1 :]
    return chosen[:size]


def clock(state: State) -> Json:
    """Return GET /clock, in New York's time."""
    upcoming = state.hours.current_or_next(state.now)
    is_open = state.hours.session_at(state.now) is not None
    opens = [s.opens_at for s in state.hours.sessions if s.opens_at > state.now]
    far = state.now + timedelta(days=365)
    next_open = opens[0] if opens else far
    next_close = upcoming.closes_at if upcoming is not None else far
    return {
        "timestamp": state.now.astimezone(NEW_YORK).isoformat(timespec="microseconds"),
        "is_open": is_open,
        "next_open": next_open.astimezone(NEW_YORK).isoformat(),
        "next_close": next_close.astimezone(NEW_YORK).isoformat(),
    }


def calendar(state: State, query: Query) -> list[Json]:
    """Return GET /calendar; start and end are inclusive days."""
    first, last = query.get("start", "")[:10], query.get("end", "9999-12-31")[:10]
    return [wire.calendar_json(s) for s in state.hours.sessions if first <= s.day <= last]


def _has_status(state: State, order: SimulatedOrder, status: str, *, nested: bool) -> bool:
    if status == "all":
        return True
    is_open = order.is_open and (nested or order.status != "held")
    if nested:
        is_open = is_open or any(leg.is_open for leg in state.book.current_legs(order))
    if status == "open":
        return is_open
    return not is_open and not order.is_open


def _moment(query: Query, name: str) -> datetime | None:
    text = query.get(name)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise malformed(f"invalid {name}: {text}") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def asset(state: State, name: str) -> Json:
    """Return GET /assets/{symbol or id}; raises Refused (404)."""
    for symbol in state.tape.symbols:
        if name in {symbol, wire.asset_id(symbol)}:
            return wire.asset_json(symbol, fractionable=is_fractionable(state, symbol))
    raise not_found(f"asset not found for {name}")


def assets(state: State) -> list[Json]:
    """Return GET /assets."""
    return [
        wire.asset_json(symbol, fractionable=is_fractionable(state, symbol))
        for symbol in state.tape.symbols
    ]


def is_fractionable(state: State, symbol: Symbol) -> bool:
    """Return whether fractions of a share trade."""
    return symbol not in state.options.not_fractionable
