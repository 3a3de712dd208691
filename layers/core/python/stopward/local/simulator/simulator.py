"""The simulated broker as local mode and tests use it: build, open positions, serve, move time."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from threading import RLock

from stopward.domain.identity import BrokerOrderId, Symbol
from stopward.domain.market import ClosedBar, Quote, Session
from stopward.domain.money import Side
from stopward.domain.orders import TimeInForce
from stopward.errors import InvalidInput
from stopward.local.simulator import hands
from stopward.local.simulator.advance import advance, settle
from stopward.local.simulator.book import Book
from stopward.local.simulator.daily import Daily
from stopward.local.simulator.desk import Desk, RateLimit
from stopward.local.simulator.faults import Fault, Handled
from stopward.local.simulator.hands import OnOrders, Opened
from stopward.local.simulator.hours import Hours
from stopward.local.simulator.ledger import Ledger
from stopward.local.simulator.order import SimulatedOrder, Ticket
from stopward.local.simulator.portfolio import Holding, Portfolio
from stopward.local.simulator.prices import Tape
from stopward.local.simulator.requests import Change, cancel, replace_order, submit
from stopward.local.simulator.server import Server
from stopward.local.simulator.settlement import Settling
from stopward.local.simulator.state import Options, State

KEY = "simulated-key"
SECRET = "simulated-secret"  # noqa: S105 - opens nothing but this simulator


class Simulator:
    """A broker that speaks Alpaca's HTTP, with its own deterministic clock and prices from bars.

    bars: one-minute bars by symbol; daily_bars: finished days, for /v2/stocks/bars with 1Day.
    start: the first moment, aware. cash: before `open_position` spends it. spread_ticks: ask minus
    bid. ticks: price step of symbols that do not follow the US equity rule. Every public call takes
    the same lock as the HTTP server, so that another thread may move time.
    """

    def __init__(
        self,
        *,
        bars: Mapping[Symbol, Sequence[ClosedBar]],
        sessions: Sequence[Session],
        start: datetime,
        cash: Decimal = Decimal(100_000),
        daily_bars: Mapping[Symbol, Sequence[ClosedBar]] | None = None,
        spread_ticks: int = 1,
        ticks: Mapping[Symbol, Decimal] | None = None,
        options: Options | None = None,
        rate_limit: RateLimit | None = None,
        key: str = KEY,
        secret: str = SECRET,
    ) -> None:
        if start.tzinfo is None:
            raise InvalidInput(f"start must have a time zone, was {start.isoformat()}")
        tape = Tape(bars, ticks=ticks or {}, spread_ticks=spread_ticks)
        hours = Hours(sessions)
        self._state = State(
            now=start,
            tape=tape,
            hours=hours,
            portfolio=Portfolio(cash),
            options=options or Options(),
            last_equity=cash,
        )
        daily = Daily(daily_bars or {}, tape=tape, hours=hours)
        self._desk = Desk(
            state=self._state, daily=daily, key=key, secret=secret, rate_limit=rate_limit
        )
        self._lock = RLock()
        self.key, self.secret = key, secret

    # Time and sight

    @property
    def now(self) -> datetime:
        """The simulated present."""
        return self._state.now

    @property
    def ledger(self) -> Ledger:
        """Everything that happened: events, fills, unprotected spans."""
        return self._state.ledger

    @property
    def log(self) -> list[Handled]:
        """Every HTTP request, in order."""
        return self._desk.log

    @property
    def book(self) -> Book:
        """Every order; to read, not to change."""
        return self._state.book

    @property
    def desk(self) -> Desk:
        """Who answers its requests, for a server of several brokers."""
        return self._desk

    @property
    def state(self) -> State:
        """The whole state, for what has no method here."""
        return self._state

    def advance_to(self, moment: datetime) -> None:
        """Move the clock; raises InvalidInput for a moment in the past."""
        with self._lock:
            if moment < self._state.now:
                raise InvalidInput(f"time only moves forward: {moment.isoformat()} is past")
            advance(self._state, moment)

    def price(self, symbol: Symbol) -> Decimal | None:
        """Return the last price, or None before the symbol's first bar."""
        with self._lock:
            return self._state.price(symbol)

    def quote(self, symbol: Symbol) -> Quote | None:
        """Return the quote, or None before the symbol's first bar."""
        with self._lock:
            return self._state.tape.quote(symbol, self._state.now)

    def positions(self) -> tuple[Holding, ...]:
        """Return the open positions, shares signed."""
        with self._lock:
            return self._state.portfolio.holdings()

    def shares(self, symbol: Symbol) -> Decimal:
        """Return the signed shares of a symbol."""
        with self._lock:
            return self._state.portfolio.shares(symbol)

    def equity(self) -> Decimal:
        """Return cash plus the value of all shares."""
        with self._lock:
            return self._state.equity()

    def open_orders(self, symbol: Symbol) -> list[SimulatedOrder]:
        """Return the open orders of a symbol, `held` legs too, oldest first."""
        with self._lock:
            return self._state.book.open_orders(symbol)

    def unprotected_seconds(self, symbol: Symbol) -> float:
        """Return for how long some shares had neither a resting stop nor a working exit order."""
        with self._lock:
            return self._state.ledger.unprotected_seconds(symbol, self._state.now)

    # Orders without HTTP

    def submit(self, ticket: Ticket) -> SimulatedOrder:
        """Take an order as POST /v2/orders does; raises Refused."""
        with self._lock:
            return submit(self._state, ticket)

    def replace(self, order_id: BrokerOrderId, change: Change) -> SimulatedOrder:
        """Take a replace as PATCH does; returns the successor; raises Refused."""
        with self._lock:
            return replace_order(self._state, order_id, change)

    def cancel(self, order_id: BrokerOrderId) -> SimulatedOrder:
        """Take a cancel as DELETE does; raises Refused."""
        with self._lock:
            return cancel(self._state, order_id)

    def settle(self) -> None:
        """Carry out every pending change now."""
        with self._lock:
            settle(self._state, self._state.queue.drain(), at=self._state.now)

    # The trader's own hands

    def open_position(
        self,
        symbol: Symbol,
        side: Side,
        quantity: Decimal,
        price: Decimal,
        *,
        at: datetime | None = None,
        stop: Decimal | None = None,
        target: Decimal | None = None,
        client_order_id: str | None = None,
        time_in_force: TimeInForce = "gtc",
    ) -> Opened:
        """Book an entry that already happened, at `at` (default now), whatever the market's price.

        stop alone: a simple stop rests; target alone: a simple limit; both: a filled bracket whose
        stop leg is `held`. time_in_force: of these orders (fractional stops are day orders). Raises
        Refused when the market has already passed a simple stop.
        """
        with self._lock:
            return hands.open_position(
                self._state,
                symbol=symbol,
                side=side,
                quantity=quantity,
                price=price,
                at=at,
                stop=stop,
                target=target,
                client_order_id=client_order_id,
                time_in_force=time_in_force,
            )

    def hand_close(
        self,
        symbol: Symbol,
        quantity: Decimal | None = None,
        *,
        orders: OnOrders = "cancel",
        price: Decimal | None = None,
    ) -> SimulatedOrder:
        """Close by hand, at once, all or `quantity`; `keep` leaves resting orders in place."""
        with self._lock:
            return hands.close(self._state, symbol, quantity=quantity, orders=orders, price=price)

    def hand_add(
        self, symbol: Symbol, quantity: Decimal, *, price: Decimal | None = None
    ) -> SimulatedOrder:
        """Add to the position by hand, at once; its stop is not enlarged."""
        with self._lock:
            return hands.add(self._state, symbol, quantity=quantity, price=price)

    def hand_stop(
        self, symbol: Symbol, price: Decimal, *, quantity: Decimal | None = None
    ) -> SimulatedOrder:
        """Rest a stop by hand, for all or `quantity`; raises Refused as the broker would."""
        with self._lock:
            return hands.place_stop(self._state, symbol, price=price, quantity=quantity)

    def hand_move_stop(self, symbol: Symbol, price: Decimal) -> SimulatedOrder:
        """Move the newest stop by hand; it gets a new id."""
        with self._lock:
            return hands.move_stop(self._state, symbol, price)

    def hand_cancel(self, symbol: Symbol) -> None:
        """Cancel every order of a symbol by hand, at once."""
        with self._lock:
            hands.cancel_all(self._state, symbol)

    def hand_split(self, symbol: Symbol, ratio: Decimal = Decimal(2)) -> None:
        """Split `ratio` for 1 from now on, prices too; resting orders are canceled."""
        with self._lock:
            hands.split(self._state, symbol, ratio)

    # The script

    def fault(self, *faults: Fault) -> None:
        """Put faults in force."""
        with self._lock:
            self._desk.faults.add(*faults)

    def clear_faults(self) -> None:
        """Take every fault out of force."""
        with self._lock:
            self._desk.faults.clear()

    def cap_next_fill(self, symbol: Symbol, quantity: Decimal) -> None:
        """Let the next fill of a symbol take at most that many shares; the rest goes on later."""
        with self._lock:
            self._state.fill_caps.setdefault(symbol, []).append(quantity)

    def reject_next(self, symbol: Symbol, reason: str) -> None:
        """Let the next order of a symbol be accepted and then `rejected` by the market."""
        with self._lock:
            self._state.rejections.setdefault(symbol, []).append(reason)

    def force_status(self, order_id: BrokerOrderId, status: str) -> None:
        """Give an order any status of Alpaca's, such as `done_for_day` or `suspended`."""
        with self._lock:
            self._state.change(self._state.book[order_id], status, at=self._state.now)

    def block_trading(self, *, blocked: bool = True) -> None:
        """Refuse every new order, and show it in the account."""
        with self._lock:
            self._state.trading_blocked = blocked

    @contextmanager
    def serve(self, *, port: int = 0) -> Iterator[str]:
        """Serve HTTP on loopback while the block runs; yields the base URL, without /v2."""
        server = Server(self._desk, self._lock, port=port)
        server.start()
        try:
            yield server.url
        finally:
            server.stop()


__all__ = ["KEY", "SECRET", "Options", "RateLimit", "Settling", "Simulator"]
