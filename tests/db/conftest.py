"""Every test of the database runs on both versions of PostgreSQL: its id says [18] or [17]."""

import pytest

from tests.conftest import POSTGRES_VERSIONS


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "postgres_version" in metafunc.fixturenames:
        metafunc.parametrize("postgres_version", POSTGRES_VERSIONS, indirect=True, scope="session")
