"""The nightly refresh: what the broker tells is merged; what cannot be right changes nothing."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from stopward.adapters.alpaca import AlpacaBroker, Keys, Transport
from stopward.adapters.memory import MemoryStore
from stopward.domain.identity import AccountId
from stopward.domain.market import Session
from stopward.domain.snapshot import Snapshot
from stopward.errors import BrokerUnavailable, DatabaseRejected
from stopward.local.data.calendar import sessions_between
from stopward.local.simulator import KEY, SECRET, Simulator
from stopward.ports import Broker
from stopward.services.session_refresh import RefreshSummary, refresh_sessions
from tests.builders.alpaca import a_broker
from tests.builders.manual_clock import ManualClock

TODAY = date(2026, 11, 23)
FRIDAY, MONDAY = "2026-11-20", "2026-11-23"
THURSDAY = "2026-12-03"
CALENDAR = sessions_between(date(2026, 11, 16), date(2026, 12, 31))
ACCOUNT = AccountId("main")


@pytest.fixture
def book() -> MemoryStore:
    store = MemoryStore(lambda: datetime(2026, 11, 23, 8, tzinfo=UTC))
    store.open_account(ACCOUNT, name="Tests")
    store.put_sessions(CALENDAR, source="calendar")
    return store


@contextmanager
def broker_telling(sessions: Sequence[Session]) -> Iterator[Broker]:
    """A broker with this calendar, over HTTP and the adapter."""
    simulator = Simulator(
        bars={}, sessions=sessions, start=CALENDAR[0].opens_at, cash=Decimal(1000)
    )
    with simulator.serve() as url:
        keys = Keys(key_id=KEY, secret=SECRET)
        transport = Transport(url, keys=keys, clock=ManualClock())
        yield AlpacaBroker(transport)
        transport.close()


def refresh(book: MemoryStore, sessions: Sequence[Session]) -> RefreshSummary:
    with broker_telling(sessions) as broker:
        return refresh_sessions(broker=broker, book=book, today=TODAY)


def counted(book: MemoryStore, day: str) -> Session | None:
    """Return the session that the guard is given in the morning of a day."""
    tick = datetime.fromisoformat(f"{day}T15:00:00+00:00")
    snapshot = book.begin_tick(ACCOUNT, tick_at=tick, holder="one", lease_seconds=1)
    assert isinstance(snapshot, Snapshot)
    return snapshot.session


def session_of(day: str) -> Session:
    (found,) = (session for session in CALENDAR if session.day == day)
    return found


def without(*days: str) -> list[Session]:
    return [session for session in CALENDAR if session.day not in days]


def with_early_close(day: str) -> list[Session]:
    early = session_of(day).closes_at - timedelta(hours=3)
    return [
        replace(session, closes_at=early) if session.day == day else session for session in CALENDAR
    ]


def test_a_broker_that_agrees_changes_nothing(book: MemoryStore) -> None:
    summary = refresh(book, CALENDAR)
    assert summary.counts() == {
        "sessions": len(sessions_between(date(2026, 11, 22), date(2026, 12, 31))),
        "sessions_changed": 0,
        "session_disagreements": 0,
        "session_days_ahead": 38,
        "broker_days_ahead": 38,
    }
    assert not summary.is_short


def test_an_early_close_of_the_broker_counts_until_it_takes_it_back(book: MemoryStore) -> None:
    summary = refresh(book, with_early_close(THURSDAY))
    assert (summary.changed, [each.day for each in summary.disagreements]) == (1, [THURSDAY])
    session = counted(book, THURSDAY)
    assert session is not None
    assert session.closes_at == session_of(THURSDAY).closes_at - timedelta(hours=3)
    again = refresh(book, with_early_close(THURSDAY))
    assert (again.changed, len(again.disagreements)) == (0, 1)
    summary = refresh(book, CALENDAR)
    assert (summary.changed, summary.disagreements) == (1, ())
    assert counted(book, THURSDAY) == session_of(THURSDAY)


@pytest.mark.parametrize("day", [MONDAY, THURSDAY])
def test_a_day_that_the_broker_does_not_list_has_no_session(book: MemoryStore, day: str) -> None:
    summary = refresh(book, without(day))
    assert [(each.day, each.counted) for each in summary.disagreements] == [(day, None)]
    assert counted(book, day) is None


def test_a_day_that_is_over_is_never_taken_away(book: MemoryStore) -> None:
    with broker_telling(without(MONDAY)) as broker:
        summary = refresh_sessions(broker=broker, book=book, today=TODAY + timedelta(days=1))
    assert summary.disagreements == ()
    assert counted(book, MONDAY) == session_of(MONDAY)


def test_what_lies_beyond_the_brokers_list_stays(book: MemoryStore) -> None:
    short = [session for session in CALENDAR if session.day <= "2026-11-25"]
    summary = refresh(book, short)
    assert (summary.broker_days_ahead, summary.session_days_ahead) == (2, 38)
    assert (summary.changed, summary.disagreements) == (0, ())
    assert not summary.is_short


@pytest.mark.parametrize(("last", "is_short"), [("2026-12-02", True), (THURSDAY, False)])
def test_less_than_ten_days_of_known_sessions_are_few(last: str, is_short: bool) -> None:
    store = MemoryStore(lambda: datetime(2026, 11, 23, 8, tzinfo=UTC))
    summary = refresh(store, [session for session in CALENDAR if session.day <= last])
    assert summary.is_short is is_short


def test_a_calendar_that_ended_closes_nothing(book: MemoryStore) -> None:
    with broker_telling([session_of(FRIDAY)]) as broker:
        summary = refresh_sessions(broker=broker, book=book, today=date(2026, 11, 21))
    assert (summary.changed, summary.broker_days_ahead) == (0, -1)


CLOSING_BEFORE_IT_OPENS = replace(
    session_of(THURSDAY), closes_at=session_of(THURSDAY).opens_at - timedelta(hours=1)
)


@pytest.mark.parametrize(
    ("sessions", "error", "said"),
    [
        ([], BrokerUnavailable, "empty"),
        ([CLOSING_BEFORE_IT_OPENS], BrokerUnavailable, "cannot be right"),
        ([CALENDAR[-1]], DatabaseRejected, "put_sessions_implausible"),
    ],
    ids=["empty", "closing before it opens", "with a hole of a month"],
)
def test_a_calendar_that_cannot_be_right_is_refused_and_changes_nothing(
    book: MemoryStore, sessions: Sequence[Session], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        refresh(book, sessions)
    assert counted(book, MONDAY) == session_of(MONDAY)
    assert counted(book, THURSDAY) == session_of(THURSDAY)


def test_a_broker_that_is_down_changes_nothing(book: MemoryStore) -> None:
    with a_broker("http://127.0.0.1:9") as broker, pytest.raises(BrokerUnavailable):
        refresh_sessions(broker=broker, book=book, today=TODAY)
    assert counted(book, MONDAY) == session_of(MONDAY)
