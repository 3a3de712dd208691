"""Many accounts in one process: whose guard ticks, what is kept, what is refused."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from stopward.domain.identity import AccountId
from stopward.domain.pulses import OLDEST, GuardKind, Pulse
from stopward.errors import InvalidInput, Unavailable
from stopward.services.fleet import LIFE, FleetGuard, TooOld
from stopward.services.guard import Guard, Summary
from tests.builders.manual_clock import ManualClock

NOON = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)


@dataclass(slots=True)
class NotedGuard:
    """A guard that notes its ticks. keys_refused: as the broker said."""

    account_id: str
    mask: str
    noted: list[tuple[str, str, datetime, datetime]]
    keys_refused: bool = False

    def tick(self, tick_at: datetime, *, invocation: str, until: datetime) -> Summary:
        self.noted.append((self.account_id, self.mask, tick_at, until))
        return Summary(ticks=1)


@dataclass(slots=True)
class Fleet:
    """A fleet guard whose wiring is counted."""

    clock: ManualClock = field(default_factory=lambda: ManualClock(NOON))
    read: list[str] = field(default_factory=list)
    ticks: list[tuple[str, str, datetime, datetime]] = field(default_factory=list)
    revoked: set[str] = field(default_factory=set)

    def guard(self, *, most: int = 5_000) -> FleetGuard:
        return FleetGuard(wire=self.wire, clock=self.clock, margin_seconds=8, most=most)

    def wire(self, account_id: AccountId) -> Callable[[GuardKind], Guard]:
        self.read.append(account_id)

        def make(kind: GuardKind) -> Guard:
            refused = account_id in self.revoked
            made = NotedGuard(account_id, kind.mask, self.ticks, keys_refused=refused)
            return cast("Any", made)

        return make


def a_pulse(
    account: str = "a", *, source: str = "monitor_positions", tick_at: datetime = NOON
) -> Pulse:
    return Pulse(account_id=AccountId(account), source=source, tick_at=tick_at)


def run(guard: FleetGuard, pulse: Pulse, *, left: float = 60.0) -> Summary | TooOld:
    return guard.tick(pulse, lambda: left, invocation="i")


def test_a_pulse_ticks_its_own_account_by_the_rules_of_its_guard() -> None:
    fleet = Fleet()
    guard = fleet.guard()
    for pulse in (a_pulse("a"), a_pulse("b", source="check_breakeven")):
        assert run(guard, pulse, left=20.0) == Summary(ticks=1)
    # A second stays free at the end of the invocation.
    until = NOON + timedelta(seconds=19)
    assert fleet.ticks == [("a", "all", NOON, until), ("b", "breakeven", NOON, until)]


@pytest.mark.parametrize(
    ("age", "ticks"), [(-3.0, 1), (0.0, 1), (60.0, 1), (60.001, 0), (3600.0, 0)]
)
def test_a_pulse_older_than_sixty_seconds_is_refused(age: float, ticks: int) -> None:
    assert timedelta(seconds=60) == OLDEST
    fleet = Fleet()
    found = run(fleet.guard(), a_pulse(tick_at=NOON - timedelta(seconds=age)))
    assert len(fleet.ticks) == ticks
    assert found == (Summary(ticks=1) if ticks else TooOld(age=timedelta(seconds=age)))
    # Nobody's keys are read for it.
    assert len(fleet.read) == ticks


def test_a_pulse_for_which_no_time_is_left_is_not_begun() -> None:
    fleet = Fleet()
    with pytest.raises(Unavailable, match=r"account a: 7\.9 s are left for it, under the margin"):
        run(fleet.guard(), a_pulse(), left=7.9)
    assert fleet.ticks == []


def test_a_guard_that_is_not_known_is_named_with_those_that_are() -> None:
    fleet = Fleet()
    with pytest.raises(InvalidInput, match="known are check_breakeven, monitor_positions"):
        run(fleet.guard(), a_pulse(source="somebody"))
    assert fleet.read == []


def test_keys_are_read_once_for_both_guards_and_again_after_a_quarter_of_an_hour() -> None:
    fleet = Fleet()
    guard = fleet.guard()
    for source in ("monitor_positions", "check_breakeven", "monitor_positions"):
        run(guard, a_pulse(source=source))
    assert fleet.read == ["a"]
    fleet.clock.present += LIFE - timedelta(seconds=1)
    run(guard, a_pulse(tick_at=fleet.clock.present))
    assert fleet.read == ["a"]
    fleet.clock.present += timedelta(seconds=1)
    run(guard, a_pulse(tick_at=fleet.clock.present))
    assert fleet.read == ["a", "a"]


def test_keys_that_the_broker_refuses_are_read_anew_at_the_next_pulse() -> None:
    fleet = Fleet(revoked={"a"})
    guard = fleet.guard()
    for _ in range(2):
        run(guard, a_pulse())
    fleet.revoked.clear()
    for _ in range(2):
        run(guard, a_pulse())
    assert fleet.read == ["a", "a", "a"]


def test_the_accounts_that_were_used_last_are_kept() -> None:
    fleet = Fleet()
    guard = fleet.guard(most=2)
    for account in ("a", "b", "a", "c", "a", "b"):
        run(guard, a_pulse(account))
    assert fleet.read == ["a", "b", "c", "b"]
