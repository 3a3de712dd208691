"""What a role allows and what its function asks: each difference is told, in the words of IAM."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.deploy.aws_server import Call, Ledger, served
from tests.deploy.rights import DEAD_LETTERS, Right, rights_of, wrong_rights
from tests.docs.pages import ROOT

ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:keys"
TOPIC = "arn:aws:sns:us-east-1:123456789012:stopward-x"
BUCKET, AN_OBJECT = "arn:aws:s3:::b-1", "arn:aws:s3:::b-1/a/b c"
A_B = {"Bucket": "b-1", "Key": "a/b c"}
READS_KEYS = Right("secretsmanager:GetSecretValue", ARN)
PARAMETERS = {"DatabaseSecretArn": ARN, "BrokerSecretArn": f"{ARN}-broker"}


@pytest.fixture(scope="module")
def aws() -> Iterator[tuple[str, Ledger]]:
    with served() as found:
        yield found


@pytest.mark.parametrize(
    ("service", "ask", "call"),
    [
        (
            "secretsmanager",
            lambda client: client.get_secret_value(SecretId=ARN),
            Call("secretsmanager:GetSecretValue", ARN),
        ),
        ("s3", lambda s3: s3.list_objects_v2(Bucket="b-1"), Call("s3:ListBucket", BUCKET)),
        ("s3", lambda s3: s3.head_object(**A_B), Call("s3:GetObject", AN_OBJECT)),
        ("s3", lambda s3: s3.get_object(**A_B), Call("s3:GetObject", AN_OBJECT)),
        ("s3", lambda s3: s3.put_object(**A_B, Body=b"x"), Call("s3:PutObject", AN_OBJECT)),
        ("s3", lambda s3: s3.delete_object(**A_B), Call("s3:DELETE of an object", AN_OBJECT)),
        ("sns", lambda sns: sns.publish(TopicArn=TOPIC, Message="m"), Call("sns:Publish", TOPIC)),
        (
            "sqs",
            lambda sqs: sqs.send_message_batch(
                QueueUrl="https://sqs.us-east-1.amazonaws.com/123456789012/q",
                Entries=[{"Id": "1", "MessageBody": "m"}],
            ),
            Call("sqs:SendMessage", "arn:aws:sqs:us-east-1:123456789012:q"),
        ),
    ],
    ids=lambda value: value.action if isinstance(value, Call) else "",
)
def test_a_request_is_noted_as_the_right_that_it_needs(
    aws: tuple[str, Ledger],
    request: pytest.FixtureRequest,
    service: str,
    ask: Callable[[Any], object],
    call: Call,
) -> None:
    url, ledger = aws
    key = f"key-{abs(hash(request.node.name))}"
    client = boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key="opens-nothing",
    )
    with suppress(ClientError):
        ask(client)
    assert ledger.calls_of(key) == {call}
    assert ledger.calls_of("nobody") == frozenset()


def test_a_request_that_no_right_covers_is_a_fault() -> None:
    other = Call(READS_KEYS.action, f"{ARN}-other")
    (fault,) = wrong_rights("keep_journal", [READS_KEYS], [Call(*_of(READS_KEYS)), other])
    assert (
        fault == f"its role does not allow {other.action} on {other.resource}, which it asked for"
    )


def test_a_right_that_nothing_asked_for_is_a_fault() -> None:
    spare = Right("s3:DeleteObject", "arn:aws:s3:::b-1/*")
    (fault,) = wrong_rights("keep_journal", [READS_KEYS, spare], [Call(*_of(READS_KEYS))])
    assert (
        fault == "its role allows s3:DeleteObject on arn:aws:s3:::b-1/*, which it never asked for"
    )


def test_a_right_covers_its_action_on_what_its_pattern_names() -> None:
    right = Right("s3:GetObject", "arn:aws:s3:::b-1/journal/*")
    assert right.covers(Call("s3:GetObject", "arn:aws:s3:::b-1/journal/2024/x"))
    assert not right.covers(Call("s3:PutObject", "arn:aws:s3:::b-1/journal/2024/x"))
    assert not right.covers(Call("s3:GetObject", "arn:aws:s3:::b-1/other"))


def test_what_lambda_does_itself_and_what_shows_in_no_request_is_no_fault() -> None:
    own = [
        Right("logs:PutLogEvents", "local:KeepJournalLog.Arn"),
        Right("sqs:SendMessage", DEAD_LETTERS),
        Right("s3:ListBucket", "arn:aws:s3:::b-1"),
    ]
    assert list(wrong_rights("keep_journal", own, [])) == []
    assert len(list(wrong_rights("monitor_positions", own, []))) == 1


def test_the_rights_are_those_of_the_functions_role_with_its_parameters_filled_in() -> None:
    rights = rights_of(ROOT / "template.yaml", "keep_journal", PARAMETERS)
    assert READS_KEYS in rights
    assert Right("s3:PutObject", "arn:aws:s3:::local-archivebucket/journal/*") in rights
    assert Right("sqs:SendMessage", DEAD_LETTERS) in rights
    guard = rights_of(ROOT / "template.yaml", "monitor_positions", PARAMETERS)
    assert Right(READS_KEYS.action, f"{ARN}-broker") in guard
    assert not [right for right in guard if right.action.startswith("s3:")]


def _of(right: Right) -> tuple[str, str]:
    return right.action, right.resource
