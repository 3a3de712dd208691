"""`infra/sweep.yaml` and its state machine: who may do what, and what is tried again."""

import json
from typing import Any

import pytest

from stopward.local.host.intrinsics import load_yaml
from tests.builders.step_functions import DEFINITION
from tests.docs.pages import ROOT

TEMPLATE = load_yaml((ROOT / "infra" / "sweep.yaml").read_text(encoding="utf-8"), name="sweep.yaml")
RESOURCES = TEMPLATE["Resources"]
MACHINE = json.loads(DEFINITION.read_text(encoding="utf-8"))
MAP = MACHINE["States"]["WalkShards"]
OBJECTS = {"Fn::Sub": "${SweepBucket.Arn}/*"}
NAMED = "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:"


def allowed(role: str) -> dict[str, Any]:
    """Return the resource of each action that a role may do."""
    properties = RESOURCES[role]["Properties"]
    assert "ManagedPolicyArns" not in properties
    found = {}
    for policy in properties["Policies"]:
        for row in policy["PolicyDocument"]["Statement"]:
            actions = row["Action"] if isinstance(row["Action"], list) else [row["Action"]]
            found |= dict.fromkeys(actions, row["Resource"])
    return found


def test_a_shard_reads_and_writes_its_bucket_and_its_log_and_knows_no_secret() -> None:
    assert allowed("ReplayShardRole") == {
        "logs:CreateLogStream": {"Fn::GetAtt": ["ReplayShardLog", "Arn"]},
        "logs:PutLogEvents": {"Fn::GetAtt": ["ReplayShardLog", "Arn"]},
        "s3:GetObject": OBJECTS,
        "s3:PutObject": OBJECTS,
        "s3:ListBucket": {"Fn::GetAtt": ["SweepBucket", "Arn"]},
    }
    assert "Environment" not in RESOURCES["ReplayShard"]["Properties"]


def test_the_state_machine_invokes_that_function_and_starts_itself_alone() -> None:
    executions = {"Fn::Sub": NAMED + "execution:stopward-${Stage}-sweep/*"}
    assert allowed("SweepRole") == {
        "lambda:InvokeFunction": {"Fn::GetAtt": ["ReplayShard", "Arn"]},
        "s3:GetObject": OBJECTS,
        "s3:PutObject": OBJECTS,
        "s3:ListMultipartUploadParts": OBJECTS,
        "s3:AbortMultipartUpload": OBJECTS,
        "states:StartExecution": {"Fn::Sub": NAMED + "stateMachine:stopward-${Stage}-sweep"},
        "states:DescribeExecution": executions,
        "states:StopExecution": executions,
        "states:RedriveExecution": executions,
    }
    name = RESOURCES["Sweep"]["Properties"]["StateMachineName"]
    assert name == {"Fn::Sub": "stopward-${Stage}-sweep"}


@pytest.mark.parametrize(
    ("role", "service"),
    [("ReplayShardRole", "lambda.amazonaws.com"), ("SweepRole", "states.amazonaws.com")],
)
def test_a_role_is_its_services_alone(role: str, service: str) -> None:
    (row,) = RESOURCES[role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert (row["Principal"], row["Action"]) == ({"Service": service}, "sts:AssumeRole")


def test_the_function_is_the_image_of_its_folder() -> None:
    properties = RESOURCES["ReplayShard"]["Properties"]
    assert properties["FunctionName"] == {"Fn::Sub": "stopward-${Stage}-replay_shard"}
    assert (properties["PackageType"], properties["Code"]) == (
        "Image", {"ImageUri": {"Ref": "ImageUri"}},
    )  # fmt: skip
    assert "Default" not in TEMPLATE["Parameters"]["ImageUri"]
    assert (ROOT / "functions" / "replay_shard" / "Dockerfile").is_file()


def test_the_machine_is_the_file_beside_it_and_every_name_in_it_is_given() -> None:
    properties = RESOURCES["Sweep"]["Properties"]
    assert (ROOT / "infra" / properties["DefinitionS3Location"]) == DEFINITION
    text = DEFINITION.read_text(encoding="utf-8")
    asked = {part.split("}")[0] for part in text.split("${")[1:]}
    assert asked == set(properties["DefinitionSubstitutions"])


def test_shards_are_items_of_a_manifest_in_s3_walked_apart_and_none_may_be_missing() -> None:
    assert MAP["ItemProcessor"]["ProcessorConfig"]["Mode"] == "DISTRIBUTED"
    assert MAP["ItemReader"]["ReaderConfig"] == {"InputType": "JSON"}
    assert (MAP["ToleratedFailureCount"], "ToleratedFailurePercentage" in MAP) == (0, False)
    assert "Retry" not in MAP


def test_one_shard_is_tried_again_with_patience_unless_no_try_would_mend_it() -> None:
    (task,) = MAP["ItemProcessor"]["States"].values()
    never, throttled, again = task["Retry"]
    assert (never["ErrorEquals"], never["MaxAttempts"]) == (["InvalidInput", "ArchiveRejected"], 0)
    # An account may run few functions at once: a shard waits for its turn as long as hours.
    assert throttled["ErrorEquals"] == ["Lambda.TooManyRequestsException"]
    assert throttled["MaxAttempts"] * throttled["MaxDelaySeconds"] >= 10 * 3600
    assert again["ErrorEquals"] == ["States.ALL"]
    assert again["MaxAttempts"] >= 2
    assert again["BackoffRate"] > 1


def test_the_bucket_is_private_and_forgets() -> None:
    properties = RESOURCES["SweepBucket"]["Properties"]
    assert set(properties["PublicAccessBlockConfiguration"].values()) == {True}
    (rule,) = properties["LifecycleConfiguration"]["Rules"]
    assert rule["ExpirationInDays"] == {"Ref": "KeepDays"}
