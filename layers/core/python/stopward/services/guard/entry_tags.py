"""Remember the tag in the entry order of each holding that is not ours, so that it is read once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from stopward.domain.entry_tags import entry_order, tag_of
from stopward.domain.identity import Symbol
from stopward.domain.orders import BrokerPosition, Fill
from stopward.ports import Broker

Key = tuple[Symbol, str, Decimal, Decimal]


@dataclass(slots=True)
class EntryTags:
    """A cache by holding: symbol, side, quantity and average entry. A cold start reads anew."""

    _known: dict[Key, tuple[str, ...]] = field(default_factory=dict)

    def knows(self, held: BrokerPosition) -> bool:
        """Return whether the entry of this very holding was read before."""
        return _key(held) in self._known

    def of(self, held: BrokerPosition) -> tuple[str, ...]:
        """Return the tag of the entry order; empty while unknown or when it carries none."""
        return self._known.get(_key(held), ())

    def learn(
        self, broker: Broker, holdings: Sequence[BrokerPosition], fills: tuple[Fill, ...]
    ) -> None:
        """Read the entry order of each holding not known yet: one request each."""
        for held in holdings:
            if self.knows(held):
                continue
            order_id = entry_order(held, fills)
            order = None if order_id is None else broker.order(order_id)
            tag = None if order is None else tag_of(order.client_order_id)
            self._known[_key(held)] = () if tag is None else (tag,)


def _key(held: BrokerPosition) -> Key:
    return held.symbol, held.side, held.quantity, held.average_entry
