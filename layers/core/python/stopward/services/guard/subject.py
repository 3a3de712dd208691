"""One position on its way through a tick, and what the tick has read so far."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import TypeVar

from stopward.domain.decide import BREACH, Verdict, admit, is_through
from stopward.domain.holding import Holding
from stopward.domain.identity import OrderId, Symbol
from stopward.domain.market import ClosedBar, Quote
from stopward.domain.orders import BrokerOrder, BrokerPosition, Fill, Order
from stopward.domain.position import Position
from stopward.domain.snapshot import Alarm, DayRow, Observation, TradeRow

Named = TypeVar("Named", BrokerOrder, Fill)
CROSSED_FLAG = "stop_crossed"
"""Flag of a position whose quote was through its resting stop at the last tick."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """What the broker answered in this tick.

    found: unsettled orders of ours, and fills' orders, that had to be read one by one.
    entry_tags: by symbol, the tag in the entry order of a position that is not ours yet.
    forgotten: stops of ours that the broker took and knows no more of.
    unread: symbols whose stops may be of an older list, and could not be read one by one.
    orders_of, fills_of: the same orders and fills by symbol, so that a position finds its own.
    """

    at: datetime
    positions: Mapping[Symbol, BrokerPosition]
    orders: tuple[BrokerOrder, ...]
    found: tuple[BrokerOrder, ...] = ()
    fills: tuple[Fill, ...] = ()
    entry_tags: Mapping[Symbol, tuple[str, ...]] = field(default_factory=dict)
    forgotten: frozenset[OrderId] = frozenset()
    unread: frozenset[Symbol] = frozenset()

    orders_of: Mapping[Symbol, tuple[BrokerOrder, ...]] = field(default_factory=dict)
    fills_of: Mapping[Symbol, tuple[Fill, ...]] = field(default_factory=dict)

    def holding(self, symbol: Symbol) -> Holding:
        """Return what the broker holds in one symbol."""
        return Holding(
            symbol=symbol,
            position=self.positions.get(symbol),
            orders=self.orders_of.get(symbol, ()),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A guarded position, what the broker holds of it, and its exit in progress if there is one."""

    position: Position
    holding: Holding
    exit: Order | None = None
    exit_at_broker: BrokerOrder | None = None
    is_new: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Beliefs:
    """Snapshot and picture brought together: what we now believe, and what is to be recorded.

    clearing: positions that are gone while orders of ours still rest for them, with what the broker
    holds; their trade is written once these orders are gone too. gone: the same after their fills,
    as the day counts them. aside: positions that were guarded and may not be touched any more; they
    are followed, no more. unread: symbols whose stops could not be read: nothing is planned for
    them in this tick.
    """

    subjects: tuple[Subject, ...]
    settled: tuple[Order, ...]
    trades: tuple[TradeRow, ...]
    closed: tuple[Position, ...]
    aside: tuple[Position, ...]
    observations: tuple[Observation, ...]
    alarms: tuple[Alarm, ...]
    cleared: tuple[str, ...]
    day: DayRow
    clearing: tuple[tuple[Position, Holding], ...] = ()
    gone: tuple[Position, ...] = ()
    halted_symbols: tuple[Symbol, ...] = ()
    splits: Mapping[Symbol, Decimal] = field(default_factory=dict)
    unread: frozenset[Symbol] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Market:
    """Quotes and new closed bars of the symbols in question, and which quotes cannot be used."""

    quotes: Mapping[Symbol, Quote] = field(default_factory=dict)
    faults: Mapping[Symbol, str] = field(default_factory=dict)
    bars: Mapping[Symbol, tuple[ClosedBar, ...]] = field(default_factory=dict)

    def usable(self, symbol: Symbol) -> Quote | None:
        """Return the quote when it can be used."""
        return None if symbol in self.faults else self.quotes.get(symbol)


def exit_price(quote: Quote, position: Position) -> Decimal:
    """Return what the position could be closed at: the bid for a long, the ask for a short."""
    return quote.bid if position.side == "long" else quote.ask


def by_symbol(items: Iterable[Named]) -> dict[Symbol, tuple[Named, ...]]:
    """Return orders or fills grouped by their symbol, each group in the order given."""
    groups: dict[Symbol, list[Named]] = {}
    for item in items:
        groups.setdefault(item.symbol, []).append(item)
    return {symbol: tuple(group) for symbol, group in groups.items()}


def crossed(subject: Subject, verdict: Verdict, quote: Quote | None, *, covered: bool) -> Subject:
    """Return the subject with the flag that a breach of its resting stop was seen, or without."""
    position = subject.position
    flags = tuple(flag for flag in position.flags if flag != CROSSED_FLAG)
    breached = admit(verdict.decision, verdict.state, quote) == BREACH
    if breached and covered and quote is not None and is_through(quote, verdict.state):
        flags = (*flags, CROSSED_FLAG)
    if flags == position.flags:
        return subject
    return replace(subject, position=replace(position, flags=flags))


def with_hits(subject: Subject, hits: float) -> Subject:
    """Return the subject with the count of targets reached."""
    position = subject.position
    if hits == position.marks.hits:
        return subject
    return replace(subject, position=replace(position, marks=position.marks._replace(hits=hits)))
