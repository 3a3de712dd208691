"""Tell when the broker knows no more of a stop of ours that it took: it is not asked for ever.

Exits are not among them: one that no answer shows is sent again under its id, which the broker
takes as the same order, or refuses.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from stopward.domain.holding import Holding
from stopward.domain.identity import OrderId
from stopward.domain.orders import Order
from stopward.domain.snapshot import Snapshot
from stopward.errors import BrokerRejected, BrokerUnavailable
from stopward.ports import Broker
from stopward.services.guard.subject import Picture

PATIENCE = 15
"""Looks after which an order that no answer shows counts as lost: answers may lag minutes."""


@dataclass(slots=True)
class Forgotten:
    """Counts the looks in which no list and no answer by its id showed a stop that was taken."""

    _looks: Counter[OrderId] = field(default_factory=Counter)

    def told(
        self,
        broker: Broker,
        snapshot: Snapshot,
        picture: Picture,
        *,
        on_failure: Callable[[str, Exception], None],
    ) -> Picture:
        """Return the picture with the orders that count as lost: unseen for PATIENCE looks.

        Only where it cannot hold shares any more by the broker's own account: what takes its place
        is then no second order for them. It is asked for by the broker's id first.
        """
        shown = {order.client_order_id for order in (*picture.orders, *picture.found)}
        unseen = [order for order in snapshot.orders if _was_taken(order) and order.id not in shown]
        self._looks = Counter({order.id: self._looks[order.id] + 1 for order in unseen})
        lost: set[OrderId] = set()
        for order in unseen:
            is_early = self._looks[order.id] <= PATIENCE
            if is_early or _may_hold_shares(picture.holding(order.symbol)):
                continue
            try:
                if _is_unknown(broker, order):
                    lost.add(order.id)
            except (BrokerUnavailable, BrokerRejected) as error:
                on_failure(order.symbol, error)
        return replace(picture, forgotten=frozenset(lost)) if lost else picture


def _was_taken(order: Order) -> bool:
    return order.step in ("arm", "move", "shrink") and order.broker_order_id is not None


def _is_unknown(broker: Broker, order: Order) -> bool:
    return order.broker_order_id is not None and broker.order(order.broker_order_id) is None


def _may_hold_shares(holding: Holding) -> bool:
    """Whether the broker holds shares for an order that its list does not show, or may."""
    found = holding.position
    if found is None:
        return False
    unheld = found.quantity - holding.held_quantity(found.side)
    return unheld > 0 and (found.available is None or found.available < unheld)
