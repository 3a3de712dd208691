"""The ports `Broker` and `MarketData` on the simulator's core, without HTTP: for tests of services.

Orders and fills pass through the simulator's JSON and the Alpaca adapter's parsers, so that both
ways to the simulator tell the same story. Faults need the HTTP server. One thread only.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from stopward.adapters.alpaca import wire as alpaca
from stopward.adapters.alpaca.market_data import MINUTE, REGULAR_DAY
from stopward.adapters.alpaca.parse import Row
from stopward.domain.identity import BrokerOrderId, OrderId, Symbol
from stopward.domain.market import ClosedBar, Quote, Session
from stopward.domain.orders import BrokerAccount, BrokerOrder, BrokerPosition, Fill, OrderRequest
from stopward.errors import BrokerRejected
from stopward.local.simulator import Change, SimulatedOrder, Simulator, Ticket
from stopward.local.simulator.advance import settle
from stopward.local.simulator.daily import Daily
from stopward.local.simulator.ledger import Execution
from stopward.local.simulator.portfolio import Holding
from stopward.local.simulator.state import State
from stopward.local.simulator.wire import activity_json, order_json

UNPROCESSABLE = 422
NUMBER = "SIM000001"
_Group = tuple[SimulatedOrder, ...]


class SimulatorBroker:
    """The trading side. Each call counts as one request: what was pending before it may settle."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._trees: dict[BrokerOrderId, tuple[_Group, tuple[BrokerOrder, ...]]] = {}
        self._fills: dict[str, Fill] = {}

    @property
    def remaining(self) -> int | None:
        """None: there is no rate limit without HTTP."""
        return None

    def account(self) -> BrokerAccount:
        """Return the account."""
        state = self._called()
        return BrokerAccount(
            number=NUMBER,
            status="ACTIVE",
            equity=state.equity(),
            last_equity=state.last_equity,
            trading_blocked=state.trading_blocked,
            shorting_enabled=state.options.shorting_enabled,
        )

    def positions(self) -> tuple[BrokerPosition, ...]:
        """Return all open positions."""
        state = self._called()
        return tuple(_position(state, holding) for holding in state.portfolio.holdings())

    def position(self, symbol: Symbol) -> BrokerPosition | None:
        """Return one open position, or None when there is none."""
        return next((read for read in self.positions() if read.symbol == symbol), None)

    def open_orders(self) -> tuple[BrokerOrder, ...]:
        """Return all open orders, groups flattened, with `held` legs and filled parents."""
        book = self._called().book
        roots = (order for order in book.all() if order.parent is None)
        return tuple(
            read
            for root in roots
            if root.is_open or any(leg.is_open for leg in book.current_legs(root))
            for read in self._tree(root)
        )

    def order(self, order_id: BrokerOrderId) -> BrokerOrder | None:
        """Return one order in any status, or None when there is none."""
        return self._read(self._called().book.get(order_id))

    def order_by_client_id(self, client_order_id: OrderId) -> BrokerOrder | None:
        """Return one order in any status by our id, or None when there is none."""
        return self._read(self._called().book.by_client_id(client_order_id))

    def submit(self, request: OrderRequest) -> BrokerOrder:
        """Send an order; of a duplicate id, the order that is there."""
        state = self._called()
        ticket = Ticket(
            symbol=request.symbol,
            side=request.side,
            quantity=request.quantity,
            kind=request.kind,
            time_in_force=request.time_in_force,
            limit_price=request.limit_price,
            stop_price=request.stop_price,
            extended_hours=request.extended_hours,
            client_order_id=request.client_order_id,
            intent=request.intent,
        )
        known = state.book.by_client_id(request.client_order_id)
        return self._first(self._simulator.submit(ticket) if known is None else known)

    def replace(
        self,
        order_id: BrokerOrderId,
        *,
        client_order_id: OrderId,
        quantity: Decimal | None = None,
        stop_price: Decimal | None = None,
    ) -> BrokerOrder:
        """Replace a working order; returns the successor."""
        state = self._called()
        change = Change(quantity=quantity, stop_price=stop_price, client_order_id=client_order_id)
        known = state.book.by_client_id(client_order_id)
        return self._first(self._simulator.replace(order_id, change) if known is None else known)

    def cancel(self, order_id: BrokerOrderId) -> None:
        """Ask for a cancel; one asked for before, or done, counts as asked for."""
        self._called()
        try:
            self._simulator.cancel(order_id)
        except BrokerRejected as refusal:
            order = self._simulator.book.get(order_id)
            asked = order is not None and order.status in {"pending_cancel", "canceled"}
            if refusal.status != UNPROCESSABLE or not asked:
                raise

    def fills(self, *, since: datetime) -> tuple[Fill, ...]:
        """Return executions at `since` or later, oldest first."""
        executions = self._called().ledger.fills()
        read = (self._fill(execution) for execution in executions if execution.at >= since)
        return tuple(sorted(read, key=lambda fill: (fill.at, fill.id)))

    def sessions(self, *, first: str, last: str) -> tuple[Session, ...]:
        """Return trading sessions from day to day (YYYY-MM-DD, inclusive)."""
        return tuple(s for s in self._called().hours.sessions if first <= s.day <= last)

    def _called(self) -> State:
        state = self._simulator.state
        settle(state, state.queue.count_call(), at=state.now)
        return state

    def _tree(self, order: SimulatedOrder) -> tuple[BrokerOrder, ...]:
        # Orders are values: what was read of the very same ones before is read no second time.
        book = self._simulator.book
        group = (order, *book.current_legs(order))
        known, read = self._trees.get(order.id, ((), ()))
        if len(known) != len(group) or any(a is not b for a, b in zip(known, group, strict=True)):
            row = Row(order_json(order, book, nested=True), "orders")
            read = tuple(alpaca.order_tree(row))
            self._trees[order.id] = (group, read)
        return read

    def _fill(self, execution: Execution) -> Fill:
        read = self._fills.get(execution.id)
        if read is None:
            read = alpaca.fill(Row(activity_json(execution), "fills"))
            self._fills[execution.id] = read
        return read

    def _first(self, order: SimulatedOrder) -> BrokerOrder:
        return self._tree(order)[0]

    def _read(self, order: SimulatedOrder | None) -> BrokerOrder | None:
        return None if order is None else self._first(order)


def _position(state: State, holding: Holding) -> BrokerPosition:
    quantity = abs(holding.shares)
    held = state.book.held(holding.symbol, "sell" if holding.shares > 0 else "buy")
    return BrokerPosition(
        symbol=holding.symbol,
        side="long" if holding.shares > 0 else "short",
        quantity=quantity,
        available=max(quantity - held, Decimal(0)),
        average_entry=holding.average_entry,
        current_price=state.price(holding.symbol),
    )


class SimulatorMarketData:
    """Quotes and closed bars; daily_bars as the simulator was given them."""

    def __init__(
        self,
        simulator: Simulator,
        *,
        daily_bars: Mapping[Symbol, Sequence[ClosedBar]] | None = None,
    ) -> None:
        state = simulator.state
        self._simulator = simulator
        self._daily = Daily(daily_bars or {}, tape=state.tape, hours=state.hours)

    def quotes(self, symbols: Sequence[Symbol]) -> Mapping[Symbol, Quote]:
        """Return the latest quote of each symbol."""
        found = {symbol: self._simulator.quote(symbol) for symbol in symbols}
        return {symbol: quote for symbol, quote in found.items() if quote is not None}

    def bars(
        self, symbols: Sequence[Symbol], *, since: datetime, until: datetime
    ) -> Mapping[Symbol, tuple[ClosedBar, ...]]:
        """Return one-minute bars with since <= at and at + 1 min <= until, oldest first."""
        state = self._simulator.state
        found = {
            symbol: tuple(
                state.tape.bars(
                    symbol, since=since, until=until - MINUTE, now=state.now, adjusted=True
                )
            )
            for symbol in symbols
        }
        return {symbol: bars for symbol, bars in found.items() if bars}

    def daily_bars(
        self, symbols: Sequence[Symbol], *, since: datetime, until: datetime
    ) -> Mapping[Symbol, tuple[ClosedBar, ...]]:
        """Return daily bars of finished sessions, split-adjusted, oldest first."""
        latest = until - REGULAR_DAY
        found = {
            symbol: tuple(
                self._daily.bars(
                    symbol, since=since, until=latest, now=self._simulator.now, adjusted=True
                )
            )
            for symbol in symbols
        }
        return {symbol: bars for symbol, bars in found.items() if bars}
