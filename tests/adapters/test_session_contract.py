"""One contract over the sessions of every store: what is put, merged, closed and taken back."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from stopward.domain.market import Session
from stopward.domain.session_claims import SessionsPut, SessionStretch
from stopward.errors import DatabaseRejected
from tests.builders.session_cases import (
    CASES,
    DAY,
    DAY_AFTER,
    DAY_BEFORE,
    SessionCase,
    a_session,
)
from tests.builders.store_world import MemoryWorld, PostgresWorld, World, begin

NOON = datetime(2101, 1, 5, 17, 30, tzinfo=UTC)
"""Within four hours of every session of the cases."""


@pytest.fixture(params=["memory", "postgres", "postgres 17"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "memory":
        yield MemoryWorld()
        return
    url = "hosted_url" if request.param == "postgres 17" else "database_url"
    found = PostgresWorld(request.getfixturevalue(url))
    yield found
    found.close()


@pytest.fixture
def exchange(world: World) -> str:
    """An exchange of this test's own, and the account on it."""
    name = f"C{world.account_id}"
    world.people.open_account(world.account_id, name="Tests", exchange=name)
    return name


def counted(world: World) -> Session | None:
    """Return the session that the guard is given at noon."""
    return begin(world, tick=NOON).session


def only_day(exchange: str) -> SessionStretch:
    return SessionStretch(exchange=exchange, first=DAY, last=DAY)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_guard_is_given_what_counts(world: World, exchange: str, case: SessionCase) -> None:
    put = SessionsPut()
    for source, hours in case.said.items():
        # A day that nobody speaks of cannot be closed, nor need be: first a session, then none.
        given = [a_session(exchange, hours or ("14:30", "21:00"))]
        put = world.people.put_sessions(given, source=source)
        if hours is None:
            put = world.people.put_sessions([], source=source, complete=only_day(exchange))
    wanted = None if case.counts is None else a_session(exchange, case.counts)
    assert counted(world) == wanted
    assert [each.day for each in put.disagreements] == ([DAY] if case.disagrees else [])
    for found in put.disagreements:
        assert found.counted == wanted
        assert found.claims == {
            source: None if hours is None else a_session(exchange, hours)
            for source, hours in case.said.items()
        }


def test_putting_the_same_again_changes_nothing(world: World, exchange: str) -> None:
    sessions = [a_session(exchange), a_session(exchange, day=DAY_AFTER)]
    first = world.people.put_sessions(sessions, source="broker")
    again = world.people.put_sessions(sessions, source="broker")
    assert (first.changed, again.changed) == (2, 0)
    assert first.known_until == again.known_until == DAY_AFTER


def test_a_later_agreement_clears_a_disagreement(world: World, exchange: str) -> None:
    world.people.put_sessions([a_session(exchange)], source="calendar")
    put = world.people.put_sessions([a_session(exchange, ("14:30", "18:00"))], source="broker")
    assert len(put.disagreements) == 1
    put = world.people.put_sessions([a_session(exchange)], source="broker")
    assert (put.changed, put.disagreements) == (1, ())
    assert counted(world) == a_session(exchange)


def test_without_a_source_it_is_a_persons_word(world: World, exchange: str) -> None:
    world.people.put_sessions([a_session(exchange, ("14:30", "18:00"))], source="broker")
    world.people.put_sessions([a_session(exchange)])
    assert counted(world) == a_session(exchange)


def test_a_persons_word_can_be_taken_back(world: World, exchange: str) -> None:
    world.people.put_sessions([a_session(exchange, ("14:30", "18:00"))], source="broker")
    world.people.put_sessions([a_session(exchange)], source="person")
    world.people.forget_sessions(exchange, [DAY])
    assert counted(world) == a_session(exchange, ("14:30", "18:00"))
    world.people.forget_sessions(exchange, [DAY])
    assert counted(world) == a_session(exchange, ("14:30", "18:00"))


def test_a_day_of_which_only_a_person_spoke_is_forgotten_whole(world: World, exchange: str) -> None:
    world.people.put_sessions([a_session(exchange)])
    world.people.forget_sessions(exchange, [DAY])
    assert counted(world) is None


def test_in_a_complete_list_a_day_that_is_missing_is_closed(world: World, exchange: str) -> None:
    days = (DAY_BEFORE, DAY, DAY_AFTER)
    world.people.put_sessions([a_session(exchange, day=day) for day in days], source="calendar")
    put = world.people.put_sessions(
        [a_session(exchange, day=day) for day in (DAY_BEFORE, DAY_AFTER)],
        source="broker",
        complete=SessionStretch(exchange=exchange, first=DAY_BEFORE, last=DAY_AFTER),
    )
    assert put.changed == 1
    assert [(each.day, each.counted) for each in put.disagreements] == [(DAY, None)]
    assert counted(world) is None


def test_a_day_outside_the_complete_stretch_stays(world: World, exchange: str) -> None:
    world.people.put_sessions([a_session(exchange)], source="calendar")
    put = world.people.put_sessions(
        [a_session(exchange, day=DAY_AFTER)],
        source="broker",
        complete=SessionStretch(exchange=exchange, first=DAY_AFTER, last="2101-02-01"),
    )
    # Of the day after the calendar's last it says nothing.
    assert put.disagreements == ()
    assert counted(world) == a_session(exchange)


def test_a_day_that_only_the_broker_lists_is_added_and_disagrees(
    world: World, exchange: str
) -> None:
    world.people.put_sessions(
        [a_session(exchange, day=day) for day in (DAY_BEFORE, DAY_AFTER)], source="calendar"
    )
    put = world.people.put_sessions([a_session(exchange)], source="broker")
    assert [each.day for each in put.disagreements] == [DAY]
    assert counted(world) == a_session(exchange)


@pytest.mark.parametrize(("closed", "refused"), [(5, False), (6, True)])
def test_a_list_with_a_hole_of_more_than_a_week_is_refused(
    world: World, exchange: str, closed: int, refused: bool
) -> None:
    days = [f"2101-01-{number:02}" for number in range(5, 5 + closed)]
    stretch = SessionStretch(exchange=exchange, first=days[0], last=days[-1])
    world.people.put_sessions([a_session(exchange, day=day) for day in days], source="calendar")
    if not refused:
        assert world.people.put_sessions([], source="broker", complete=stretch).changed == closed
        return
    with pytest.raises(DatabaseRejected) as caught:
        world.people.put_sessions([], source="broker", complete=stretch)
    assert caught.value.rule == "put_sessions_implausible"
    assert counted(world) == a_session(exchange)
    assert world.people.put_sessions([], source="person", complete=stretch).changed == closed


def test_a_day_given_twice_is_refused(world: World, exchange: str) -> None:
    with pytest.raises(DatabaseRejected) as caught:
        world.people.put_sessions([a_session(exchange), a_session(exchange, ("14:30", "18:00"))])
    assert caught.value.rule == "put_sessions_request"
    assert counted(world) is None


def test_an_early_close_of_the_broker_ends_the_session_of_the_guard(
    world: World, exchange: str
) -> None:
    world.people.put_sessions([a_session(exchange)], source="calendar")
    world.people.put_sessions([a_session(exchange, ("14:30", "18:00"))], source="broker")
    session = counted(world)
    assert session is not None
    assert session.minutes_to_close(NOON) == 30
