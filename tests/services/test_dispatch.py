"""A minute's pulses: each is sent once, the earliest first, or it is counted as lost."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stopward.domain.identity import AccountId
from stopward.domain.pulses import Pulse, Roster
from stopward.errors import InvalidInput, Unavailable
from stopward.services.dispatch import ATTEMPTS, BATCH, SILENCE, Dispatcher, pulses_of
from tests.builders.manual_clock import ManualClock

MINUTE = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)


@dataclass(slots=True)
class ListedFleet:
    """A fleet that is listed, and who asked since when somebody is silent."""

    found: Roster
    asked: list[datetime] = field(default_factory=list)

    def roster(self, *, silent_before: datetime) -> Roster:
        self.asked.append(silent_before)
        return self.found


@dataclass(slots=True)
class ScriptedQueue:
    """Takes what `takes` says, by the number of the call; raises where that is an error."""

    takes: Callable[[int, Pulse], bool | Exception] = lambda _call, _pulse: True
    taken: list[Pulse] = field(default_factory=list)
    calls: list[tuple[Pulse, ...]] = field(default_factory=list)
    lock: Lock = field(default_factory=Lock)

    def send(self, pulses: Sequence[Pulse], *, now: datetime) -> tuple[Pulse, ...]:
        with self.lock:
            self.calls.append(tuple(pulses))
            left = []
            for pulse in pulses:
                match self.takes(len(self.calls), pulse):
                    case Exception() as error:
                        raise error
                    case True:
                        self.taken.append(pulse)
                    case _:
                        left.append(pulse)
            return tuple(left)


def fleet_of(count: int) -> ListedFleet:
    return ListedFleet(Roster(accounts=tuple(AccountId(f"a{n:03d}") for n in range(count))))


def a_dispatcher(
    fleet: ListedFleet, queue: ScriptedQueue, told: list[str] | None = None
) -> Dispatcher:
    return Dispatcher(
        fleet=fleet,
        queue=queue,
        clock=ManualClock(MINUTE),
        pulse_seconds=20,
        margin_seconds=5,
        on_failure=lambda where, error: (told if told is not None else []).append(str(error)),
    )


def plenty() -> float:
    return 60.0


def test_each_account_gets_the_pulses_of_both_guards_and_the_earliest_are_sent_first() -> None:
    queue = ScriptedQueue()
    found = a_dispatcher(fleet_of(25), queue).run(MINUTE, plenty)
    assert (found.accounts, found.pulses_sent, found.pulses_lost) == (25, 150, 0)
    assert max(Counter((p.account_id, p.tick_at) for p in queue.taken).values()) == 1
    of_one = pulses_of((AccountId("a001"),), MINUTE, pulse_seconds=20)
    assert [(p.source, (p.tick_at - MINUTE).seconds) for p in of_one] == [
        ("monitor_positions", 0), ("check_breakeven", 10), ("monitor_positions", 20),
        ("check_breakeven", 30), ("monitor_positions", 40), ("check_breakeven", 50),
    ]  # fmt: skip
    assert set(queue.taken) >= set(of_one)
    due = pulses_of(fleet_of(25).found.accounts, MINUTE, pulse_seconds=20)
    assert [p.tick_at for p in due] == sorted(p.tick_at for p in due)
    assert max(len(call) for call in queue.calls) == BATCH


@settings(deadline=None)  # its threads wait for a processor
@given(
    count=st.integers(min_value=0, max_value=40),
    refused=st.sets(st.tuples(st.integers(1, 60), st.integers(0, 9)), max_size=40),
)
def test_nothing_is_lost_in_silence_and_nothing_taken_is_sent_again(
    count: int, refused: set[tuple[int, int]]
) -> None:
    places = {call: [] for call, _ in refused}
    for call, place in refused:
        places[call].append(place)
    queue = ScriptedQueue()

    def takes(call: int, pulse: Pulse) -> bool:
        return queue.calls[-1].index(pulse) not in places.get(call, ())

    queue.takes = takes
    fleet = fleet_of(count)
    found = a_dispatcher(fleet, queue).run(MINUTE, plenty)
    due = pulses_of(fleet.found.accounts, MINUTE, pulse_seconds=20)
    assert len(set(queue.taken)) == len(queue.taken) == found.pulses_sent
    assert set(queue.taken) <= set(due)
    assert found.pulses_sent + found.pulses_lost == len(due)
    assert len(queue.calls) <= -(-len(due) // BATCH) * ATTEMPTS


def test_what_is_not_taken_is_sent_again_and_told() -> None:
    told: list[str] = []
    queue = ScriptedQueue(
        takes=lambda call, _: Unavailable(f"call {call}") if call in (1, 2) else True
    )
    found = a_dispatcher(fleet_of(5), queue, told).run(MINUTE, plenty)
    assert (found.pulses_sent, found.pulses_sent_again, found.pulses_lost) == (30, 20, 0)
    # One line an attempt, however many calls failed in it.
    assert len(told) == 1


def test_a_queue_that_takes_nothing_fails_the_invocation() -> None:
    queue = ScriptedQueue(takes=lambda *_: Unavailable("no answer"))
    with pytest.raises(Unavailable, match="no answer"):
        a_dispatcher(fleet_of(3), queue).run(MINUTE, plenty)
    assert len(queue.calls) == 2 * ATTEMPTS


def test_a_queue_that_is_not_ours_is_not_asked_again() -> None:
    queue = ScriptedQueue(takes=lambda *_: InvalidInput("may this role send to it?"))
    with pytest.raises(InvalidInput):
        a_dispatcher(fleet_of(1), queue).run(MINUTE, plenty)


def test_nothing_is_begun_when_time_is_short() -> None:
    queue = ScriptedQueue()
    left = iter([60.0, 60.0, 60.0, *[4.0] * 100])
    lock = Lock()

    def remaining() -> float:
        with lock:
            return next(left)

    found = a_dispatcher(fleet_of(25), queue).run(MINUTE, remaining)
    assert len(queue.calls) == 3
    assert (found.pulses_sent, found.pulses_lost) == (30, 120)


def test_it_asks_who_has_been_silent_for_three_minutes_and_passes_that_on() -> None:
    names = (AccountId("a1"), AccountId("a2"))
    fleet = ListedFleet(Roster(accounts=names, silent=1, longest_silent=names[1:]))
    found = a_dispatcher(fleet, ScriptedQueue()).run(MINUTE, plenty)
    assert fleet.asked == [MINUTE - SILENCE] == [MINUTE - timedelta(minutes=3)]
    assert (found.silent_accounts, found.longest_silent) == (1, names[1:])
    assert set(found.counts()) == {
        "accounts", "silent_accounts", "pulses_sent", "pulses_sent_again", "pulses_lost",
    }  # fmt: skip
