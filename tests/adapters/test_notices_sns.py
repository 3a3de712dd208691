"""SNS, against moto."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ConnectTimeoutError
from moto import mock_aws

from stopward.adapters.notices.sns import SnsNotices
from stopward.domain.notices import Claim, Dead, Delivered, Failed, PutBack
from tests.builders.notices import a_claim

REGION = "eu-central-1"


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    with mock_aws():
        yield


def a_topic(*, fifo: bool = False) -> tuple[str, Any]:
    """Return a topic's ARN and a client of a queue that hears it."""
    sns, sqs = boto3.client("sns", region_name=REGION), boto3.client("sqs", region_name=REGION)
    end, kind = (".fifo", {"FifoTopic": "true"}) if fifo else ("", {})
    topic = sns.create_topic(Name=f"desk{end}", Attributes=kind)["TopicArn"]
    attributes = {"FifoQueue": "true"} if fifo else {}
    queue = sqs.create_queue(QueueName=f"reader{end}", Attributes=attributes)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn["QueueArn"])

    def received() -> list[dict[str, Any]]:
        found = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in found.get("Messages", [])]

    return topic, received


def a_notice(topic: str, **changes: Any) -> Claim:
    return a_claim(kind="sns", address=topic, secret=None, **changes)


@pytest.mark.usefixtures("cloud")
def test_a_notice_is_published_in_the_region_of_its_topic() -> None:
    topic, received = a_topic()
    claim = a_notice(topic, title="Der Stop fehlte →\n schnell " + "x" * 200)
    assert SnsNotices().publish(claim) == Delivered()
    (message,) = received()
    assert message["Message"].startswith("WARNING · Desk: Der Stop fehlte →")
    assert message["Subject"].startswith("Stopward warning: Der Stop fehlte ? schnell xx")
    assert len(message["Subject"]) == 100
    told = {name: each["Value"] for name, each in message["MessageAttributes"].items()}
    assert told == {"idempotency_key": claim.id, "about": "alarm", "severity": "warning"}


@pytest.mark.usefixtures("cloud")
def test_a_fifo_topic_passes_a_repeated_notice_on_once() -> None:
    topic, received = a_topic(fifo=True)
    notices = SnsNotices()
    assert [notices.publish(a_notice(topic)) for _ in range(2)] == [Delivered(), Delivered()]
    assert len(received()) == 1


@pytest.mark.usefixtures("cloud")
def test_a_topic_that_is_not_there_is_dead() -> None:
    a_topic()
    outcome = SnsNotices().publish(a_notice(f"arn:aws:sns:{REGION}:123456789012:other"))
    assert outcome == Dead(reason="sns: NotFound")


class Refusing:
    """A client that raises."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def publish(self, **_: object) -> None:
        raise self.error


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (
            "Throttling",
            PutBack(reason="sns: Throttling", retry_after_seconds=30.0, hold_seconds=30.0),
        ),
        ("AuthorizationError", Dead(reason="sns: AuthorizationError")),
        ("InternalError", Failed(reason="sns: InternalError")),
    ],
)
def test_what_sns_says_decides(code: str, expected: object) -> None:
    from botocore.exceptions import ClientError

    notices = SnsNotices()
    notices._clients[REGION] = Refusing(ClientError({"Error": {"Code": code}}, "Publish"))
    assert notices.publish(a_notice(f"arn:aws:sns:{REGION}:1:desk")) == expected


def test_silence_of_sns_is_tried_again() -> None:
    notices = SnsNotices()
    notices._clients[REGION] = Refusing(ConnectTimeoutError(endpoint_url="https://sns"))
    outcome = notices.publish(a_notice(f"arn:aws:sns:{REGION}:1:desk"))
    assert outcome == Failed(reason="sns: ConnectTimeoutError", hold_seconds=30.0)
