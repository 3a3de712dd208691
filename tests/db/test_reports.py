"""The report of a day is kept in versions; the same told twice is one."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import psycopg
import pytest

from stopward.errors import DatabaseRejected
from tests.builders.models import ModelWorld

DAY = "2026-11-23"


@pytest.fixture
def world(database_url: str) -> Iterator[ModelWorld]:
    found = ModelWorld(database_url)
    yield found
    found.close()


def put(world: ModelWorld, **changes: Any) -> Any:
    request = {
        "session_day": DAY,
        "facts": {"trades": 3, "result_r": "1.25"},
        "patterns": [],
        "recommendations": [{"rule": "time_stop", "r": 0.4}],
        "commentary": "A quiet day.",
        "html": "<p>A quiet day.</p>",
        **changes,
    }
    return world.call("put_daily_report", **request)


def test_the_same_report_told_twice_is_one_version(world: ModelWorld) -> None:
    assert put(world) == {"version": 1, "new": True}
    assert put(world) == {"version": 1, "new": False}
    (row,) = world.view("reports")
    assert (row["facts"], row["commentary_source"]) == (
        {"trades": 3, "result_r": "1.25"},
        "template",
    )
    assert (row["has_html"], row["version"]) == (True, 1)
    assert world.tell() == [("report_ready", f"{DAY}/1")]


def test_a_report_that_changed_is_the_next_version_and_the_last_one_counts(
    world: ModelWorld,
) -> None:
    put(world)
    assert put(world, commentary="Corrected.")["version"] == 2
    (row,) = world.view("reports")
    assert (row["version"], row["commentary"]) == (2, "Corrected.")
    pages = {row["version"]: row["html"] for row in world.view("report_pages")}
    assert pages == {1: "<p>A quiet day.</p>", 2: "<p>A quiet day.</p>"}


def test_a_report_that_is_told_again_after_another_counts_again(world: ModelWorld) -> None:
    put(world)
    put(world, commentary="Corrected.")
    assert [put(world) for _ in range(2)] == [
        {"version": 3, "new": True},
        {"version": 3, "new": False},
    ]
    (row,) = world.view("reports")
    assert (row["version"], row["commentary"]) == (3, "A quiet day.")


def test_a_draft_is_not_told(world: ModelWorld) -> None:
    put(world, status="draft")
    assert world.tell() == []
    put(world)
    assert world.tell() == [("report_ready", f"{DAY}/2")]


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ("daily_reports_status_known", {"status": "sent"}),
        ("put_daily_report_request", {"facts": []}),
        ("put_daily_report_request", {"facts": None}),
        ("put_daily_report_request", {"patterns": {}}),
        ("put_daily_report_request", {"session_day": "yesterday"}),
        ("put_daily_report_request", {"recomendations": []}),
        ("unknown_account", {"account_id": "nobody"}),
    ],
)
def test_a_report_that_cannot_be_is_refused_by_name(
    world: ModelWorld, rule: str, changes: dict[str, Any]
) -> None:
    with pytest.raises(DatabaseRejected) as caught:
        put(world, **changes)
    assert caught.value.rule == rule


def test_writers_at_once_leave_no_gap(world: ModelWorld) -> None:
    writers = 4
    start = Barrier(writers)

    def write(number: int) -> int:
        with psycopg.connect(world.url, autocommit=True) as connection:
            start.wait()
            (answer,) = connection.execute(
                "select api.put_daily_report(jsonb_build_object('account_id', %s::text,"
                " 'session_day', %s::text, 'facts', jsonb_build_object('n', %s::integer)))",
                (world.account_id, DAY, number % 2),
            ).fetchone() or ({},)
        return int(answer["version"])

    with ThreadPoolExecutor(writers) as pool:
        versions = set(pool.map(write, range(writers)))
    assert versions == set(range(1, max(versions) + 1))


@pytest.mark.parametrize("statement", ["update {} set html = null", "delete from {}"])
def test_even_the_owner_rewrites_nothing(world: ModelWorld, statement: str) -> None:
    put(world)
    with pytest.raises(psycopg.errors.RaiseException) as caught:
        world.run(statement.format("stopward.daily_reports") + " where account_id = %s")
    assert caught.value.diag.constraint_name == "daily_reports_append_only"
