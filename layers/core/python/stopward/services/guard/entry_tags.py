"""Remember the tag in the entry order of each holding that is not ours, so that it is read once."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from stopward.domain.entry_tags import entry_order, tag_of
from stopward.domain.identity import Symbol
from stopward.domain.orders import BrokerPosition, Fill
from stopward.ports import Broker

PATIENCE = 15
"""Looks after which an entry that no fill shows is no longer asked for: fills may lag minutes."""

READS = 20
"""Entry orders read in one tick: two hundred requests a minute must do for everything."""

Key = tuple[Symbol, str, Decimal, Decimal]


@dataclass(slots=True)
class EntryTags:
    """A cache by holding: symbol, side, quantity and average entry. A cold start reads anew.

    known: the tags that the rules file names; a word that it does not name tags nothing.
    """

    known: frozenset[str] = frozenset()
    _read: dict[Key, str | None] = field(default_factory=dict)
    _tries: Counter[Key] = field(default_factory=Counter)

    def knows(self, held: BrokerPosition) -> bool:
        """Return whether the entry of this very holding was read before."""
        return _key(held) in self._read

    def was_tried(self, held: BrokerPosition) -> bool:
        """Return whether the entry was looked for at least once."""
        return self._tries[_key(held)] > 0

    def of(self, held: BrokerPosition) -> tuple[str, ...]:
        """Return the tag of the entry order; empty when it carries none that the rules know."""
        tag = self._read.get(_key(held))
        return () if tag is None or tag not in self.known else (tag,)

    def learn(
        self,
        broker: Broker,
        holdings: Sequence[BrokerPosition],
        fills_of: Mapping[Symbol, tuple[Fill, ...]],
    ) -> None:
        """Read the entry order of holdings not known yet: one request each, `READS` at most."""
        unknown = [held for held in holdings if not self.knows(held)]
        for held in sorted(unknown, key=lambda held: self._tries[_key(held)])[:READS]:
            order_id = entry_order(held, fills_of.get(held.symbol, ()))
            order = None if order_id is None else broker.order(order_id)
            self._tries[_key(held)] += 1
            if order is not None:
                self._read[_key(held)] = tag_of(order.client_order_id)
            elif self._tries[_key(held)] >= PATIENCE:
                self._read[_key(held)] = None


def _key(held: BrokerPosition) -> Key:
    return held.symbol, held.side, held.quantity, held.average_entry
