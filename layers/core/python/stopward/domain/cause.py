"""Why an order filled or moved: a rule, a resting stop or target, or the trader's hand. Pure."""

from collections.abc import Iterable, Mapping

from stopward.domain.holding import STOP_KINDS
from stopward.domain.identity import is_ours
from stopward.domain.orders import BrokerOrder, Order

BY_HAND = "by_hand"
GUARD = "guard"
"""Cause of what an order of ours did whose rule is no longer at hand."""


def cause_of(broker_order_id: str | None, causes: Mapping[str, str]) -> str:
    """Return why the order that filled was there; one that nobody recorded was placed by hand."""
    return BY_HAND if broker_order_id is None else causes.get(broker_order_id, BY_HAND)


def known_causes(orders: Iterable[Order], found: Iterable[BrokerOrder]) -> dict[str, str]:
    """Return causes by broker order id: rules of our orders, stops and targets of others.

    found: orders that filled and are in no record at hand, as read from the broker.
    """
    causes: dict[str, str] = {}
    for other in found:
        if other.kind in STOP_KINDS:
            causes[other.id] = "stop"
        elif other.group in ("bracket", "oco") and other.kind == "limit":
            causes[other.id] = "target"
        elif is_ours(other.client_order_id):
            causes[other.id] = GUARD
    for order in orders:
        if order.broker_order_id is not None:
            causes[order.broker_order_id] = order.rule
    return causes
