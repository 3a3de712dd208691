"""A broker that averages otherwise than we do is asked for fills for a while, not for ever."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import pytest

from stopward.services.guard.averages import PATIENCE
from tests.builders.guard import AAPL, ADOPT_ALL, World, a_world
from tests.builders.simulator import flat

MINUTES = PATIENCE + 20


@dataclass
class OtherAverage:
    """A broker that tells another average entry of what is held; None tells the true one."""

    inner: Any
    entry: Decimal | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def positions(self) -> list[Any]:
        """List what is held."""
        found = self.inner.positions()
        if self.entry is None:
            return found
        return [replace(each, average_entry=self.entry) for each in found]


@pytest.fixture
def world() -> Iterator[World]:
    with a_world(*flat(100, MINUTES), rules=ADOPT_ALL) as found:
        found.guard.broker = OtherAverage(found.guard.broker)
        found.open(stop="98")
        found.run(1, 3)
        yield found


def told(world: World, entry: str | None) -> None:
    world.guard.broker.entry = None if entry is None else Decimal(entry)  # type: ignore[attr-defined]


def readings(world: World, first: int, last: int) -> int:
    """Return how often fills were read in these minutes, a tick each."""
    before = len(world.sent("GET", "/v2/account/activities"))
    world.run(first, last)
    return len(world.sent("GET", "/v2/account/activities")) - before


def test_an_average_that_is_ours_asks_for_nothing(world: World) -> None:
    assert readings(world, 4, 8) == 0


def test_another_one_is_asked_for_a_number_of_times_and_the_stop_rests_meanwhile(
    world: World,
) -> None:
    told(world, "99.37")
    assert readings(world, 4, MINUTES - 10) == PATIENCE
    assert readings(world, MINUTES - 9, MINUTES - 6) == 0
    assert world.stop_prices() == ["100@98"]


def test_one_that_changes_is_news_again(world: World) -> None:
    told(world, "99.37")
    readings(world, 4, PATIENCE + 5)
    told(world, "99.12")
    assert readings(world, PATIENCE + 6, PATIENCE + 8) == 3
    told(world, None)
    assert readings(world, PATIENCE + 9, PATIENCE + 10) == 0


def test_another_quantity_asks_however_often_the_average_was(world: World) -> None:
    told(world, "99.37")
    readings(world, 4, PATIENCE + 6)
    world.simulator.hand_close(AAPL, Decimal(40))
    assert readings(world, PATIENCE + 7, PATIENCE + 7) > 0
    assert world.stop_prices() == ["60@98"]
