"""A guard over the real adapter, the simulator and a store, with time in the test's hands."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from stopward.adapters.administration import Administration
from stopward.adapters.alpaca import AlpacaBroker, AlpacaMarketData, Keys, Transport
from stopward.adapters.memory import MemoryStore
from stopward.domain.identity import AccountId, OrderId, Symbol
from stopward.domain.position import Position
from stopward.domain.rulebook import Mask, parse
from stopward.domain.snapshot import (
    Acknowledgement,
    Busy,
    DecisionRow,
    Mode,
    Snapshot,
    TickRecord,
    TradeRow,
)
from stopward.local.simulator import SimulatedOrder, Simulator
from stopward.ports import Store
from stopward.services.guard import Guard, GuardSettings, Summary
from tests.builders.simulator import AAPL, SESSIONS, Prices, a_simulator, at

ACCOUNT = AccountId("test")
ADOPT_ALL = '[account]\nadopt = "all"\n'


@dataclass(slots=True)
class SimulatorClock:
    """The simulator's own time: sleeping moves the market."""

    simulator: Simulator

    def now(self) -> datetime:
        """Return the simulated present."""
        return self.simulator.now

    def sleep_until(self, moment: datetime) -> None:
        """Move the market there."""
        if moment > self.simulator.now:
            self.simulator.advance_to(moment)


@dataclass(slots=True)
class SpyStore:
    """Passes everything on, and keeps what was written; `fail_next` raises instead, once each."""

    inner: Store
    records: list[TickRecord] = field(default_factory=list)
    acknowledgements: list[Acknowledgement] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    fail_next: dict[str, Exception] = field(default_factory=dict)

    def begin_tick(
        self, account_id: AccountId, *, tick_at: datetime, holder: str, lease_seconds: float
    ) -> Snapshot | Busy:
        """Take the lease."""
        self._called("begin_tick")
        return self.inner.begin_tick(
            account_id, tick_at=tick_at, holder=holder, lease_seconds=lease_seconds
        )

    def record_tick(self, record: TickRecord) -> frozenset[OrderId]:
        """Keep and write a record."""
        self._called("record_tick")
        self.records.append(record)
        return self.inner.record_tick(record)

    def acknowledge(self, acknowledgement: Acknowledgement) -> None:
        """Keep and write an acknowledgement."""
        self._called("acknowledge")
        self.acknowledgements.append(acknowledgement)
        self.inner.acknowledge(acknowledgement)

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if name in self.fail_next:
            raise self.fail_next.pop(name)


@dataclass(slots=True)
class World:
    """Everything around one guarded account."""

    simulator: Simulator
    guard: Guard
    store: SpyStore
    memory: MemoryStore
    failures: list[tuple[str, Exception]]

    def tick(self, minutes: float) -> Summary:
        """Move the market to so many minutes after the open and run the tick of that instant."""
        if at(minutes) > self.simulator.now:
            self.simulator.advance_to(at(minutes))
        return self.guard.tick(at(minutes))

    def run(self, first: int, last: int) -> Summary:
        """Run one tick a minute, both ends included; return their sum."""
        total = Summary()
        for minute in range(first, last + 1):
            total = total.plus(self.tick(minute))
        return total

    def open(
        self, quantity: str = "100", *, side: str = "long", price: str = "100", **kwargs: object
    ) -> None:
        """Let the trader open AAPL by hand, now."""
        prices = {"stop", "target"}
        arguments = {k: Decimal(str(v)) if k in prices else v for k, v in kwargs.items()}
        symbol = arguments.pop("symbol", AAPL)
        self.simulator.open_position(symbol, side, Decimal(quantity), Decimal(price), **arguments)  # type: ignore[arg-type]

    def stops(self, symbol: Symbol = AAPL) -> list[SimulatedOrder]:
        """Return the stops that rest at the broker."""
        kinds = ("stop", "stop_limit", "trailing_stop")
        return [order for order in self.simulator.open_orders(symbol) if order.kind in kinds]

    def stop_prices(self, symbol: Symbol = AAPL) -> list[str]:
        """Return where stops rest, as `quantity@price`."""
        return sorted(
            f"{order.open_quantity.normalize():f}@{_text(order.stop_price)}"
            for order in self.stops(symbol)
        )

    def shares(self, symbol: Symbol = AAPL) -> Decimal:
        """Return the shares held at the broker, negative when short."""
        return self.simulator.shares(symbol)

    def position(self, symbol: Symbol = AAPL) -> Position:
        """Return the position as the store has it."""
        return next(p for p in self.snapshot().positions if p.symbol == symbol)

    def snapshot(self) -> Snapshot:
        """Return what a tick would read now; the lease is given back."""
        found = self.store.inner.begin_tick(
            ACCOUNT, tick_at=self.simulator.now, holder="test", lease_seconds=5
        )
        assert isinstance(found, Snapshot), found
        self.store.inner.record_tick(
            TickRecord(
                fence=found.fence,
                account_id=ACCOUNT,
                tick_at=self.simulator.now,
                at=self.simulator.now,
                source="test",
                release=True,
            )
        )
        return found

    def trades(self) -> list[TradeRow]:
        """Return the trades that were written, oldest first."""
        written: list[TickRecord | Acknowledgement] = [
            *self.store.records,
            *self.store.acknowledgements,
        ]
        return [trade for each in sorted(written, key=lambda r: r.at) for trade in each.trades]

    def decisions(self, symbol: Symbol = AAPL) -> list[DecisionRow]:
        """Return the decisions of a symbol, oldest first."""
        return [row for r in self.store.records for row in r.decisions if row.symbol == symbol]

    def alarms(self) -> set[str]:
        """Return the kinds of alarm that were ever raised."""
        written: list[TickRecord | Acknowledgement] = [
            *self.store.records,
            *self.store.acknowledgements,
        ]
        return {alarm.kind for each in written for alarm in each.alarms}

    def sent(self, method: str = "POST", path: str = "/v2/orders") -> list[Mapping[str, object]]:
        """Return the bodies of the requests that the broker was sent."""
        return [
            handled.request.body or {}
            for handled in self.simulator.log
            if handled.request.method == method and handled.request.path.startswith(path)
        ]


@contextmanager
def a_world(
    *rows: Prices,
    rules: str = ADOPT_ALL,
    mode: Mode = "guard",
    mask: Mask = "all",
    simulator: Simulator | None = None,
    sessions: bool = True,
    database: tuple[Store, Administration] | None = None,
) -> Iterator[World]:
    """A guarded account at the first open; AAPL walks through `rows`, one bar a minute.

    database: where state is kept, and who sets it up; None is memory.
    """
    simulator = simulator or a_simulator(*rows)
    memory = MemoryStore(now=lambda: simulator.now)
    kept, people = database or (memory, memory)
    people.open_account(ACCOUNT, name="test", mode=mode)
    people.put_rules(ACCOUNT, rules, rules_hash=parse(rules, source="test").hash)
    if sessions:
        people.put_sessions(SESSIONS)
    clock = SimulatorClock(simulator)
    store = SpyStore(kept)
    failures: list[tuple[str, Exception]] = []
    keys = Keys(key_id=simulator.key, secret=simulator.secret)
    with simulator.serve() as url:
        transport = Transport(url, keys=keys, clock=clock)
        try:
            guard = Guard(
                store=store,
                broker=AlpacaBroker(transport),
                market_data=AlpacaMarketData(transport),
                clock=clock,
                settings=GuardSettings(account_id=ACCOUNT, source="test", mask=mask),
                on_failure=lambda where, error: failures.append((where, error)),
            )
            yield World(simulator, guard, store, memory, failures)
        finally:
            transport.close()


def _text(price: Decimal | None) -> str:
    return "?" if price is None else f"{price.normalize():f}"
