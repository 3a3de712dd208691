"""Orders sent, replaced and canceled, each at most once.

A write whose answer was lost, made no sense or said 5xx is looked up by its client order id before
anything is concluded; so is one refused with 422, for that is how a duplicate is told.
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from stopward.adapters.alpaca import wire
from stopward.adapters.alpaca.reads import (
    ORDERS,
    order_of,
    read_order,
    read_order_by_client_id,
)
from stopward.adapters.alpaca.transport import TOO_MANY, NotSent, Transport, segment
from stopward.domain.identity import BrokerOrderId, OrderId
from stopward.domain.orders import BrokerOrder, OrderRequest
from stopward.errors import BrokerRejected, BrokerUnavailable, Rejected

UNPROCESSABLE = 422
SECOND_LOOK = timedelta(seconds=0.5)
"""A gateway that timed out may be ahead of the order it passed on: look again if none is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Doubt:
    # A write that did not end in an order. refusal is set when the broker answered, and said no.
    reason: str
    refusal: BrokerRejected | None = None


def submit(transport: Transport, request: OrderRequest) -> BrokerOrder:
    """Send an order once, and return what the broker has under its id."""
    ours = request.client_order_id
    outcome = _write(transport, "POST", ORDERS, wire.submission(request))
    if isinstance(outcome, BrokerOrder):
        if outcome.client_order_id == ours:
            return outcome
        outcome = _Doubt(reason=f"answered with the order {outcome.client_order_id!r}")
    found = _look_up(transport, ours, outcome)
    if found is not None:
        return found
    raise outcome.refusal or BrokerUnavailable(
        f"order {ours}: not accepted ({outcome.reason}); it may be sent again under the same id"
    )


def replace(
    transport: Transport,
    order_id: BrokerOrderId,
    *,
    client_order_id: OrderId,
    quantity: Decimal | None,
    stop_price: Decimal | None,
) -> BrokerOrder:
    """Replace an order once; return its successor, found by our id or through the predecessor."""
    body = wire.replacement(
        client_order_id=client_order_id, quantity=quantity, stop_price=stop_price
    )
    outcome = _write(transport, "PATCH", f"{ORDERS}/{segment(order_id)}", body)
    if isinstance(outcome, BrokerOrder):
        if outcome.client_order_id == client_order_id or outcome.replaces == order_id:
            return outcome
        outcome = _Doubt(reason=f"answered with the order {outcome.client_order_id!r}")
    found = _look_up(transport, client_order_id, outcome)
    if found is not None:
        return found
    if outcome.refusal is not None:
        raise outcome.refusal
    successor = _successor(transport, order_id, outcome)
    if successor is not None and _is_as_asked(successor, quantity, stop_price):
        return successor
    fate = "not replaced" if successor is None else f"replaced by {successor.id}, which is not ours"
    raise BrokerUnavailable(f"order {order_id}: {fate} ({outcome.reason})")


def cancel(transport: Transport, order_id: BrokerOrderId) -> None:
    """Ask for a cancel; one that was asked for before, or is done, counts as asked for."""
    try:
        transport.delete(f"{ORDERS}/{segment(order_id)}")
    except BrokerRejected as refusal:
        if refusal.status == UNPROCESSABLE:
            order = read_order(transport, order_id)
            if order is not None and order.status in {"pending_cancel", "canceled"}:
                return
        raise


def _write(
    transport: Transport, method: str, path: str, body: dict[str, object]
) -> BrokerOrder | _Doubt:
    try:
        answer = transport.send(method, path, body=body)
    except NotSent:
        raise
    except BrokerUnavailable as error:
        return _Doubt(reason=str(error))
    if answer.status == TOO_MANY:
        raise transport.rate_limited(answer)
    if answer.is_inconclusive:
        return _Doubt(reason=f"answered with {answer.status}")
    if not answer.is_success:
        refusal = transport.refusal(answer)
        if answer.status == UNPROCESSABLE:
            return _Doubt(reason=str(refusal), refusal=refusal)
        raise refusal
    try:
        return order_of(answer)
    except BrokerUnavailable as error:
        return _Doubt(reason=str(error))


def _look_up(transport: Transport, ours: OrderId, doubt: _Doubt) -> BrokerOrder | None:
    try:
        found = read_order_by_client_id(transport, ours)
        if found is None and doubt.refusal is None:
            transport.clock.sleep_until(transport.clock.now() + SECOND_LOOK)
            found = read_order_by_client_id(transport, ours)
    except (BrokerUnavailable, Rejected) as error:
        raise _unknown(ours, doubt) from error
    return found


def _successor(transport: Transport, order_id: BrokerOrderId, doubt: _Doubt) -> BrokerOrder | None:
    try:
        predecessor = read_order(transport, order_id)
        if predecessor is None or predecessor.replaced_by is None:
            return None
        return read_order(transport, predecessor.replaced_by)
    except (BrokerUnavailable, Rejected) as error:
        raise _unknown(order_id, doubt) from error


def _is_as_asked(
    successor: BrokerOrder, quantity: Decimal | None, stop_price: Decimal | None
) -> bool:
    return (quantity is None or successor.quantity == quantity) and (
        stop_price is None or successor.stop_price == stop_price
    )


def _unknown(order: str, doubt: _Doubt) -> BrokerUnavailable:
    return BrokerUnavailable(
        f"order {order}: its fate is unknown ({doubt.reason}), nor could it be read"
    )
