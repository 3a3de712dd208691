"""No record makes a row that cannot be read again: its account's guard would be blind."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import psycopg
import pytest

from stopward.adapters import rows
from stopward.domain.market import Session
from tests.builders.store import (
    a_decision,
    a_position,
    a_record,
    a_symbol_state,
    a_trade,
    a_view,
    pulse,
)
from tests.builders.store_world import PostgresWorld, begin

Path = tuple[str | int, ...]


@pytest.fixture
def world(database_url: str) -> Iterator[PostgresWorld]:
    found = PostgresWorld(database_url)
    yield found
    found.close()


def a_whole_record(world: PostgresWorld) -> Any:
    position = a_position(account_id=world.account_id)
    closed = a_position("MSFT", account_id=world.account_id)
    record = a_record(
        begin(world).fence,
        account_id=world.account_id,
        positions=(position, closed),
        symbols=(a_symbol_state(),),
        decisions=(a_decision(position),),
        views=(a_view(),),
        trades=(a_trade(closed),),
    )
    return rows.write(record)


def told(world: PostgresWorld, record: Any, path: Path, value: str) -> str | None:
    """Tell a record with a value of JSON put at a path; return the rule that refused it."""
    place = record
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = "@@"
    text = json.dumps(record).replace('"@@"', value)
    try:
        world._eyes.execute("select api.record_tick(%s::jsonb)", (text,))
    except psycopg.Error as error:
        return error.diag.constraint_name
    return None


TIMES: list[Path] = [
    ("positions", 0, "opened_at"),
    ("positions", 0, "bar_at"),
    ("positions", 0, "adopted_at"),
    ("positions", 0, "fills_at"),
    ("symbols", 0, "bar_at"),
    ("symbols", 0, "since"),
    ("views", 0, "quote_at"),
    ("views", 0, "bar_at"),
    ("trades", 0, "closed_at"),
    ("decisions", 0, "tick_at"),
    ("tick_at",),
    ("at",),
]
WORDS = ["infinity", "tomorrow", "2026-11-23T16:00:00", "20000-01-01T00:00:00Z", "2026-11-23"]


@pytest.mark.parametrize("path", TIMES, ids=lambda path: "-".join(map(str, path)))
@pytest.mark.parametrize("word", WORDS)
def test_what_is_no_whole_time_with_a_zone_is_refused_at_the_door(
    world: PostgresWorld, path: Path, word: str
) -> None:
    assert told(world, a_whole_record(world), path, json.dumps(word)) == "record_tick_request"


@pytest.mark.parametrize(
    ("path", "table"),
    [
        (("positions", 0, "opened_at"), "positions"),
        (("positions", 0, "bar_at"), "positions"),
        (("symbols", 0, "since"), "symbol_states"),
        (("views", 0, "quote_at"), "market_views"),
        (("trades", 0, "closed_at"), "positions"),
    ],
)
@pytest.mark.parametrize("year", ["1999", "2201", "9999"])
def test_a_time_of_another_age_is_refused_by_the_table(
    world: PostgresWorld, path: Path, table: str, year: str
) -> None:
    word = json.dumps(f"{year}-11-23T16:00:00Z")
    assert told(world, a_whole_record(world), path, word) == f"{table}_times_plausible"


NUMBERS: list[tuple[Path, str]] = [
    (("positions", 0, "marks", "best"), "positions_marks_are_numbers"),
    (("symbols", 0, "carry", "close"), "symbol_states_carry_is_numbers"),
    (("decisions", 0, "state", 0), "decisions_state_is_numbers"),
    (("decisions", 0, "account", 0), "decisions_account_state_is_numbers"),
    (("decisions", 0, "measured"), "decisions_measured_is_numbers"),
    (("views", 0, "bar", 0), "market_views_bar_is_numbers"),
]


@pytest.mark.parametrize(("path", "rule"), NUMBERS, ids=[rule for _, rule in NUMBERS])
@pytest.mark.parametrize(
    "value", ["1e400", "-1e400", "1e5000", "1e-400", '"abc"', "true", "{}", "[1]"]
)
def test_what_is_no_number_of_double_range_is_refused(
    world: PostgresWorld, path: Path, rule: str, value: str
) -> None:
    value = f"[{value}]" if path[-1] == "measured" else value
    assert told(world, a_whole_record(world), path, value) == rule


@pytest.mark.parametrize(
    "value", ["1.7976931348623157e308", "5e-324", "-5e-324", "-1.5", "0", "null"]
)
def test_every_double_is_kept_and_read(world: PostgresWorld, value: str) -> None:
    for path, _ in NUMBERS:
        given = f"[{value}]" if path[-1] == "measured" else value
        assert told(world, a_whole_record(world), path, given) is None
    assert begin(world).positions
    world._all("select * from api.decision_log where account_id = %s")


@pytest.mark.parametrize("marks", ['{"unknown": 1}', "{}", '{"best": 1}'])
def test_marks_without_their_best_and_worst_are_refused(world: PostgresWorld, marks: str) -> None:
    record = a_whole_record(world)
    assert told(world, record, ("positions", 0, "marks"), marks) == "positions_marks_are_numbers"


def test_a_position_that_a_person_declares_is_looked_at_too(world: PostgresWorld) -> None:
    position = rows.write(a_position(account_id=world.account_id))
    assert isinstance(position, dict)
    for changes in ({"opened_at": "infinity"}, {"marks": {}}, {"opened_at": "9999-01-01T00:00Z"}):
        request = {"account_id": world.account_id, "positions": [{**position, **changes}]}
        with pytest.raises(psycopg.Error) as caught:
            world._eyes.execute("select api.put_positions(%s::jsonb)", (json.dumps(request),))
        assert caught.value.diag.constraint_name is not None
    assert begin(world).positions == ()


def test_a_session_of_another_age_is_refused(world: PostgresWorld) -> None:
    from stopward.errors import DatabaseRejected

    far = datetime.fromisoformat("9999-01-04T14:30:00+00:00")
    session = Session(
        exchange="XNYS", day="9999-01-04", opens_at=far, closes_at=far.replace(hour=21)
    )
    with pytest.raises(DatabaseRejected):
        world.people.put_sessions([session])


def test_the_pulse_is_what_the_records_say(world: PostgresWorld) -> None:
    assert told(world, a_whole_record(world), ("source",), '"monitor"') is None
    assert [run.tick_at for run in world.journal()] == [pulse(0)]
