"""Identifiers, and how an order's id is derived from what it is for."""

import hashlib
from base64 import b32encode
from datetime import UTC, datetime
from typing import NewType

AccountId = NewType("AccountId", str)
PositionId = NewType("PositionId", str)
Symbol = NewType("Symbol", str)
OrderId = NewType("OrderId", str)
"""Our own id of an order, sent as client_order_id; at most 48 characters, unique for ever."""
BrokerOrderId = NewType("BrokerOrderId", str)

PREFIX = "sw-"
"""Every client order id of ours starts so; an order that does not is not ours."""


def derive_order_id(
    position_id: PositionId, step: str, *, tick_at: datetime, attempt: int, detail: str = ""
) -> OrderId:
    """Return the id of one step of an intent: same inputs, same id, on every machine.

    `detail` tells apart what position, step, tick and attempt do not (for a move: its price).
    The digest keeps 130 bits, in lower-case base 32.
    """
    instant = tick_at.astimezone(UTC).isoformat()
    subject = "|".join((position_id, step, instant, str(attempt), detail))
    digest = b32encode(hashlib.sha256(subject.encode()).digest()).decode().lower()
    return OrderId(f"{PREFIX}{step}-{attempt}-{digest[:26]}")


def is_ours(client_order_id: str) -> bool:
    """Return whether an order at the broker was sent by Stopward."""
    return client_order_id.startswith(PREFIX)
