"""A call that came out otherwise is a fault, with the words that its reader needs."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from stopward.local.host.invocation import Answered, Crashed, Failed, TimedOut
from tests.deploy.__main__ import rows_of, table
from tests.deploy.rehearsal import Report, cell, failed, leaks
from tests.deploy.trials.trial import ANSWERED, differences

RAISED = Failed(error_type="InvalidInput", message="secret arn: gone")


def test_the_error_that_was_meant_is_no_fault() -> None:
    assert failed(RAISED, kind="InvalidInput", says="gone") == []


def test_one_that_is_told_by_the_answer_is_none_either() -> None:
    told = Answered(payload='{"errors": ["gone"]}')
    assert failed(told, kind=ANSWERED, says="gone") == []
    assert failed(told, kind=ANSWERED, says="other") != []
    assert failed(RAISED, kind=ANSWERED, says="gone") != []


@pytest.mark.parametrize(
    ("outcome", "told"),
    [
        (Answered(payload="{}"), "answered"),
        (Failed(error_type="KeyError", message="gone"), "raised KeyError: gone"),
        (Failed(error_type="InvalidInput", message="other"), "raised InvalidInput: other"),
        (Crashed(exit_code=3, message="x"), "exit code 3"),
        (TimedOut(seconds=8), "ran for 8 s"),
    ],
)
def test_any_other_end_is_one(outcome: Any, told: str) -> None:
    (fault,) = failed(outcome, kind="InvalidInput", says="gone")
    assert told in fault


@pytest.mark.parametrize(
    ("printed", "told"), [("... sb_secret_x ...", "{}"), ("", '{"key": "sb_secret_x"}')]
)
def test_a_secret_that_shows_is_a_fault(printed: str, told: str) -> None:
    world = cast("Any", SimpleNamespace(secrets=("sb_secret_x",)))
    emulator = cast("Any", SimpleNamespace(printed=lambda: printed))
    assert leaks(world, emulator, Answered(payload=told)) != []
    clean = cast("Any", SimpleNamespace(printed=lambda: "ticks"))
    assert leaks(world, clean, RAISED) == []


def test_counts_that_differ_are_named_with_what_was_wanted() -> None:
    assert differences({"ticks": 3, "moves": 0}, ticks=3, moves=1, arms=0) == [
        "moves was 0, not 1", "arms was None, not 0",
    ]  # fmt: skip


def test_the_table_shows_a_fault_and_what_was_not_tried() -> None:
    report = Report(folder="predict", start_milliseconds=212.4)
    report.said["event, supabase"] = report.fail("event, supabase", ["moves was 0, not 1"])
    report.said["error"] = cell(RAISED)
    assert report.faults == ["predict, event, supabase: moves was 0, not 1"]
    head, row = table(rows_of([report])).splitlines()
    assert head.split("  ")[0] == "function"
    assert row.split() == [
        "predict", "212", "FAILED", "none", "none", "InvalidInput:", "secret", "arn:", "gone",
        "none", "none",
    ]  # fmt: skip
