"""The orders of the account: every one ever sent, which of them rest, and the shares they hold."""

import uuid
from collections.abc import Iterator
from decimal import Decimal

from stopward.domain.identity import BrokerOrderId, Symbol
from stopward.domain.orders import OrderSide
from stopward.local.simulator.order import SimulatedOrder

NAMESPACE = uuid.UUID("5bd0a2f1-6f0e-5a47-9d5e-3a1f3f6a7c11")
RESTING = frozenset({"new", "partially_filled", "pending_cancel", "pending_replace"})


class Book:
    """All orders, by id; nothing is ever removed, for a client order id is unique for ever.

    changes: how often an order was stored.
    """

    def __init__(self) -> None:
        self.changes = 0
        self._orders: dict[BrokerOrderId, SimulatedOrder] = {}
        self._by_client_id: dict[str, BrokerOrderId] = {}
        self._open: dict[Symbol, dict[BrokerOrderId, None]] = {}
        self._sequence = 0

    def next_id(self, purpose: str = "order") -> BrokerOrderId:
        """Return a new id: a UUID derived from a counter, the same in every run."""
        self._sequence += 1
        return BrokerOrderId(str(uuid.uuid5(NAMESPACE, f"{purpose}-{self._sequence}")))

    def put(self, order: SimulatedOrder) -> None:
        """Store an order as it now is."""
        self.changes += 1
        self._orders[order.id] = order
        self._by_client_id[order.client_order_id] = order.id
        open_ids = self._open.setdefault(order.symbol, {})
        if order.is_open:
            open_ids[order.id] = None
        else:
            open_ids.pop(order.id, None)

    def __getitem__(self, order_id: BrokerOrderId) -> SimulatedOrder:
        return self._orders[order_id]

    def get(self, order_id: str) -> SimulatedOrder | None:
        """Return an order by the broker's id, or None."""
        return self._orders.get(BrokerOrderId(order_id))

    def by_client_id(self, client_order_id: str) -> SimulatedOrder | None:
        """Return an order by the client's id, or None."""
        found = self._by_client_id.get(client_order_id)
        return None if found is None else self._orders[found]

    def all(self) -> tuple[SimulatedOrder, ...]:
        """Return every order, oldest first."""
        return tuple(self._orders.values())

    def open_orders(self, symbol: Symbol) -> list[SimulatedOrder]:
        """Return the open orders of a symbol, oldest first; `held` and waiting ones too."""
        return [self._orders[order_id] for order_id in self._open.get(symbol, ())]

    def symbols_with_orders(self) -> list[Symbol]:
        """Return the symbols that have an open order, sorted."""
        return sorted(symbol for symbol, ids in self._open.items() if ids)

    def current_legs(self, order: SimulatedOrder) -> Iterator[SimulatedOrder]:
        """Yield the legs of a group's parent; a replaced leg is followed by its successor."""
        for leg_id in order.legs:
            yield self._orders[leg_id]

    def root(self, order: SimulatedOrder) -> SimulatedOrder:
        """Return the parent of a leg, or the order itself; of a replaced parent, the newest."""
        root = self._orders[order.parent] if order.parent is not None else order
        while root.replaced_by is not None:
            root = self._orders[root.replaced_by]
        return root

    def siblings(self, order: SimulatedOrder) -> list[SimulatedOrder]:
        """Return the other open orders of its group that would close the position."""
        if order.group == "simple":
            return []
        root = self.root(order)
        members = [*self.current_legs(root), *([root] if root.group == "oco" else [])]
        return [m for m in members if m.is_open and order.id not in {m.id, m.replaces}]

    def awaits_replacement(self, order: SimulatedOrder) -> bool:
        """Return whether the order is to replace another, and has not taken its place.

        Where the other filled first it never will: it is rejected once the market answers.
        """
        return order.replaces is not None and self._orders[order.replaces].status != "replaced"

    def is_triggered(self, order: SimulatedOrder) -> bool:
        """Return whether a leg's entry has filled; true of everything that is not such a leg."""
        if order.role in {"simple", "entry"} or order.group == "oco" or order.parent is None:
            return True
        return self.root(order).status == "filled"

    def is_resting(self, order: SimulatedOrder) -> bool:
        """Return whether the market can fill it; a `held` stop leg rests beside its target."""
        if self.awaits_replacement(order) or not self.is_triggered(order):
            return False
        return order.status in RESTING or (order.status == "held" and order.role == "stop_loss")

    def is_promised(self, order: SimulatedOrder) -> bool:
        """Return whether it holds shares: open, triggered, and no successor in waiting."""
        return order.is_open and not self.awaits_replacement(order) and self.is_triggered(order)

    def promised(self, symbol: Symbol, side: OrderSide) -> list[SimulatedOrder]:
        """Return the open orders of one side that hold shares, the entries of groups left out."""
        return [
            o
            for o in self.open_orders(symbol)
            if o.side == side and o.role != "entry" and self.is_promised(o)
        ]

    def held(self, symbol: Symbol, side: OrderSide) -> Decimal:
        """Return the shares that open orders of one side hold; a group holds its shares once."""
        by_root: dict[BrokerOrderId, Decimal] = {}
        for order in self.promised(symbol, side):
            root = self.root(order).id
            by_root[root] = max(by_root.get(root, Decimal(0)), order.open_quantity)
        return sum(by_root.values(), Decimal(0))
