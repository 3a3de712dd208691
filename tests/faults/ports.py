"""The guard's ports over the simulator and the store in memory, every call through the boundary."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from stopward.adapters.memory import MemoryStore
from stopward.domain.identity import AccountId, BrokerOrderId, OrderId, Symbol
from stopward.domain.market import ClosedBar, Quote, Session
from stopward.domain.orders import BrokerAccount, BrokerOrder, BrokerPosition, Fill, OrderRequest
from stopward.domain.snapshot import Acknowledgement, Busy, Snapshot, TickRecord
from stopward.errors import BrokerRejected, BrokerUnavailable, RateLimited
from stopward.local.simulator import Simulator
from stopward.local.simulator_broker import SimulatorBroker, SimulatorMarketData
from tests.faults.audit import Audit
from tests.faults.boundary import Boundary, Stage
from tests.faults.outcome import is_opposed_by_hand

ZERO = Decimal(0)


@dataclass(slots=True, kw_only=True)
class FaultyBroker:
    """The trading side: what it is asked is checked, what it answers may be wrong or missing."""

    inner: SimulatorBroker
    boundary: Boundary
    audit: Audit

    @property
    def remaining(self) -> int | None:
        """Return None: nothing is known of a rate window."""
        return self.inner.remaining

    def account(self) -> BrokerAccount:
        """Return the account."""
        return self.boundary.broker_read("account", self.inner.account)

    def positions(self) -> tuple[BrokerPosition, ...]:
        """Return all open positions."""
        read = self.boundary.broker_read("positions", self.inner.positions)
        frame = self.boundary.frame
        frame.listed_at = self.boundary.stage.now()
        frame.told = {each.symbol: each.quantity for each in read}
        frame.fresh = set(self.audit.symbols)
        return read

    def position(self, symbol: Symbol) -> BrokerPosition | None:
        """Return one open position."""
        read = self.boundary.broker_read(f"position {symbol}", lambda: self.inner.position(symbol))
        self.boundary.frame.told[symbol] = ZERO if read is None else read.quantity
        self.boundary.frame.fresh.add(symbol)
        return read

    def open_orders(self) -> tuple[BrokerOrder, ...]:
        """Return all open orders."""
        read = self.boundary.broker_read("open_orders", self.inner.open_orders)
        self._saw_list(read)
        return tuple(o for o in read if not self.boundary.is_hidden(o.client_order_id))

    def order(self, order_id: BrokerOrderId) -> BrokerOrder | None:
        """Return one order."""
        read = self.boundary.broker_read(f"order {order_id}", lambda: self.inner.order(order_id))
        if read is None or self.boundary.is_hidden(read.client_order_id):
            return None
        if not read.is_working:
            self._saw_final(read)
        return read

    def order_by_client_id(self, client_order_id: OrderId) -> BrokerOrder | None:
        """Return one order by our id."""
        read = self.boundary.broker_read(
            f"order_by_client_id {client_order_id}",
            lambda: self.inner.order_by_client_id(client_order_id),
        )
        return None if self.boundary.is_hidden(client_order_id) else read

    def submit(self, request: OrderRequest) -> BrokerOrder:
        """Send an order."""
        what = f"submit {request.kind} {request.side} {request.quantity} {request.symbol}" + (
            "" if request.stop_price is None else f" @ {request.stop_price}"
        )
        frame = self.boundary.frame
        self.audit.asked_to_submit(frame, request)
        frame.fresh.discard(request.symbol)
        try:
            return self.boundary.broker_write(
                f"{what} {request.client_order_id}",
                lambda: self.inner.submit(request),
                name=request.client_order_id,
            )
        except RateLimited:
            raise
        except BrokerUnavailable:
            frame.unanswered.add(request.client_order_id)
            raise
        except BrokerRejected as refusal:
            # As long as an order of the trader's stands against ours, it is asked for at each tick.
            if is_opposed_by_hand(self.audit, request.symbol) and "wash trade" in str(refusal):
                self.boundary.in_vain += 1
            raise

    def replace(
        self,
        order_id: BrokerOrderId,
        *,
        client_order_id: OrderId,
        quantity: Decimal | None = None,
        stop_price: Decimal | None = None,
    ) -> BrokerOrder:
        """Replace a working order."""
        frame = self.boundary.frame
        self.audit.asked_to_replace(frame, order_id, client_order_id, quantity, stop_price)
        return self.boundary.broker_write(
            f"replace {order_id} quantity={quantity} stop={stop_price} {client_order_id}",
            lambda: self.inner.replace(
                order_id,
                client_order_id=client_order_id,
                quantity=quantity,
                stop_price=stop_price,
            ),
            name=client_order_id,
        )

    def cancel(self, order_id: BrokerOrderId) -> None:
        """Ask for a cancel."""
        frame = self.boundary.frame
        symbol = self.audit.asked_to_cancel(frame, order_id)
        if symbol is not None:
            frame.canceled[order_id] = symbol
            frame.fresh.discard(symbol)
        try:
            self.boundary.broker_write(f"cancel {order_id}", lambda: self.inner.cancel(order_id))
        except BrokerRejected:
            frame.canceled.pop(order_id, None)
            raise

    def fills(self, *, since: datetime) -> tuple[Fill, ...]:
        """Return executions since then."""
        return self.boundary.broker_read(
            f"fills since {since:%H:%M:%S.%f}", lambda: self.inner.fills(since=since)
        )

    def sessions(self, *, first: str, last: str) -> tuple[Session, ...]:
        """Return trading sessions."""
        return self.inner.sessions(first=first, last=last)

    def _saw_final(self, order: BrokerOrder) -> None:
        """A group ends as one: what is seen of one leg is known of all."""
        frame = self.boundary.frame
        group = _group_of(self.audit.simulator, order.id)
        frame.canceled = {o: s for o, s in frame.canceled.items() if o not in group}

    def _saw_list(self, listed: Sequence[BrokerOrder]) -> None:
        working = {order.id for order in listed if order.is_working}
        frame = self.boundary.frame
        frame.canceled = {o: s for o, s in frame.canceled.items() if o in working}


@dataclass(slots=True, kw_only=True)
class FaultyMarketData:
    """Quotes and bars, sometimes missing or old."""

    inner: SimulatorMarketData
    boundary: Boundary

    def quotes(self, symbols: Sequence[Symbol]) -> Mapping[Symbol, Quote]:
        """Return the latest quotes."""
        return self.boundary.broker_read(
            f"quotes {' '.join(symbols)}", lambda: self.inner.quotes(symbols)
        )

    def bars(
        self, symbols: Sequence[Symbol], *, since: datetime, until: datetime
    ) -> Mapping[Symbol, tuple[ClosedBar, ...]]:
        """Return closed bars."""
        return self.boundary.broker_read(
            f"bars {' '.join(symbols)} {since:%H:%M} {until:%H:%M:%S}",
            lambda: self.inner.bars(symbols, since=since, until=until),
        )

    def daily_bars(
        self, symbols: Sequence[Symbol], *, since: datetime, until: datetime
    ) -> Mapping[Symbol, tuple[ClosedBar, ...]]:
        """Return daily bars."""
        return self.boundary.broker_read(
            f"daily_bars {' '.join(symbols)}",
            lambda: self.inner.daily_bars(symbols, since=since, until=until),
        )


@dataclass(slots=True, kw_only=True)
class FaultyStore:
    """The store; what it refuses is a defect, unless it was a writer whose lease was taken over."""

    inner: MemoryStore
    boundary: Boundary
    audit: Audit

    def begin_tick(
        self, account_id: AccountId, *, tick_at: datetime, holder: str, lease_seconds: float
    ) -> Snapshot | Busy:
        """Take the lease."""
        return self.boundary.store_call(
            f"begin_tick {holder}",
            lambda: self.audit.began(
                self.boundary.frame,
                self.inner.begin_tick(
                    account_id, tick_at=tick_at, holder=holder, lease_seconds=lease_seconds
                ),
            ),
        )

    def record_tick(self, record: TickRecord) -> frozenset[OrderId]:
        """Write a tick."""
        steps = ", ".join(f"{o.step} {o.quantity} {o.symbol} @ {o.price}" for o in record.orders)
        with self.audit.writing(self.boundary.frame, record):
            return self.boundary.store_call(
                f"record_tick [{steps}]", lambda: self.inner.record_tick(record)
            )

    def acknowledge(self, acknowledgement: Acknowledgement) -> None:
        """Write what came of the orders."""
        steps = ", ".join(f"{o.step} {o.status}" for o in acknowledgement.orders)
        with self.audit.writing(self.boundary.frame, acknowledgement):
            self.boundary.store_call(
                f"acknowledge [{steps}]", lambda: self.inner.acknowledge(acknowledgement)
            )


@dataclass(slots=True, kw_only=True)
class SkewedClock:
    """The simulator's time, some seconds ahead; sleeping moves the market."""

    stage: Stage
    ahead: timedelta

    def now(self) -> datetime:
        """Return this machine's idea of the present."""
        return self.stage.now() + self.ahead

    def sleep_until(self, moment: datetime) -> None:
        """Move the market there."""
        self.stage.pass_time((moment - self.now()).total_seconds())


def _group_of(simulator: Simulator, order_id: BrokerOrderId) -> set[BrokerOrderId]:
    order = simulator.book.get(order_id)
    if order is None or order.parent is None:
        return {order_id}
    return {order_id, *simulator.book.root(order).legs}
