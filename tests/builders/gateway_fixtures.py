"""Fixtures of the gateway, for the conftest of each folder that asks it: one a module of tests."""

from collections.abc import Iterator

import pytest

from stopward.local.postgres import EmbeddedPostgres
from tests.builders.gateway import ServedGateway, a_gateway, url_of_login


@pytest.fixture(scope="module")
def login_url(postgres_server: EmbeddedPostgres, database_url: str) -> str:
    """The database as the gateway logs in."""
    return url_of_login(postgres_server, database_url)


@pytest.fixture(scope="module")
def gateway(login_url: str) -> Iterator[ServedGateway]:
    """A running gateway."""
    with a_gateway(login_url) as found:
        yield found
