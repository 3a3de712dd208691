"""`template.yaml` as tests ask it: what a stack of either kind deploys, what each role may do."""

from typing import Any

from stopward.local.host.intrinsics import load_yaml
from stopward.local.host.template import FunctionDefinition, read_template
from tests.builders.cloudwatch import AN_IMAGE
from tests.docs.pages import ROOT

TEMPLATE = ROOT / "template.yaml"
PARAMETERS = {
    "Stage": "paper-test", "AccountId": "main", "PulseSeconds": "30", "TrainingImageUri": AN_IMAGE,
}  # fmt: skip
FLEET = ("dispatch_ticks", "tick_accounts")
DEAD_LETTERS = {"Fn::GetAtt": ["DeadLetters", "Arn"]}


def deployed(accounts: str) -> dict[str, FunctionDefinition]:
    """Return the functions of a stack that guards one account, or a fleet."""
    given = {**PARAMETERS, "Accounts": accounts}
    return {function.title: function for function in read_template(TEMPLATE, parameters=given)}


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


def schedules_of(function: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the properties of a function's schedules."""
    events = function["Properties"].get("Events", {}).values()
    return [each["Properties"] for each in events if each["Type"] == "ScheduleV2"]
