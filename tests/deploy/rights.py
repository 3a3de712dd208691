"""What the role of a function allows, beside what its code asked of AWS: the same, neither less."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID as MOTOS

from stopward.local.host.intrinsics import PSEUDO, Scope, load_yaml
from tests.deploy.aws_server import Call

LAMBDAS_OWN = frozenset(
    {
        "logs:CreateLogStream", "logs:PutLogEvents", "sqs:DeleteMessage", "sqs:GetQueueAttributes",
        "sqs:ReceiveMessage",
    }
)  # fmt: skip
"""What Lambda does in the function's name: it writes the log, and polls its event source."""
NOBODYS = PSEUDO["AWS::AccountId"]
DEAD_LETTERS = "local:DeadLetters.Arn"
"""Lambda sends there what it gives up."""
UNASKED = {
    ("keep_journal", "s3:ListBucket"): "without it S3 says forbidden where there is no object yet",
    ("predict", "s3:ListBucket"): "without it S3 says forbidden where there is no object yet",
    ("replay_shard", "s3:ListBucket"): "without it S3 says forbidden where there is no object yet",
    ("score_positions", "s3:ListBucket"): "without it S3 says forbidden where there is no object",
    ("train_model", "s3:ListBucket"): "without it S3 says forbidden where there is no object yet",
    ("train_model", "s3:GetObject"): "it compares, where a model of the same id is there already",
}
"""Rights that no request shows, by function, each with its reason."""


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """One action on what a pattern of ARNs names."""

    action: str
    resource: str

    def covers(self, call: Call) -> bool:
        """Whether this right is the one that a call needs."""
        return self.action == call.action and fnmatchcase(call.resource, self.resource)


def rights_of(template: Path, folder: str, parameters: Mapping[str, str]) -> tuple[Right, ...]:
    """Return what the role of a function in functions/ allows, in a stack of these parameters."""
    document = load_yaml(template.read_text(encoding="utf-8"), name=template.name)
    resources: Mapping[str, Any] = document["Resources"]

    def attribute(resource: str, name: str) -> str:
        readable = f"local:{resource}.{name}" if name else f"local-{resource.lower()}"
        if resources[resource]["Type"] == "AWS::S3::Bucket" and name == "Arn":
            return f"arn:aws:s3:::local-{resource.lower()}"
        if resource == "Ticks" and name == "Arn":
            return f"arn:aws:sqs:us-east-1:{MOTOS}:local-{resource.lower()}"
        return readable

    scope = Scope(document, parameters=parameters, attribute=attribute)
    (role,) = (
        row["Properties"]["Role"]["Fn::GetAtt"][0]
        for row in resources.values()
        if row["Type"] in {"AWS::Serverless::Function", "AWS::Lambda::Function"}
        and scope.text(row["Properties"]["FunctionName"]).rpartition("-")[2] == folder
    )
    return tuple(
        Right(scope.text(action), scope.text(resource).replace(f":{NOBODYS}:", f":{MOTOS}:"))
        for policy in resources[role]["Properties"]["Policies"]
        for row in policy["PolicyDocument"]["Statement"]
        for action in _listed(row["Action"])
        for resource in _listed(row["Resource"])
    )


def wrong_rights(folder: str, rights: Sequence[Right], calls: Iterable[Call]) -> Iterator[str]:
    """Yield a line for each call that no right covers, and for each right that no call needed."""
    asked = sorted(set(calls))
    for call in asked:
        if not any(right.covers(call) for right in rights):
            yield f"its role does not allow {call.action} on {call.resource}, which it asked for"
    for right in rights:
        is_lambdas = right.action in LAMBDAS_OWN or right.resource == DEAD_LETTERS
        if is_lambdas or (folder, right.action) in UNASKED:
            continue
        if not any(right.covers(call) for call in asked):
            yield f"its role allows {right.action} on {right.resource}, which it never asked for"


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]
