"""What happened, in order: changes of orders, fills, and where shares were unprotected."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from stopward.domain.identity import BrokerOrderId, Symbol
from stopward.domain.orders import OrderSide
from stopward.local.simulator.order import SimulatedOrder


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One change. kind: the order's new status, `fill`, `elected`, `by_hand` or `split`.

    quantity, price: of the fill, else of the order (its stop or limit price).
    """

    number: int
    at: datetime
    kind: str
    symbol: Symbol
    order_id: BrokerOrderId | None
    client_order_id: str
    quantity: Decimal
    price: Decimal | None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One fill. cumulative, leaves: shares of its order filled up to here, and still open.

    realised: dollars won or lost on the shares that it closed.
    """

    id: str
    at: datetime
    order_id: BrokerOrderId
    symbol: Symbol
    side: OrderSide
    quantity: Decimal
    price: Decimal
    cumulative: Decimal
    leaves: Decimal
    realised: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of time in which some shares had neither a resting stop nor a working exit order.

    until: None while it lasts. shares: how many at its start.
    """

    symbol: Symbol
    since: datetime
    until: datetime | None
    shares: Decimal

    def seconds(self, now: datetime) -> float:
        """Return its length in seconds, up to `now` while it lasts."""
        return ((self.until or now) - self.since).total_seconds()


@dataclass(slots=True, kw_only=True)
class Ledger:
    """Everything that happened; read by tests and by the summary of local mode."""

    events: list[Event] = field(default_factory=list)
    executions: list[Execution] = field(default_factory=list)
    _closed: list[Span] = field(default_factory=list)
    _naked: dict[Symbol, Span] = field(default_factory=dict)

    @property
    def spans(self) -> tuple[Span, ...]:
        """Every stretch in which shares were unprotected, by its start; running ones too."""
        return tuple(sorted((*self._closed, *self._naked.values()), key=lambda span: span.since))

    def note(
        self,
        kind: str,
        order: SimulatedOrder,
        *,
        at: datetime,
        quantity: Decimal | None = None,
        price: Decimal | None = None,
        note: str = "",
    ) -> None:
        """Append a change of an order."""
        shown = order.stop_price if order.stop_price is not None else order.limit_price
        event = Event(
            number=len(self.events) + 1,
            at=at,
            kind=kind,
            symbol=order.symbol,
            order_id=order.id,
            client_order_id=order.client_order_id,
            quantity=order.quantity if quantity is None else quantity,
            price=shown if price is None else price,
            note=note,
        )
        self.events.append(event)

    def note_symbol(
        self, kind: str, symbol: Symbol, *, at: datetime, quantity: Decimal, note: str
    ) -> None:
        """Append something that happened to a position rather than to an order."""
        event = Event(
            number=len(self.events) + 1,
            at=at,
            kind=kind,
            symbol=symbol,
            order_id=None,
            client_order_id="",
            quantity=quantity,
            price=None,
            note=note,
        )
        self.events.append(event)

    def cover(self, symbol: Symbol, *, at: datetime, naked: Decimal) -> None:
        """Take note of how many shares of a symbol are unprotected from now on."""
        span = self._naked.get(symbol)
        if naked > 0 and span is None:
            self._naked[symbol] = Span(symbol=symbol, since=at, until=None, shares=naked)
        elif naked <= 0 and span is not None:
            del self._naked[symbol]
            if at > span.since:
                self._closed.append(replace(span, until=at))

    def unprotected_seconds(self, symbol: Symbol, now: datetime) -> float:
        """Return for how long, summed, some shares of a symbol were unprotected."""
        return sum(span.seconds(now) for span in self.spans if span.symbol == symbol)

    def unprotected_now(self) -> tuple[Symbol, ...]:
        """Return the symbols with unprotected shares."""
        return tuple(sorted(self._naked))

    def of(self, symbol: Symbol) -> tuple[Event, ...]:
        """Return the events of one symbol, in order."""
        return tuple(event for event in self.events if event.symbol == symbol)

    def fills(self, symbol: Symbol | None = None) -> tuple[Execution, ...]:
        """Return the fills, of one symbol or of all, by time."""
        chosen: Iterable[Execution] = (
            e for e in self.executions if symbol is None or e.symbol == symbol
        )
        return tuple(sorted(chosen, key=lambda execution: execution.at))
