"""`template.yaml`, as the local host reads it: what is deployed is what runs here."""

import json
from datetime import UTC, datetime, timedelta

import pytest
import yaml

from stopward.errors import InvalidInput
from stopward.local.host.intrinsics import load_yaml
from stopward.local.host.template import FunctionDefinition, read_template
from tests.builders.template import (
    DEAD_LETTERS,
    FLEET,
    PARAMETERS,
    TEMPLATE,
    deployed,
    schedules_of,
)
from tests.docs.pages import ROOT

GUARDS = ("check_breakeven", "monitor_positions")
ASKS_MODELS = ("predict", "score_positions")
OPEN = datetime(2013, 9, 3, 13, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def functions() -> dict[str, FunctionDefinition]:
    """Return the functions of both kinds of stack."""
    return {**deployed("one"), **deployed("fleet")}


def test_a_stack_guards_one_account_unless_a_fleet_is_asked_for() -> None:
    usual = {each.title for each in read_template(TEMPLATE, parameters=PARAMETERS)}
    one, fleet = set(deployed("one")), set(deployed("fleet"))
    assert usual == one
    assert (one - fleet, fleet - one) == (set(GUARDS), set(FLEET))


def test_every_folder_of_functions_is_deployed_and_nothing_else(
    functions: dict[str, FunctionDefinition],
) -> None:
    folders = {path.parent.name for path in (ROOT / "functions").glob("*/app.py")}
    images = {path.parent.name for path in (ROOT / "functions").glob("*/Dockerfile")}
    # One image is deployed by a template of its own: tests/functions/test_sweep_template.py.
    assert set(functions) == folders - {"replay_shard"}
    assert {each.title for each in functions.values() if each.is_image} == {"train_model"}
    assert images == {"replay_shard", "train_model"}
    assert {function.handler for function in functions.values()} == {"app.handler"}


def test_every_function_has_the_runtime_the_layers_are_built_for(
    functions: dict[str, FunctionDefinition],
) -> None:
    for function in functions.values():
        if function.is_image:
            assert (function.runtime, function.layer_folders) == ("", ())
            continue
        assert function.runtime == "python3.12"
        own = ["onnx"] if function.title in ASKS_MODELS else []
        assert [folder.name for folder in function.layer_folders] == ["core", "deps", *own]
        assert (function.layer_folders[0] / "python" / "stopward" / "errors.py").is_file()


def test_parameters_reach_the_environment_as_text(functions: dict[str, FunctionDefinition]) -> None:
    environment = functions["monitor_positions"].environment
    assert environment["STOPWARD_ACCOUNT_ID"] == "main"
    assert environment["STOPWARD_PULSE_SECONDS"] == "30"
    assert environment["STOPWARD_MARKET_DATA_FEED"] == "iex"


@pytest.mark.parametrize("title", [*GUARDS, "dispatch_ticks"])
def test_a_guard_is_called_every_minute_of_a_new_york_weekday(
    functions: dict[str, FunctionDefinition], title: str
) -> None:
    assert functions[title].timeout_seconds == 60
    (schedule,) = functions[title].schedules
    assert len(list(schedule.times(first=OPEN, last=OPEN.replace(hour=20, minute=0)))) == 390
    saturday = datetime(2013, 9, 7, 14, 0, tzinfo=UTC)
    assert not schedule.is_due(saturday)
    assert json.loads(schedule.event(OPEN)) == {"time": "2013-09-03T13:30:00Z"}


@pytest.mark.parametrize(
    ("title", "times"),
    [
        ("deliver_outbox", 24 * 60),
        ("refresh_sessions", 2),
        ("attribute_exits", 1),
        ("check_features", 1),
        ("track_models", 1),
        ("keep_journal", 1),
        ("train_model", 1),
    ],
)
def test_what_is_not_a_guard_runs_so_often_a_day_and_keeps_out_of_the_session(
    functions: dict[str, FunctionDefinition], title: str, times: int
) -> None:
    (schedule,) = functions[title].schedules
    midnight = OPEN.replace(hour=4, minute=0)
    due = list(schedule.times(first=midnight, last=midnight + timedelta(days=1)))
    assert len(due) == times
    if title != "deliver_outbox":
        assert not [at for at in due if OPEN <= at < OPEN + timedelta(hours=6, minutes=30)]


@pytest.mark.parametrize(("given", "times"), [("on", 480), ("off", 0)])
def test_open_positions_are_scored_each_minute_unless_it_is_off(given: str, times: int) -> None:
    told = {**PARAMETERS, "PositionScores": given}
    functions = {each.title: each for each in read_template(TEMPLATE, parameters=told)}
    schedules = functions["score_positions"].schedules
    midnight = OPEN.replace(hour=4, minute=0)
    due = [at for s in schedules for at in s.times(first=midnight, last=midnight + ONE_DAY)]
    assert len(due) == times


ONE_DAY = timedelta(days=1)
NIGHTLY = {
    "RefreshSessions", "KeepJournal", "AttributeExits", "CheckFeatures", "TrainModel",
    "TrackModels",
}  # fmt: skip
AT_ONCE = {"TickAccounts", "Predict"}
"""Functions that run as often at once as they are asked: by an event source that is bounded by
itself, and by who waits for an answer."""


def test_only_nightly_work_is_retried_and_nothing_else_runs_twice_at_once() -> None:
    template = load_yaml(TEMPLATE.read_text(encoding="utf-8"), name="template.yaml")
    everybodys = template["Globals"]["Function"]["EventInvokeConfig"]
    for name, row in template["Resources"].items():
        if row["Type"] != "AWS::Serverless::Function":
            continue
        reserved = None if name in AT_ONCE else 1
        assert row["Properties"].get("ReservedConcurrentExecutions") == reserved
        own = row["Properties"].get("EventInvokeConfig", everybodys)
        policies = [own, *(each["RetryPolicy"] for each in schedules_of(row))]
        for policy in policies:
            is_retried = policy["MaximumRetryAttempts"] > 0
            is_old = policy["MaximumEventAgeInSeconds"] > 60
            assert (is_retried, is_old) == (name in NIGHTLY, name in NIGHTLY)


def test_what_is_given_up_is_kept_by_function_and_schedule_alike() -> None:
    template = load_yaml(TEMPLATE.read_text(encoding="utf-8"), name="template.yaml")
    kept = template["Globals"]["Function"]["DeadLetterQueue"]
    assert kept == {"Type": "SQS", "TargetArn": DEAD_LETTERS}
    for name, row in template["Resources"].items():
        if row["Type"] == "AWS::Serverless::Function":
            assert "DeadLetterQueue" not in row["Properties"], name
            for schedule in schedules_of(row):
                assert schedule["DeadLetterConfig"] == {"Arn": DEAD_LETTERS}
    queue = template["Resources"]["DeadLetters"]["Properties"]
    assert (queue["SqsManagedSseEnabled"], queue["MessageRetentionPeriod"]) == (True, 14 * 86400)


def test_two_stages_in_one_account_share_no_name() -> None:
    template = load_yaml(TEMPLATE.read_text(encoding="utf-8"), name="template.yaml")
    names = []
    for row in template["Resources"].values():
        properties = row["Properties"]
        given = [properties.get(key) for key in NAMED if key in properties]
        given += [each["Name"] for each in schedules_of(row)] if "Events" in properties else []
        names += given
    assert len(names) >= 6 * 3
    assert [name for name in names if "${Stage}" not in str(name)] == []


NAMED = (
    "FunctionName", "LayerName", "LogGroupName", "QueueName", "RoleName", "BucketName", "TopicName",
    "AlarmName",
)  # fmt: skip


def test_what_scores_knows_the_bucket_of_models_and_whose_fleet_it_is() -> None:
    one, fleet = (deployed(kind)["predict"].environment for kind in ("one", "fleet"))
    assert one["STOPWARD_ARCHIVE_BUCKET"] == fleet["STOPWARD_ARCHIVE_BUCKET"]
    assert (one["STOPWARD_FLEET"], fleet["STOPWARD_FLEET"]) == ("", "paper-test")


def test_it_has_no_yaml_alias_for_cloudformation_takes_none() -> None:
    tokens = yaml.scan(TEMPLATE.read_text(encoding="utf-8"))
    assert [token for token in tokens if isinstance(token, yaml.AliasToken)] == []


def test_a_parameter_that_the_template_lacks_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"no parameter \['Stagge'\]"):
        read_template(TEMPLATE, parameters={"Stagge": "test"})
