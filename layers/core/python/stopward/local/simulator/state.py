"""The state of the simulated broker, and the one way to change an order in it."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

from stopward.domain.identity import BrokerOrderId, Symbol
from stopward.domain.orders import OrderSide
from stopward.local.simulator.book import Book
from stopward.local.simulator.hours import Hours
from stopward.local.simulator.intake import Standing
from stopward.local.simulator.ledger import Ledger
from stopward.local.simulator.order import SimulatedOrder, is_stop_kind, opposite
from stopward.local.simulator.portfolio import Portfolio
from stopward.local.simulator.prices import Tape
from stopward.local.simulator.settlement import Queue, Settling

MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How the simulated broker behaves.

    slippage_ticks: added against us to the price of a stop's fill, within the bar's range.
    volume_share: most of a bar's volume that all our fills of it may take; None for no cap.
    leverage: buying power as a multiple of equity, less what is invested.
    not_fractionable: symbols that trade in whole shares only.
    """

    settling: Settling = field(default_factory=Settling)
    slippage_ticks: int = 0
    volume_share: Decimal | None = None
    shorting_enabled: bool = True
    leverage: Decimal = Decimal(4)
    not_fractionable: frozenset[Symbol] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A time in which no session and no bar begins or ends, up to `until`.

    in_reach: symbols, sorted, of which an order may be met in it; no other can be while
    `Book.changes` is `changes` and no symbol is split.
    """

    until: datetime
    in_reach: tuple[Symbol, ...]
    changes: int


@dataclass(slots=True, kw_only=True)
class State:
    """Everything the broker knows; `now` only moves forward. closing_equity: at the last close.

    fill_caps: scripted: the next fill of a symbol takes at most this many shares, first come first.
    stalled: by order, the bar in which a scripted cap stopped it; it goes on in the next bar.
    rejections: scripted: the next order of a symbol is rejected for this reason. taken: by symbol,
    a bar's start and the shares of its volume that our fills took. stretch: the last one looked at.
    """

    now: datetime
    tape: Tape
    hours: Hours
    portfolio: Portfolio
    options: Options
    last_equity: Decimal
    closing_equity: Decimal | None = None
    book: Book = field(default_factory=Book)
    ledger: Ledger = field(default_factory=Ledger)
    queue: Queue = field(default_factory=Queue)
    fill_caps: dict[Symbol, list[Decimal]] = field(default_factory=dict)
    stalled: dict[BrokerOrderId, datetime] = field(default_factory=dict)
    rejections: dict[Symbol, list[str]] = field(default_factory=dict)
    taken: dict[Symbol, tuple[datetime, Decimal]] = field(default_factory=dict)
    trading_blocked: bool = False
    stretch: Stretch | None = None
    _last_stamp: datetime | None = None

    def stamp(self) -> datetime:
        """Return the next moment of submission: now, or a microsecond after the last one given."""
        stamp = (
            self.now if self._last_stamp is None else max(self.now, self._last_stamp + MICROSECOND)
        )
        self._last_stamp = stamp
        return stamp

    def after(self, seconds: float) -> datetime:
        """Return the moment that many seconds from now."""
        return self.now + timedelta(seconds=seconds)

    def change(
        self, order: SimulatedOrder, status: str, *, at: datetime, note: str = ""
    ) -> SimulatedOrder:
        """Give an order a new status, stamp it, and take note of it."""
        changed = replace(
            order,
            status=status,
            updated_at=at,
            filled_at=at if status == "filled" else order.filled_at,
            canceled_at=at if status == "canceled" else order.canceled_at,
            expired_at=at if status == "expired" else order.expired_at,
            replaced_at=at if status == "replaced" else order.replaced_at,
            failed_at=at if status == "rejected" else order.failed_at,
        )
        self.book.put(changed)
        self.ledger.note(status, changed, at=at, note=note)
        self.refresh_cover(order.symbol, at=at)
        return changed

    def refresh_cover(self, symbol: Symbol, *, at: datetime) -> None:
        """Recount which shares of a symbol have neither a resting stop nor a working exit."""
        shares, at = self.portfolio.shares(symbol), max(at, self.now)
        if not shares:
            self.ledger.cover(symbol, at=at, naked=Decimal(0))
            return
        side: OrderSide = "sell" if shares > 0 else "buy"
        covered = sum(
            (o.open_quantity for o in self.book.promised(symbol, side) if protects(o)), Decimal(0)
        )
        self.ledger.cover(symbol, at=at, naked=abs(shares) - covered)

    def price(self, symbol: Symbol) -> Decimal | None:
        """Return the last price, or None before the first bar."""
        return self.tape.price(symbol, self.now)

    def equity(self) -> Decimal:
        """Return cash plus the value of all shares at the last prices."""
        prices = {}
        for holding in self.portfolio.holdings():
            price = self.price(holding.symbol)
            if price is not None:
                prices[holding.symbol] = price
        return self.portfolio.equity(prices)

    def invested(self) -> Decimal:
        """Return the value of all shares, long and short both counted as positive."""
        return sum(
            (
                abs(h.shares) * (self.price(h.symbol) or h.average_entry)
                for h in self.portfolio.holdings()
            ),
            Decimal(0),
        )

    def buying_power(self) -> Decimal:
        """Return what may still be invested."""
        return max(self.equity() * self.options.leverage - self.invested(), Decimal(0))

    def standing(
        self, symbol: Symbol, side: OrderSide, *, leave_out: BrokerOrderId | None = None
    ) -> Standing:
        """Return the account's standing for an order of one side; `leave_out` is not counted."""
        shares = self.portfolio.shares(symbol)
        closes = shares != 0 and (shares > 0) == (side == "sell")
        promised = [o for o in self.book.promised(symbol, side) if o.id != leave_out]
        held = self.book.held(symbol, side) if closes else Decimal(0)
        if leave_out is not None and closes:
            held -= self.book[leave_out].open_quantity
        opens = not closes
        return Standing(
            shares=shares,
            held=held,
            price=self.price(symbol),
            tick=partial(self.tape.tick, symbol),
            opposing=tuple(
                o
                for o in self.book.open_orders(symbol)
                if o.side == opposite(side) and self.book.is_promised(o)
            ),
            related=tuple(o.id for o in promised),
            shorting_enabled=self.options.shorting_enabled,
            fractionable=symbol not in self.options.not_fractionable,
            buying_power=self.buying_power() if opens else Decimal("Infinity"),
        )


def protects(order: SimulatedOrder) -> bool:
    """Return whether an order protects shares: a stop, a market exit, or an exit in extended hours.

    A take-profit does not: it leaves the loss open. In a group only its stop counts.
    """
    if is_stop_kind(order.kind) or order.kind == "market":
        return True
    return order.kind == "limit" and order.extended_hours
