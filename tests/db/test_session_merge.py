"""What sources say of sessions, in Postgres: refusals, history, notices, what lies ahead."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from stopward.domain.session_claims import SessionStretch
from tests.builders.session_cases import DAY, DAY_AFTER, DAY_BEFORE, a_session
from tests.builders.store_world import PostgresWorld

SHORT = ("14:30", "18:00")


@pytest.fixture
def world(database_url: str) -> Iterator[PostgresWorld]:
    found = PostgresWorld(database_url)
    yield found
    found.close()


@pytest.fixture
def exchange(world: PostgresWorld) -> str:
    name = f"M{world.account_id}"
    world.people.open_account(world.account_id, name="Tests", exchange=name)
    return name


@pytest.fixture
def connection(database_url: str) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """The owner's connection, in UTC; each call is a transaction."""
    with psycopg.connect(database_url, autocommit=True, row_factory=dict_row) as found:
        found.execute("set time zone 'UTC'")
        yield found


Connection = psycopg.Connection[dict[str, Any]]


def put(connection: Connection, request: dict[str, Any]) -> dict[str, Any]:
    row = connection.execute("select api.put_sessions(%s) as said", (Jsonb(request),)).fetchone()
    assert row is not None
    answer: dict[str, Any] = row["said"]
    return answer


def given(exchange: str, *, day: str = DAY, **changed: Any) -> dict[str, Any]:
    session = a_session(exchange, day=day)
    return {
        "exchange": exchange,
        "day": day,
        "opens_at": session.opens_at.isoformat(),
        "closes_at": session.closes_at.isoformat(),
    } | changed


def disagreements(connection: Connection, exchange: str) -> list[tuple[str, bool]]:
    rows = connection.execute(
        "select day::text, cleared_at is null as lasts from stopward.session_disagreements"
        " where exchange = %s order by id",
        (exchange,),
    ).fetchall()
    return [(row["day"], row["lasts"]) for row in rows]


def notices(connection: Connection, account_id: str) -> list[dict[str, Any]]:
    return connection.execute(
        "select severity, title, said from stopward.notifications"
        " where account_id = %s and about = 'sessions_disagree' order by id",
        (account_id,),
    ).fetchall()


# What is refused


REFUSED: dict[str, tuple[str, Callable[[str], dict[str, Any]]]] = {
    "a source that is none": (
        "put_sessions_request",
        lambda x: {"sessions": [], "source": "oracle"},
    ),
    "no sessions": ("put_sessions_request", lambda x: {}),
    "sessions that are null": ("put_sessions_request", lambda x: {"sessions": None}),
    "sessions that are no list": ("put_sessions_request", lambda x: {"sessions": given(x)}),
    "no exchange": (
        "put_sessions_request",
        lambda x: {"sessions": [given(x) | {"exchange": None}]},
    ),
    "no day": ("put_sessions_request", lambda x: {"sessions": [given(x) | {"day": None}]}),
    "a day twice": ("put_sessions_request", lambda x: {"sessions": [given(x), given(x)]}),
    "a stretch without days": (
        "put_sessions_request",
        lambda x: {"sessions": [], "complete": {"exchange": x}},
    ),
    "a stretch backwards": (
        "put_sessions_request",
        lambda x: {
            "sessions": [],
            "complete": {"exchange": x, "first": DAY_AFTER, "last": DAY},
        },
    ),
    "a complete list that is nobody's": (
        "put_sessions_request",
        lambda x: {
            "source": None,
            "sessions": [],
            "complete": {"exchange": x, "first": DAY, "last": DAY},
        },
    ),
    "an empty exchange": (
        "session_claims_exchange_not_empty",
        lambda x: {"sessions": [given(x) | {"exchange": ""}]},
    ),
    "no close": (
        "session_claims_hours_whole",
        lambda x: {"sessions": [given(x, closes_at=None)]},
    ),
    "a close at the open": (
        "session_claims_open_before_close",
        lambda x: {"sessions": [given(x, closes_at=given(x)["opens_at"])]},
    ),
    "hours of another day": (
        "session_claims_hours_on_day",
        lambda x: {"sessions": [given(x) | {"day": "2101-02-05"}]},
    ),
}


@pytest.mark.parametrize(("rule", "request_of"), REFUSED.values(), ids=REFUSED)
def test_a_request_that_cannot_be_right_is_refused_by_name_and_leaves_nothing(
    connection: Connection,
    exchange: str,
    rule: str,
    request_of: Callable[[str], dict[str, Any]],
) -> None:
    put(connection, {"sessions": [given(exchange)], "source": "calendar"})
    with pytest.raises(psycopg.Error) as caught:
        put(connection, {"source": "broker"} | request_of(exchange))
    assert caught.value.diag.constraint_name == rule
    rows = connection.execute(
        "select day::text, source from stopward.session_claims where exchange = %s", (exchange,)
    ).fetchall()
    assert rows == [{"day": DAY, "source": "calendar"}]


@pytest.mark.parametrize("request_", [{}, {"exchange": "X"}, {"exchange": "", "days": []}])
def test_forgetting_nothing_in_particular_is_refused(
    connection: Connection, request_: dict[str, Any]
) -> None:
    with pytest.raises(psycopg.Error) as caught:
        connection.execute("select api.forget_sessions(%s)", (Jsonb(request_),))
    assert caught.value.diag.constraint_name == "forget_sessions_request"


# What is stored


def test_a_session_without_hours_closes_the_day(connection: Connection, exchange: str) -> None:
    put(connection, {"sessions": [given(exchange)], "source": "broker"})
    closed = given(exchange, opens_at=None, closes_at=None, name="Snow")
    answer = put(connection, {"sessions": [closed]})
    assert (answer["count"], answer["changed"], answer["known_until"]) == (1, 1, None)
    (row,) = connection.execute(
        "select is_session, name, disagrees, sources from api.session_calendar where exchange = %s",
        (exchange,),
    ).fetchall()
    assert row == {
        "is_session": False,
        "name": "Snow",
        "disagrees": True,
        "sources": ["broker", "person"],
    }


def test_a_row_that_nobody_spoke_of_goes_when_a_complete_list_lacks_it(
    connection: Connection, world: PostgresWorld, exchange: str
) -> None:
    connection.execute(
        "insert into stopward.market_sessions select %s, %s, %s, %s",
        tuple(given(exchange).values()),
    )
    stretch = SessionStretch(exchange=exchange, first=DAY_BEFORE, last=DAY_AFTER)
    put_ = world.people.put_sessions([], source="broker", complete=stretch)
    assert put_.changed == 1
    rows = connection.execute(
        "select day from stopward.market_sessions where exchange = %s", (exchange,)
    ).fetchall()
    assert rows == []


def test_each_disagreement_is_a_row_with_its_beginning_and_its_end(
    connection: Connection, world: PostgresWorld, exchange: str
) -> None:
    world.people.put_sessions([a_session(exchange)], source="calendar")
    for hours in (SHORT, SHORT, ("14:30", "17:00")):
        world.people.put_sessions([a_session(exchange, hours)], source="broker")
    assert disagreements(connection, exchange) == [(DAY, False), (DAY, True)]
    world.people.put_sessions([a_session(exchange)], source="broker")
    assert disagreements(connection, exchange) == [(DAY, False), (DAY, False)]
    world.people.put_sessions([a_session(exchange, SHORT)], source="broker")
    assert disagreements(connection, exchange) == [(DAY, False), (DAY, False), (DAY, True)]


def test_the_zone_of_the_connection_makes_no_disagreement(
    connection: Connection, exchange: str
) -> None:
    put(connection, {"sessions": [given(exchange)], "source": "calendar"})
    put(
        connection,
        {"sessions": [given(exchange, closes_at="2101-01-05T18:00Z")], "source": "broker"},
    )
    connection.execute("set time zone 'Asia/Kolkata'")
    put(
        connection,
        {"sessions": [given(exchange, closes_at="2101-01-05T13:00-05:00")], "source": "broker"},
    )
    assert disagreements(connection, exchange) == [(DAY, True)]


def test_two_writers_take_turns_and_a_tick_does_not_wait(
    connection: Connection, world: PostgresWorld, database_url: str, exchange: str
) -> None:
    with psycopg.connect(database_url) as other, other.transaction(force_rollback=True):
        other.execute(
            "select api.put_sessions(%s)",
            (Jsonb({"sessions": [given(exchange)], "source": "broker"}),),
        )
        connection.execute("set lock_timeout = '50ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            put(connection, {"sessions": [given(exchange)], "source": "calendar"})
        tick = datetime(2101, 1, 5, 17, tzinfo=UTC)
        world.store.begin_tick(world.account_id, tick_at=tick, holder="one", lease_seconds=1)
    assert put(connection, {"sessions": [given(exchange)]})["changed"] == 1


# Who hears of it


def test_a_disagreement_warns_each_account_of_the_exchange_once(
    connection: Connection, world: PostgresWorld, exchange: str, database_url: str
) -> None:
    stranger = PostgresWorld(database_url)
    stranger.close()
    world.people.put_sessions([a_session(exchange)], source="calendar")
    assert notices(connection, world.account_id) == []
    for _ in range(2):
        world.people.put_sessions([a_session(exchange, SHORT)], source="broker")
    (notice,) = notices(connection, world.account_id)
    assert notice["severity"] == "warning"
    assert notice["title"] == (
        f"{exchange}: the calendars disagree on {DAY}; what counts is 14:30 to 18:00 UTC"
    )
    (said,) = notice["said"]["sessions"]
    assert (said["day"], sorted(said["claims"])) == (DAY, ["broker", "calendar"])
    assert notices(connection, stranger.account_id) == []


def test_many_disagreements_of_one_night_are_one_notice(
    connection: Connection, world: PostgresWorld, exchange: str
) -> None:
    days = [f"2101-03-{number:02}" for number in range(1, 15)]
    world.people.put_sessions([a_session(exchange, day=day) for day in days], source="calendar")
    world.people.put_sessions(
        [a_session(exchange, SHORT, day=day) for day in days], source="broker"
    )
    (notice,) = notices(connection, world.account_id)
    assert notice["title"] == (
        f"{exchange}: the calendars disagree on 14 sessions, the first on 2101-03-01"
    )
    assert (notice["said"]["days"], len(notice["said"]["sessions"])) == (14, 10)


def test_a_closure_is_told_as_a_closure(
    connection: Connection, world: PostgresWorld, exchange: str
) -> None:
    world.people.put_sessions([a_session(exchange)], source="calendar")
    world.people.put_sessions(
        [], source="broker", complete=SessionStretch(exchange=exchange, first=DAY, last=DAY)
    )
    (notice,) = notices(connection, world.account_id)
    assert notice["title"].endswith(f"disagree on {DAY}; it counts as closed")


def test_a_persons_word_warns_nobody_but_a_change_of_the_broker_against_it_does(
    connection: Connection, world: PostgresWorld, exchange: str
) -> None:
    world.people.put_sessions([a_session(exchange)], source="broker")
    world.people.put_sessions([a_session(exchange, SHORT)])
    assert disagreements(connection, exchange) == [(DAY, True)]
    assert notices(connection, world.account_id) == []
    world.people.put_sessions([a_session(exchange, ("14:30", "17:00"))], source="broker")
    (notice,) = notices(connection, world.account_id)
    assert notice["title"].endswith("what counts is 14:30 to 18:00 UTC")


# What lies ahead


def test_the_horizon_says_what_comes_next_and_how_far_is_known(
    connection: Connection, world: PostgresWorld, exchange: str
) -> None:
    row = connection.execute("select now() as now").fetchone()
    assert row is not None
    now = row["now"]
    days = [(now + timedelta(days=number)).date().isoformat() for number in (-3, 1, 2, 9)]
    world.people.put_sessions([a_session(exchange, day=day) for day in days], source="calendar")
    world.people.put_sessions([a_session(exchange, SHORT, day=days[2])], source="broker")
    (row,) = connection.execute(
        "select next_day::text, next_short_day::text, known_until::text, days_ahead,"
        " sessions_ahead, disagreements from api.session_horizon where exchange = %s",
        (exchange,),
    ).fetchall()
    assert row == {
        "next_day": days[1],
        "next_short_day": days[2],
        "known_until": days[3],
        "days_ahead": 9,
        "sessions_ahead": 3,
        "disagreements": 1,
    }


def test_the_horizon_has_one_row_an_exchange(connection: Connection, exchange: str) -> None:
    put(connection, {"sessions": [given(exchange)]})
    rows = connection.execute("select exchange from api.session_horizon").fetchall()
    found = [row["exchange"] for row in rows]
    assert len(found) == len(set(found))
    assert {"XNYS", exchange} <= set(found)
