"""`template.yaml`, as the local host reads it: what is deployed is what runs here."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks.load.worker import BATCH
from stopward.adapters.secrets import account_secret
from stopward.domain.identity import AccountId
from stopward.errors import InvalidInput
from stopward.local.host.intrinsics import load_yaml
from stopward.local.host.template import FunctionDefinition, read_template
from stopward.settings import read_settings
from tests.builders.cloudwatch import AN_IMAGE

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "template.yaml"
PARAMETERS = {
    "Stage": "paper-test", "AccountId": "main", "PulseSeconds": "30", "TrainingImageUri": AN_IMAGE,
}  # fmt: skip
GUARDS = ("check_breakeven", "monitor_positions")
FLEET = ("dispatch_ticks", "tick_accounts")
ASKS_MODELS = ("predict",)
OPEN = datetime(2013, 9, 3, 13, 30, tzinfo=UTC)


def deployed(accounts: str) -> dict[str, FunctionDefinition]:
    """Return the functions of a stack that guards one account, or a fleet."""
    given = {**PARAMETERS, "Accounts": accounts}
    return {function.title: function for function in read_template(TEMPLATE, parameters=given)}


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


DATABASE_SECRET = {"Ref": "DatabaseSecretArn"}
BROKER_SECRET = {"Ref": "BrokerSecretArn"}
BEYOND = {
    "DeliverOutbox": ["secretsmanager:GetSecretValue", "sns:Publish"],
    "DispatchTicks": ["sqs:SendMessage"],
    "TickAccounts": [
        "secretsmanager:GetSecretValue", "sqs:DeleteMessage", "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
    ],
    "KeepJournal": ["s3:GetObject", "s3:ListBucket", "s3:PutObject"],
    "TrainModel": ["s3:GetObject", "s3:ListBucket", "s3:PutObject"],
    "Predict": ["s3:GetObject", "s3:ListBucket"],
}  # fmt: skip
"""What a role may do beyond reading the stack's secrets, writing its own log and dead letters."""
DEAD_LETTERS = {"Fn::GetAtt": ["DeadLetters", "Arn"]}
NEEDS_BROKER = {
    "MonitorPositions", "CheckBreakeven", "RefreshSessions", "AttributeExits", "CheckFeatures",
}  # fmt: skip


def roles() -> dict[str, list[tuple[list[str], list[object]]]]:
    """Return what each role may do: actions and resources of each statement."""
    resources = load_yaml(TEMPLATE.read_text(encoding="utf-8"), name="template.yaml")["Resources"]
    found = {}
    for name, role in resources.items():
        if role["Type"] == "AWS::IAM::Role":
            assert "ManagedPolicyArns" not in role["Properties"]
            found[name.removesuffix("Role")] = [
                (as_list(row["Action"]), as_list(row["Resource"]))
                for policy in role["Properties"]["Policies"]
                for row in policy["PolicyDocument"]["Statement"]
            ]
    return found


def as_list(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize(
    ("given", "by_key", "by_url"),
    [
        ({"SupabaseUrl": "https://project.example"}, "arn:secret", ""),
        ({"Database": "postgres"}, "", "arn:secret"),
    ],
    ids=["by default", "postgres"],
)
def test_the_secret_is_the_project_key_unless_another_database_is_named(
    given: dict[str, str], by_key: str, by_url: str
) -> None:
    given = {**given, "DatabaseSecretArn": "arn:secret", "BrokerSecretArn": "arn:keys"}
    for function in read_template(TEMPLATE, parameters=given):
        environment = function.environment
        assert environment["STOPWARD_SUPABASE_SECRET_ARN"] == by_key
        assert environment["STOPWARD_DATABASE_SECRET_ARN"] == by_url
        assert read_settings(
            {n: value for n, value in environment.items() if n.startswith("STOPWARD_")}
        )


def test_each_function_has_a_role_of_its_own() -> None:
    resources = load_yaml(TEMPLATE.read_text(encoding="utf-8"), name="template.yaml")["Resources"]
    names = {name for name, row in resources.items() if row["Type"] == "AWS::Serverless::Function"}
    assert set(roles()) == names
    for name in names:
        assert resources[name]["Properties"]["Role"] == {"Fn::GetAtt": [f"{name}Role", "Arn"]}


@pytest.mark.parametrize("name", sorted(roles()))
def test_a_role_reads_the_secrets_it_needs_and_writes_its_own_log(name: str) -> None:
    (read, secrets), (log, logs), *others = roles()[name]
    assert read == ["secretsmanager:GetSecretValue"]
    needed = [DATABASE_SECRET, BROKER_SECRET] if name in NEEDS_BROKER else [DATABASE_SECRET]
    beyond = [secret for secret in secrets if secret not in needed]
    assert [secret for secret in secrets if secret in needed] == needed
    assert (log, logs) == (
        ["logs:CreateLogStream", "logs:PutLogEvents"], [{"Fn::GetAtt": [f"{name}Log", "Arn"]}],
    )  # fmt: skip
    actions = [*(read if beyond else []), *(action for found, _ in others for action in found)]
    assert sorted(actions) == sorted([*BEYOND.get(name, []), "sqs:SendMessage"])
    assert others[-1] == (["sqs:SendMessage"], [DEAD_LETTERS])
    assert "*" not in [resource for _, found in others for resource in found]


def test_a_stack_without_a_project_is_none_unless_another_database_is_named() -> None:
    template = load_yaml(TEMPLATE.read_text(encoding="utf-8"), name="template.yaml")
    assert template["Parameters"]["Database"]["Default"] == "supabase"
    rule = template["Rules"]["SupabaseHasItsUrl"]
    assert rule["RuleCondition"] == template["Conditions"]["HasSupabase"]
    (assertion,) = rule["Assertions"]
    assert assertion["Assert"] == {"Fn::Not": [{"Fn::Equals": [{"Ref": "SupabaseUrl"}, ""]}]}
    given = {"DatabaseSecretArn": "arn:secret", "BrokerSecretArn": "arn:keys"}
    for function in read_template(TEMPLATE, parameters=given):
        names = {n: v for n, v in function.environment.items() if n.startswith("STOPWARD_")}
        with pytest.raises(InvalidInput, match="STOPWARD_SUPABASE_URL"):
            read_settings(names)


def schedules_of(function: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the properties of a function's schedules."""
    events = function["Properties"].get("Events", {}).values()
    return [each["Properties"] for each in events if each["Type"] == "ScheduleV2"]


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


def test_only_who_signs_is_answered_by_the_one_url() -> None:
    resources = load_yaml(TEMPLATE.read_text(encoding="utf-8"), name="template.yaml")["Resources"]
    urls = {
        name: row["Properties"]["FunctionUrlConfig"]["AuthType"]
        for name, row in resources.items()
        if "FunctionUrlConfig" in row["Properties"]
    }
    assert urls == {"Predict": "AWS_IAM"}
    assert "AWS::Lambda::Permission" not in {row["Type"] for row in resources.values()}


def test_what_scores_knows_the_bucket_of_models_and_whose_fleet_it_is() -> None:
    one, fleet = (deployed(kind)["predict"].environment for kind in ("one", "fleet"))
    assert one["STOPWARD_ARCHIVE_BUCKET"] == fleet["STOPWARD_ARCHIVE_BUCKET"]
    assert (one["STOPWARD_FLEET"], fleet["STOPWARD_FLEET"]) == ("", "paper-test")


TICKS = {"Fn::GetAtt": ["Ticks", "Arn"]}


def test_a_pulse_is_received_once_and_kept_until_it_is_a_dead_letter() -> None:
    resources = load_yaml(TEMPLATE.read_text(encoding="utf-8"), name="template.yaml")["Resources"]
    queue = resources["Ticks"]["Properties"]
    function = resources["TickAccounts"]["Properties"]
    (source,) = (each["Properties"] for each in function["Events"].values())
    assert source["Queue"] == TICKS
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["ScalingConfig"] == {"MaximumConcurrency": {"Ref": "FleetConcurrency"}}
    assert queue["RedrivePolicy"] == {"deadLetterTargetArn": DEAD_LETTERS, "maxReceiveCount": 1}
    # A FIFO queue has no delay for each message.
    assert "FifoQueue" not in queue
    seconds = deployed("fleet")["tick_accounts"].timeout_seconds
    # Source: AWS Lambda Developer Guide, "Configuring a queue to use with Lambda".
    assert queue["VisibilityTimeout"] == 6 * seconds < queue["MessageRetentionPeriod"]


def test_a_batch_ends_in_time_and_a_pulse_in_its_lease() -> None:
    template = load_yaml(TEMPLATE.read_text(encoding="utf-8"), name="template.yaml")
    events = template["Resources"]["TickAccounts"]["Properties"]["Events"]
    (source,) = (each["Properties"] for each in events.values())
    tick = deployed("fleet")["tick_accounts"]
    lease = float(tick.environment["STOPWARD_LEASE_SECONDS"])
    assert source["BatchSize"] * lease <= tick.timeout_seconds
    assert source["BatchSize"] == BATCH


def test_a_fleet_is_sent_to_by_one_function_and_received_by_one_other() -> None:
    beside = {
        name: sorted(action for found, on in statements if on == [TICKS] for action in found)
        for name, statements in roles().items()
    }
    assert {name: found for name, found in beside.items() if found} == {
        "DispatchTicks": ["sqs:SendMessage"],
        "TickAccounts": ["sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"],
    }


def test_keys_of_a_fleet_are_read_below_one_name_of_its_stage() -> None:
    (_, secrets), *_ = roles()["TickAccounts"]
    below = account_secret("${Stage}", AccountId("*"))
    assert [each for each in secrets if each != DATABASE_SECRET] == [
        {"Fn::Sub": f"arn:${{AWS::Partition}}:secretsmanager:${{AWS::Region}}:${{AWS::AccountId}}"
                    f":secret:{below}"}
    ]  # fmt: skip


def test_functions_of_a_fleet_are_told_its_stage_and_the_sender_its_queue() -> None:
    for title in FLEET:
        assert deployed("fleet")[title].environment["STOPWARD_FLEET"] == "paper-test"
    queues = {each.title: "STOPWARD_TICK_QUEUE_URL" in each.environment
              for each in deployed("fleet").values()}  # fmt: skip
    assert [title for title, told in queues.items() if told] == ["dispatch_ticks"]


def test_it_has_no_yaml_alias_for_cloudformation_takes_none() -> None:
    tokens = yaml.scan(TEMPLATE.read_text(encoding="utf-8"))
    assert [token for token in tokens if isinstance(token, yaml.AliasToken)] == []


def test_a_parameter_that_the_template_lacks_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"no parameter \['Stagge'\]"):
        read_template(TEMPLATE, parameters={"Stagge": "test"})
