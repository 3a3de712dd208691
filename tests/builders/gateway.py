"""A gateway over a test's database, and clients of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from stopward.local.gateway import Gateway, GatewayKeys, sign_token
from stopward.local.gateway.keys import make_keys
from stopward.local.gateway.server import GatewayServer
from stopward.local.gateway.sessions import LOGIN, Sessions, Watch, allow_login
from stopward.local.postgres import EmbeddedPostgres
from stopward.ports import Clock

PASSWORD = "authenticator-of-the-tests"
NOW = datetime(2026, 11, 23, 17, 0, tzinfo=UTC)


class StoppedClock:
    """Time that stands still."""

    def now(self) -> datetime:
        """Return NOW."""
        return NOW

    def sleep_until(self, moment: datetime) -> None:
        """Do not wait."""


@dataclass(frozen=True, slots=True)
class ServedGateway:
    """A running gateway, its keys, and a plain HTTP client of it."""

    server: GatewayServer
    keys: GatewayKeys
    http: httpx.Client

    @property
    def url(self) -> str:
        """What a client takes for the project's URL."""
        return self.server.url

    def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        key: str | None = None,
        token: str | None = None,
        headers: dict[str, str] | None = None,
        content: bytes | str | None = None,
        **query: str,
    ) -> httpx.Response:
        """Send one request, with the secret key unless told otherwise."""
        sent = {"apikey": self.keys.secret if key is None else key, **(headers or {})}
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        return self.http.request(
            method, f"/rest/v1/{path}", params=query or None, headers=sent, content=content
        )

    def rows(self, view: str, **query: str) -> Any:
        """Return the rows that a question brings, and insist on success."""
        answer = self.ask(view, **query)
        assert answer.is_success, answer.text
        return answer.json()

    def token(self, user_id: str, **changes: Any) -> str:
        """Return a person's access token, good for an hour."""
        wanted = {"user_id": user_id, "now": NOW, "valid_for": timedelta(hours=1), **changes}
        return sign_token(self.keys.token_secret, **wanted)


def url_of_login(server: EmbeddedPostgres, database_url: str) -> str:
    """Return the database's URL as the gateway's own role, which may log in from now on."""
    allow_login(server.url(), password=PASSWORD)
    _, _, place = database_url.rpartition("@")
    return f"postgresql://{LOGIN}:{PASSWORD}@{place}"


@contextmanager
def a_gateway(
    login_url: str, *, watch: Watch | None = None, clock: Clock | None = None, **sessions: Any
) -> Iterator[ServedGateway]:
    """Serve a gateway for the length of a block."""
    keys = make_keys()
    gateway = Gateway(
        Sessions(login_url, watch=watch, **sessions), keys=keys, clock=clock or StoppedClock()
    )
    server = GatewayServer(gateway)
    with httpx.Client(base_url=server.url, trust_env=False, timeout=10) as http:
        try:
            yield ServedGateway(server, keys, http)
        finally:
            server.stop()
