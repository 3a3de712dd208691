"""The template reader: intrinsic functions, and what it refuses."""

from pathlib import Path

import pytest

from stopward.errors import InvalidInput
from stopward.local.host.intrinsics import Scope, load_yaml
from stopward.local.host.template import read_template

TEMPLATE = """
Parameters:
  Stage: {Type: String, Default: dev}
  Url: {Type: String}
Conditions:
  IsProduction: !Equals [!Ref Stage, prod]
  IsElsewhere: !Not [!Condition IsProduction]
  IsBoth: !And [!Condition IsProduction, !Condition IsElsewhere]
  IsEither: !Or [!Condition IsProduction, !Condition IsElsewhere]
Resources:
  Table: {Type: AWS::DynamoDB::Table}
"""


def resolve(expression: str, **parameters: str) -> object:
    document = load_yaml(TEMPLATE, name="template")
    scope = Scope(
        document,
        parameters=parameters,
        attribute=lambda resource, name: f"{resource}/{name}" if name else resource,
    )
    return scope.resolve(load_yaml(f"value: {expression}", name="expression")["value"])


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("!Ref Stage", "dev"),
        ("!Ref Url", ""),
        ("!Ref Table", "Table"),
        ("!Ref AWS::Region", "us-east-1"),
        ("!GetAtt Table.Arn", "Table/Arn"),
        ("{'Fn::GetAtt': [Table, Arn]}", "Table/Arn"),
        ('!Sub "a-${Stage}-${AWS::Partition}-${Table.Arn}-${!Literal}"', None),
        ('!Sub ["${x}-${Stage}", {x: !Ref Table}]', "Table-dev"),
        ('!Join ["-", [a, !Ref Stage, 3]]', "a-dev-3"),
        ('!Split ["-", !Ref Stage]', ["dev"]),
        ('!Select [1, !Split ["-", "a-b-c"]]', "b"),
        ("!Select [0, [!Ref Stage, x]]", "dev"),
        ("!If [IsProduction, 1, 2]", 2),
        ("!If [IsElsewhere, 1, 2]", 1),
        ("!If [IsBoth, 1, 2]", 2),
        ("!If [IsEither, 1, 2]", 1),
        ("{a: !Ref AWS::NoValue, b: [!Ref AWS::NoValue, 1]}", {"b": [1]}),
        ("[true, null, 1.5]", [True, None, 1.5]),
    ],
)
def test_an_intrinsic_function_resolves(expression: str, expected: object) -> None:
    wanted = "a-dev-aws-Table/Arn-${Literal}" if expected is None else expected
    assert resolve(expression) == wanted


def test_a_given_parameter_wins_over_its_default() -> None:
    assert resolve("!If [IsProduction, 1, 2]", Stage="prod") == 1


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("!Ref Nothing", "refers to 'Nothing'"),
        ("!ImportValue x", "does not know Fn::ImportValue"),
        ("!If [Unheard, 1, 2]", "no condition 'Unheard'"),
        ("!Equals [1]", "does not know the condition"),
        ('!Select [1, !Split ["-", "a"]]', "asks for item 1 of"),
        ("!Select [0, a]", "asks for item 0 of 'a'"),
    ],
)
def test_what_the_host_does_not_know_is_refused(expression: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        resolve(expression)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "is no YAML"),
        ("- a", "was list; a template is a mapping"),
        ("Resources: {}", "declares no AWS::Serverless::Function"),
        ("Resources: {F: {Type: AWS::Serverless::Function}}", "F has no Handler"),
        (
            "Resources: {F: {Type: AWS::Serverless::Function, Properties: "
            "{Handler: a.b, CodeUri: gone}}}",
            "no such folder",
        ),
        (
            "Resources: {F: {Type: AWS::Serverless::Function, Properties: "
            "{Handler: a.b, CodeUri: ., Layers: ['arn:aws:lambda']}}}",
            "knows layers of this template",
        ),
        (
            "Resources: {F: {Type: AWS::Serverless::Function, Properties: {PackageType: Image}}}",
            "F is an image; it needs Metadata.Dockerfile",
        ),
    ],
)
def test_a_template_that_cannot_be_hosted_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput, match=said):
        read_template(path)


def test_a_missing_template_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_template(tmp_path / "template.yaml")


def test_a_function_under_a_false_condition_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(
        """
Conditions:
  Never: !Equals [a, b]
Resources:
  Kept: {Type: AWS::Serverless::Function, Properties: {Handler: a.b, CodeUri: .}}
  Left: {Type: AWS::Serverless::Function, Condition: Never, Properties: {Handler: a.b, CodeUri: .}}
""",
        encoding="utf-8",
    )
    assert [function.name for function in read_template(path)] == ["Kept"]


def test_an_image_is_what_its_dockerfile_lies_beside(tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(
        """
Globals: {Function: {Runtime: python3.12, Layers: [!Ref Some]}}
Resources:
  F:
    Type: AWS::Serverless::Function
    Metadata: {Dockerfile: functions/trains/Dockerfile}
    Properties: {PackageType: Image, ImageUri: x, ImageConfig: {Command: [app.handler]}}
""",
        encoding="utf-8",
    )
    (found,) = read_template(path)
    assert (found.title, found.handler, found.is_image) == ("trains", "app.handler", True)
    assert (found.runtime, found.layer_folders) == ("", ())
