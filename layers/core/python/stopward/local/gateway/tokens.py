"""Access tokens of people: JSON Web Tokens signed with HS256, and nothing else (RFC 7519)."""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

from stopward.local.gateway.refused import Refused

LEEWAY = timedelta(seconds=30)
"""How far the clock of who signed may be off, as PostgREST grants."""
UNAUTHORISED = 401
PARTS = 3


def sign_token(
    secret: str, *, user_id: str, now: datetime, valid_for: timedelta, role: str = "authenticated"
) -> str:
    """Return a token that says who asks, as Supabase Auth issues them."""
    claims = {
        "sub": user_id,
        "role": role,
        "iat": int(now.timestamp()),
        "exp": int((now + valid_for).timestamp()),
    }
    signed = ".".join(
        _encode(json.dumps(each)) for each in ({"alg": "HS256", "typ": "JWT"}, claims)
    )
    return f"{signed}.{_signature(secret, signed)}"


def read_token(token: str, *, secret: str, now: datetime) -> Mapping[str, Any]:
    """Return the claims of a token.

    Raises Refused (401) for a token that is none, of another algorithm, wrongly signed (PGRST301),
    expired, or not valid yet (PGRST303).
    """
    parts = token.split(".")
    if len(parts) != PARTS:
        raise _invalid("Expected 3 parts in JWT")
    header, claims = _decode(parts[0]), _decode(parts[1])
    if header.get("alg") != "HS256" or "crit" in header:
        raise _invalid("Wrong or unsupported encoding algorithm")
    expected = _signature(secret, ".".join(parts[:2]))
    if not hmac.compare_digest(expected.encode(), parts[2].encode()):
        raise _invalid("No suitable key was found to decode the JWT")
    _check_times(claims, now)
    return claims


def _check_times(claims: Mapping[str, Any], now: datetime) -> None:
    moments = {name: claims[name] for name in ("exp", "nbf", "iat") if name in claims}
    for name, moment in moments.items():
        if isinstance(moment, bool) or not isinstance(moment, int | float):
            raise Refused(UNAUTHORISED, "PGRST303", f"The JWT '{name}' claim must be a number")
    present, leeway = now.timestamp(), LEEWAY.total_seconds()
    if "exp" not in moments:
        raise Refused(UNAUTHORISED, "PGRST303", "JWT without an 'exp' claim")
    if not present < moments["exp"] + leeway:
        raise Refused(UNAUTHORISED, "PGRST303", "JWT expired")
    if not all(moments[name] <= present + leeway for name in ("nbf", "iat") if name in moments):
        raise Refused(UNAUTHORISED, "PGRST303", "JWT not yet valid")


def _invalid(details: str) -> Refused:
    return Refused(UNAUTHORISED, "PGRST301", "JWT could not be verified", details=details)


def _signature(secret: str, signed: str) -> str:
    digest = hmac.new(secret.encode(), signed.encode(), sha256).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def _encode(text: str) -> str:
    return urlsafe_b64encode(text.encode()).rstrip(b"=").decode("ascii")


def _decode(part: str) -> Mapping[str, Any]:
    try:
        found = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError) as error:
        raise _invalid("a part is no base64 of JSON") from error
    if not isinstance(found, dict):
        raise _invalid("a part is no JSON object")
    return found
