"""What a person does to channels and notices: where they go, a trial, again, and what was read."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import cast

from stopward.adapters.functions import Functions
from stopward.adapters.rows import JsonValue
from stopward.domain.identity import AccountId
from stopward.domain.notices import Deliverer, Kind, Severity


class Channels:
    """Writes that a person decides; each is one transaction and may be repeated.

    Raises DatabaseUnavailable when no answer came, and DatabaseRejected with the rule's name; no
    message repeats an address or a secret.
    """

    def __init__(self, functions: Functions) -> None:
        self._functions = functions

    def put(
        self,
        account_id: AccountId,
        name: str,
        *,
        kind: Kind | None = None,
        deliverer: Deliverer | None = None,
        address: str | None = None,
        secret: str | None = None,
        topics: Sequence[str] | None = None,
        least_severity: Severity | None = None,
        attempts_limit: int | None = None,
        enabled: bool | None = None,
    ) -> None:
        """Make a channel, or change what is named of one; None leaves a part as it is.

        A new channel needs kind and address. topics: empty hears everything. secret: empty takes it
        away.
        """
        parts: dict[str, JsonValue] = {
            "kind": kind,
            "deliverer": deliverer,
            "address": address,
            "secret": secret,
            "topics": None if topics is None else list(topics),
            "least_severity": least_severity,
            "attempts_limit": attempts_limit,
            "enabled": enabled,
        }
        named = {part: value for part, value in parts.items() if value is not None}
        self._call("put_channel", account_id=account_id, name=name, **named)

    def remove(self, account_id: AccountId, name: str) -> bool:
        """Remove a channel with its address and what waits for it; False when there was none."""
        return self._call("remove_channel", account_id=account_id, name=name)["removed"] is True

    def attempt(self, account_id: AccountId, name: str, *, key: str) -> bool:
        """Queue a trial notice for one channel; the same key queues once."""
        answer = self._call("try_channel", account_id=account_id, name=name, key=key)
        return answer["queued"] is True

    def retry_dead(self, account_id: AccountId, name: str | None = None) -> int:
        """Queue again what was given up, on one channel or on all; return how many."""
        return _count(self._call("retry_dead", account_id=account_id, channel=name))

    def mark_read(
        self,
        account_id: AccountId,
        *,
        ids: Sequence[int] | None = None,
        until: datetime | None = None,
    ) -> int:
        """Note that notices were read, by id or all up to a time; return how many were unread."""
        which: dict[str, JsonValue] = {} if ids is None else {"ids": list(ids)}
        if until is not None:
            which["until"] = until.isoformat()
        return _count(self._call("mark_read", account_id=account_id, **which))

    def put_edge_webhook(self, url: str | None, *, secret: str | None = None) -> None:
        """Say where the edge function listens, for all accounts; None: it is told nothing."""
        self._call("put_edge_webhook", url=url, secret=secret)

    def _call(self, function: str, **request: JsonValue) -> Mapping[str, JsonValue]:
        return self._functions.call(function, "request", request)


def _count(answer: Mapping[str, JsonValue]) -> int:
    return int(cast("int", answer["count"]))
