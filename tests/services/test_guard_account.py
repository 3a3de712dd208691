"""Whose account it is: keys that open another one than was named are looked at by nobody."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from stopward.local.simulator.holdings import ACCOUNT_NUMBER
from tests.builders.guard import World, a_world
from tests.builders.simulator import flat

TIME_STOP = '[account]\nadopt = "all"\n[rules.time_stop]\nminutes = 2\n'


@pytest.fixture
def world() -> Iterator[World]:
    with a_world(*flat(100, 8), rules=TIME_STOP) as found:
        yield found


def name_account(world: World, number: str) -> None:
    world.guard.settings = replace(world.guard.settings, account_number=number)


def questions(world: World) -> int:
    """Return how often the broker was asked whose account it is."""
    return len(world.sent("GET", "/v2/account")) - len(world.sent("GET", "/v2/account/"))


def test_the_account_that_was_named_is_guarded_and_asked_for_once(world: World) -> None:
    name_account(world, ACCOUNT_NUMBER)
    world.open(stop="98")
    world.tick(1)
    asked = questions(world)
    assert asked > 0
    world.run(2, 3)
    assert questions(world) == asked
    assert [trade.cause for trade in world.trades()] == ["time_stop"]
    assert "other_account" not in world.alarms()


def test_another_account_is_not_looked_at_and_nothing_is_sent(world: World) -> None:
    name_account(world, "PA0000001")
    world.open()
    for minute in (1, 2, 3):
        assert world.tick(minute).failures == 1
    assert {handled.request.path for handled in world.simulator.log} == {"/v2/account"}
    assert (world.stops(), world.trades()) == ([], [])
    assert "other_account" in world.alarms()
    assert "broker_unavailable" not in world.alarms()


def test_it_is_told_without_the_whole_numbers_and_keys_are_to_be_read_again(world: World) -> None:
    name_account(world, "PA0000777")
    world.tick(1)
    ((where, error),) = world.failures
    assert where == "other_account"
    assert str(error).startswith(
        "the broker's keys open account ...001, and the one that was named"
    )
    assert ACCOUNT_NUMBER not in str(error)
    assert "PA0000777" not in str(error)
    assert world.guard.keys_refused


def test_the_alarm_is_over_once_the_right_account_answers(world: World) -> None:
    name_account(world, "PA0000777")
    world.open(stop="98")
    world.tick(1)
    name_account(world, ACCOUNT_NUMBER)
    world.tick(1.25)
    last = world.store.records[-1]
    assert "other_account" not in {alarm.kind for alarm in last.alarms}
    assert "other_account" in last.cleared
    assert world.stop_prices() == ["100@98"]


def test_without_a_number_any_account_is_meant(world: World) -> None:
    world.open(stop="98")
    assert world.tick(1).adopted == 1
