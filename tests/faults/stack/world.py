"""Run one schedule over everything that is deployed: handlers, adapters, HTTP, Postgres."""

import io
import warnings
from collections.abc import Mapping
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random
from types import ModuleType
from typing import Any

from stopward.adapters.functions import Functions
from stopward.adapters.postgres import PostgresDatabase
from stopward.domain.identity import AccountId
from stopward.errors import BrokerRejected, InvalidInput, StopwardError
from stopward.local.simulator import Simulator
from stopward.services.guard import Guard
from tests.builders.faults import GuardName, Hand, Schedule, Wake
from tests.builders.simulator import at
from tests.faults import hands
from tests.faults.audit import Audit
from tests.faults.frame import Broken, KillTick
from tests.faults.market import a_market, open_at_the_start
from tests.faults.outcome import check_protected, check_settled, check_trades, closed_since
from tests.faults.ports import FaultyBroker, FaultyMarketData, FaultyStore, SkewedClock
from tests.faults.result import Result, open_account, the_result, writes_of
from tests.faults.stack.book import PostgresState
from tests.faults.stack.connections import Connections
from tests.faults.stack.function import Context, Parts, cold_start, invoke, settings_of
from tests.faults.stack.turns import Actor, Turns
from tests.faults.stack.wire import WireBoundary, WireFunctions, WireTransport
from tests.faults.world import CALM_NUMBER

TIMEOUT_SECONDS = 60.0
"""Of both functions in template.yaml; a test compares."""
LEASE_SECONDS = 15.0
CALM_MINUTES = 6
"""Healthy minutes after a schedule, at most; then everything must be settled and quiet."""


@dataclass(slots=True)
class StackWorld:
    """The market, the database and two functions of one schedule."""

    schedule: Schedule
    connections: Connections
    account_id: AccountId
    tracing: bool = False
    simulator: Simulator = field(init=False)
    memory: PostgresState = field(init=False)
    audit: Audit = field(init=False)
    boundary: WireBoundary = field(init=False)
    turns: Turns = field(init=False)
    apps: dict[GuardName, ModuleType] = field(default_factory=dict)
    busy: dict[GuardName, bool] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    calls_of: dict[int, int] = field(default_factory=dict)
    invocations: int = 0
    _broker_url: str = ""
    _lease_ends: datetime | None = None
    _databases: list[PostgresDatabase] = field(default_factory=list)

    def run(self) -> Result:
        """Run every event, then calm minutes until all is quiet; return what came of it."""
        broken = None
        with ExitStack() as stack:
            stack.enter_context(redirect_stdout(io.StringIO()))
            # A handler that is ended before its first line of metrics has none to publish.
            stack.enter_context(warnings.catch_warnings())
            warnings.filterwarnings("ignore", message="No application metrics to publish")
            self._build()
            stack.callback(self._close)
            self._broker_url = stack.enter_context(self.simulator.serve())
            try:
                for wake in self.schedule.wakes:
                    self._add(wake)
                self.turns.run()
                self._settle_down()
            except Broken as error:
                broken = str(error)
        return the_result(
            broken,
            simulator=self.simulator,
            boundary=self.boundary,
            ticks=self.invocations,
            calls_of=self.calls_of,
            failures=self.failures,
        )

    # What the boundary needs

    def now(self) -> datetime:
        """Return the simulated present."""
        return self.simulator.now

    def pass_time(self, seconds: float) -> None:
        """Move the market, and look at what that did."""
        if seconds > 0:
            self._pass_to(self.simulator.now + timedelta(seconds=seconds))

    def check(self) -> None:
        """Check what must hold after every step."""
        self.audit.check()

    def overlap(self, wake: Wake) -> None:
        """Add another invocation: whose turn it is, the seed says."""
        self._add(wake)

    def act_by_hand(self, hand: Hand) -> str:
        """Let a person act; what the broker refuses is told and forgotten."""
        self.simulator.settle()
        try:
            told = hands.act_by_hand(self, hand)
        except (BrokerRejected, InvalidInput, KeyError) as refusal:
            told = f"refused: {refusal}"
        self.check()
        return told or f"{hand.symbol} {hand.amount}"

    # Invocations

    def _build(self) -> None:
        schedule = self.schedule
        self.simulator = a_market(schedule)
        self.memory = PostgresState(self.connections, self.account_id)
        book = open_account(self.memory, self.account_id, schedule)
        self.audit = Audit(
            simulator=self.simulator,
            store=self.memory,  # type: ignore[arg-type]
            book=book,
            sends_allowed=schedule.mode == "guard",
            hands_off=set(schedule.hands_off),
        )
        draw = Random(schedule.seed)  # noqa: S311 - nothing here is secret
        self.turns = Turns(draw, self.now, self._pass_to)
        self.boundary = WireBoundary(
            stage=self,
            disturbances=schedule.disturbances,
            latency_seconds=schedule.latency.total_seconds(),
            tracing=self.tracing,
            turns=self.turns,
        )
        open_at_the_start(self.simulator, schedule)
        self.check()

    def _close(self) -> None:
        self.memory.close()
        for database in self._databases:
            self.connections.give_back(database)

    def _add(self, wake: Wake) -> None:
        start = at(self.schedule.start_minute)
        begins = start + timedelta(seconds=wake.seconds + wake.late_seconds)
        actor = Actor(
            name=f"{wake.guard}-{wake.number}",
            wakes_at=max(begins, self.simulator.now),
            run=lambda: self._invoke(actor, wake),
        )
        self.turns.add(actor)

    def _invoke(self, actor: Actor, wake: Wake) -> None:
        self.invocations += 1
        ends_at = self.simulator.now + timedelta(seconds=TIMEOUT_SECONDS)
        with self.boundary.invoked(actor, wake, ends_at=ends_at) as frame:
            self.boundary.note(f"event {wake.number}", f"{wake.guard}")
            # An environment serves one event at a time; a second one gets another.
            spare = wake.cold or self.busy.get(wake.guard, False) or wake.guard not in self.apps
            app = self._start(wake.guard) if spare else self.apps[wake.guard]
            self.apps[wake.guard], self.busy[wake.guard] = app, True
            event_at = at(self.schedule.start_minute) + timedelta(seconds=wake.seconds)
            context = Context(str(wake.number), ends_at, self.now)
            try:
                summary = invoke(app, event_at, context)
                self.boundary.note("event ends", f"{frame.calls} calls, {summary}")
            except KillTick:
                self.apps.pop(wake.guard, None)
            except StopwardError as error:
                self.failures.append(f"event: {error!r}")
                self.boundary.note("event fails", str(error))
            except Broken:
                raise
            except Exception as error:
                raise Broken(f"the handler raised {error!r}") from error
            finally:
                self.busy[wake.guard] = False
            self.calls_of[wake.number] = frame.calls
        self.check()

    def _settle_down(self) -> None:
        self.boundary.calm()
        self.check()
        start = at(self.schedule.start_minute)
        minute = int((self.simulator.now - start).total_seconds() // 60) + 1
        for index in range(CALM_MINUTES):
            before, began_at = self._writes, self.simulator.now
            for offset, name in enumerate(("monitor", "breakeven")):
                number = CALM_NUMBER + 2 * index + offset
                self._add(Wake(number=number, guard=name, seconds=60.0 * (minute + index)))  # type: ignore[arg-type]
            self.turns.run()
            is_quiet = self._writes == before and not closed_since(self.simulator, began_at)
            if index >= 1 and is_quiet:
                self.simulator.settle()
                self.memory.forget()
                check_protected(self.audit)
                check_settled(self.audit)
                check_trades(self.audit)
                return
        raise Broken(f"6: still sending after {CALM_MINUTES} healthy minutes")

    @property
    def _writes(self) -> int:
        return writes_of(self.boundary, self.simulator)

    def _pass_to(self, moment: datetime) -> None:
        self.simulator.advance_to(max(moment, self.simulator.now))
        self.check()

    # Cold starts

    def _start(self, name: GuardName) -> ModuleType:
        ahead = self.schedule.skew_seconds if name == "breakeven" else 0.0
        boundary = self.boundary

        class Transport(WireTransport):
            pass

        Transport.boundary = boundary
        settings = settings_of(
            self.account_id,
            url=self.connections.url,
            broker_url=self._broker_url,
            key=self.simulator.key,
            secret=self.simulator.secret,
            pulse_seconds=self.schedule.pulse_seconds,
        )
        parts = Parts(
            transport=Transport,
            functions=self._functions,
            clock=lambda _: _TurnsClock(
                stage=self, ahead=timedelta(seconds=ahead), turns=self.turns
            ),
            on_failure=self._failed,
            wrap=self._audited,
        )
        return cold_start(name, settings, parts)

    def _functions(self) -> Functions:
        database = self.connections.take()
        self._databases.append(database)
        return WireFunctions(database, self.boundary, self._before_call, self._after_call)

    def _audited(self, guard: Guard) -> Guard:
        guard.store = FaultyStore(inner=guard.store, boundary=self.boundary, audit=self.audit)  # type: ignore[arg-type]
        guard.broker = FaultyBroker(inner=guard.broker, boundary=self.boundary, audit=self.audit)  # type: ignore[arg-type]
        guard.market_data = FaultyMarketData(inner=guard.market_data, boundary=self.boundary)  # type: ignore[arg-type]
        return guard

    def _before_call(self, function: str) -> None:
        # The database's own clock is real; the lease is made to end by the simulated one.
        if function == "begin_tick" and self._lease_ends is not None:
            self.memory.set_lease((self._lease_ends - self.simulator.now).total_seconds())

    def _after_call(self, function: str, told: Any, answer: Mapping[str, Any]) -> None:
        self.memory.forget()
        if "busy" in answer:
            return
        if function == "begin_tick":
            self.audit.rejected.clear()
        released = told.get("release", function == "acknowledge")
        ends = self.simulator.now + timedelta(seconds=LEASE_SECONDS)
        self._lease_ends = None if released else ends

    def _failed(self, where: str, error: Exception) -> None:
        self.failures.append(f"{where}: {error!r}")
        self.boundary.note(f"failure at {where}", repr(error))
        if not isinstance(error, StopwardError):
            raise Broken(f"a failure that nobody raised on purpose at {where}: {error!r}")


@dataclass(slots=True, kw_only=True)
class _TurnsClock(SkewedClock):
    # Sleeping hands the turn over.
    turns: Turns

    def sleep_until(self, moment: datetime) -> None:
        self.turns.sleep_until(moment - self.ahead)


def run(
    schedule: Schedule, *, over: Connections, account_id: AccountId, tracing: bool = False
) -> Result:
    """Run a schedule from its start, for an account of its own."""
    return StackWorld(schedule, over, account_id, tracing=tracing).run()
