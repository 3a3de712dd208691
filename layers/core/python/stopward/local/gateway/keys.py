"""The keys of local mode: made once for a folder, kept in a file that only its owner reads."""

import json
import os
import secrets
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from stopward.errors import InvalidInput

FILE = "gateway-keys.json"
OWNER_ONLY = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayKeys:
    """publishable, secret: API keys. token_secret: signs the tokens of people.

    database_password: of the role that the gateway logs in as.
    """

    publishable: str = field(repr=False)
    secret: str = field(repr=False)
    token_secret: str = field(repr=False)
    database_password: str = field(repr=False)


def make_keys() -> GatewayKeys:
    """Return new random keys, of the form that Supabase's have."""
    return GatewayKeys(
        publishable=f"sb_publishable_{secrets.token_urlsafe(24)}",
        secret=f"sb_secret_{secrets.token_urlsafe(24)}",
        token_secret=secrets.token_urlsafe(48),
        database_password=secrets.token_urlsafe(24),
    )


def load_keys(folder: Path) -> GatewayKeys:
    """Return the keys of a folder, made at the first call.

    Raises InvalidInput for a file that cannot be read, with the remedy.
    """
    file = folder / FILE
    if not file.exists():
        _create(file)
    try:
        file.chmod(OWNER_ONLY)
        found = json.loads(file.read_text(encoding="ascii"))
        return GatewayKeys(**{each.name: _text(found[each.name]) for each in fields(GatewayKeys)})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InvalidInput(f"{file} cannot be read: remove it, and new keys are made") from error


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a key is no text")
    return value


def _create(file: Path) -> None:
    # Linked into place whole: of two programs that make keys at once, both read the same.
    file.parent.mkdir(parents=True, exist_ok=True)
    unfinished = file.with_name(f"{file.name}.{os.getpid()}")
    unfinished.unlink(missing_ok=True)
    handle = os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, OWNER_ONLY)
    with os.fdopen(handle, "w", encoding="ascii") as opened:
        json.dump(asdict(make_keys()), opened)
    try:
        os.link(unfinished, file)
    except FileExistsError:
        pass  # the other program was quicker
    finally:
        unfinished.unlink()
