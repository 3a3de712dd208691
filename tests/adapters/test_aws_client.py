"""A client of ours asks what boto3's asks, wherever it runs, and loads no other service."""

import json
import subprocess
import sys
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest
from botocore.exceptions import NoRegionError, UnknownServiceError

from stopward.adapters import aws_client as aws_client_module
from stopward.adapters.aws_client import SERVICES, aws_client
from stopward.adapters.patience import patience
from tests.repo.aws_endpoints import PATH, endpoints

QUESTIONS = {
    "s3": ("get_object", {"Bucket": "months", "Key": "models/a b"}),
    "secretsmanager": ("get_secret_value", {"SecretId": "stopward"}),
    "sns": ("publish", {"TopicArn": "arn:aws:sns:us-east-1:123456789012:t", "Message": "m"}),
    "sqs": (
        "send_message_batch",
        {
            "QueueUrl": "https://queue.amazonaws.com/123456789012/q",
            "Entries": [{"Id": "0", "MessageBody": "m", "DelaySeconds": 0}],
        },
    ),
}
REGIONS = (
    "us-east-1", "eu-central-1", "us-gov-west-1", "cn-north-1", "us-iso-east-1", "eu-nowhere-9",
)  # fmt: skip
AS_IT_LIKES = frozenset({"User-Agent", "amz-sdk-invocation-id", "X-Amz-Date", "Authorization"})
"""Headers that name the moment, the try, or who made the client."""


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE", "AWS_ENDPOINT_URL"):
        monkeypatch.delenv(name, raising=False)
    # Both keep the keys that they met first in this process.
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    aws_client_module._session.cache_clear()


def asked_by(client: Any, service: str) -> dict[str, Any]:
    """Return what a client would send for the one question of a service."""
    client.meta.events.register_first("before-send.*.*", _tell)
    operation, parameters = QUESTIONS[service]
    with pytest.raises(_WouldSend) as told:
        getattr(client, operation)(**parameters)
    request = told.value.request
    headers = {name: str(value) for name, value in request.headers.items()}
    return {
        "asked": (request.method, request.url, request.body),
        "signed": headers["Authorization"].partition(", Signature=")[0],
        **{name: value for name, value in headers.items() if name not in AS_IT_LIKES},
    }


class _WouldSend(Exception):
    def __init__(self, request: AWSPreparedRequest) -> None:
        super().__init__(request.url)
        self.request = request


def _tell(request: AWSPreparedRequest, **_: object) -> None:
    raise _WouldSend(request)


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("service", SERVICES)
def test_it_asks_what_the_client_of_boto3_asks(service: str, region: str) -> None:
    config = patience(connect_seconds=1, read_seconds=1)
    ours = aws_client(service, region=region, config=config)
    theirs = boto3.client(service, region_name=region, config=config)
    assert ours.meta.endpoint_url == theirs.meta.endpoint_url
    assert ours.meta.partition == theirs.meta.partition
    assert ours.meta.service_model.metadata == theirs.meta.service_model.metadata
    assert asked_by(ours, service) == asked_by(theirs, service)


@pytest.mark.parametrize("variable", ["AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT"])
@pytest.mark.parametrize("service", SERVICES)
def test_it_asks_where_the_environment_wants_it(
    service: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = patience(connect_seconds=1, read_seconds=1)
    monkeypatch.setenv(variable, "true")
    ours = asked_by(aws_client(service, region="us-east-1", config=config), service)
    theirs = asked_by(boto3.client(service, region_name="us-east-1", config=config), service)
    assert ours == theirs


def test_the_endpoints_are_those_of_botocore() -> None:
    written = PATH.read_text(encoding="utf-8")
    assert written == endpoints(), "run python -m tests.repo.aws_endpoints"


def test_a_service_that_is_not_among_them_is_refused() -> None:
    with pytest.raises(UnknownServiceError, match="secretsmanager"):
        aws_client("dynamodb", region="us-east-1")


def test_without_a_region_there_is_no_client() -> None:
    with pytest.raises(NoRegionError):
        aws_client("secretsmanager")


def test_nothing_of_boto3_itself_is_loaded() -> None:
    code = (
        "import json, sys\n"
        "from stopward.adapters.aws_client import aws_client\n"
        "aws_client('secretsmanager', region='us-east-1')\n"
        "print(json.dumps([name for name in ('boto3', 's3transfer') if name in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert json.loads(done.stdout) == []
