"""Who asks: the role that a request acts as, by its API key and its access token.

As on a Supabase project: the `apikey` header opens the door (publishable: anon, secret:
service_role); a token in the `Authorization` header says who is asking. A client that repeats the
key as bearer token is taken to have sent none.
"""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from stopward.local.gateway.keys import GatewayKeys
from stopward.local.gateway.refused import Refused
from stopward.local.gateway.tokens import read_token

ROLES = frozenset({"anon", "authenticated", "service_role", "stopward_worker"})
"""Whom a token may name: the roles granted to `authenticator`."""
BEARER = "bearer "
UNAUTHORISED = 401


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """One of ROLES, with the claims (JSON) that row level security reads."""

    role: str
    claims: str


def caller_of(headers: Mapping[str, str], *, keys: GatewayKeys, now: datetime) -> Caller:
    """Return who asks; header names are lower case. Raises Refused (401)."""
    key = headers.get("apikey", "")
    if not key:
        raise Refused(
            UNAUTHORISED, "PGRST302", "No API key found in request", hint="send the apikey header"
        )
    by_key = _by_key(key, keys=keys, now=now)
    authorization = headers.get("authorization", "")
    if not authorization:
        return by_key
    if not authorization.lower().startswith(BEARER):
        raise Refused(UNAUTHORISED, "PGRST301", "Authorization was no bearer token")
    token = authorization[len(BEARER) :].strip()
    if _is_same(token, key):
        return by_key
    return _by_token(token, keys=keys, now=now)


def _by_key(key: str, *, keys: GatewayKeys, now: datetime) -> Caller:
    if _is_same(key, keys.publishable):
        return Caller(role="anon", claims='{"role": "anon"}')
    if _is_same(key, keys.secret):
        return Caller(role="service_role", claims='{"role": "service_role"}')
    if key.count(".") == 2:
        return _by_token(key, keys=keys, now=now)
    raise Refused(
        UNAUTHORISED,
        "PGRST301",
        "Invalid API key",
        hint="use a key that `stopward up` printed",
    )


def _by_token(token: str, *, keys: GatewayKeys, now: datetime) -> Caller:
    claims = read_token(token, secret=keys.token_secret, now=now)
    role = claims.get("role")
    if role not in ROLES:
        raise Refused(UNAUTHORISED, "PGRST301", f"the JWT's role was {role!r}, which is none here")
    return Caller(role=role, claims=json.dumps(claims))


def _is_same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())
