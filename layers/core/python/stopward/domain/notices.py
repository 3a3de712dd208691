"""A notice on its way to a channel, and what came of sending it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["notice", "warning", "critical"]
Kind = Literal["webhook", "slack", "discord", "ntfy", "sns"]
Deliverer = Literal["lambda", "edge"]
REST_SECONDS = 30.0
"""How long a channel rests whose other side is silent, or busy without saying how long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """One notice on its way to one channel, for as long as the claim lasts.

    id: the idempotency key, the same for every attempt. attempt: counts from 1. address and secret
    never show. said: the facts behind the title. at: when it was told, ISO 8601 in UTC.
    """

    id: str
    account_id: str
    account: str
    channel: str
    kind: str
    address: str = field(repr=False)
    secret: str | None = field(repr=False)
    attempt: int
    about: str
    key: str
    severity: Severity
    title: str
    said: Mapping[str, object]
    at: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """The other side took it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """It did not arrive, as far as is known; another attempt may.

    hold_seconds: how long the whole channel should rest; 0 when only this notice failed.
    """

    reason: str
    retry_after_seconds: float = 0.0
    hold_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PutBack:
    """It was not tried, or the other side asked us to wait: no attempt was used up."""

    reason: str
    retry_after_seconds: float = 0.0
    hold_seconds: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dead:
    """It was refused, and would be refused again."""

    reason: str


Outcome = Delivered | Failed | PutBack | Dead
Status = Literal["pending", "claimed", "delivered", "dead", "unknown"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What waits and what was given up, over all channels that are on."""

    pending: int
    dead: int
    oldest_pending_seconds: float
