"""What a function finds whose start is looked at: one server that stands for all that it asks.

It gives every secret that is asked for; a request for anything else is the function's first
question to its database, broker or bucket, and its start ends there.
"""

from collections.abc import Callable

from stopward.adapters.clocks import SystemClock
from stopward.adapters.pulses_sqs import write_pulse
from stopward.domain.identity import AccountId
from stopward.domain.pulses import Pulse
from tests.builders.fleet import record_of
from tests.builders.http import Asked, Says
from tests.builders.scoring import sent

SECRET_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:start"
PROJECT_KEY = "sb_secret_start"
SECRET_TEXT = f'{{"supabase_secret_key": "{PROJECT_KEY}", "key_id": "k", "secret_key": "s"}}'
"""The database's and the broker's in one."""
EVENT = {"time": "2026-11-23T17:00:00Z"}
"""A schedule's. It is long past, so that no pulse is waited for."""


def event_of(folder: str) -> object:
    """Return what calls a function in functions/: its schedule, or a message that is due now."""
    if folder == "predict":
        return sent()
    if folder != "tick_accounts":
        return EVENT
    pulse = Pulse(
        account_id=AccountId("start"), source="monitor_positions", tick_at=SystemClock().now()
    )
    body = write_pulse(pulse)
    message = {"MessageId": "m", "ReceiptHandle": "r", "Body": body, "MD5OfBody": ""}
    return {"Records": [record_of(message)]}


def until_question(then: Callable[[], Says]) -> Callable[[Asked], Says]:
    """Return a server's answers: secrets, and for all else what `then` says."""

    def answer(asked: Asked) -> Says:
        if asked.headers.get("X-Amz-Target", "").endswith("GetSecretValue"):
            return Says(body={"Name": "start", "SecretString": SECRET_TEXT})
        return then()

    return answer


def parameters(url: str) -> dict[str, str]:
    """Return the template's parameters for a stack that asks this server for everything."""
    return {
        "Stage": "paper-start",
        "SupabaseUrl": url,
        "DatabaseSecretArn": SECRET_ARN,
        "BrokerSecretArn": SECRET_ARN,
        "BrokerUrl": url,
        "MarketDataUrl": url,
    }
