"""Guard a whole session with every fault on: `python -m tests.faults.day`, and read the report.

One session is 390 minutes, three pulses each of both functions, 25 positions. Time is simulated:
the seconds of the report are the market's, of which each call takes some. Exit code 1 when an
invariant broke.
"""

import argparse
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from stopward.domain.identity import PositionId, Symbol
from stopward.domain.orders import Order
from stopward.local.simulator.ledger import Span
from tests.builders.guard import ACCOUNT
from tests.faults.day_schedule import MINUTES, POSITIONS, PULSE_SECONDS, day_schedule
from tests.faults.result import Result
from tests.faults.world import World

PROTECTING = frozenset({"arm", "move"})
RESTS = frozenset({"new", "accepted", "held"})
SAME_NEED = timedelta(seconds=3 * PULSE_SECONDS)
"""A step planned anew within this time is for the same need as the one before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What a day came to. actions: orders by step and status. positions: guarded in the day.

    latencies: seconds from the pulse that wanted a stop to the moment when it rested, sorted.
    unrested: wants that ended otherwise (the position was closed, or the stop was there already).
    left_alone: symbols whose seconds do not count, for a person answers for them.
    naked_before: seconds that shares were without a stop before a pulse saw them. naked_after:
    since, by span, sorted.
    """

    result: Result
    positions: int
    trades: int
    decisions: int
    actions: Mapping[tuple[str, str], int]
    latencies: Sequence[float]
    unrested: int
    left_alone: int
    naked_before: float
    naked_after: Sequence[float]

    def lines(self) -> Iterator[tuple[str, str]]:
        """Yield name and figure of each line of the report."""
        yield "broken invariants", self.result.broken or "none"
        yield "ticks", f"{self.result.ticks:,}"
        yield "boundary calls", f"{self.result.calls:,}"
        yield "positions guarded", f"{self.positions:,}"
        yield "trades closed", f"{self.trades:,}"
        yield "decisions recorded", f"{self.decisions:,}"
        for (step, status), count in sorted(self.actions.items()):
            yield f"orders: {step}, {status}", f"{count:,}"
        for kind, count in sorted(self.result.applied.items(), key=lambda row: -row[1]):
            yield f"faults: {kind}", f"{count:,}"
        yield "calls that failed", f"{len(self.result.failures):,}"
        yield "stops wanted, and rested", f"{len(self.latencies):,}"
        yield "wants that ended otherwise", f"{self.unrested:,}"
        yield "pulse to resting stop, p50", f"{self.quantile(0.50):.2f} s"
        yield "pulse to resting stop, p99", f"{self.quantile(0.99):.2f} s"
        yield "pulse to resting stop, most", f"{self.quantile(1.0):.2f} s"
        yield "symbols halted or taken away", f"{self.left_alone:,}"
        yield "unprotected before a pulse saw it", f"{self.naked_before:,.0f} s"
        yield "unprotected since, in all", f"{sum(self.naked_after):,.1f} s"
        yield "unprotected since, longest", f"{max(self.naked_after, default=0.0):.1f} s"

    def quantile(self, share: float) -> float:
        """Return how many seconds this share of the stops took at most; nan without any."""
        if not self.latencies:
            return float("nan")
        if len(self.latencies) == 1 or share >= 1:
            return self.latencies[-1]
        return statistics.quantiles(self.latencies, n=100, method="inclusive")[int(share * 100) - 1]


def run_day(seed: int, *, minutes: int = MINUTES, positions: int = POSITIONS) -> Report:
    """Run the session of a seed and return its report."""
    world = World(day_schedule(seed, minutes=minutes, positions=positions))
    result = world.run()
    book = world.memory.book(ACCOUNT)
    latencies, unrested = _latencies(list(book.orders.values()), _rested(world))
    left_alone = _left_alone(world)
    before, after = _naked(world, left_alone)
    return Report(
        result=result,
        positions=len(book.positions),
        trades=len(book.trades),
        decisions=sum(row.ticks for row in book.journal),
        actions=Counter((order.step, order.status) for order in book.orders.values()),
        latencies=latencies,
        unrested=unrested,
        left_alone=len(left_alone),
        naked_before=before,
        naked_after=after,
    )


def _rested(world: World) -> Mapping[str, datetime]:
    """Return when each order of ours first rested at the broker."""
    found: dict[str, datetime] = {}
    for event in world.simulator.ledger.events:
        if event.kind in RESTS:
            found.setdefault(event.client_order_id, event.at)
    return found


def _latencies(
    orders: Sequence[Order], rested: Mapping[str, datetime]
) -> tuple[Sequence[float], int]:
    wanted: dict[PositionId, tuple[datetime, datetime]] = {}
    seconds: list[float] = []
    unrested = 0
    for order in sorted(orders, key=lambda each: each.tick_at):
        if order.step not in PROTECTING:
            continue
        since, last = wanted.pop(order.position_id, (order.tick_at, order.tick_at))
        if order.tick_at - last > SAME_NEED:
            unrested += 1
            since = order.tick_at
        if order.id in rested:
            seconds.append((rested[order.id] - since).total_seconds())
        else:
            wanted[order.position_id] = (since, order.tick_at)
    return sorted(seconds), unrested + len(wanted)


def _left_alone(world: World) -> set[Symbol]:
    """Return the symbols that are halted, since more was sold than held, or were taken from us."""
    tags = world.memory.book(ACCOUNT).tags
    return {symbol for symbol, of_symbol in tags.items() if "halted" in of_symbol} | {
        each.hand.symbol
        for each in world.schedule.disturbances
        if each.hand is not None and each.hand.kind == "hands_off"
    }


def _naked(world: World, left_alone: set[Symbol]) -> tuple[float, Sequence[float]]:
    """Return the seconds without a stop before adoption, in all, and those after, by span."""
    before, after = 0.0, []
    for span in world.simulator.ledger.spans:
        if span.symbol in left_alone:
            continue
        ends = span.until or world.simulator.now
        seen_at = min(max(_seen_at(world, span), span.since), ends)
        before += (seen_at - span.since).total_seconds()
        if ends > seen_at:
            after.append((ends - seen_at).total_seconds())
    return before, sorted(after)


def _seen_at(world: World, span: Span) -> datetime:
    """Return when a tick adopted the position of a span; its end, when none did."""
    ends = span.until or world.simulator.now
    book = world.memory.book(ACCOUNT)
    held = [
        each.adopted_at
        for each in book.positions.values()
        if each.symbol == span.symbol
        and each.opened_at <= ends
        and book.closed.get(each.id, ends) >= span.since
    ]
    return max(held, default=ends)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a day and print its report."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.day", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="which day")
    asked = parser.parse_args(arguments)
    started = time.monotonic()
    report = run_day(asked.seed)
    print(f"a day of {MINUTES} minutes, {POSITIONS} positions, seed {asked.seed}:", end=" ")
    print(f"{time.monotonic() - started:.0f} s of real time")
    for name, figure in report.lines():
        print(f"{name:<36}{figure:>12}")
    return 1 if report.result.broken is not None else 0


if __name__ == "__main__":
    raise SystemExit(main())
