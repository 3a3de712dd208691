"""Publish a notice to an SNS topic; boto3 loads only when one is published.

A FIFO topic drops what comes twice within five minutes, by the idempotency key.
"""

from typing import Any

from stopward.adapters.notices.formats import headline
from stopward.domain.notices import Claim, Dead, Delivered, Failed, Outcome, PutBack

CONNECT_SECONDS = 3
READ_SECONDS = 7
SUBJECT_CHARACTERS = 100
REST_SECONDS = 30.0
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
            self._client(claim.address).publish(**request)
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

    def _client(self, topic: str) -> Any:
        # arn:aws:sns:REGION:ACCOUNT:NAME
        region = topic.split(":")[3]
        if region not in self._clients:
            import boto3
            from botocore.config import Config

            patience = Config(
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                retries={"total_max_attempts": 1, "mode": "standard"},
            )
            self._clients[region] = boto3.client("sns", region_name=region, config=patience)
        return self._clients[region]


def _subject(claim: Claim) -> str:
    # SNS takes ASCII without line breaks, beginning with a letter, digit or sign.
    text = f"Stopward {claim.severity}: {claim.title}"
    ascii_text = text.encode("ascii", "replace").decode()
    return " ".join(ascii_text.split())[:SUBJECT_CHARACTERS]
