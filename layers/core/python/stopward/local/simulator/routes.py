"""From a request to an answer: which endpoint serves it, and with what status."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from stopward.errors import BrokerRejected
from stopward.local.simulator import data, holdings, trading
from stopward.local.simulator.daily import Daily
from stopward.local.simulator.faults import Fault, Request
from stopward.local.simulator.refusal import Refused, malformed
from stopward.local.simulator.requests import cancel
from stopward.local.simulator.state import State


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Status and body of an answer; body None for none at all."""

    status: int
    body: object | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A request with what serves it; `name` is the last part of the path, or empty."""

    state: State
    daily: Daily
    request: Request
    name: str
    fault: Fault | None


Handler = Callable[[Call], object | None]


def serve(state: State, daily: Daily, request: Request, fault: Fault | None) -> Answer:
    """Serve one request; refusals become Alpaca's error bodies."""
    for method, pattern, status, handler in ROUTES:
        match = pattern.fullmatch(request.path)
        if match is None or method != request.method:
            continue
        name = match.groupdict().get("name", "")
        call = Call(state=state, daily=daily, request=request, name=name, fault=fault)
        try:
            return Answer(status=status, body=handler(call))
        except Refused as refused:
            body = {"code": refused.code, "message": str(refused), **refused.facts}
            return Answer(status=refused.status, body=body)
        except BrokerRejected as rejected:
            return Answer(status=rejected.status, body={"message": str(rejected)})
        except ValueError as error:
            return Answer(status=422, body={"code": 40010001, "message": f"invalid value: {error}"})
    if any(pattern.fullmatch(request.path) for _, pattern, _, _ in ROUTES):
        return Answer(status=405, body={"code": 40510000, "message": "method not allowed"})
    return Answer(status=404, body={"code": 40410000, "message": "endpoint not found"})


def _post_order(call: Call) -> object:
    if call.request.body is None:
        raise malformed("request body format is invalid")
    return trading.post_order(call.state, call.request.body)


def _patch_order(call: Call) -> object:
    return trading.patch_order(call.state, call.name, call.request.body or {})


def _delete_order(call: Call) -> None:
    cancel(call.state, call.name)


def _activities(call: Call) -> object:
    query = call.request.query
    return trading.activities(call.state, call.name or query.get("activity_types", ""), query)


def _route(
    method: str, path: str, handler: Handler, status: int = 200
) -> tuple[str, re.Pattern[str], int, Handler]:
    return method, re.compile(f"/v2{path}"), status, handler


NAME = "(?P<name>[^/]+)"
ROUTES = (
    _route("GET", "/account", lambda c: holdings.account(c.state)),
    _route("GET", "/account/activities", _activities),
    _route("GET", f"/account/activities/{NAME}", _activities),
    _route("GET", "/positions", lambda c: holdings.positions(c.state, c.daily)),
    _route("DELETE", "/positions", lambda c: holdings.close_all(c.state, c.request.query), 207),
    _route("GET", f"/positions/{NAME}", lambda c: holdings.position(c.state, c.daily, c.name)),
    _route(
        "DELETE",
        f"/positions/{NAME}",
        lambda c: holdings.close_position(c.state, c.name, c.request.query),
    ),
    _route("GET", "/orders", lambda c: trading.orders(c.state, c.request.query)),
    _route("POST", "/orders", _post_order),
    _route("DELETE", "/orders", lambda c: trading.delete_all_orders(c.state), 207),
    _route(
        "GET",
        "/orders:by_client_order_id",
        lambda c: trading.order_by_client_id(c.state, c.request.query),
    ),
    _route(
        "GET", f"/orders/{NAME}", lambda c: trading.order_by_id(c.state, c.name, c.request.query)
    ),
    _route("PATCH", f"/orders/{NAME}", _patch_order),
    _route("DELETE", f"/orders/{NAME}", _delete_order, 204),
    _route("GET", "/clock", lambda c: trading.clock(c.state)),
    _route("GET", "/calendar", lambda c: trading.calendar(c.state, c.request.query)),
    _route("GET", "/assets", lambda c: trading.assets(c.state)),
    _route("GET", f"/assets/{NAME}", lambda c: trading.asset(c.state, c.name)),
    _route(
        "GET", "/stocks/quotes/latest", lambda c: data.quotes(c.state, c.request.query, c.fault)
    ),
    _route("GET", "/stocks/trades/latest", lambda c: data.trades(c.state, c.request.query)),
    _route("GET", "/stocks/bars/latest", lambda c: data.latest_bars(c.state, c.request.query)),
    _route("GET", "/stocks/bars", lambda c: data.bars(c.state, c.daily, c.request.query)),
    _route(
        "GET",
        "/stocks/snapshots",
        lambda c: data.snapshots(c.state, c.daily, c.request.query, c.fault),
    ),
)
