"""The gateway's fixtures, and a world for each Store of the contract."""

from collections.abc import Iterator

import pytest

from stopward.domain.position import Position
from tests.builders.gateway_fixtures import gateway, login_url
from tests.builders.store import a_position
from tests.builders.store_world import MemoryWorld, PostgresWorld, World

__all__ = ["gateway", "login_url"]


@pytest.fixture(params=["memory", "postgres", "postgres 17", "supabase"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    if request.param == "memory":
        yield MemoryWorld()
        return
    url = "hosted_url" if request.param == "postgres 17" else "database_url"
    project = None
    if request.param == "supabase":
        gateway = request.getfixturevalue("gateway")
        project = (gateway.url, gateway.keys.secret)
    found = PostgresWorld(request.getfixturevalue(url), project=project)
    yield found
    found.close()


@pytest.fixture
def position(world: World) -> Position:
    return a_position(account_id=world.account_id)
