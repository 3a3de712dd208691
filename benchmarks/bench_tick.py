"""A whole tick against the simulator and Postgres: time and calls by number of positions.

The peer, in the same run, is Alpaca's own SDK reading what the tick reads: positions, open orders
and quotes. Both clients talk to the same simulator over loopback; its share of the time is in both.
"""

import json
import statistics
import tempfile
import time
import uuid
from collections import Counter
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from alpaca.data.historical import StockHistoricalDataClient
from alpaca.data.requests import StockLatestQuoteRequest
from alpaca.trading.client import TradingClient
from alpaca.trading.enums import QueryOrderStatus
from alpaca.trading.requests import GetOrdersRequest

from stopward.adapters.administration import Administration
from stopward.adapters.alpaca import AlpacaBroker, AlpacaMarketData, Keys, Transport
from stopward.adapters.postgres import PostgresDatabase, PostgresStore
from stopward.domain.identity import AccountId, Symbol
from stopward.domain.market import ClosedBar
from stopward.domain.rulebook import parse
from stopward.local.migrate import migrate, prepare_platform
from stopward.local.postgres import EmbeddedPostgres
from stopward.local.simulator import Simulator
from stopward.services.guard import Guard, GuardSettings, entry_tags
from tests.builders.guard import SimulatorClock
from tests.builders.simulator import OPEN, SESSIONS, at

SIZES = (10, 100, 1_000, 5_000)
IDLE_TICKS = 5
RESULTS = Path(__file__).parent / "results" / "tick.json"
RULES = '[account]\nadopt = "all"\nmax_quote_age_seconds = 300\n[rules]\npreset = "standard"\n'


class Timed:
    """Passes calls on, and counts them and their seconds."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.seconds = 0.0
        self.calls: Counter[str] = Counter()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            started = time.perf_counter()
            try:
                return found(*args, **kwargs)
            finally:
                self.seconds += time.perf_counter() - started
                self.calls[name] += 1

        return call

    def take(self) -> tuple[float, dict[str, int]]:
        """Return seconds and calls so far, and start anew."""
        taken = self.seconds, dict(self.calls)
        self.seconds, self.calls = 0.0, Counter()
        return taken


def a_market(size: int) -> Simulator:
    """Return a simulator with `size` long positions, each with its stop; prices rise slowly."""
    symbols = [Symbol(f"S{index:04d}") for index in range(size)]
    bars = {
        symbol: [
            ClosedBar(
                symbol=symbol,
                at=at(minute),
                open=100 + 0.01 * minute,
                high=100.02 + 0.01 * minute,
                low=99.99 + 0.01 * minute,
                close=100.01 + 0.01 * minute,
                volume=1000,
            )
            for minute in range(30)
        ]
        for symbol in symbols
    }
    simulator = Simulator(bars=bars, sessions=SESSIONS, start=OPEN, cash=Decimal(10**9))
    for symbol in symbols:
        simulator.open_position(symbol, "long", Decimal(10), Decimal(100), stop=Decimal(98))
    return simulator


def measure(size: int, url: str) -> dict[str, Any]:
    """Return the figures of one size."""
    # A real account is adopted a few positions a tick; here all at once, to measure the next ticks.
    entry_tags.READS = size
    simulator = a_market(size)
    account = AccountId(f"bench-{size}-{uuid.uuid4().hex[:6]}")
    database = PostgresDatabase(url, role="service_role")
    administration = Administration(database)
    administration.open_account(account, name="bench", mode="guard")
    administration.put_rules(account, RULES, rules_hash=parse(RULES, source="bench").hash)
    administration.put_sessions(SESSIONS)
    clock = SimulatorClock(simulator)
    keys = Keys(key_id=simulator.key, secret=simulator.secret)
    failures: list[Exception] = []
    with simulator.serve() as base:
        transport = Transport(base, keys=keys, clock=clock)
        store, inner = Timed(PostgresStore(url)), transport
        broker, data = Timed(AlpacaBroker(inner)), Timed(AlpacaMarketData(inner))
        guard = Guard(
            store=store,  # type: ignore[arg-type]
            broker=broker,  # type: ignore[arg-type]
            market_data=data,  # type: ignore[arg-type]
            clock=clock,
            settings=GuardSettings(account_id=account, source="bench", lease_seconds=60),
            on_failure=lambda _where, error: failures.append(error),
        )
        simulator.advance_to(at(1))
        started = time.perf_counter()
        adopted = guard.tick(at(1)).adopted
        adoption_seconds = time.perf_counter() - started
        store.take(), broker.take(), data.take()
        rows = []
        for number in range(2, 2 + IDLE_TICKS):
            simulator.advance_to(at(number))
            requests = len(simulator.log)
            started = time.perf_counter()
            guard.tick(at(number))
            total = time.perf_counter() - started
            database_seconds, calls = store.take()
            broker_seconds = broker.take()[0] + data.take()[0]
            rows.append(
                (total, database_seconds, broker_seconds, calls, len(simulator.log) - requests)
            )
        peer = sdk_seconds(base, simulator)
        transport.close()
    database.close()
    if failures or adopted != size:
        raise RuntimeError(f"{size}: adopted {adopted}, failures {failures[:3]}")
    total = statistics.median(row[0] for row in rows)
    return {
        "positions": size,
        "adoption_ms": adoption_seconds * 1000,
        "tick_ms": total * 1000,
        "database_ms": statistics.median(row[1] for row in rows) * 1000,
        "broker_ms": statistics.median(row[2] for row in rows) * 1000,
        "own_ms": statistics.median(row[0] - row[1] - row[2] for row in rows) * 1000,
        "database_calls": sum(rows[-1][3].values()),
        "broker_requests": rows[-1][4],
        "sdk_reads_ms": peer * 1000,
        "tick_over_sdk_reads": total / peer,
    }


def sdk_seconds(base: str, simulator: Simulator) -> float:
    """Return the seconds the official SDK takes to read positions, open orders and quotes."""
    trading = TradingClient(simulator.key, simulator.secret, url_override=base)
    market = StockHistoricalDataClient(simulator.key, simulator.secret, url_override=base)
    symbols = [str(holding.symbol) for holding in simulator.positions()]
    started = time.perf_counter()
    trading.get_all_positions()
    until = None
    while True:
        page = trading.get_orders(
            GetOrdersRequest(status=QueryOrderStatus.OPEN, nested=True, limit=500, until=until)
        )
        if len(page) < 500:
            break
        until = page[-1].submitted_at - timedelta(microseconds=1)  # type: ignore[union-attr]
    for first in range(0, len(symbols), 200):
        part = symbols[first : first + 200]
        market.get_stock_latest_quote(StockLatestQuoteRequest(symbol_or_symbols=part))
    return time.perf_counter() - started


def main() -> None:
    """Print the table and write the JSON."""
    with tempfile.TemporaryDirectory(prefix="stopward-bench-") as folder:
        server = EmbeddedPostgres(home=Path(folder))
        url = server.start()
        try:
            prepare_platform(url)
            migrate(url)
            rows = [measure(size, url) for size in SIZES]
        finally:
            server.stop()
            server.remove()
    names = list(rows[0])
    print("  ".join(f"{name:>19}" for name in names))
    for row in rows:
        print("  ".join(f"{row[name]:>19,.2f}" for name in names))
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(rows, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
