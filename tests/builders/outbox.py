"""An account with channels, and eyes on what waits for them."""

from datetime import UTC, datetime
from itertools import count
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

NUMBERS = count(1)
HOOK = "https://hooks.example.com/in"


class Mailroom:
    """One account of its own, seen as the owner of the database."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.eyes = psycopg.connect(url, autocommit=True, row_factory=dict_row)
        self.eyes.execute("set timezone = 'UTC'")
        self.account_id = f"mail-{next(NUMBERS)}"
        self.call("open_account", account_id=self.account_id, name="Desk", mode="guard")

    def close(self) -> None:
        self.eyes.close()

    def call(self, function: str, **request: Any) -> Any:
        """Call a function of schema api with its one argument."""
        row = self.eyes.execute(
            f"select api.{function}(%s) as answer".encode(), (Jsonb(request),)
        ).fetchone()
        assert row is not None
        return row["answer"]

    def channel(self, name: str = "desk", **changes: Any) -> str:
        """Put a channel; a webhook that hears all and is served by the Lambda."""
        request = {"kind": "webhook", "address": HOOK, "secret": "s" * 24, **changes}
        self.call("put_channel", account_id=self.account_id, name=name, **request)
        return name

    def tell(self, key: str = "k", **changes: Any) -> None:
        """Tell one notice, as a trigger would."""
        notice = {"about": "alarm", "severity": "warning", "title": f"title {key}", "said": {}}
        notice.update(changes)
        self.eyes.execute(
            "select stopward.tell(%s, %s, %s, %s, %s, %s)",
            (
                self.account_id,
                notice["about"],
                key,
                notice["severity"],
                notice["title"],
                Jsonb(notice["said"]),
            ),
        )

    def claim(self, **changes: Any) -> list[dict[str, Any]]:
        """Claim what is due of this account."""
        request = {"deliverer": "lambda", "holder": "one", "account_id": self.account_id, **changes}
        found: list[dict[str, Any]] = self.call("claim_outbox", **request)["claims"]
        return found

    def settle(self, claim: dict[str, Any], outcome: str, **changes: Any) -> str:
        """Say what came of a claim; return the status after it."""
        request = {"id": claim["id"], "holder": "one", "outcome": outcome, **changes}
        return str(self.call("settle_delivery", **request)["status"])

    def rows(self) -> list[dict[str, Any]]:
        """What was queued, oldest first."""
        return self.all(
            "select o.*, n.about, n.key, n.title, n.severity from stopward.outbox as o"
            " join stopward.notifications as n on n.id = o.notification_id"
            " where o.account_id = %s order by n.id, o.channel"
        )

    def notices(self) -> list[dict[str, Any]]:
        """What was told, oldest first."""
        return self.all("select * from stopward.notifications where account_id = %s order by id")

    def health(self) -> dict[str, dict[str, Any]]:
        """What the view says of each channel."""
        found = self.all("select * from api.outbox_health where account_id = %s")
        return {row["channel"]: row for row in found}

    def all(self, statement: str) -> list[dict[str, Any]]:
        """Rows of a statement with the account as its one value."""
        return self.eyes.execute(statement.encode(), (self.account_id,)).fetchall()

    def let_pass(self, seconds: float) -> None:
        """Move what waits into the past, as if the time had passed."""
        self.eyes.execute(
            "update stopward.outbox set next_at = next_at - make_interval(secs => %s)"
            " where account_id = %s",
            (seconds, self.account_id),
        )
        self.eyes.execute(
            "update stopward.channels set held_until = held_until - make_interval(secs => %s)"
            " where account_id = %s",
            (seconds, self.account_id),
        )

    def seconds_until(self, moment: datetime) -> float:
        """Seconds from the database's now."""
        row = self.eyes.execute("select now() as now").fetchone()
        assert row is not None
        return (moment - row["now"].astimezone(UTC)).total_seconds()


PG_NET = """
-- A stand-in for pg_net, which cannot be had here: the signature of its http_post, and a table that
-- remembers each call as part of its transaction, as net.http_request_queue does.
create schema net;
create table net.calls (
    id bigint generated always as identity,
    url text, body jsonb, params jsonb, headers jsonb, timeout_milliseconds integer
);
create function net.http_post(
    url text,
    body jsonb default '{}'::jsonb,
    params jsonb default '{}'::jsonb,
    headers jsonb default '{"Content-Type": "application/json"}'::jsonb,
    timeout_milliseconds integer default 5000
) returns bigint language sql security definer as $$
    insert into net.calls (url, body, params, headers, timeout_milliseconds)
    values (url, body, params, headers, timeout_milliseconds) returning id
$$;
"""
"""Source of the signature: supabase.com/docs/guides/database/extensions/pg_net."""


def posted(mail: Mailroom) -> list[dict[str, Any]]:
    """Return what pg_net was asked to post and forget it."""
    return mail.eyes.execute("delete from net.calls returning *").fetchall()
