"""`stopward sessions load` and `forget`: three sources, one calendar, on a real database."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from stopward.adapters.clocks import SystemClock
from stopward.domain.market import Session
from stopward.errors import InvalidInput
from stopward.local import cli
from stopward.local.data.calendar import new_york_day, session_of, sessions_between
from stopward.local.session_file import read_session_file
from stopward.local.simulator import KEY, SECRET, Simulator
from tests.conftest import MakeDatabase

KEY_VARIABLES = (
    "STOPWARD_BROKER_KEY_ID", "STOPWARD_BROKER_SECRET_KEY", "APCA_API_KEY_ID",
    "APCA_API_SECRET_KEY", "STOPWARD_BROKER_URL", "STOPWARD_DATABASE_URL", "STOPWARD_ACCOUNT_ID",
)  # fmt: skip
TODAY = new_york_day(SystemClock().now())
CALENDAR = sessions_between(TODAY - timedelta(days=30), TODAY + timedelta(days=60))
SOON = next(
    session
    for session in CALENDAR
    if session.day > str(TODAY + timedelta(days=2))
    and session.closes_at - session.opens_at > timedelta(hours=6)
)
"""A whole session of the next days."""
EARLY = replace(SOON, closes_at=SOON.closes_at - timedelta(hours=3))


@dataclass(frozen=True)
class Said:
    """What one call of the command line came to."""

    code: int
    out: str
    err: str


Call = Callable[..., Said]


@pytest.fixture
def url(
    make_database: MakeDatabase, template_database: str, monkeypatch: pytest.MonkeyPatch
) -> str:
    for name in KEY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return make_database(template=template_database)


@pytest.fixture
def call(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Call:
    def called(*arguments: str) -> Said:
        home = str(tmp_path / "home")
        code = cli.main(["--folder", home, *arguments, "--database-url", url])
        found = capsys.readouterr()
        return Said(code, found.out, found.err)

    return called


@contextmanager
def broker_telling(
    sessions: Sequence[Session], monkeypatch: pytest.MonkeyPatch, *, secret: str = SECRET
) -> Iterator[str]:
    """A broker with this calendar, and its keys in the environment."""
    simulator = Simulator(
        bars={}, sessions=sessions, start=CALENDAR[0].opens_at, cash=Decimal(1000)
    )
    monkeypatch.setenv("APCA_API_KEY_ID", KEY)
    monkeypatch.setenv("APCA_API_SECRET_KEY", secret)
    with simulator.serve() as url:
        yield url


def instead(session: Session | None, *, of: Session = SOON) -> list[Session]:
    """Return the calendar with another session, or none, on a day."""
    changed = [session if each == of else each for each in CALENDAR]
    return [each for each in changed if each is not None]


def counted(url: str, day: str = SOON.day) -> Session | None:
    """Return the stored session of a day."""
    with psycopg.connect(url) as connection:
        connection.execute("set time zone 'UTC'")
        row = connection.execute(
            "select exchange, day::text, opens_at, closes_at from stopward.market_sessions"
            " where exchange = 'XNYS' and day = %s",
            (day,),
        ).fetchone()
    if row is None:
        return None
    return Session(exchange=row[0], day=row[1], opens_at=row[2], closes_at=row[3])


def test_a_broker_that_agrees_changes_nothing(
    call: Call, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with broker_telling(CALENDAR, monkeypatch) as broker:
        said = call("sessions", "load", "--days", "20", "--broker-url", broker)
    assert said.code == 0, said.err
    assert "by the broker's calendar, 0 changed" in said.out
    assert said.err == ""
    assert counted(url) == SOON


def test_an_empty_calendar_of_the_broker_is_refused(
    call: Call, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with broker_telling([], monkeypatch) as broker:
        said = call("sessions", "load", "--broker-url", broker)
    assert said.code != 0
    assert "the broker's calendar cannot be right: it has no session from" in said.err
    assert counted(url) == SOON


def test_an_early_close_of_the_broker_counts_and_is_noted(
    call: Call, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with broker_telling(instead(EARLY), monkeypatch) as broker:
        said = call("sessions", "load", "--broker-url", broker)
    assert "1 changed" in said.out
    assert SOON.day in said.out.partition("closing early on ")[2]
    assert f"note: the sources disagree on XNYS {SOON.day}: broker " in said.err
    assert counted(url) == EARLY
    opened = call("account", "open", "Main", "--account", "main")
    assert f"the calendars disagree on {SOON.day}, and the shorter session counts" in opened.err


def test_a_day_that_the_broker_does_not_list_is_closed_and_noted(
    call: Call, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with broker_telling(instead(None), monkeypatch) as broker:
        said = call("sessions", "load", "--broker-url", broker)
    assert f"XNYS {SOON.day}: broker closed, calendar " in said.err
    assert counted(url) is None


def test_forced_is_a_persons_word_that_can_be_taken_back(
    call: Call, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with broker_telling(instead(EARLY), monkeypatch) as broker:
        call("sessions", "load", "--broker-url", broker)
        assert counted(url) == EARLY
        said = call("sessions", "load", "--nyse", "--force")
        assert "as your word" in said.out
        assert counted(url) == SOON
        assert "doubt" not in call("account", "open", "Main", "--account", "main").err
        call("sessions", "load", "--broker-url", broker)
        assert counted(url) == SOON
    said = call("sessions", "forget", SOON.day)
    assert (said.code, said.out) == (0, f"the calendars count again on {SOON.day}\n")
    assert counted(url) == EARLY


def test_a_file_says_hours_and_closed_days(call: Call, url: str, tmp_path: Path) -> None:
    other = next(each for each in CALENDAR if each.day > SOON.day)
    path = tmp_path / "days.txt"
    path.write_text(f"# storm\n{SOON.day} 09:30 13:00\n{other.day}  closed # all day\n\n")
    said = call("sessions", "load", "--file", str(path))
    assert said.code == 0, said.err
    assert "2 days stored by your word, 2 changed" in said.out
    assert (counted(url), counted(url, other.day)) == (EARLY, None)
    assert said.err.count("note: the sources disagree on") == 2
    call("sessions", "forget", SOON.day, other.day)
    assert (counted(url), counted(url, other.day)) == (SOON, other)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no day was in it"),
        ("2026-12-03\n", 'line 1: it was "2026-12-03"; allowed is'),
        ("\n2026-12-03 open\n", "line 2"),
        ("2026-13-03 closed\n", "line 1"),
        ("2026-12-03 13:00 09:30\n", "from 13:00:00 to 09:30:00 is none"),
        ("2026-12-03 09:30 13:00Z\n", "line 1"),
        ("2026-12-03 closed\n2026-12-03 09:30 13:00\n", "line 2: 2026-12-03 was there before"),
    ],
)
def test_a_file_that_cannot_be_read_names_the_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "days.txt"
    path.write_text(text)
    with pytest.raises(InvalidInput, match=said):
        read_session_file(path)


def test_a_file_takes_no_other_source(call: Call, tmp_path: Path) -> None:
    said = call("sessions", "load", "--nyse", "--file", str(tmp_path / "days.txt"))
    assert (said.code, "leave --nyse and --force out" in said.err) == (3, True)
    assert call("sessions", "load", "--file", str(tmp_path / "none.txt")).code == 3


def test_without_keys_the_published_rules_are_named_as_the_way_out(call: Call) -> None:
    said = call("sessions", "load")
    assert said.code == 3
    assert "--nyse" in said.err
    assert "0 changed" in call("sessions", "load", "--nyse", "--days", "5").out


def test_a_broker_that_does_not_answer_ends_with_4_and_changes_nothing(
    call: Call, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with broker_telling(instead(EARLY), monkeypatch, secret="wrong") as broker:
        said = call("sessions", "load", "--broker-url", broker)
    assert (said.code, "wrong" in said.err) == (4, False)
    assert counted(url) == SOON


def test_a_calendar_with_a_hole_of_weeks_ends_with_5_and_says_how_to_insist(
    call: Call, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with broker_telling(CALENDAR[-1:], monkeypatch) as broker:
        said = call("sessions", "load", "--days", "60", "--broker-url", broker)
    assert said.code == 5
    assert "put_sessions_implausible" in said.err
    assert counted(url) == SOON


def test_a_stored_day_that_is_no_session_is_taken_out(call: Call, url: str) -> None:
    closed = next(
        day
        for day in (TODAY + timedelta(days=number) for number in range(1, 8))
        if session_of(day) is None
    )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(
            "insert into stopward.market_sessions values ('XNYS', %s, %s, %s)",
            (closed, *hours_on(closed)),
        )
    said = call("sessions", "load", "--nyse")
    assert (said.code, "1 changed" in said.out) == (0, True)
    assert counted(url, str(closed)) is None


def test_without_any_session_the_command_that_loads_them_is_named(call: Call, url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("truncate stopward.session_claims, stopward.market_sessions")
    assert "stopward sessions load" in call("account", "open", "Main", "--account", "main").err
    assert "0 changed" not in call("sessions", "load", "--nyse").out
    assert "sessions load" not in call("account", "show", "--account", "main").err


def hours_on(day: date) -> tuple[str, str]:
    return f"{day}T14:30Z", f"{day}T21:00Z"
