"""The figures of a run, as docs/cost.md multiplies them."""

import os
import platform
from dataclasses import dataclass

from benchmarks.load.evidence import Told
from benchmarks.load.market import Size
from benchmarks.load.serving import BrokerReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Sums over the minutes of a run. wall, cpu: seconds in the consumer's handler.

    memory: bytes of the largest worker. dispatch_*: seconds of the longest minute. database_cpu:
    seconds of all of the server's processes; journal_bytes, other_bytes: by which its months of the
    journal grew, and all the rest.
    """

    invocations: int
    received: int
    consumer_calls: int
    wall: float
    cpu: float
    memory: int
    dispatch_wall: float
    dispatch_cpu: float
    journal_bytes: float
    other_bytes: float
    database_cpu: float
    broker_requests: float
    log_bytes: float


def figures_of(
    size: Size,
    found: Told,
    report: BrokerReport,
    measured: Measured,
    *,
    slower: float,
    doubled: int,
    open_positions: int,
) -> dict[str, object]:
    """Return the figures by name; milliseconds, bytes and calls are those of one tick."""
    ticks = measured.received
    due = ticks - doubled
    arrivals = due / (size.minutes * 60)
    seconds = measured.wall / ticks
    return {
        "accounts": size.accounts,
        "positions": size.positions,
        "minutes": size.minutes,
        "pulses_an_account_minute": due / size.accounts / size.minutes,
        "processors": os.cpu_count(),
        "python": platform.python_version(),
        "slower": round(slower, 2),
        "pulses_due": due,
        "messages_doubled": doubled,
        "ticks_told": found.sums["ticks"],
        "ticks_that_met_a_busy_lease": found.sums["busy"],
        "orders_sent": report.orders,
        "stops_moved": found.sums["moves"],
        "stops_armed": found.sums["arms"],
        "exits": found.sums["exits"] + found.sums["reduces"],
        "trades_closed": found.sums["trades"],
        "open_positions": open_positions,
        "shares_held": int(report.shares),
        "shares_stopped": int(report.stopped),
        "age_median_seconds": round(found.age(50), 2),
        "age_99_percent_seconds": round(found.age(99), 2),
        "age_longest_seconds": round(max(found.ages), 2),
        "tick_wall_ms": round(seconds * 1000, 2),
        "tick_cpu_ms": round(measured.cpu / ticks * 1000, 2),
        "tick_database_cpu_ms": round(measured.database_cpu / ticks * 1000, 2),
        "tick_broker_requests": round(measured.broker_requests / ticks, 3),
        "tick_log_bytes": round(measured.log_bytes / ticks),
        "messages_an_invocation": round(ticks / measured.invocations, 2),
        "journal_bytes_an_account_minute": round(
            measured.journal_bytes / size.accounts / size.minutes
        ),
        "other_bytes_an_account_minute": round(measured.other_bytes / size.accounts / size.minutes),
        "worker_megabytes": round(measured.memory / 1e6),
        "dispatch_wall_seconds": round(measured.dispatch_wall, 2),
        "dispatch_cpu_seconds": round(measured.dispatch_cpu, 2),
        "ticks_a_second": round(arrivals, 1),
        "concurrent_as_measured": round(arrivals * seconds, 2),
    }
