"""Memory and Postgres, told the same random story, answer and keep the same."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from stopward.domain.identity import AccountId
from stopward.domain.snapshot import Busy, Snapshot
from stopward.errors import DatabaseRejected
from tests.builders.interleaving_payload import SYMBOLS, Belief
from tests.builders.store import A_SESSION, a_position, pulse
from tests.builders.store_world import MemoryWorld, PostgresWorld, World
from tests.conftest import MakeDatabase

SCHEDULES = 60
NIGHTLY = 1_000
STEPS = 40
SEEN = ("journal", "views", "events", "trades", "alarms", "observations", "gaps")
"""What is compared of what is kept."""


@pytest.fixture
def worlds(make_database: MakeDatabase, template_database: str) -> Iterator[tuple[World, World]]:
    # Not the shared database: other tests tell it of instruments and usual volumes.
    postgres = PostgresWorld(make_database(template=template_database))
    yield MemoryWorld(), postgres
    postgres.close()


def answered(call: Callable[[], Any]) -> Any:
    """Return what a call answers, or the rule by which it was refused."""
    try:
        return call()
    except DatabaseRejected as error:
        return f"refused by {error.rule}"


class Teller:
    """Tells one world a story that depends on the seed alone."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self._rng = world, Random(seed)  # noqa: S311
        self.answers: list[Any] = []
        self._told: list[tuple[Callable[[Any], Any], Any]] = []
        self._beliefs: dict[str, Belief] = {}
        self._new: dict[str, Any] = {}
        world.account_id = AccountId(f"agree-{seed}")
        world.people.open_account(world.account_id, name="Agree", mode="guard")
        world.people.put_sessions([A_SESSION])
        world.people.put_positions(
            world.account_id, [a_position(each, account_id=world.account_id) for each in SYMBOLS]
        )

    def tell(self) -> None:
        """Tell the whole story, then begin once more to see what is there."""
        for number in range(STEPS):
            self._step(number)
        self.world.advance(60)
        self._begin("last", STEPS + 1)

    def _step(self, number: int) -> None:
        rng = self._rng
        guard = rng.choice(("monitor", "breakeven"))
        if rng.random() < 0.2:
            self.world.advance(60)
        if self._told and rng.random() < 0.25:
            call, value = rng.choice(self._told)  # again, soon or late
            self.answers.append(answered(lambda: call(value)))
        elif guard not in self._beliefs:
            # A schedule that fired twice runs a pulse again, and may decide otherwise.
            again = number > 1 and rng.random() < 0.3
            self._begin(guard, rng.randrange(number) if again else number)
        elif guard not in self._new:
            self._say(guard, self.world.store.record_tick, self._beliefs[guard].record(rng))
            self._new[guard] = self.answers[-1]
        else:
            belief, new = self._beliefs.pop(guard), self._new.pop(guard)
            if not isinstance(new, str):
                told = belief.acknowledge(new, rng)
                self._say(guard, self.world.store.acknowledge, told)

    def _begin(self, guard: str, number: int) -> None:
        found: Snapshot | Busy = self.world.store.begin_tick(
            self.world.account_id, tick_at=pulse(number), holder=f"{guard}-{len(self.answers)}",
            lease_seconds=30,
        )  # fmt: skip
        if isinstance(found, Snapshot):
            # In one order, or the same seed tells two stories: neither store promises one.
            found = replace(
                found,
                positions=tuple(sorted(found.positions, key=lambda each: each.symbol)),
                orders=tuple(sorted(found.orders, key=lambda each: (each.tick_at, each.id))),
            )
            self._beliefs[guard] = Belief.of(found, tick=number, source=guard)
            self.answers.append(found)
        else:
            self.answers.append(found.holder)

    def _say(self, guard: str, call: Callable[[Any], Any], value: Any) -> None:
        self._told.append((call, value))
        self.answers.append(answered(lambda: call(value)))


def compare(worlds: tuple[World, World], seed: int) -> None:
    tellers = [Teller(world, seed) for world in worlds]
    for teller in tellers:
        teller.tell()
    memory, postgres = tellers
    for number, (one, other) in enumerate(zip(memory.answers, postgres.answers, strict=True)):
        assert one == other, f"seed {seed}, answer {number}"
    for name in SEEN:
        kept = [sorted(getattr(teller.world, name)(), key=repr) for teller in tellers]
        assert kept[0] == kept[1], f"seed {seed}, {name}"


@pytest.mark.parametrize("first", range(0, SCHEDULES, 20))
def test_two_stores_agree_on_random_stories(worlds: tuple[World, World], first: int) -> None:
    for seed in range(first, first + 20):
        compare(worlds, seed)


@pytest.mark.nightly
@pytest.mark.parametrize("first", range(10_000, 10_000 + NIGHTLY, 100))
def test_two_stores_agree_on_many_random_stories(worlds: tuple[World, World], first: int) -> None:
    for seed in range(first, first + 100):
        compare(worlds, seed)
