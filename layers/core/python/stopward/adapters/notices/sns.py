"""Publish a notice to an SNS topic; botocore loads only when one is published.

A FIFO topic drops what comes twice within five minutes, by the idempotency key.
"""

import re
from typing import Any

from stopward.adapters.notices.formats import headline
from stopward.adapters.patience import patience
from stopward.domain.notices import (
    REST_SECONDS,
    Claim,
    Dead,
    Delivered,
    Failed,
    Outcome,
    PutBack,
)

CONNECT_SECONDS = 3
READ_SECONDS = 7
PUBLISH_SECONDS = CONNECT_SECONDS + READ_SECONDS
SUBJECT_CHARACTERS = 100
TOPIC = re.compile(r"arn:aws[a-z-]*:sns:([a-z0-9-]+):[0-9]+:[A-Za-z0-9_-]+(\.fifo)?")
BUSY = frozenset({"Throttling", "ThrottlingException", "ThrottledException", "KMSThrottling"})
REFUSED = frozenset(
    {"NotFound", "AuthorizationError", "InvalidParameter", "InvalidParameterValue",
     "AccessDenied", "AccessDeniedException", "EndpointDisabled", "InvalidSecurity",
     "KMSAccessDenied", "KMSDisabled", "KMSInvalidState", "KMSNotFound"}
)  # fmt: skip


class SnsNotices:
    """Publishes claims; one client for each region, made at its first use."""

    def __init__(self) -> None:
        self._clients: dict[str, Any] = {}

    def publish(self, claim: Claim) -> Outcome:
        """Publish a notice once and return what came of it."""
        from botocore.exceptions import BotoCoreError, ClientError

        topic = TOPIC.fullmatch(claim.address)
        if topic is None:
            return Dead(reason=f"channel {claim.channel}: the address is no ARN of an SNS topic")
        request: dict[str, Any] = {
            "TopicArn": claim.address,
            "Subject": _subject(claim),
            "Message": headline(claim),
            "MessageAttributes": {
                name: {"DataType": "String", "StringValue": value}
                for name, value in (
                    ("idempotency_key", claim.id),
                    ("about", claim.about),
                    ("severity", claim.severity),
                )
            },
        }
        if claim.address.endswith(".fifo"):
            request |= {"MessageGroupId": claim.channel, "MessageDeduplicationId": claim.id}
        try:
            self._client(topic[1]).publish(**request)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in BUSY:
                return PutBack(
                    reason=f"sns: {code}",
                    retry_after_seconds=REST_SECONDS,
                    hold_seconds=REST_SECONDS,
                )
            return Dead(reason=f"sns: {code}") if code in REFUSED else Failed(reason=f"sns: {code}")
        except BotoCoreError as error:
            return Failed(reason=f"sns: {type(error).__name__}", hold_seconds=REST_SECONDS)
        return Delivered()

    def _client(self, region: str) -> Any:
        if region not in self._clients:
            from stopward.adapters.aws_client import aws_client

            config = patience(connect_seconds=CONNECT_SECONDS, read_seconds=READ_SECONDS)
            self._clients[region] = aws_client("sns", region=region, config=config)
        return self._clients[region]


def _subject(claim: Claim) -> str:
    # SNS takes ASCII without line breaks, beginning with a letter, digit or sign.
    text = f"Stopward {claim.severity}: {claim.title}"
    ascii_text = text.encode("ascii", "replace").decode()
    return " ".join(ascii_text.split())[:SUBJECT_CHARACTERS]
