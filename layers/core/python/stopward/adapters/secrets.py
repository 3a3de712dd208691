"""Secrets by ARN from AWS Secrets Manager; botocore loads only when one is read.

A secret is one JSON object, or plain text where one value is all there is. Its values never show in
messages; its ARN does, for that is where the remedy lies.
"""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, TypeAlias

from stopward.adapters.patience import patience
from stopward.domain.identity import AccountId
from stopward.errors import InvalidInput, Unavailable

if TYPE_CHECKING:
    from botocore.config import Config

    from stopward.adapters.alpaca.keys import Keys

KEY_ID_NAMES = ("key_id", "APCA_API_KEY_ID")
SECRET_NAMES = ("secret_key", "APCA_API_SECRET_KEY")
DATABASE_NAMES = ("url", "database_url")
SUPABASE_NAMES = ("supabase_secret_key", "secret_key")
SUPABASE_KEY = "sb_secret_"
CONNECT_SECONDS = 2
READ_SECONDS = 5
ATTEMPTS = 3
CHANNEL_READ_SECONDS = 3
CHANNEL_SECONDS = CONNECT_SECONDS + CHANNEL_READ_SECONDS
MISSING = frozenset(
    {"ResourceNotFoundException", "AccessDeniedException", "InvalidParameterException",
     "ValidationException", "InvalidRequestException", "DecryptionFailure"}
)  # fmt: skip


ClientOf: TypeAlias = Callable[[str | None], Any]
"""Returns a client of a region, None for the environment's."""


def secrets_client(region: str | None = None, *, config: "Config | None" = None) -> Any:
    """Return a new client. config: how long to wait; None asks ATTEMPTS times.

    Whoever reads several secrets wraps it in `functools.cache`, for each client connects anew, and
    reads anew which authorities to trust.
    """
    from stopward.adapters.aws_client import aws_client

    if config is None:
        config = patience(
            connect_seconds=CONNECT_SECONDS, read_seconds=READ_SECONDS, attempts=ATTEMPTS
        )
    return aws_client("secretsmanager", region=region, config=config)


def broker_keys(arn: str, *, client_of: ClientOf = secrets_client) -> "Keys":
    """Return the broker's keys: {"key_id": ..., "secret_key": ...}, or Alpaca's own names for them.

    "account_number" beside them says which account they must open; without it any will do.
    Raises InvalidInput when the secret is missing or lacks a field, Unavailable without an answer.
    """
    from stopward.adapters.alpaca.keys import Keys

    fields = _fields(read_secret(arn, client_of=client_of), arn)
    return Keys(
        key_id=_one_of(fields, KEY_ID_NAMES, arn),
        secret=_one_of(fields, SECRET_NAMES, arn),
        account_number=fields.get("account_number", "").strip(),
    )


def database_url(arn: str, *, client_of: ClientOf = secrets_client) -> str:
    """Return the database's URL: {"url": ...}, or the URL as plain text."""
    text = read_secret(arn, client_of=client_of)
    if text.startswith(("postgres://", "postgresql://")):
        return text.strip()
    return _one_of(_fields(text, arn), DATABASE_NAMES, arn)


def supabase_key(arn: str, *, client_of: ClientOf = secrets_client) -> str:
    """Return a project's secret key: {"supabase_secret_key": ...}, or the key as plain text."""
    text = read_secret(arn, client_of=client_of)
    if text.startswith(SUPABASE_KEY):
        return text.strip()
    return _one_of(_fields(text, arn), SUPABASE_NAMES, arn)


def channel_fields(arn: str) -> Mapping[str, str]:
    """Return the texts of a channel's secret; asked once, for CHANNEL_SECONDS at most."""
    quick = patience(connect_seconds=CONNECT_SECONDS, read_seconds=CHANNEL_READ_SECONDS)
    return _fields(read_secret(arn, client_of=partial(secrets_client, config=quick)), arn)


def account_secret(stage: str, account_id: AccountId) -> str:
    """Return the name of the secret that holds the broker's keys of an account of a fleet."""
    return f"stopward/accounts/{stage}/{account_id}"


def read_secret(arn: str, *, client_of: ClientOf = secrets_client) -> str:
    """Return a secret's text, from the region that the ARN names."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        answer = client_of(_region(arn)).get_secret_value(SecretId=arn)
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in MISSING:
            raise InvalidInput(
                f"secret {arn}: {code}; does it exist, and may this role read it?"
            ) from error
        raise Unavailable(f"secret {arn}: {code or 'no answer'}") from error
    except BotoCoreError as error:
        raise Unavailable(f"secret {arn}: no answer ({type(error).__name__})") from error
    text = answer.get("SecretString")
    if not isinstance(text, str) or not text:
        raise InvalidInput(f"secret {arn}: was binary or empty, expected text")
    return text


def _fields(text: str, arn: str) -> Mapping[str, str]:
    try:
        fields = json.loads(text)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):
        raise InvalidInput(f"secret {arn}: was no JSON object")
    return {str(name): value for name, value in fields.items() if isinstance(value, str)}


def _one_of(fields: Mapping[str, str], names: tuple[str, ...], arn: str) -> str:
    for name in names:
        if fields.get(name, "").strip():
            return fields[name].strip()
    raise InvalidInput(f"secret {arn}: has no {' or '.join(names)}; it has {sorted(fields)}")


def _region(arn: str) -> str | None:
    # arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME; a bare name leaves it to the environment.
    parts = arn.split(":")
    return parts[3] if len(parts) > 3 and parts[3] else None
