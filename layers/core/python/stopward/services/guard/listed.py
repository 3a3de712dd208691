"""A list of orders may be an older one: what is doubtful in it is read by its id."""

from collections.abc import Collection, Sequence
from dataclasses import replace

from stopward.domain.holding import Holding
from stopward.domain.identity import BrokerOrderId
from stopward.domain.money import Side
from stopward.domain.orders import BrokerOrder
from stopward.ports import Broker


def surplus(holding: Holding, side: Side) -> frozenset[BrokerOrderId]:
    """Return the orders to read again where stops rest for more shares than are held; else none.

    Were a stop taken back beside one that an older list shows and that is gone, none would rest.
    """
    if not 0 < holding.quantity(side) < holding.covered_quantity(side):
        return frozenset()
    return frozenset(order.id for order in holding.reducing(side))


def read_again(
    broker: Broker, listed: Sequence[BrokerOrder], doubtful: Collection[BrokerOrderId]
) -> tuple[BrokerOrder, ...]:
    """Return a list with its doubtful orders as they are now; those that nobody knows are gone."""
    read = (_as_it_is(broker, order) if order.id in doubtful else order for order in listed)
    return tuple(order for order in read if order is not None)


def _as_it_is(broker: Broker, listed: BrokerOrder) -> BrokerOrder | None:
    """Return an order of a list as it is now; a leg that is read alone tells no parent."""
    found = broker.order(listed.id)
    return None if found is None else replace(found, parent=found.parent or listed.parent)
