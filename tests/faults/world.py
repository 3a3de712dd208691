"""Run one schedule: the real guards over the simulator and the store in memory, fault by fault."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from stopward.adapters.memory import MemoryStore
from stopward.errors import (
    BrokerRejected,
    DatabaseRejected,
    DatabaseUnavailable,
    InvalidInput,
    StopwardError,
)
from stopward.local.simulator import Simulator
from stopward.local.simulator_broker import SimulatorBroker, SimulatorMarketData
from stopward.services.guard import Guard, GuardSettings, Summary
from tests.builders.faults import MASKS, GuardName, Hand, Schedule, Wake
from tests.builders.guard import ACCOUNT
from tests.builders.simulator import at
from tests.faults import hands
from tests.faults.audit import Audit
from tests.faults.boundary import Boundary
from tests.faults.frame import Broken, Frame, KillTick
from tests.faults.market import a_market, open_at_the_start
from tests.faults.outcome import (
    check_protected,
    check_settled,
    check_trades,
    closed_since,
    filled_since,
    traded_since,
)
from tests.faults.ports import FaultyBroker, FaultyMarketData, FaultyStore, SkewedClock
from tests.faults.result import Result, open_account, the_result, writes_of

QUIET_WAKES = 16
"""Healthy ticks after a schedule, at most; then everything must be settled and quiet."""
HEALTHY_TICKS = 3
LEASE_SECONDS = 15.0
LEASE_MARGIN_SECONDS = 2.0
CALM_NUMBER = 10_000
GuardClass = type[Guard]


@dataclass(slots=True)
class World:
    """The market, the store and two guards of one schedule."""

    schedule: Schedule
    tracing: bool = False
    guard_class: GuardClass = Guard
    simulator: Simulator = field(init=False)
    memory: MemoryStore = field(init=False)
    audit: Audit = field(init=False)
    boundary: Boundary = field(init=False)
    guards: dict[GuardName, Guard] = field(init=False, default_factory=dict)
    begins_at: datetime = field(init=False)
    clean_ticks: int = 0
    ticks: int = 0
    calls_of: dict[int, int] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    _overlapping: set[int] = field(default_factory=set)
    _ticked: set[float] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Build the world, and open what is held at the start."""
        schedule = self.schedule
        self.begins_at = at(schedule.start_minute)
        self.simulator = a_market(schedule)
        self.memory = MemoryStore(now=lambda: self.simulator.now)
        book = open_account(self.memory, ACCOUNT, schedule)
        self.audit = Audit(
            simulator=self.simulator,
            store=self.memory,
            book=book,
            sends_allowed=schedule.mode == "guard",
            hands_off=set(schedule.hands_off),
        )
        self.boundary = Boundary(
            stage=self,
            disturbances=schedule.disturbances,
            latency_seconds=schedule.latency.total_seconds(),
            tracing=self.tracing,
        )
        open_at_the_start(self.simulator, schedule)
        self.check()
        for name in MASKS:
            self._start(name)

    def run(self) -> Result:
        """Run every wake, then calm ticks until all is quiet; return what came of it."""
        broken = None
        try:
            for wake in self.schedule.wakes:
                if wake.number not in self._overlapping:
                    self._wake(wake)
            self._settle_down()
        except Broken as error:
            broken = str(error)
        return the_result(
            broken,
            simulator=self.simulator,
            boundary=self.boundary,
            ticks=self.ticks,
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
            self.simulator.advance_to(self.simulator.now + timedelta(seconds=seconds))
            self.check()

    def check(self) -> None:
        """Check what must hold after every step."""
        self.audit.check()

    def overlap(self, wake: Wake) -> None:
        """Run another tick inside the one that is running."""
        running = {frame.wake.number for frame in self.boundary.frames}
        if wake.number not in self._overlapping | running:
            self._overlapping.add(wake.number)
            self._wake(wake)

    def act_by_hand(self, hand: Hand) -> str:
        """Let a person act; what the broker refuses is told and forgotten."""
        self.simulator.settle()
        try:
            told = hands.act_by_hand(self, hand)
        except (BrokerRejected, InvalidInput, KeyError) as refusal:
            told = f"refused: {refusal}"
        self.check()
        return told or f"{hand.symbol} {hand.amount}"

    # Ticks

    def _wake(self, wake: Wake) -> None:
        wanted = self.begins_at + timedelta(seconds=wake.seconds + wake.late_seconds)
        self.pass_time((wanted - self.simulator.now).total_seconds())
        if wake.cold:
            self._start(wake.guard)
        tick_at = self.begins_at + timedelta(seconds=wake.seconds)
        if self.tracing:
            self.boundary.note(f"wake {wake.number}", f"{wake.guard}, tick {tick_at:%H:%M:%S}")
        disturbed = self.boundary.is_disturbed
        self.audit.rejected.clear()
        summary: Summary | None = None
        with self.boundary.entered(wake) as frame:
            failures = len(self.failures)
            try:
                summary = self.guards[wake.guard].tick(tick_at, invocation=str(wake.number))
            except KillTick:
                self._start(wake.guard)
            except (DatabaseUnavailable, DatabaseRejected) as error:
                self.boundary.note("tick ends", str(error))
            except StopwardError as error:
                raise Broken(f"the tick raised {error!r}") from error
        self.calls_of[wake.number] = frame.calls
        self.boundary.note("tick ends", f"{frame.calls} calls")
        self.check()
        healthy = (
            summary is not None
            and summary.ticks == 1
            and not (frame.faults or disturbed or self.boundary.is_disturbed)
            and len(self.failures) == failures
        )
        self._after_tick(frame, summary, healthy=healthy)

    def _after_tick(self, frame: Frame, summary: Summary | None, *, healthy: bool) -> None:
        if summary is not None and summary.busy and not frame.faults:
            return
        self.ticks += 1
        self.clean_ticks = self.clean_ticks + 1 if healthy else 0
        if healthy:
            self.audit.just_split.clear()
        is_first = frame.wake.seconds not in self._ticked
        self._ticked.add(frame.wake.seconds)
        if closed_since(self.simulator, frame.began_at):
            return
        if self.clean_ticks >= 2 and is_first and not frame.hands and not self.boundary.frames:
            # What filled between two reads of this tick is seen by the next.
            crossed = filled_since(self.simulator, frame.began_at)
            self.simulator.settle()
            self.check()
            check_protected(self.audit, but=frame.closed | crossed)

    def _settle_down(self) -> None:
        self.boundary.calm()
        self.check()
        start = at(self.schedule.start_minute)
        first = (self.simulator.now - start).total_seconds() + LEASE_SECONDS + 1
        names: tuple[GuardName, GuardName] = ("monitor", "breakeven")
        quiet = 0
        for index in range(QUIET_WAKES):
            before, began_at = self._writes, self.simulator.now
            number = CALM_NUMBER + index
            self._wake(Wake(number=number, guard=names[index % 2], seconds=first + 5 * index))
            # What filled between two reads of a tick is seen by the next.
            is_quiet = (
                self._writes == before
                and not traded_since(self.simulator, began_at)
                and not closed_since(self.simulator, began_at)
            )
            quiet = quiet + 1 if is_quiet else 0
            if index >= HEALTHY_TICKS and quiet >= 2:
                self.simulator.settle()
                check_protected(self.audit)
                check_settled(self.audit)
                check_trades(self.audit)
                return
        raise Broken(f"6: still sending after {QUIET_WAKES} healthy ticks")

    @property
    def _writes(self) -> int:
        return writes_of(self.boundary, self.simulator)

    def _start(self, name: GuardName) -> None:
        ahead = self.schedule.skew_seconds if name == "breakeven" else 0.0
        self.guards[name] = self.guard_class(
            store=FaultyStore(inner=self.memory, boundary=self.boundary, audit=self.audit),
            broker=FaultyBroker(
                inner=SimulatorBroker(self.simulator), boundary=self.boundary, audit=self.audit
            ),
            market_data=FaultyMarketData(
                inner=SimulatorMarketData(self.simulator), boundary=self.boundary
            ),
            clock=SkewedClock(stage=self, ahead=timedelta(seconds=ahead)),
            settings=GuardSettings(
                account_id=ACCOUNT,
                source=name,
                mask=MASKS[name],
                lease_seconds=LEASE_SECONDS,
                lease_margin_seconds=LEASE_MARGIN_SECONDS,
            ),
            on_failure=self._failed,
        )

    def _failed(self, where: str, error: Exception) -> None:
        self.failures.append(f"{where}: {error!r}")
        self.boundary.note(f"failure at {where}", repr(error))
        if not isinstance(error, StopwardError):
            raise Broken(f"a failure that nobody raised on purpose at {where}: {error!r}")


def run(schedule: Schedule, *, tracing: bool = False, guard_class: GuardClass = Guard) -> Result:
    """Run a schedule from its start."""
    return World(schedule, tracing=tracing, guard_class=guard_class).run()
