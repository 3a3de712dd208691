"""What each function of the template may do: its own role, the secrets it needs, and no more."""

import pytest

from stopward.errors import InvalidInput
from stopward.local.host.intrinsics import load_yaml
from stopward.local.host.template import read_template
from stopward.settings import read_settings
from tests.builders.template import DEAD_LETTERS, TEMPLATE, roles

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
    "ScorePositions": ["s3:GetObject", "s3:ListBucket"],
}  # fmt: skip
"""What a role may do beyond reading the stack's secrets, writing its own log and dead letters."""
NEEDS_BROKER = {
    "MonitorPositions", "CheckBreakeven", "RefreshSessions", "AttributeExits", "CheckFeatures",
    "ScorePositions",
}  # fmt: skip


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


def test_only_who_signs_is_answered_by_the_one_url() -> None:
    resources = load_yaml(TEMPLATE.read_text(encoding="utf-8"), name="template.yaml")["Resources"]
    urls = {
        name: row["Properties"]["FunctionUrlConfig"]["AuthType"]
        for name, row in resources.items()
        if "FunctionUrlConfig" in row["Properties"]
    }
    assert urls == {"Predict": "AWS_IAM"}
    assert "AWS::Lambda::Permission" not in {row["Type"] for row in resources.values()}
