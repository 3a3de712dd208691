"""A tick is of its time, and its alarms are as grave as the gravest word about it: every store."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest

from stopward.adapters.clocks import SystemClock
from stopward.domain.snapshot import Alarm, TickRecord
from stopward.errors import DatabaseRejected
from tests.builders.store import (
    NOON,
    a_decision,
    a_position,
    a_record,
    an_acknowledgement,
    an_order,
    pulse,
)
from tests.builders.store_world import MemoryWorld, PostgresWorld, World, begin

FAR = datetime(2199, 1, 1, tzinfo=UTC)


@pytest.fixture(params=["memory", "postgres", "postgres 17"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "memory":
        yield MemoryWorld()
        return
    url = "hosted_url" if request.param == "postgres 17" else "database_url"
    found = PostgresWorld(request.getfixturevalue(url))
    yield found
    found.close()


def whole(world: World) -> TickRecord:
    position = a_position(account_id=world.account_id)
    return a_record(
        begin(world).fence,
        account_id=world.account_id,
        positions=(position,),
        decisions=(a_decision(position),),
        orders=(an_order(position),),
        alarms=(an_alarm(),),
    )


def an_alarm(severity: Literal["notice", "warning", "critical"] = "warning") -> Alarm:
    return Alarm(key="k", kind="k", symbol=None, message=severity, severity=severity)


def in_far_future(record: TickRecord) -> TickRecord:
    return replace(
        record,
        tick_at=FAR,
        decisions=tuple(replace(each, tick_at=FAR) for each in record.decisions),
        orders=tuple(replace(each, tick_at=FAR) for each in record.orders),
    )


def of_another_pulse(record: TickRecord, key: str) -> TickRecord:
    rows = [replace(each, tick_at=pulse(1)) for each in getattr(record, key)]
    return replace(record, **{key: tuple(rows)})


@pytest.mark.parametrize(
    "change",
    [
        in_far_future,
        lambda record: replace(record, at=FAR),
        lambda record: replace(record, lease_seconds=1e10),
        lambda record: replace(record, lease_seconds=-1.0),
        lambda record: of_another_pulse(record, "decisions"),
    ],
    ids=["tick", "moment", "long lease", "negative lease", "decision"],
)  # fmt: skip
def test_a_record_that_is_not_of_its_time_is_refused_whole(world: World, change: object) -> None:
    assert callable(change)
    record = whole(world)
    with pytest.raises(DatabaseRejected) as caught:
        world.store.record_tick(change(record))
    assert caught.value.rule == "record_tick_request"
    assert (world.journal(), world.events(), world.alarms()) == ([], [], [])
    world.store.record_tick(record)


def test_an_acknowledgement_of_the_far_future_is_refused(world: World) -> None:
    fence = begin(world).fence
    told = an_acknowledgement(fence, account_id=world.account_id, alarms=(an_alarm(),))
    for changes in ({"tick_at": FAR}, {"at": FAR}):
        with pytest.raises(DatabaseRejected) as caught:
            world.store.acknowledge(replace(told, **changes))
        assert caught.value.rule == "acknowledge_request"
    world.store.acknowledge(told)


def test_a_lease_is_renewed_for_a_day_at_most(world: World) -> None:
    world.store.record_tick(replace(whole(world), lease_seconds=86400.0))
    world.advance(86401)
    assert begin(world, holder="two").fence == 2


GRAVER = [
    (("warning", "critical"), ("critical", 1)),
    (("notice", "warning"), ("warning", 1)),
    (("critical", "warning"), ("critical", 1)),
    (("warning", "warning"), ("warning", 1)),
]


def severity(world: World) -> str:
    if isinstance(world, MemoryWorld):
        (row,) = world._book.alarms
        return str(row.alarm.severity)
    assert isinstance(world, PostgresWorld)
    ((found,),) = world._all("select severity from stopward.alarms where account_id = %s")
    return str(found)


@pytest.mark.parametrize(("words", "expected"), GRAVER)
def test_an_alarm_becomes_graver_in_the_pulse_that_raised_it(
    world: World,
    words: tuple[Literal["notice", "warning", "critical"], ...],
    expected: tuple[str, int],
) -> None:
    fence = begin(world).fence
    account = world.account_id
    first, second = (an_alarm(each) for each in words)
    world.store.record_tick(a_record(fence, account_id=account, alarms=(first,)))
    world.store.acknowledge(
        an_acknowledgement(fence, account_id=account, alarms=(second,), release=False)
    )
    assert severity(world) == expected[0]
    assert world.alarms() == [("k", expected[1], True)]
    later = replace(a_record(fence, tick=1, account_id=account), alarms=(an_alarm("notice"),))
    world.store.record_tick(later)
    assert severity(world) == "notice"
    assert world.alarms() == [("k", 2, True)]


def test_of_two_words_in_one_record_the_graver_counts(world: World) -> None:
    for tick, words in enumerate((("critical", "warning"), ("notice", "critical"))):
        told = (an_alarm(words[0]), an_alarm(words[1]))  # type: ignore[arg-type]
        record = a_record(begin(world).fence, tick=tick, account_id=world.account_id, alarms=told)
        world.store.record_tick(record)
        assert severity(world) == "critical"


@pytest.mark.parametrize("world", ["postgres", "postgres 17"], indirect=True)
def test_what_became_critical_in_its_pulse_is_told(world: World) -> None:
    assert isinstance(world, PostgresWorld)
    fence = begin(world).fence
    account = world.account_id
    world.store.record_tick(a_record(fence, account_id=account, alarms=(an_alarm(),)))
    word = an_acknowledgement(fence, account_id=account, alarms=(an_alarm("critical"),))
    for _ in range(2):
        world.store.acknowledge(replace(word, release=False))
    told = world._all(
        "select severity from stopward.notifications where account_id = %s order by id"
    )
    assert told == [("warning",), ("critical",)]


def test_a_clock_that_is_some_hours_ahead_is_no_matter(world: World) -> None:
    now = NOON if isinstance(world, MemoryWorld) else SystemClock().now()
    record = a_record(begin(world).fence, account_id=world.account_id)
    world.store.record_tick(replace(record, tick_at=now + timedelta(hours=20)))
