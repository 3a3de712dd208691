"""Tags in the client order id of an entry: `swing:2024-01-03-a` carries the tag `swing`."""

import re

from stopward.domain.holding import reducing_side
from stopward.domain.identity import BrokerOrderId
from stopward.domain.orders import BrokerPosition, Fill

_PREFIX = re.compile(r"([A-Za-z][A-Za-z0-9._-]{0,31}):")


def tag_of(client_order_id: str) -> str | None:
    """Return what stands before the first colon, when it is spelled as a tag; else None."""
    found = _PREFIX.match(client_order_id)
    return None if found is None else found.group(1)


def entry_order(position: BrokerPosition, fills: tuple[Fill, ...]) -> BrokerOrderId | None:
    """Return the order of the newest fill that enlarged the position; None when there is none."""
    away = reducing_side(position.side)
    adding = [f for f in fills if f.symbol == position.symbol and f.side != away]
    newest = max(adding, key=lambda fill: (fill.at, fill.id), default=None)
    return None if newest is None else newest.order_id
