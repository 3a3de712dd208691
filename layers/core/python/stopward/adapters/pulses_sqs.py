"""Pulses as messages of a queue of SQS; botocore loads only when one is sent."""

import json
from collections.abc import Sequence
from datetime import datetime
from math import ceil
from typing import Any, Final

from stopward.adapters import rows
from stopward.adapters.patience import patience
from stopward.domain.pulses import Pulse
from stopward.errors import InvalidInput, InvalidState, Unavailable

CONNECT_SECONDS: Final = 2
READ_SECONDS: Final = 5
LONGEST_DELAY_SECONDS: Final = 900
REFUSED: Final = frozenset(
    {"AccessDenied", "AccessDeniedException", "AWS.SimpleQueueService.NonExistentQueue",
     "QueueDoesNotExist", "InvalidAddress"}
)  # fmt: skip
"""Codes that the same call will meet again."""


class SqsPulses:
    """A standard queue. The role needs sqs:SendMessage on it. `send` may be called by threads."""

    def __init__(self, url: str) -> None:
        from stopward.adapters.aws_client import aws_client

        self._url = url
        # Whoever sends decides whether a call is repeated: with delays as they are by then.
        self._client: Any = aws_client(
            "sqs", config=patience(connect_seconds=CONNECT_SECONDS, read_seconds=READ_SECONDS)
        )

    def send(self, pulses: Sequence[Pulse], *, now: datetime) -> tuple[Pulse, ...]:
        """Send at most ten pulses, each to come out at its instant; return what was not taken.

        Raises Unavailable without an answer, when all may have been taken, and InvalidInput when
        the queue is not there or not ours to use.
        """
        from botocore.exceptions import BotoCoreError, ClientError

        entries = [
            {
                "Id": str(place),
                "MessageBody": write_pulse(pulse),
                "DelaySeconds": delay_seconds(pulse, now),
            }
            for place, pulse in enumerate(pulses)
        ]
        try:
            answer = self._client.send_message_batch(QueueUrl=self._url, Entries=entries)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code in REFUSED:
                raise InvalidInput(
                    f"queue {self._url}: {code}; does it exist, and may this role send to it?"
                ) from error
            raise Unavailable(f"queue {self._url}: {code or 'no answer'}") from error
        except BotoCoreError as error:
            raise Unavailable(f"queue {self._url}: no answer ({type(error).__name__})") from error
        taken = {str(each["Id"]) for each in answer.get("Successful", [])}
        return tuple(pulse for place, pulse in enumerate(pulses) if str(place) not in taken)


def delay_seconds(pulse: Pulse, now: datetime) -> int:
    """Return the whole seconds until a pulse is due, rounded up: none comes before its instant."""
    wait = ceil(-pulse.age(now).total_seconds())
    return min(max(wait, 0), LONGEST_DELAY_SECONDS)


def write_pulse(pulse: Pulse) -> str:
    """Return a pulse as the body of a message."""
    return json.dumps(rows.write(pulse), separators=(",", ":"))


def read_pulse(body: str) -> Pulse:
    """Return the pulse of a message. Raises InvalidState for a body that holds none."""
    try:
        return rows.read(Pulse, json.loads(body))
    except ValueError as error:
        raise InvalidState(f"a message of {len(body)} characters is no JSON") from error
