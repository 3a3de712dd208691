"""Where rules are broken: one account with a row in every table, and what it tries is undone."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg

from stopward.local.postgres import EmbeddedPostgres
from tests.builders.access import an_owner, copy_of
from tests.builders.requests import Stage


@contextmanager
def a_stage(server: EmbeddedPostgres, template: str) -> Iterator[Stage]:
    """Yield an account with a row in every table, in a database of its own."""
    with (
        copy_of(server, template, "rules") as url,
        psycopg.connect(url, autocommit=True) as connection,
    ):
        yield Stage(account_id=an_owner(connection).account_id, connection=connection)
