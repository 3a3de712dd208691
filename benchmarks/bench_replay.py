"""Replay against its peers, in one run on the same bars: positions a second, and first results.

`python -m benchmarks bench_replay`. The peers are vectorbt's `from_signals` and backtesting.py,
which come with `make bench`. Every position is entered at the first bar's open, with a stop, a
trailing stop and a target, and has a day of bars before it. What the peers cannot do is left out of
what they are asked: with the standard rules they are asked the same as without.

The peers walk every bar, we walk to the exit: bars given are positions times bars, for all alike;
bars walked are ours up to each exit.
"""

import gc
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from stopward.domain.identity import PositionId, Symbol
from stopward.domain.market import Session
from stopward.domain.opening import PositionRow
from stopward.domain.rulebook import RuleBook, parse
from stopward.replay.engine import Walk, walk_alone
from stopward.replay.entries import Opened, opened
from stopward.replay.market import MarketColumns
from stopward.replay.results import results_of
from stopward.replay.table import BarTable, Columns, bar_table, microseconds
from stopward.replay.terms import Conditions

RESULTS = Path(__file__).parent / "results" / "replay.json"
BARS = 390
SYMBOLS = 200
"""Days of bars that positions share; each is a symbol of its own here."""
SIZES = (2_000, 200_000)
PEER_COLUMNS = 2_000
"""Columns that vectorbt is given at a time: its arrays are whole, ours index into shared bars."""
SLOW_RUNS = 20
"""Runs of backtesting.py, one position each; its rate does not depend on how many."""
ROUNDS = 5
AT_LENGTH = 0.2
"""Seconds that each takes at least in a round: what is done sooner is repeated, ours and theirs."""
FEW = 200
"""Positions of which a person waits for the first result."""
OPENS = pd.Timestamp("2024-01-03 14:30", tz="UTC").to_pydatetime()
STOP, TRAIL, TARGET = 0.01, 0.008, 0.02
THREE = (
    '[account]\nadopt = "all"\n[rules.percent_trail]\narm = "0 %"\ndistance = "0.8 %"\n'
    '[rules.target]\ndistance = "2 %"\nresting = true\n'
)
EVERY = (
    '[account]\nadopt = "all"\n[rules]\npreset = "standard"\n'
    "[limits.day_loss]\nenabled = false\n[limits.day_profit]\nenabled = false\n"
)
BOOKS = {
    "stop, trail, target": parse(THREE, source="benchmark"),
    "standard rules": parse(EVERY, source="benchmark"),
}


class Run(NamedTuple):
    """How long a replay took, and how many bars it was given and walked."""

    seconds: float
    given: float
    walked: float


def a_table() -> BarTable:
    """Return random walks of one session, in cents."""
    rng = np.random.default_rng(0)
    session = Session(
        exchange="XNYS", day="2024-01-03", opens_at=OPENS,
        closes_at=OPENS + timedelta(minutes=BARS),
    )  # fmt: skip
    at = microseconds(OPENS) + np.arange(BARS) * 60_000_000
    found = {}
    for number in range(SYMBOLS):
        close = np.round(100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.0004, BARS))), 2)
        opened_at = np.concatenate(([100.0], close[:-1]))
        spread = np.abs(rng.normal(0.0, 0.02, (2, BARS)))
        found[Symbol(f"S{number:03}")] = Columns(
            at=at,
            open=opened_at,
            high=np.round(np.maximum(opened_at, close) + spread[0], 2),
            low=np.round(np.minimum(opened_at, close) - spread[1], 2),
            close=close,
            volume=rng.integers(100, 9999, BARS).astype(np.float64),
            spread=np.full(BARS, np.nan),
        )
    return bar_table(found, sessions=(session,))


def some_positions(table: BarTable, count: int) -> Opened:
    """Return longs entered at the first open, shared out over the symbols."""
    rows = [
        PositionRow(
            id=PositionId(f"p{number}"),
            symbol=table.symbols[number % SYMBOLS],
            side="long",
            quantity=Decimal(100),
            entry_at=OPENS,
            entry_price=Decimal(100),
            initial_stop=Decimal(99),
        )
        for number in range(count)
    ]
    return opened(rows, table, BOOKS["stop, trail, target"])


def by_us(table: BarTable, found: Opened, rules: RuleBook) -> Run:
    """Replay as the command does once files are read: indicators, costs and results included."""
    started = time.perf_counter()
    walking = Walk(
        opened=found, columns=MarketColumns(table=table), book=rules, conditions=Conditions()
    )
    walk_alone(walking)
    results = results_of(walking)
    seconds = time.perf_counter() - started
    walked = np.asarray(results.outcomes.bar) - np.asarray(found.entries.start) + 1.0
    return Run(seconds, float(len(found) * BARS), float(walked.sum()))


def by_vectorbt(table: BarTable, count: int) -> Run:
    """Let `from_signals` walk so many positions."""
    import vectorbt

    bars = table.bars
    prices = [
        column.reshape(SYMBOLS, BARS).T for column in (bars.open, bars.high, bars.low, bars.close)
    ]
    shared = [np.tile(column, (1, PEER_COLUMNS // SYMBOLS)) for column in prices]
    opens, highs, lows, closes = (pd.DataFrame(column) for column in shared)
    entries = pd.DataFrame(np.zeros(closes.shape, bool))
    entries.iloc[0] = True
    times = max(count // PEER_COLUMNS, 1)
    started = time.perf_counter()
    for _ in range(times):
        portfolio = vectorbt.Portfolio.from_signals(
            closes, entries, False, open=opens, high=highs, low=lows, price=opens,
            sl_stop=TRAIL, sl_trail=True, tp_stop=TARGET, freq="1min",
        )  # fmt: skip
        portfolio.orders.records_arr.sum  # noqa: B018  what came of it is read, not its statistics
    given = float(times * closes.size)
    return Run(time.perf_counter() - started, given, given)


def by_backtesting(table: BarTable) -> Run:
    """Let backtesting.py walk some positions, one a run."""
    from backtesting import Backtest, Strategy

    class Guarded(Strategy):  # type: ignore[misc]
        """One long from the first bar, with stop, trail and target."""

        def init(self) -> None:
            """Nothing to prepare."""

        def next(self) -> None:
            """Enter once, then raise the stop from the best price."""
            price = self.data.Close[-1]
            if len(self.data) == 2 and not self.position:
                self.buy(size=1, sl=price * (1 - STOP), tp=price * (1 + TARGET))
            for trade in self.trades:
                wanted = self.data.High[-1] * (1 - TRAIL)
                trade.sl = max(trade.sl or 0.0, wanted)

    bars = table.bars
    index = pd.date_range(OPENS, periods=BARS, freq="min")
    started = time.perf_counter()
    for number in range(SLOW_RUNS):
        own = slice(number * BARS, (number + 1) * BARS)
        frame = pd.DataFrame(
            {"Open": bars.open[own], "High": bars.high[own], "Low": bars.low[own],
             "Close": bars.close[own], "Volume": bars.volume[own]}, index=index,
        )  # fmt: skip
        Backtest(frame, Guarded, cash=10_000, finalize_trades=True).run()
    given = float(SLOW_RUNS * BARS)
    return Run(time.perf_counter() - started, given, given)


def at_length(run: Callable[[], Run]) -> Run:
    """Run as often as it takes AT_LENGTH, and return what one run took.

    The collector rests meanwhile, as it does in `timeit`: it would walk through all that the peers
    have loaded.
    """
    gc.collect()
    gc.disable()
    try:
        runs = [run()]
        while sum(each.seconds for each in runs) < AT_LENGTH:
            runs.append(run())
    finally:
        gc.enable()
    return runs[0]._replace(seconds=statistics.fmean(each.seconds for each in runs))


def paired(mine: Callable[[], Run], peers: Callable[[], Run]) -> tuple[Run, Run, float]:
    """Run both in turn; return the median of each, and the median of how often we are faster."""
    runs = [(at_length(mine), at_length(peers)) for _ in range(ROUNDS)]
    times = [peer.seconds / own.seconds for own, peer in runs]
    return (
        sorted(own for own, _ in runs)[ROUNDS // 2],
        sorted(peer for _, peer in runs)[ROUNDS // 2],
        statistics.median(times),
    )


PROGRAM = """
import sys, time
started = time.perf_counter()
from pathlib import Path
from benchmarks.bench_replay import BOOKS, FEW, a_table, by_us, some_positions
from stopward.replay import compiled
compiled.keep_in(Path(sys.argv[1]))
if sys.argv[3] == "compiled":
    compiled.compile_always()
table = a_table()
found = some_positions(table, FEW)
prepared = time.perf_counter()
by_us(table, found, BOOKS[sys.argv[2]])
print(time.perf_counter() - prepared)
"""


def first_results(rules: str) -> dict[str, float]:
    """Return the seconds of a new process's first replay of FEW positions.

    Nothing kept, as it comes: what is small is interpreted. The same, compiled. All kept. The first
    has a folder of its own, for it may compile too.
    """

    def first(folder: str, how: str) -> float:
        told = subprocess.run(
            [sys.executable, "-c", PROGRAM, folder, rules, how],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        return round(float(told.stdout), 2)

    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as another:
        return {
            "nothing kept": first(another, "as it comes"),
            "compiling": first(folder, "compiled"),
            "kept": first(folder, "as it comes"),
        }


def measure() -> dict[str, Any]:
    """Return every figure."""
    table = a_table()
    by_vectorbt(table, PEER_COLUMNS)
    rows: list[dict[str, Any]] = []
    for count in SIZES:
        found = some_positions(table, count)
        for name, rules in BOOKS.items():
            mine = partial(by_us, table, found, rules)
            mine()
            own, peer, times = paired(mine, partial(by_vectorbt, table, count))
            rows.append(
                {
                    "positions": count,
                    "rules": name,
                    "given_a_second": round(own.given / own.seconds),
                    "walked_a_second": round(own.walked / own.seconds),
                    "vectorbt_a_second": round(peer.given / peer.seconds),
                    "times_vectorbt": round(times, 1),
                }
            )
    slow = by_backtesting(table)
    return {
        "rows": rows,
        "backtesting_a_second": round(slow.given / slow.seconds),
        "first_result_seconds": {name: first_results(name) for name in BOOKS},
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }


def main() -> int:
    """Print the figures and write them down."""
    found = measure()
    for row in found["rows"]:
        print(
            f"{row['positions']:>8,} {row['rules']:<20} {row['given_a_second'] / 1e6:7.1f} M bars "
            f"given, {row['walked_a_second'] / 1e6:6.1f} M walked, vectorbt "
            f"{row['vectorbt_a_second'] / 1e6:5.1f} M: {row['times_vectorbt']:g} times"
        )
    print(f"backtesting.py {found['backtesting_a_second']:,} bars a second")
    print(f"first {FEW} positions, seconds: {json.dumps(found['first_result_seconds'])}")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
