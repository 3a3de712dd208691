"""Dispatching a minute of the fleet, as the schedule does; some messages come twice."""

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from benchmarks.load.clock import SlowClock
from benchmarks.load.market import Size
from stopward.adapters.pulses_sqs import SqsPulses
from stopward.domain.pulses import Pulse
from stopward.services.dispatch import BATCH, pulses_of
from tests.builders.lambda_function import a_context, load_app
from tests.builders.simulator import at

PULSE_SECONDS: Final = 20.0
DOUBLED_EVERY: Final = 50
"""Of every so many accounts one message a minute is sent twice; SQS may do so by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A dispatched minute. wall, cpu: seconds of the handler; again: the pulses sent twice."""

    wall: float
    cpu: float
    again: Sequence[Pulse]
    counts: Mapping[str, int]


def dispatch(minute: datetime, clock: SlowClock, size: Size) -> Sent:
    """Call the dispatcher at its minute, as the schedule does; then double some messages."""
    clock.sleep_until(minute)
    app: Any = load_app("dispatch_ticks")
    wall, cpu = time.perf_counter(), time.process_time()
    with open(os.devnull, "w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        counts = app.handler({"time": minute.isoformat()}, a_context("d", milliseconds=600_000))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    app.dispatcher.fleet._functions.close()
    print(f"{minute:%H:%M} dispatched in {wall:.1f} s: {counts}", flush=True)
    chosen = size.names()[::DOUBLED_EVERY]
    pulses = pulses_of(chosen, minute, pulse_seconds=PULSE_SECONDS)
    again = [pulse for place, pulse in enumerate(pulses) if place % pulses_a_minute() == 0]
    sender = SqsPulses(os.environ["STOPWARD_TICK_QUEUE_URL"])
    for first in range(0, len(again), BATCH):
        sender.send(again[first : first + BATCH], now=clock.now())
    return Sent(wall=wall, cpu=cpu, again=again, counts=counts)


def pulses_a_minute() -> int:
    """Return how many pulses an account has in a minute."""
    return len(pulses_of(("one",), at(0), pulse_seconds=PULSE_SECONDS))  # type: ignore[arg-type]
