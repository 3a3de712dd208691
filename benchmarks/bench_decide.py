"""Microseconds a position a tick that deciding takes, interpreted; its peers run beside it.

`python -m benchmarks.bench_decide` prints a table and writes benchmarks/results/decide.json. The
budget is 20 microseconds with every rule on, from the stored position to the proposal.
"""

import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import llvmlite
import numpy as np

from stopward.domain.identity import AccountId, PositionId, Symbol
from stopward.domain.position import Marks, Position
from stopward.replay.arrays import blank_courses
from stopward.replay.compiled import compiled
from stopward.replay.silence import all_on
from stopward.rules.columns import Bars, Entries, Log, Market, Outcomes
from stopward.rules.kernel import BOOKS_TARGET, observe, propose
from stopward.rules.parameters import (
    ATR,
    TICKS,
    AdverseExcursion,
    AgedTarget,
    AverageTrail,
    BarTrail,
    Breakeven,
    Chandelier,
    DayLoss,
    DayProfit,
    Distance,
    FollowTargets,
    GiveBack,
    ModelTighten,
    Momentum,
    Partial,
    PercentTrail,
    R,
    Ratchet,
    Rules,
    SessionFlat,
    Target,
    TimeStop,
    Volume,
)
from stopward.rules.types import NAN, Account, Bar, Slippage
from stopward.rules.walk import EXECUTABLE, Terms, begin, finish, walk

BUDGET_MICROSECONDS = 20.0
RESULTS = Path(__file__).parent / "results" / "decide.json"
CALLS, ROUNDS = 2000, 15
POSITIONS, BARS = 2000, 390


def r(value: float) -> Distance:
    """Return a distance in R."""
    return Distance(value, R)


EVERY_RULE = Rules(
    day_loss=DayLoss(0.02, 3.0, 1.0, r(0.5)),
    day_profit=DayProfit(3.0, 0.4),
    session_flat=SessionFlat(10.0),
    adverse_excursion=AdverseExcursion(0.8, 40.0, 30.0),
    give_back=GiveBack(1.5, 0.5, 3.0, 0.6),
    time_stop=TimeStop(20.0, 0.3),
    momentum=Momentum(2.0, 1.0),
    volume=Volume(0.5, 3.0),
    target=Target(r(5), 0.0),
    aged_target=AgedTarget(4.0, 60.0, 3.0, 120.0, 2.0),
    partial=Partial(r(2), 0.5, r(3), 0.25, r(NAN), NAN),
    breakeven=Breakeven(r(1), r(0)),
    ratchet=Ratchet(1.5, 0.5, 2.0, 1.0, 3.0, 2.0, NAN, NAN),
    chandelier=Chandelier(r(1), Distance(3.0, ATR), 22.0),
    percent_trail=PercentTrail(r(1), r(1), r(2), r(0.5)),
    bar_trail=BarTrail(r(1), Distance(2.0, TICKS), 3.0),
    average_trail=AverageTrail(r(1), Distance(2.0, TICKS)),
    follow_targets=FollowTargets(r(1), r(2), r(3)),
    model_tighten=ModelTighten(0.35, r(0.5), 0.3),
)
ACCOUNT = Account(0.5, 0.001, 1.0, 0.0, 0.0, 0.0)
POSITION = Position(
    id=PositionId("p"),
    account_id=AccountId("a"),
    symbol=Symbol("ACME"),
    side="long",
    quantity=Decimal(100),
    initial_quantity=Decimal(100),
    average_entry=Decimal("100.00"),
    initial_stop=Decimal("98.00"),
    risk=Decimal("2.00"),
    stop=Decimal("98.00"),
    opened_at=datetime(2026, 11, 2, 14, 30, tzinfo=UTC),
    adopted_at=datetime(2026, 11, 2, 14, 30, tzinfo=UTC),
    marks=Marks(best=104.5, worst=99.2, age=45.0),
)
NUMBERS = (
    104.0, 104.5, 103.6, 104.2, 9000.0, 1.0, 120.0, 0.02, 0.4, 61.0, 0.3, 0.2, 0.3, 0.2, 103.5,
    0.9, 103.8, 104.5, 102.0, 104.5, 103.1, 1.0, 0.0,
)  # fmt: skip
"""A bar in which six rules want the stop moved: the dear case, not the quiet one."""


class Timed(NamedTuple):
    """Microseconds a call: the best round, and the median of all."""

    best: float
    median: float


def timed(call: Callable[[], object], *, calls: int = CALLS) -> Timed:
    """Return what one call costs, from several rounds of many."""
    rounds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        for _ in range(calls):
            call()
        rounds.append((time.perf_counter() - started) / calls * 1e6)
    return Timed(min(rounds), statistics.median(rounds))


def whole(rules: Rules) -> Callable[[], object]:
    """Return the whole of a decision: state and bar built, bar observed, rules asked."""

    def call() -> object:
        bar = Bar(*NUMBERS)
        return propose(observe(POSITION.state(), bar, rules), bar, ACCOUNT, rules)

    return call


def compiled_walk(rules: Rules) -> Timed:
    """Return what the compiled walk costs a position and bar, fills and settling included."""
    rng = np.random.default_rng(0)
    close = np.round(100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.0004, BARS))), 2)
    before = np.concatenate(([100.0], close[:-1]))
    high, low = np.maximum(before, close) + 0.02, np.minimum(before, close) - 0.02
    fixed = {
        name: np.full(BARS, number) for name, number in zip(Bars._fields, NUMBERS, strict=False)
    }
    prices = {"open": before, "high": high, "low": low, "close": close}
    follow = {"vwap": close, "average": low, "highest": high, "lowest": low, "trail_high": high}
    bars = Bars(**(fixed | prices | follow | {"trail_low": low}))
    side = np.where(rng.random(POSITIONS) < 0.5, 1.0, -1.0)
    start = rng.integers(0, BARS // 2, POSITIONS)
    entries = Entries(
        side=side,
        entry=before[start],
        risk=np.full(POSITIONS, 2.0),
        quantity=np.full(POSITIONS, 100.0),
        lot=np.ones(POSITIONS),
        per_unit=np.full(POSITIONS, 100.0),
        stop=before[start] - 2.0 * side,
        target=np.full(POSITIONS, np.nan),
        fees=np.zeros(POSITIONS),
        start=start,
        end=np.full(POSITIONS, BARS),
        at_open=np.ones(POSITIONS),
    )
    outcomes = Outcomes(*(np.zeros(POSITIONS) for _ in Outcomes._fields))
    start_all, go_on, end_all = compiled(begin), compiled(walk), compiled(finish)
    market, terms = (
        Market(bars, None),
        Terms(EXECUTABLE, BOOKS_TARGET, Slippage(1.0, 0.5, 0.0, 0.0)),
    )
    rows, courses, silent = np.arange(POSITIONS), blank_courses(POSITIONS), Log(None, None)

    asked = all_on(rules)

    def call() -> None:
        start_all(rows, courses, entries)
        go_on(rows, entries.end, courses, entries, market, ACCOUNT, asked, terms, silent, None)
        end_all(rows, courses, entries, market, terms, silent, outcomes)

    call()
    walked = float(np.sum(np.asarray(outcomes.bar) - start + 1.0))
    whole_run = timed(call, calls=5)
    return Timed(whole_run.best / walked, whole_run.median / walked)


def measure() -> dict[str, Timed]:
    """Return every row of the table."""
    state, bar = POSITION.state(), Bar(*NUMBERS)
    observed = observe(state, bar, EVERY_RULE)
    return {
        "build state and bar": timed(lambda: (POSITION.state(), Bar(*NUMBERS))),
        "observe": timed(lambda: observe(state, bar, EVERY_RULE)),
        "propose, every rule on": timed(lambda: propose(observed, bar, ACCOUNT, EVERY_RULE)),
        "propose, no rule on": timed(lambda: propose(observed, bar, ACCOUNT, Rules())),
        "whole decision, every rule on": timed(whole(EVERY_RULE)),
        "whole decision, no rule on": timed(whole(Rules())),
        "compiled walk, every rule on": compiled_walk(EVERY_RULE),
        "compiled walk, no rule on": compiled_walk(Rules()),
    }


def main() -> int:
    """Print the table, write the results; 1 when the budget is broken."""
    rows = measure()
    spent = rows["whole decision, every rule on"].best
    print(f"{'microseconds a position a tick':<34}{'best':>10}{'median':>10}")
    for name, row in rows.items():
        print(f"{name:<34}{row.best:>10.3f}{row.median:>10.3f}")
    print(f"budget {BUDGET_MICROSECONDS:g}: {'kept' if spent <= BUDGET_MICROSECONDS else 'BROKEN'}")
    RESULTS.parent.mkdir(exist_ok=True)
    document = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "llvmlite": llvmlite.__version__,
        "budget_microseconds": BUDGET_MICROSECONDS,
        "microseconds": {name: row._asdict() for name, row in rows.items()},
    }
    RESULTS.write_text(json.dumps(document, indent=2, allow_nan=False) + "\n")
    return 0 if spent <= BUDGET_MICROSECONDS else 1


if __name__ == "__main__":
    sys.exit(main())
