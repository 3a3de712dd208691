"""What a stack costs a month: figures of the load run, times prices that stand in a file."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from stopward.domain.pulses import GUARDS, MINUTE_SECONDS

FOLDER: Final = Path(__file__).parent
PRICES: Final = FOLDER / "prices.json"
FIGURES: Final = FOLDER / "results" / "load.json"
SIZES: Final = (1, 100, 10_000)
MINUTES_A_DAY: Final = 480
"""As the schedule has it: 9:00 to 16:59 New York."""
LIFE_SECONDS: Final = 900
"""For which a process keeps an account's keys: services/fleet.py."""
GIGA: Final = 1e9
MINUTE: Final = datetime(2026, 1, 5, 15, tzinfo=UTC)
"""Any minute: all have the same pulses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """What the template gives. Megabytes of memory; pulse_seconds: between two looks."""

    tick_megabytes: int
    dispatch_megabytes: int
    guard_megabytes: int
    pulse_seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """A month of so many accounts. dollars: by item; the amounts are those that they are of.

    tick_ms: how long Lambda is paid for one tick; concurrent: ticks under way on average, by
    Little's law. compute: the smallest size of Supabase that does the work, None for none.
    """

    accounts: int
    ticks: float
    tick_ms: float
    concurrent: float
    gb_seconds: float
    requests: float
    queue_requests: float
    secret_reads: float
    log_gigabytes: float
    database_cores: float
    compute: str | None
    disk_gigabytes: float
    egress_gigabytes: float
    dollars: Mapping[str, float]

    @property
    def total(self) -> float:
        """Dollars in all."""
        return sum(self.dollars.values())


class Model:
    """Figures, prices and the template's sizes, as they are multiplied."""

    def __init__(self, figures: Mapping[str, Any], prices: Mapping[str, Any], stack: Stack) -> None:
        self._figures, self._prices, self._stack = figures, prices, stack

    def price(self, name: str) -> float:
        """Return dollars for one of something."""
        return float(self._prices["prices"][name]["dollars"])

    def assumed(self, name: str) -> float:
        """Return what nobody measured here."""
        return float(self._prices["assumed"][name]["value"])

    def figure(self, name: str) -> float:
        """Return what the load run measured."""
        return float(self._figures[name])

    def pulses_a_minute(self) -> int:
        """Return the pulses of an account in a minute, of both guards."""
        return sum(map(len, self._pulse_seconds()))

    def tick_ms(self, megabytes: int) -> float:
        """Return the milliseconds of one tick in Lambda: its own work, and what it waits for."""
        share = min(1.0, megabytes / self.assumed("megabytes_of_a_processor"))
        trips = self.figure("tick_broker_requests") + self.assumed("database_calls_a_tick")
        return self.figure("tick_cpu_ms") / share + trips * self.assumed("round_trip_ms")

    def one(self) -> Cost:
        """Return the cost of a stack that guards one account, and sleeps between pulses."""
        return self._cost(1, fleet=False)

    def fleet(self, accounts: int) -> Cost:
        """Return the cost of a stack that guards a fleet."""
        return self._cost(accounts, fleet=True)

    def _pulse_seconds(self) -> list[list[float]]:
        # By guard the seconds of the minute at which it looks.
        return [
            [
                (tick_at - MINUTE).total_seconds()
                for tick_at in kind.pulses(MINUTE, pulse_seconds=self._stack.pulse_seconds)
            ]
            for kind in GUARDS.values()
        ]

    def _cost(self, accounts: int, *, fleet: bool) -> Cost:
        minutes = MINUTES_A_DAY * self.assumed("sessions_a_month")
        a_second = accounts * self.pulses_a_minute() / MINUTE_SECONDS
        ticks = accounts * self.pulses_a_minute() * minutes
        megabytes = self._stack.tick_megabytes if fleet else self._stack.guard_megabytes
        tick_ms = self.tick_ms(megabytes)
        concurrent = a_second * tick_ms / 1000
        if fleet:
            gb_seconds = ticks * tick_ms / 1000 * megabytes / 1024
            gb_seconds += (
                minutes * self._dispatch_seconds(accounts) * (self._stack.dispatch_megabytes / 1024)
            )
            invocations = ticks / self.figure("messages_an_invocation")
            requests = invocations + minutes
            queue_requests = math.ceil(accounts * self.pulses_a_minute() / 10) * minutes
            queue_requests += 2 * invocations
            reads = self._secret_reads(accounts, ticks, concurrent)
        else:
            # It is paid for until its last pulse has ended.
            awake = sum(map(max, self._pulse_seconds())) + len(GUARDS) * tick_ms / 1000
            gb_seconds = minutes * awake * megabytes / 1024
            requests, queue_requests, reads = minutes * len(GUARDS), 0.0, 0.0
        cores = a_second * self.figure("tick_database_cpu_ms") / 1000
        compute = self.compute_for(cores)
        journal = self.figure("journal_bytes_an_account_minute") * accounts * minutes / GIGA
        disk = journal * (self.assumed("months_kept") + 1)
        egress = ticks * self.figure("snapshot_bytes") / GIGA
        logs = ticks * self.figure("tick_log_bytes") / GIGA
        included = self._prices["included"]
        dollars = {
            "Lambda, time": gb_seconds * self.price("lambda_gb_second"),
            "Lambda, requests": requests * self.price("lambda_request"),
            "SQS": queue_requests * self.price("sqs_request"),
            "secrets": accounts * self.price("secret_month") + reads * self.price("secret_read"),
            "logs": logs * self.price("log_gigabyte"),
            "Supabase, plan and compute": self._supabase(compute),
            "Supabase, disk": max(0.0, disk - included["supabase_disk_gigabytes"])
            * self.price("supabase_disk_gigabyte_month"),
            "Supabase, egress": max(0.0, egress - included["supabase_egress_gigabytes"])
            * self.price("supabase_egress_gigabyte"),
        }
        return Cost(
            accounts=accounts,
            ticks=ticks,
            tick_ms=tick_ms,
            concurrent=concurrent,
            gb_seconds=gb_seconds,
            requests=requests,
            queue_requests=queue_requests,
            secret_reads=reads,
            log_gigabytes=logs,
            database_cores=cores,
            compute=None if compute is None else str(compute["name"]),
            disk_gigabytes=disk,
            egress_gigabytes=egress,
            dollars=dollars,
        )

    def compute_for(self, cores: float) -> Mapping[str, Any] | None:
        """Return the smallest size of Supabase whose processors do so much work; None for none."""
        sizes: Sequence[Mapping[str, Any]] = self._prices["supabase_compute"]["sizes"]
        for size in sizes:
            share = self.assumed("shared_cores_share") if size["shared"] else 1.0
            if cores <= size["cores"] * share * self.assumed("database_busy_share"):
                return size
        return None

    def most_accounts(self, size: Mapping[str, Any]) -> int:
        """Return how many accounts a size of Supabase serves."""
        share = self.assumed("shared_cores_share") if size["shared"] else 1.0
        cores = size["cores"] * share * self.assumed("database_busy_share")
        a_tick = self.figure("tick_database_cpu_ms") / 1000
        return int(cores / a_tick * MINUTE_SECONDS / self.pulses_a_minute())

    def _dispatch_seconds(self, accounts: int) -> float:
        # Measured for all accounts of the run; a thousandth more is a thousandth longer.
        share = min(1.0, self._stack.dispatch_megabytes / self.assumed("megabytes_of_a_processor"))
        own = self.figure("dispatch_cpu_seconds") / self.figure("accounts") * accounts / share
        return max(own, 2 * self.assumed("round_trip_ms") / 1000)

    def _secret_reads(self, accounts: int, ticks: float, concurrent: float) -> float:
        # Each process meets accounts at random, and keeps those it met for LIFE_SECONDS.
        processes = max(1.0, concurrent)
        met = accounts * self.pulses_a_minute() / MINUTE_SECONDS * LIFE_SECONDS / processes
        share = accounts * -math.expm1(-met / accounts) / met
        return ticks * min(1.0, share)

    def _supabase(self, compute: Mapping[str, Any] | None) -> float:
        largest = self._prices["supabase_compute"]["sizes"][-1]
        dollars = float((compute or largest)["dollars"])
        credit = self.price("supabase_compute_credit")
        return self.price("supabase_plan_month") + max(0.0, dollars - credit)


def read(path: Path) -> Mapping[str, Any]:
    """Return what a JSON file holds."""
    found: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
