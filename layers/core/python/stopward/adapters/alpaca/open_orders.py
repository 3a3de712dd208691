"""All open orders, with the legs that a flat list hides.

A flat list of open orders leaves out a bracket's `held` stop, and a nested one may leave out the
whole group once its entry has filled (alpaca-trade-api-js#80, #87; alpaca-trade-api-python#322).
So the flat list says what is open, and where it shows a member of a group, the nested lists
complete the group. Without groups that is one request a page.
"""

from datetime import datetime
from typing import NamedTuple

from stopward.adapters.alpaca import wire
from stopward.adapters.alpaca.parse import rows_of
from stopward.adapters.alpaca.transport import Answer, Transport
from stopward.domain.identity import BrokerOrderId
from stopward.domain.orders import BrokerOrder
from stopward.errors import BrokerUnavailable

PATH = "/v2/orders"
PAGE = 500
PAGES = 40
"""More than 20,000 orders is a walk that does not end, not an account."""
GROUPS = frozenset({"bracket", "oco", "oto"})

Tree = tuple[BrokerOrder, ...]
"""An order and its legs."""


def read_open_orders(transport: Transport) -> tuple[BrokerOrder, ...]:
    """Return open orders and the legs of their groups, each once, with filled parents."""
    found = {order.id: order for tree in _walk(transport, status="open") for order in tree}
    complete: set[BrokerOrderId] = set()
    for status in ("open", "all"):
        lone = [o for o in found.values() if o.group in GROUPS and o.id not in complete]
        if not lone:
            break
        symbols = ",".join(sorted({order.symbol for order in lone}))
        for tree in _walk(transport, status=status, nested=True, symbols=symbols):
            ids = {order.id for order in tree}
            if len(tree) > 1 and (status == "open" or not ids.isdisjoint(found)):
                complete |= ids
                found |= {order.id: order for order in tree}
    return tuple(found.values())


def _walk(
    transport: Transport, *, status: str, nested: bool = False, symbols: str | None = None
) -> tuple[Tree, ...]:
    # Oldest first, so that an order sent or ended between two pages shifts none of the others. The
    # cursor is the last order's id, or its time where a server does not know that parameter.
    query = {
        "status": status,
        "limit": str(PAGE),
        "direction": "asc",
        "nested": "true" if nested else "false",
    }
    if symbols is not None:
        query["symbols"] = symbols
    seen: dict[BrokerOrderId, Tree] = {}
    cursor: dict[str, str] = {}
    by_id = True
    for _ in range(PAGES):
        page = transport.get(PATH, query=query | cursor, read=_read_page)
        fresh = {tree[0].id: tree for tree in page.trees if tree[0].id not in seen}
        seen |= fresh
        if page.size < PAGE or page.last is None:
            return tuple(seen.values())
        if fresh:
            last = page.last
        elif by_id:
            by_id = False
        else:
            break
        cursor = {"after_order_id": last.id} if by_id else {"after": _just_before(last)}
    raise BrokerUnavailable(
        f"GET {PATH}: {len(seen)} orders read, and paging brings no more of them"
    )


class _Last(NamedTuple):
    id: str
    submitted_at: datetime


class _Page(NamedTuple):
    # size counts every row, legs and other assets included; last is the newest top row.
    trees: tuple[Tree, ...]
    size: int
    last: _Last | None


def _read_page(answer: Answer) -> _Page:
    trees: list[Tree] = []
    size = 0
    row = None
    for row in rows_of(answer.json(), answer.what):
        tree = tuple(wire.order_tree(row))
        size += 1 + max(len(tree) - 1, 0)
        if tree:
            trees.append(tree)
    last = None if row is None else _Last(row.text("id"), row.moment("submitted_at"))
    return _Page(trees=tuple(trees), size=size, last=last)


def _just_before(last: _Last) -> str:
    # `after` is exclusive, and orders may share an instant: overlap, and drop what was seen.
    return wire.just_before(last.submitted_at)
