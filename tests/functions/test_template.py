"""`template.yaml`, as the local host reads it: what is deployed is what runs here."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from stopward.errors import InvalidInput
from stopward.local.host.intrinsics import load_yaml
from stopward.local.host.template import FunctionDefinition, read_template

ROOT = Path(__file__).resolve().parents[2]
TEMPLATE = ROOT / "template.yaml"
PARAMETERS = {"Stage": "test", "AccountId": "main", "PulseSeconds": "30"}
OPEN = datetime(2013, 9, 3, 13, 30, tzinfo=UTC)


@pytest.fixture(scope="module")
def functions() -> dict[str, FunctionDefinition]:
    return {function.title: function for function in read_template(TEMPLATE, parameters=PARAMETERS)}


def test_it_names_both_functions_with_their_handlers(
    functions: dict[str, FunctionDefinition],
) -> None:
    assert {title: function.handler for title, function in functions.items()} == {
        "check_breakeven": "app.handler",
        "monitor_positions": "app.handler",
    }


def test_every_function_has_the_runtime_the_layers_are_built_for(
    functions: dict[str, FunctionDefinition],
) -> None:
    for function in functions.values():
        assert (function.runtime, function.timeout_seconds, function.memory_mb) == (
            "python3.12",
            60,
            512,
        )
        assert [folder.name for folder in function.layer_folders] == ["core", "deps"]
        assert (function.layer_folders[0] / "python" / "stopward" / "errors.py").is_file()


def test_parameters_reach_the_environment_as_text(functions: dict[str, FunctionDefinition]) -> None:
    environment = functions["monitor_positions"].environment
    assert environment["STOPWARD_ACCOUNT_ID"] == "main"
    assert environment["STOPWARD_PULSE_SECONDS"] == "30"
    assert environment["STOPWARD_MARKET_DATA_FEED"] == "iex"


def test_each_function_is_called_every_minute_of_a_new_york_weekday(
    functions: dict[str, FunctionDefinition],
) -> None:
    for function in functions.values():
        (schedule,) = function.schedules
        assert len(list(schedule.times(first=OPEN, last=OPEN.replace(hour=20, minute=0)))) == 390
        saturday = datetime(2013, 9, 7, 14, 0, tzinfo=UTC)
        assert not schedule.is_due(saturday)
        assert json.loads(schedule.event(OPEN)) == {"time": "2013-09-03T13:30:00Z"}


def test_no_function_may_do_more_than_read_two_secrets_and_write_its_own_log() -> None:
    resources = load_yaml(TEMPLATE.read_text(encoding="utf-8"), name="template.yaml")["Resources"]
    roles = {name: row for name, row in resources.items() if row["Type"] == "AWS::IAM::Role"}
    assert len(roles) == 2
    for name, role in roles.items():
        assert "ManagedPolicyArns" not in role["Properties"]
        statements = [
            statement
            for policy in role["Properties"]["Policies"]
            for statement in policy["PolicyDocument"]["Statement"]
        ]
        log = name.removesuffix("Role") + "Log"
        assert [(row["Action"], row["Resource"]) for row in statements] == [
            (
                "secretsmanager:GetSecretValue",
                [{"Ref": "DatabaseSecretArn"}, {"Ref": "BrokerSecretArn"}],
            ),
            (["logs:CreateLogStream", "logs:PutLogEvents"], {"Fn::GetAtt": [log, "Arn"]}),
        ]


def test_nothing_is_retried_and_nothing_runs_twice_at_once() -> None:
    template = load_yaml(TEMPLATE.read_text(encoding="utf-8"), name="template.yaml")
    assert template["Globals"]["Function"]["EventInvokeConfig"]["MaximumRetryAttempts"] == 0
    for row in template["Resources"].values():
        if row["Type"] != "AWS::Serverless::Function":
            continue
        assert row["Properties"]["ReservedConcurrentExecutions"] == 1
        for event in row["Properties"]["Events"].values():
            assert event["Properties"]["RetryPolicy"]["MaximumRetryAttempts"] == 0


def test_it_has_no_yaml_alias_for_cloudformation_takes_none() -> None:
    tokens = yaml.scan(TEMPLATE.read_text(encoding="utf-8"))
    assert [token for token in tokens if isinstance(token, yaml.AliasToken)] == []


def test_a_parameter_that_the_template_lacks_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"no parameter \['Stagge'\]"):
        read_template(TEMPLATE, parameters={"Stagge": "test"})
