"""What each kind of channel is sent. The edge function sends the same bytes: one set of cases, in
tests/edge/messages.json, is read by the tests of both.

Sources: api.slack.com "Incoming webhooks", "Formatting text"; discord.com/developers "Execute
Webhook", "Allowed Mentions"; docs.ntfy.sh "Publish as JSON", "Updating notifications".
"""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

from stopward.domain.notices import Claim
from stopward.errors import InvalidInput

USER_AGENT = "stopward"
DISCORD_CHARACTERS = 2000
NTFY_PRIORITY: Mapping[str, int] = {"notice": 3, "warning": 4, "critical": 5}
NTFY_TAG: Mapping[str, str] = {
    "notice": "information_source",
    "warning": "warning",
    "critical": "rotating_light",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One POST. headers: names in lower case; url and headers may hold secrets."""

    url: str = field(repr=False)
    body: bytes
    headers: Mapping[str, str] = field(repr=False)


def compose(claim: Claim) -> Message:
    """Return what is posted for a claim; the same claim gives the same bytes.

    Raises InvalidInput for a kind that is not posted, an ntfy address that is no URL or has no
    topic, and a token that no header can carry.
    """
    make = KINDS.get(claim.kind)
    if make is None:
        raise InvalidInput(f"channel {claim.channel}: kind {claim.kind} is not posted")
    return make(claim)


def headline(claim: Claim) -> str:
    """Return the one line that a person reads first."""
    return f"{claim.severity.upper()} · {claim.account}: {claim.title}"


def _webhook(claim: Claim) -> Message:
    body = _json(
        {
            "id": claim.id,
            "account_id": claim.account_id,
            "account": claim.account,
            "about": claim.about,
            "key": claim.key,
            "severity": claim.severity,
            "title": claim.title,
            "said": claim.said,
            "at": claim.at,
        }
    )
    signed = {} if claim.secret is None else {"x-stopward-signature": sign(body, claim.secret)}
    return Message(url=claim.address, body=body, headers={**_headers(claim), **signed})


def _slack(claim: Claim) -> Message:
    text = headline(claim)
    for plain, escaped in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(plain, escaped)
    body = _json({"text": text, "unfurl_links": False, "unfurl_media": False})
    return Message(url=claim.address, body=body, headers=_headers(claim))


def _discord(claim: Claim) -> Message:
    text = headline(claim)[:DISCORD_CHARACTERS]
    body = _json({"content": text, "allowed_mentions": {"parse": []}})
    return Message(url=claim.address, body=body, headers=_headers(claim))


def _ntfy(claim: Claim) -> Message:
    try:
        parts = urlsplit(claim.address)
    except ValueError:
        # Its own text would repeat the address.
        raise InvalidInput(f"channel {claim.channel}: the address is no URL") from None
    base, _, topic = parts.path.rpartition("/")
    if not topic:
        raise InvalidInput(f"channel {claim.channel}: the address of ntfy ends with no topic")
    body = _json(
        {
            "topic": topic,
            "title": f"{claim.account}: {claim.about.replace('_', ' ')}",
            "message": claim.title,
            "priority": NTFY_PRIORITY[claim.severity],
            "tags": [NTFY_TAG[claim.severity]],
            # A repeated notice replaces the first on the phone.
            "sequence_id": claim.id,
        }
    )
    known = {} if claim.secret is None else {"authorization": f"Bearer {_token(claim)}"}
    url = urlunsplit((parts.scheme, parts.netloc, f"{base}/", "", ""))
    return Message(url=url, body=body, headers={**_headers(claim), **known})


def _token(claim: Claim) -> str:
    token = claim.secret or ""
    if not token.isascii() or not token.isprintable() or " " in token:
        raise InvalidInput(f"channel {claim.channel}: the token holds what no token holds")
    return token


def sign(body: bytes, secret: str) -> str:
    """Return `sha256=` and the hexadecimal HMAC-SHA256 of the body under the channel's secret."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def _headers(claim: Claim) -> dict[str, str]:
    return {
        "content-type": "application/json",
        "idempotency-key": claim.id,
        "user-agent": USER_AGENT,
    }


def _json(value: Mapping[str, object]) -> bytes:
    # Keys sorted at every depth: jsonb has an order of its own, and TypeScript another.
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


KINDS: Mapping[str, Callable[[Claim], Message]] = {
    "webhook": _webhook,
    "slack": _slack,
    "discord": _discord,
    "ntfy": _ntfy,
}
