"""A gateway over a database of local mode: its login, its keys, its place."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from stopward.errors import DatabaseUnavailable
from stopward.local.gateway.gateway import Gateway
from stopward.local.gateway.keys import GatewayKeys, load_keys
from stopward.local.gateway.server import PORT, serving
from stopward.local.gateway.sessions import LOGIN, Sessions, allow_login
from stopward.ports import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningGateway:
    """Where a gateway answers, and with which keys."""

    url: str
    keys: GatewayKeys

    def lines(self) -> tuple[str, ...]:
        """Return what a person needs to use it, one fact a line."""
        return (
            f"SUPABASE_URL={self.url}",
            f"SUPABASE_PUBLISHABLE_KEY={self.keys.publishable}",
            f"SUPABASE_SECRET_KEY={self.keys.secret}",
        )


@contextmanager
def gateway_over(owner_url: str, *, folder: Path, clock: Clock) -> Iterator[RunningGateway]:
    """Serve a gateway over a database for the length of a block, on PORT or a free port.

    owner_url: of a user who may let the gateway's role log in. folder: holds the keys.
    Raises DatabaseUnavailable when the database does not answer, or does not allow it.
    """
    keys = load_keys(folder)
    try:
        allow_login(owner_url, password=keys.database_password)
    except psycopg.Error as error:
        raise DatabaseUnavailable(
            f"the gateway cannot log in as {LOGIN}: {error.diag.message_primary or 'no answer'}"
        ) from None  # libpq's own words may repeat the URL
    login_url = make_conninfo(owner_url, user=LOGIN, password=keys.database_password)
    gateway = Gateway(Sessions(login_url), keys=keys, clock=clock)
    with serving(gateway, port=PORT) as server:
        yield RunningGateway(url=server.url, keys=keys)
